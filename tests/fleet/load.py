"""Measures OpenWISP under simulated gateways: requests/s, processor time of a request, size of the database.

Each request is a new connection, as the agent's curl makes one. The figures are in docs/performance.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import quantiles

from tests.fleet.server import Server, device_key

AT_ONCE = 8  # connections of the load, on two workers
POLLS = 5  # of each gateway in the measurement of polls
LIMIT = 600  # seconds for one part
INTERVAL = 300  # seconds between two polls of a gateway, as in agent.json
APPLIED = "controller/device/?config__status=applied&page_size=1"
MARKING = 0.5  # seconds between two looks at how far the task queue is


@dataclass(slots=True)
class SimulatedGateway:
    """The requests of one gateway, without its files."""

    number: int
    identity: str = ""
    key: str = ""
    checksum: str = ""


Work = Callable[[SimulatedGateway], Awaitable[None]]


@dataclass(slots=True)
class Part:
    """The figures of one part of the load."""

    name: str
    seconds: float
    delays: list[float]  # seconds of each request
    processor: Mapping[str, float]  # seconds, by program
    failed: int

    def text(self) -> str:
        count = len(self.delays)
        cuts = quantiles(self.delays, n=100) if count > 1 else [0.0] * 99
        each = _milliseconds(self.processor, count)
        total = 1_000 * sum(self.processor.values()) / count
        return (
            f"{self.name}: {count} requests, {count / self.seconds:.0f}/s, "
            f"p50 {1_000 * cuts[49]:.0f} ms, p99 {1_000 * cuts[98]:.0f} ms, "
            f"processor {total:.2f} ms a request ({each}), {self.failed} failed"
        )


@dataclass(slots=True)
class Load:
    server: Server
    gateways: list[SimulatedGateway]
    delays: list[float] = field(default_factory=list)
    failed: int = 0

    async def measured(self, name: str, work: Work, rounds: int = 1) -> Part:
        """Do ``work`` for each gateway, AT_ONCE at a time."""
        self.delays, self.failed = [], 0
        before, start = self.server.processor_seconds(), time.monotonic()
        waiting = iter([gateway for _ in range(rounds) for gateway in self.gateways])

        async def worker(gateways: Iterable[SimulatedGateway]) -> None:
            for gateway in gateways:
                await work(gateway)

        async with asyncio.timeout(LIMIT):
            await asyncio.gather(*(worker(waiting) for _ in range(AT_ONCE)))
        seconds = time.monotonic() - start
        used = _difference(self.server.processor_seconds(), before)
        return Part(name, seconds, self.delays, used, self.failed)

    async def register(self, gateway: SimulatedGateway) -> None:
        mac = f"02:01:00:00:{gateway.number >> 8:02x}:{gateway.number & 255:02x}"
        answer = await self._request("register/", {
            "backend": "netjsonconfig.OpenWrt", "secret": self.server.secret,
            "key": device_key(mac, self.server.secret), "name": f"load-{gateway.number}",
            "mac_address": mac, "model": "load", "os": "", "system": "",
        })  # fmt: skip
        found = dict(line.split(": ", 1) for line in answer.decode().splitlines())
        gateway.identity, gateway.key = found["uuid"], found["key"]

    async def poll(self, gateway: SimulatedGateway) -> None:
        answer = await self._request(f"checksum/{gateway.identity}/?key={gateway.key}")
        gateway.checksum = answer.decode()

    async def download(self, gateway: SimulatedGateway) -> None:
        archive = await self._request(f"download-config/{gateway.identity}/?key={gateway.key}")
        if hashlib.md5(archive, usedforsecurity=False).hexdigest() != gateway.checksum:
            self.failed += 1

    async def inform(self, gateway: SimulatedGateway) -> None:
        """Send model and system, as the agent does at each start of the router."""
        values = {"key": gateway.key, "model": "load", "os": "OpenWrt 24.10.0", "system": "load"}
        await self._request(f"update-info/{gateway.identity}/", values)

    async def report(self, gateway: SimulatedGateway) -> None:
        await self._request(f"report-status/{gateway.identity}/", {"key": gateway.key, "status": "applied"})

    async def _request(self, path: str, body: Mapping[str, str] | None = None) -> bytes:
        host, _, port = self.server.url.removeprefix("http://").partition(":")
        start = time.monotonic()
        reader, writer = await asyncio.open_connection(host, int(port))
        data = urllib.parse.urlencode(body or {}).encode()
        method = "GET" if body is None else "POST"
        head = f"{method} /controller/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        if body is not None:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(data)}\r\n"
        writer.write(f"{head}\r\n".encode() + data)
        answer = await reader.read()
        writer.close()
        self.delays.append(time.monotonic() - start)
        status, _, content = answer.partition(b"\r\n\r\n")
        if not status.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            self.failed += 1
            return b""
        return content


async def measure(server: Server, count: int) -> AsyncIterator[str]:
    """Yield one line for each part: registration, polls, a change of a template, its roll-out."""
    empty, empty_cache = server.database_bytes(), server.cache_bytes()
    for name in ("agent", "brand", "feed"):
        server.add_template(name)
    template = server.add_template("pages", default=True)
    load = Load(server, [SimulatedGateway(number) for number in range(count)])
    for name, work, rounds in (
        ("register", load.register, 1),
        ("poll, the first", load.poll, 1),
        ("poll", load.poll, POLLS),
        ("download", load.download, 1),
        ("report", load.report, 1),
        ("update-info", load.inform, 1),
    ):
        yield (await load.measured(name, work, rounds)).text()
    size = server.database_bytes()
    yield f"database: {size / 1e6:.1f} MB, {(size - empty) / count:.0f} bytes a gateway"
    yield f"cache: {(server.cache_bytes() - empty_cache) / count:.0f} bytes a gateway"
    for name, resident in server.resident_bytes().items():
        yield f"resident, {name}: {', '.join(f'{size / 1e6:.0f} MB' for size in resident)}"
    for line in await _change(server, template, load):
        yield line
    yield (await load.measured("download after it", load.download)).text()
    yield (await load.measured("report after it", load.report)).text()


async def _change(server: Server, template: str, load: Load) -> list[str]:
    """Change a template of all gateways while they poll, and wait until the last one is marked.

    OpenWISP 1.3.2 forgets a checksum before the transaction with the new one ends. A gateway that polls in
    between gets the old one, which is cached again, and so misses the change.
    """
    old = {gateway.number: gateway.checksum for gateway in load.gateways}
    before, start = server.processor_seconds(), time.monotonic()
    polls = asyncio.create_task(_poll_slowly(load))
    await asyncio.to_thread(
        server.api, "PATCH", f"controller/template/{template}/", {"default_values": {"qalqan_port": "8888"}}
    )
    async with asyncio.timeout(LIMIT):
        while (await asyncio.to_thread(server.api, "GET", APPLIED))["count"]:
            await asyncio.sleep(MARKING)
    seconds = time.monotonic() - start
    used = _difference(server.processor_seconds(), before)
    polls.cancel()
    each = _milliseconds(used, len(load.gateways))
    lines = [
        f"change of a template: all marked after {seconds:.1f} s; processor, ms a gateway: {each}",
        (await load.measured("poll after it", load.poll)).text(),
        f"missed the change: {_count_old(load, old)} gateways",
    ]
    server.clear_cache()
    lines.append((await load.measured("poll, the cache cleared", load.poll)).text())
    return [*lines, f"missed the change, the cache cleared: {_count_old(load, old)} gateways"]


def _difference(after: Mapping[str, float], before: Mapping[str, float]) -> Mapping[str, float]:
    return {name: value - before[name] for name, value in after.items()}


def _milliseconds(seconds: Mapping[str, float], count: int) -> str:
    """Return the processor time of each program for one of ``count``."""
    return ", ".join(f"{name} {1_000 * value / count:.2f}" for name, value in seconds.items())


async def _poll_slowly(load: Load) -> None:
    while True:
        for gateway in load.gateways:
            await load.poll(gateway)
            await asyncio.sleep(INTERVAL / len(load.gateways))


def _count_old(load: Load, old: Mapping[int, str]) -> int:
    return sum(gateway.checksum == old[gateway.number] for gateway in load.gateways)

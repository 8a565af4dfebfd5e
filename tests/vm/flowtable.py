"""The same home with a flow table: what goes past the rules, and that nothing does which a rule may close."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

from gateway.kernel.flowtable import HARDWARE_PROBE
from tests.kernel.home import NOT_IN_HARDWARE
from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, MUM, PROFILES, fresh
from tests.lab.filtering import film as stream
from tests.lab.home import Home
from tests.lab.names import Seat
from tests.rawclient import RawClient
from tests.vm import refusals
from tests.vm.endurance import until
from tests.vm.patience import PATIENCE_S, SILENCE_S
from tests.vm.report import Report, Try

PART = "the same with a flow table"
FOLLOWED_S = 5.0 + SILENCE_S  # devices are looked up every 5 s
_UNFILTERED = {**MUM, "devices": [names.PARENT.mac, names.NEW.mac]}
_DEVICES = re.compile(r"devices = \{ (.*?) \}")


def run(home: Home, report: Report) -> None:
    report.begin(PART)
    home.begin_anew()
    home.masquerade()
    # Nothing that the daemon before knew of is known to this one.
    daemon = fresh(home, {**PROFILES, "mum": _UNFILTERED}, offload="hardware")
    flows = FlowTable(home, daemon)
    try:
        if not report.point("the daemon starts, with a flow table", flows.start):
            return
        for name, attempt in (*refusals.points(home, quic=()), *flows.points()):
            report.point(name, attempt)
    finally:
        flows.close()
        daemon.stop()


class FlowTable:
    """Points that build on each other, in the order of ``points``."""

    def __init__(self, home: Home, daemon: Daemon) -> None:
        self._home = home
        self._daemon = daemon
        self._client = RawClient(daemon.socket, PATIENCE_S)
        self._streams = ExitStack()
        self._running: dict[tuple[str, int], clients.Stream] = {}

    def close(self) -> None:
        self._streams.close()

    def start(self) -> str:
        self._daemon.start()
        kind = self._client.call("status")["offload"]
        assert kind == "software", f"in {kind}, although no device here has such hardware"
        for device in self._devices():
            refused = self._home.gateway.run(
                ["nft", "-c", "-f", "-"], stdin=HARDWARE_PROBE.format(device=device)
            )
            assert NOT_IN_HARDWARE in refused.stderr, refused.stderr
        return f"in software, on {' '.join(self._devices())}"

    def points(self) -> Iterator[tuple[str, Try]]:
        yield "streams of unfiltered devices go past the rules", self._offloaded
        yield "children's streams do not", self._never
        yield "a pause cuts the child's, and no other", self._pause
        yield "a device that is given to a child: its streams are cut", self._given
        yield "a port that goes and comes is followed", self._followed
        yield "the table torn away is mended, with its flow table", self._mended
        yield "SIGTERM leaves no flow table", self._gone

    def _devices(self) -> tuple[str, ...]:
        listed = self._home.gateway.run(["nft", "list", "flowtables"]).stdout
        found = _DEVICES.search(listed)
        return () if found is None else tuple(re.findall(r"[\w.-]+", found[1]))

    def _play(self, key: str) -> None:
        for version in (4, 6):
            film = self._streams.enter_context(stream(self._home.devices[key], ALLOWED, version))
            assert film.started(PATIENCE_S), f"the stream of {key} over IPv{version} does not start"
            self._running[key, version] = film

    def _past(self, seat: Seat) -> set[int]:
        """By which versions of IP a connection of this device goes past the rules."""
        found = set()
        for version, address in ((4, seat.ipv4), (6, seat.ipv6)):
            command = ["conntrack", "-L", "-f", f"ipv{version}", "-s", address, "-p", "tcp", "--dport", "443"]
            if "[OFFLOAD]" in self._home.gateway.run(command).stdout:
                found.add(version)
        return found

    def _offloaded(self) -> str:
        for key, seat in (("parent", names.PARENT), ("new", names.NEW)):
            self._play(key)
            until(lambda seat=seat: self._past(seat) == {4, 6}, PATIENCE_S)  # type: ignore[misc]
        return "two devices, IPv4 and IPv6"

    def _never(self) -> str:
        for key in ("tablet", "phone"):
            self._play(key)
        time.sleep(SILENCE_S)
        for seat in (names.TABLET, names.PHONE):
            past = self._past(seat)
            assert not past, f"{seat.label}: IPv{past}"
            assert all(self._running[seat.key, version].flows(SILENCE_S) for version in (4, 6)), seat.label
        return "one that fails closed, one that fails open"

    def _pause(self) -> str:
        began = time.monotonic()
        self._client.call("pause", who="daughter", minutes=30)
        took = self._deaths("tablet", began)
        assert self._flow("phone", "parent", "new")
        self._client.call("resume", who="daughter")
        return f"dead after {took:.0f} ms"

    def _given(self) -> str:
        began = time.monotonic()
        self._client.call("assign", mac=names.NEW.mac, profile="daughter")
        took = self._deaths("new", began)
        assert self._flow("phone", "parent"), "another's stream stands still too"
        until(lambda: self._past(names.PARENT) == {4, 6}, PATIENCE_S)
        assert not self._past(names.NEW), "it is still past the rules"
        return f"dead after {took:.0f} ms; the other's goes on past the rules"

    def _deaths(self, key: str, began: float) -> float:
        took = [self._running[key, version].death(began, PATIENCE_S) for version in (4, 6)]
        assert None not in took, "it runs on"
        return max(filter(None, took))

    def _flow(self, *keys: str) -> bool:
        return all(self._running[key, version].flows(SILENCE_S) for key in keys for version in (4, 6))

    def _followed(self) -> str:
        repairs, port = self._repairs(), "lan4"
        assert port in self._devices()
        for change, there in (("nomaster", False), (f"master {names.LAN}", True)):
            self._home.gateway.run(["ip", "link", "set", port, *change.split()], check=True)
            until(lambda there=there: (port in self._devices()) == there, FOLLOWED_S)  # type: ignore[misc]
        assert self._repairs() == repairs, "it was taken for another program's"
        assert self._flow("parent")
        return f"{port} left out, and in again"

    def _repairs(self) -> int:
        return int(self._client.call("status")["repairs"])

    def _mended(self) -> str:
        self._home.gateway.run(["nft", "flush", "ruleset"], check=True)
        until(lambda: bool(self._devices()), SILENCE_S)
        self._home.masquerade()
        film = self._streams.enter_context(stream(self._home.devices["parent"], ALLOWED, 6))
        assert film.started(PATIENCE_S)
        until(lambda: 6 in self._past(names.PARENT), PATIENCE_S)
        return f"on {' '.join(self._devices())}"

    def _gone(self) -> str:
        status = self._daemon.stop()
        assert status == 0, f"its exit status is {status}"
        assert not self._devices(), "it is still there"
        return "gone"

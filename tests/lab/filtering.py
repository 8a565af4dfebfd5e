"""What the tests of the filter share: a family, clients that go past DNS, and the figures of the queue."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.dataplane import saved_addresses
from gateway.household.config_file import ROUTER, good_copy
from gateway.lists.own_lists import lists_file
from tests import pace
from tests.lab import clients, names
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.home import ROOT, Home
from tests.lab.netns import Namespace, stop

EXPLAINED = "192.0.0.8"  # the answer for a name whose block the pages explain
ZONE = ZoneInfo("Asia/Almaty")
ALLOWED = "www.example.org"
REFUSED = "www.tiktok.com"  # by service
BLOCKED = "blocked.example"  # by name
# How a client sees the filter's reset. "refused" where it used the ports of one that was refused seconds ago:
# the kernel still knows that connection, and it is the first packet that is answered.
CUT = ("reset", "refused")

CUT_MS = pace.longest(1.0) * 1000  # from a boundary to the death of a stream at the client

FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])

DAUGHTER: Mapping[str, Any] = {
    "name": "Daughter",
    "band": "10-12",  # fails closed
    "devices": [names.TABLET.mac],
    "block": ["service:tiktok", BLOCKED],
    "bedtime": {},
}
SON: Mapping[str, Any] = {
    "name": "Son",
    "band": "13-15",  # fails open
    "devices": [names.PHONE.mac],
    "block": ["service:tiktok", BLOCKED],
    "bedtime": {},
}
MUM: Mapping[str, Any] = {"name": "Mum", "band": "adult", "devices": [names.PARENT.mac]}
PROFILES: Mapping[str, Mapping[str, Any]] = {"daughter": DAUGHTER, "son": SON, "mum": MUM}


def fresh(
    home: Home, profiles: Mapping[str, Mapping[str, Any] | str] = PROFILES, **settings: object
) -> Daemon:
    """A daemon that knows nothing of an earlier one in this home.

    It has the present hour of Almaty. So all rules name their bedtime, also none: that of an age group would
    be met by chance.
    """
    for rules in profiles.values():
        assert isinstance(rules, str) or "bedtime" in rules or rules["band"] in ("16-17", "adult"), rules
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    daemon = Daemon(home, profiles, settings={"timezone": ZONE.key, **settings})
    answers = home.folder / "qalqan" / "run" / saved_addresses.FILE
    copies = (good_copy(daemon.config, daemon.config), good_copy(daemon.config, ROUTER))
    for old in (lists_file(daemon.config), *copies, answers):
        old.unlink(missing_ok=True)
    return daemon


def is_explained(answer: clients.Answer) -> bool:
    """Whether the answer for a refused name is the address of the pages, and nothing else."""
    return (answer.status, answer.records) == ("NOERROR", (EXPLAINED,))


def address(host: str, version: int) -> str:
    return names.ipv4_of(host) if version == 4 else names.ipv6_of(host)


def bracketed(text: str) -> str:
    return f"[{text}]" if ":" in text else text


def fetch(
    device: Namespace,
    url: str,
    version: int,
    *,
    to: str | None = None,
    timeout: float = clients.PATIENCE_S,
    extra: Sequence[str] = (),
) -> Outcome:
    """curl without a question to any resolver: straight to the host's address, or ``to`` another one."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    host, _, port = authority.partition(":")
    number = port or ("443" if scheme == "https" else "80")
    where = bracketed(to or address(host, version))
    return clients.curl(
        device, url, timeout=timeout, extra=["--resolve", f"{host}:{number}:{where}", f"-{version}", *extra]
    )


class _OneFamily(Namespace):
    """A device whose curl goes to one address alone, whatever its resolver would say."""

    def __init__(self, device: Namespace, host: str, version: int, port: int) -> None:
        super().__init__(device.name)
        where = bracketed(address(host, version))
        self._flags = [f"-{version}", "--resolve", f"{host}:{port}:{where}"]

    def command(self, argv: Sequence[str]) -> list[str]:
        return super().command([*argv, *self._flags])


def film(
    device: Namespace,
    host: str,
    version: int,
    *,
    scheme: str = "https",
    rate: str = "200k",
    extra: Sequence[str] = (),
) -> clients.Stream:
    """A stream that never ends by itself, to the host's address of one family; no resolver is asked."""
    port = 443 if scheme == "https" else 80
    url = f"{scheme}://{host}/stream?rate={rate}"
    return clients.Stream(_OneFamily(device, host, version, port), url, extra=extra)


class QuicFilm:
    """A download over HTTP/3 on a device; when its bytes came."""

    def __init__(self, device: Namespace, host: str, version: int, *, seconds: float = 120.0) -> None:
        self.last: float | None = None
        self.knocks = False
        flags = ["--seconds", str(seconds)]
        argv = [sys.executable, "-m", "tests.lab.quicfilm", host, address(host, version), *flags]
        self._process = device.popen(argv, cwd=ROOT, stderr=subprocess.DEVNULL)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if told["bytes"]:
                self.last = told["at"]
            else:
                self.knocks = True

    def started(self) -> bool:
        return until(lambda: self.last is not None, 5.0) is not None

    def is_refused(self, within: float = 3.0) -> bool:
        """True when it knocks, and within so many seconds no byte comes."""
        if until(lambda: self.knocks, 5.0) is None:
            return False
        return pace.within(lambda: self.last is not None, within) is None

    def flows(self, within: float = clients.PATIENCE_S) -> bool:
        """True when more bytes arrive within so many seconds."""
        before = self.last
        return pace.within(lambda: self.last != before, within) is not None

    def close(self) -> None:
        self._process.terminate()
        self._reader.join(5.0)
        stop(self._process)

    def __enter__(self) -> QuicFilm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def python(device: Namespace, code: str, *arguments: str, timeout: float = 60.0) -> str:
    """Run a few lines of Python on a device; what they print."""
    done = device.run([sys.executable, "-c", code, *arguments], timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(where: Namespace, code: str, *arguments: str) -> Iterator[None]:
    """A few lines of Python that say when they are ready, and go on as long as the block."""
    process = where.popen([sys.executable, "-c", code, *arguments])
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        stop(process)


def module(device: Namespace, name: str, *arguments: str, stdin: str = "", timeout: float = 60.0) -> str:
    """Run a module of this folder on a device; what it prints."""
    done = subprocess.run(
        device.command([sys.executable, "-m", f"tests.lab.{name}", *arguments]),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_started(*films: clients.Stream) -> None:
    """Every stream's first bytes have come; else what became of each curl."""
    if not all(one.started() for one in films):
        told = [f"{one.received} bytes, curl said {one._process.poll()}" for one in films]
        pytest.fail("; ".join(told))


class Sniffer:
    """What arrives on the pretended internet, or at another namespace's eth0, from now on."""

    def __init__(self, where: Namespace, *, proto: int | None = None, port: int | None = None) -> None:
        flags = [*(["--proto", str(proto)] if proto else []), *(["--port", str(port)] if port else [])]
        argv = [sys.executable, "-m", "tests.lab.sniffer", *flags]
        self.packets: list[dict[str, Any]] = []
        self._process = where.popen(argv, cwd=ROOT)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.packets.append(json.loads(line))

    def close(self) -> None:
        self._process.terminate()
        self._reader.join(5.0)
        stop(self._process)

    def __enter__(self) -> Sniffer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Arrivals:
    """What reaches the pretended internet from now on, as ``Home.seen`` tells it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._since = time.time() - 0.001  # the journal rounds

    def of(self, proto: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        return [line for line in self._home.seen(proto, name) if line["time"] >= self._since]


def queued(daemon: Daemon) -> int:
    """Packets that reached Python so far."""
    return sum(one["packets"] for one in daemon.client.call("status")["queue"].values())


def epoch(local: str) -> float:
    """The instant, as time.time() has it, at which the family's clock shows ``local``."""
    return datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp()


def set_time(daemon: Daemon, local: str) -> float:
    """Move the family's clock to a local time such as ``2026-11-25T20:44:58``; what to add to time.time()
    for the family's time.
    """
    offset = round(epoch(local) - time.time())
    daemon.client.call("clock", offset=offset)
    return float(offset)


until = pace.until

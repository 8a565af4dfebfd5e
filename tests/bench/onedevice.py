"""One device that opens as many connections as it can, and what another device notices of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from tests.bench.connections import connections
from tests.bench.figures import Figure, Settings, at_most, neighbour_ratios, ratio
from tests.bench.web import nginx
from tests.bench.wires import Wires, need, queued, server
from tests.lab.home import ROOT
from tests.lab.netns import Namespace
from tests.lab.openings import Opened

PORT = 9443
LOAD = 1000  # connections a second of the one device
OTHERS = 50  # connections a second of the other one
BEFORE = 1.0  # seconds of load before the other one begins: the daemon has just started
RATE_MARK, WAIT_MARK = 1000.0, 10.0


def measure(settings: Settings) -> Iterator[Figure]:
    need("wrk", "nginx")
    rounds, seconds = settings.times(5, 1), settings.times(4, 2)
    with Wires() as wires:
        with nginx(wires):
            yield from _rates(wires, rounds, seconds)
        argv = [sys.executable, "-m", "tests.lab.openings", "serve", str(PORT)]
        with server(wires.internet, argv, PORT, log=wires.folder / "openings.log"):
            yield from _waits(wires, rounds, seconds)


def _rates(wires: Wires, rounds: int, seconds: float) -> Iterator[Figure]:
    """As many connections as wrk opens; the gateway's limit shows as segments that are sent again."""
    off, on, packets = [connections(wires, seconds)], [], 0.0
    again = {"on": 0, "off": 0}
    for _ in range(rounds):
        with wires.filtered() as daemon:
            resent, before = _resent(wires.child), queued(daemon)
            on.append(connections(wires, seconds))
            again["on"] += _resent(wires.child) - resent
            packets += (queued(daemon) - before) / (on[-1] * seconds) / rounds
        resent = _resent(wires.child)
        off.append(connections(wires, seconds))
        again["off"] += _resent(wires.child) - resent
    sent = f"segments sent again: {again['on']}, off {again['off']}"
    note = f"off {median(off):,.0f}/s; {sent}; {packets:.1f} packets each in Python"
    yield Figure("one device: new TLS 1.3 connections/s", median(on), "/s", RATE_MARK, note=note)
    yield ratio("one device: new TLS 1.3 connections/s, on / off", median(neighbour_ratios(off, on)))


def _waits(wires: Wires, rounds: int, seconds: float) -> Iterator[Figure]:
    """What another device waits from its SYN to the server's answer to its hello."""
    off, on, failed = Opened(), Opened(), 0
    for _ in range(rounds):
        failed += _beside(wires, seconds, off)
        with wires.filtered(both=True):
            failed += _beside(wires, seconds, on)
    for share in (0.5, 0.99):
        name = f"another device, while one opens {LOAD:,}/s: first answer, p{round(share * 100)}"
        note = f"off {off.percentile(share):.2f} ms; {failed} of all connections failed"
        mark = WAIT_MARK if share == 0.99 else None
        yield at_most(name, on.percentile(share), "ms", mark, note)


def _beside(wires: Wires, seconds: float, other: Opened) -> int:
    """Add what the other device noticed; return the failed connections of both."""
    processes = [_open(wires, wires.child, LOAD, seconds + BEFORE)]
    time.sleep(BEFORE)
    processes.append(_open(wires, wires.parent, OTHERS, seconds))
    one, two = (Opened(**json.loads(process.communicate(timeout=120)[0])) for process in processes)
    other.ms += two.ms
    return one.failed + two.failed


def _open(wires: Wires, device: Namespace, rate: int, seconds: float) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "tests.lab.openings", "open"]
    more = [wires.address, str(PORT), str(rate), str(seconds)]
    return device.popen([*argv, *more], cwd=ROOT, stderr=None)


def _resent(device: Namespace) -> int:
    """TCP segments that this device has sent again so far."""
    lines = device.run(["cat", "/proc/net/snmp"], check=True).stdout.splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])

"""New TLS 1.3 connections a second, and what the gateway adds to a handshake: filter on and off in turn."""

from __future__ import annotations

import json
import re
import sys
from statistics import median

from tests.bench.figures import Figure, Settings, at_most, control_ratios, neighbour_ratios, percentile, ratio
from tests.bench.web import nginx
from tests.bench.wires import HOST, Wires, need

MARK, P50_MARK, P99_MARK = 0.95, 0.30, 2.0
_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")


def measure(settings: Settings) -> list[Figure]:
    need("wrk")
    rounds, seconds = settings.times(9, 2), settings.times(3, 1)
    handshakes = settings.times(400, 100)
    with Wires() as wires, nginx(wires):
        wires.many_devices()
        off, on = [connections(wires, seconds)], []
        waits_off, waits_on = latencies(wires, handshakes), []
        for _ in range(rounds):
            with wires.filtered():
                on.append(connections(wires, seconds))
                waits_on += latencies(wires, handshakes)
            off.append(connections(wires, seconds))
            waits_off += latencies(wires, handshakes)
    control = control_ratios(off)
    rate = f"off {median(off):,.0f}/s"
    return [
        ratio("new TLS 1.3 connections/s, on / off", median(neighbour_ratios(off, on)), MARK, rate),
        ratio("new TLS 1.3 connections/s, off / off (control)", median(control)),
        *added("added to a handshake", waits_off, waits_on, P50_MARK, P99_MARK),
    ]


def added(
    name: str, off: list[float], on: list[float], p50: float | None = None, p99: float | None = None
) -> list[Figure]:
    """Milliseconds between percentiles of the two."""
    return [
        at_most(
            f"{name}, p{round(share * 100)}",
            percentile(on, share) - percentile(off, share),
            "ms",
            mark,
            f"off {percentile(off, share):.2f} ms",
        )
        for share, mark in ((0.5, p50), (0.99, p99))
    ]


def connections(wires: Wires, seconds: float) -> float:
    """Complete connections a second: handshake, one request, close."""
    argv = [
        "wrk",
        "-t",
        "1",
        "-c",
        "16",
        "-d",
        f"{seconds:g}s",
        "-H",
        "Connection: close",
        f"https://{HOST}/",
    ]
    said = wires.child.run(argv, timeout=seconds + 30, check=True).stdout
    match = _RATE.search(said)
    if match is None:
        raise AssertionError(said)
    return float(match[1])


def latencies(wires: Wires, count: int, rate: float = 0.0) -> list[float]:
    """Milliseconds from the SYN to the end of the handshake; with ``rate``, so many begin a second."""
    argv = [sys.executable, "-m", "tests.bench.handshakes", wires.address, HOST, str(count), str(rate)]
    waits: list[float] = json.loads(wires.child.run(argv, timeout=120, check=True).stdout)
    return waits

"""One TCP stream through the gateway, filter on and off in turn; and what a packet costs the processor."""

from __future__ import annotations

import sys
from statistics import median

from tests.bench.figures import Figure, Settings, at_most, control_ratios, neighbour_ratios, ratio
from tests.bench.wires import Wires, iperf, need, server
from tests.lab.netns import Namespace

UNFILTERED_MARK, METERED_MARK = 0.98, 0.95
PACKETS, RATE = 40_000, 20_000  # UDP datagrams a try, and a second: no queue fills, nothing is dropped


def measure(settings: Settings) -> list[Figure]:
    need("iperf3")
    rounds, seconds = settings.times(9, 2), settings.times(2, 1)
    figures = []
    with Wires() as wires, server(wires.internet, ["iperf3", "-s"], 5201, log=wires.folder / "iperf.log"):
        for name, device, mark in (
            ("an unfiltered device", wires.parent, UNFILTERED_MARK),
            ("a metered flow", wires.child, METERED_MARK),
        ):
            off, on = _alternate(wires, device, rounds, seconds)
            control = control_ratios(off)
            note = f"off {median(off) / 1e9:.2f} Gbit/s"
            figures.append(ratio(f"bulk on / off, {name}", median(neighbour_ratios(off, on)), mark, note))
            figures.append(ratio(f"bulk off / off, {name} (control)", median(control), note=_spread(control)))
        figures += _cost(wires, settings.times(9, 3))
    return figures


def _spread(values: list[float]) -> str:
    return f"single ones {min(values):.2f} to {max(values):.2f}"


def _alternate(
    wires: Wires, device: Namespace, rounds: int, seconds: float
) -> tuple[list[float], list[float]]:
    """Bits a second: off, on, off, … , off."""
    off, on = [iperf(device, wires.address, seconds)], []
    for _ in range(rounds):
        with wires.filtered():
            on.append(iperf(device, wires.address, seconds))
        off.append(iperf(device, wires.address, seconds))
    return off, on


def _cost(wires: Wires, rounds: int) -> list[Figure]:
    """Processor time of a datagram's whole way at a fixed rate, sender and receiver included."""
    off, plain, metered = [], [], []
    for _ in range(rounds):
        off.append(_nanoseconds(wires, wires.child))
        with wires.filtered():
            plain.append(_nanoseconds(wires, wires.parent))
            metered.append(_nanoseconds(wires, wires.child))
    bare, at = median(off), f"at {RATE:,} packets/s"
    return [
        at_most("CPU of a packet, filter off", bare, "ns", None, at),
        at_most("CPU of a packet, added for an unfiltered device", median(plain) - bare, "ns", None, at),
        at_most("CPU of a packet, added for a metered flow", median(metered) - bare, "ns", None, at),
    ]


def _nanoseconds(wires: Wires, device: Namespace) -> float:
    argv = [sys.executable, "-m", "tests.bench.datagrams", wires.address, str(PACKETS), str(RATE)]
    return float(device.run(argv, timeout=60, check=True).stdout)

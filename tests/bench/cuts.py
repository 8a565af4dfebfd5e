"""How soon a running stream is dead at the client, from the boundary on; other services go on untouched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

from tests.bench.figures import Figure, Settings, at_most, percentile
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, DAUGHTER, MUM, SON, QuicFilm, epoch, film, fresh, set_time, until
from tests.lab.home import Home

MARK = 1000.0
CUTS = 50  # half of them HTTPS over TCP, half QUIC
GAMES = ("www.roblox.com", "www.minecraft.net")  # the tablet's, which fails closed, and the phone's
WINDOW = ["09:00-18:00"]
WINDOWS = ({"service:roblox": WINDOW}, {"service:minecraft": WINDOW})
BEFORE, BOUNDARY = "2026-11-25T17:59:58", "2026-11-25T18:00:00"
PROFILES = {
    "daughter": {**DAUGHTER, "allow": ["service:roblox"], "limits": {}, "windows": WINDOWS[0]},
    "son": {**SON, "windows": WINDOWS[1]},
    "mum": MUM,
}


def measure(settings: Settings) -> Iterator[Figure]:
    waits: dict[str, list[float]] = {"HTTPS": [], "QUIC": []}
    with Home() as home, fresh(home, PROFILES) as daemon:
        for turn in range(settings.times(CUTS // 2, 3)):
            https, quic = _cut(home, daemon, turn)
            waits["HTTPS"].append(https)
            waits["QUIC"].append(quic)
    for name, found in waits.items():
        note = f"the slowest of {len(found)}: {percentile(found, 1):.0f} ms"
        yield at_most(f"a window closes: {name} stream dead after, median", median(found), "ms", None, note)
    every = [wait for found in waits.values() for wait in found]
    yield at_most(f"a window closes: the slowest of {len(every)} cuts", max(every), "ms", MARK)


def _cut(home: Home, daemon: Daemon, turn: int) -> tuple[float, float]:
    """Milliseconds until the death of an HTTPS and of a QUIC stream of a service whose window closes."""
    set_time(daemon, "2026-11-25T12:00:00")
    device, game = home.devices[("tablet", "phone")[turn % 2]], GAMES[turn % 2]
    with ExitStack() as stack:
        https = stack.enter_context(film(device, game, 4))
        quic = stack.enter_context(QuicFilm(device, game, 4))
        other = stack.enter_context(film(device, ALLOWED, 4))
        if not (https.started() and quic.started() and other.started()):
            raise AssertionError("a stream did not begin")
        offset = set_time(daemon, BEFORE)
        boundary = time.monotonic() + epoch(BOUNDARY) - offset - time.time()
        took = https.death(boundary)
        if took is None or until(lambda: not quic.flows(0.5), 5.0) is None or quic.last is None:
            raise AssertionError("a stream ran on")
        if not other.flows(2.0):
            raise AssertionError("another service's stream died too")
        return took, max(0.0, (quic.last - boundary) * 1000)

"""Devices that wait to be looked at: anybody can invent some on the Wi-Fi, so few at once, not too often."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from gateway.core.loop import Loop
from gateway.core.throttle import Throttle

TOGETHER = 1.0  # seconds between two looks; the first device is looked at at once
NEWCOMERS = 64  # that are looked at in one look, some 0.2 ms each
WAITING = 512  # that wait for one: as many as the inventory follows


class Looks:
    """``look`` gets those that it is time for, in the order in which they were asked for."""

    def __init__(self, loop: Loop, look: Callable[[Sequence[str]], None]) -> None:
        self._look = look
        self._waiting: dict[str, None] = {}
        self._seldom = Throttle(loop, TOGETHER, self._now)

    def at(self, mac: str) -> None:
        if len(self._waiting) < WAITING:
            self._waiting[mac] = None
        self._seldom.soon()

    def _now(self) -> None:
        macs = [*itertools.islice(self._waiting, NEWCOMERS)]
        for mac in macs:
            del self._waiting[mac]
        self._look(macs)
        if self._waiting:
            self._seldom.soon()

    def close(self) -> None:
        self._seldom.close()

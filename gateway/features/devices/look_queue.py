"""Queues new devices to be examined. It limits the work, because anyone on the Wi-Fi can invent devices."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from gateway.core.loop import Loop
from gateway.core.throttle import Throttle

TOGETHER = 1.0  # seconds between two looks; after a quiet time, a device is examined immediately
NEWCOMERS = 64  # devices in one look, some 0.2 ms each
WAITING = 512  # queued devices: as many as the inventory follows


class LookQueue:
    """Calls ``look`` with the next queued MAC addresses, at most NEWCOMERS, once in TOGETHER seconds.

    While WAITING devices are queued, further ones are dropped.
    """

    def __init__(self, loop: Loop, look: Callable[[Sequence[str]], None]) -> None:
        self._look = look
        self._waiting: dict[str, None] = {}
        self._throttle = Throttle(loop, TOGETHER, self._now)

    def at(self, mac: str) -> None:
        if len(self._waiting) < WAITING:
            self._waiting[mac] = None
        self._throttle.soon()

    def _now(self) -> None:
        macs = [*itertools.islice(self._waiting, NEWCOMERS)]
        for mac in macs:
            del self._waiting[mac]
        self._look(macs)
        if self._waiting:
            self._throttle.soon()

    def close(self) -> None:
        self._throttle.close()

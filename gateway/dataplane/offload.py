"""Chooses the devices of the flow table for unfiltered devices: those below the LAN's interfaces and the
uplink.

Only if it is configured and the kernel supports it. Interfaces come and go, so the devices are read every few
seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.loop import Loop, Timer
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.context import HomeContext
from gateway.kernel.flowtable import devices_below
from gateway.kernel.snapshot import Offload
from gateway.lan.uplink import read_uplink
from gateway.policy.config.config import OffloadWish

EVERY = 5.0  # seconds between two looks


class Offloading:
    """``now`` is the desired flow table. ``changed`` is called when it changes."""

    def __init__(
        self,
        loop: Loop,
        wished: Callable[[], bool],
        inside: Callable[[], tuple[str, ...]],
        loaded: Callable[[], Offload | None],
        changed: Callable[[], None],
    ) -> None:
        """``wished``: whether a flow table is configured and possible. ``inside``: the interfaces that face
        the LAN. ``loaded``: the flow table in the kernel, which may have refused a device that was about to
        disappear.
        """
        self._loop = loop
        self._wished = wished
        self._inside = inside
        self._loaded = loaded
        self._changed = changed
        self._timer: Timer | None = None
        self._found = self.now = self._find()

    def start(self) -> None:
        self._timer = self._loop.call_later(EVERY, self._look)

    def _look(self) -> None:
        if self._loaded() is None:
            self.now = None  # not retried with the same devices
        found = self._find()
        if found != self._found:
            self._found = self.now = found
            self._changed()
        self.start()

    def _find(self) -> Offload | None:
        if not self._wished():
            return None
        inside = self._inside()
        try:
            outside = read_uplink(inside).names
        except OSError:
            return None
        if not outside.isdisjoint(inside):
            return None  # one-armed: the same device on both sides of each flow
        within, without = devices_below(inside), devices_below(outside)
        # One side alone would offload only one direction.
        return Offload(tuple(sorted({*within, *without}))) if within and without else None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def offloading(home: HomeContext, table: KernelTable, changed: Callable[[], None]) -> Offloading:
    def wished() -> bool:
        return home.rules.household.config.offload is OffloadWish.AUTO and table.can_offload

    return Offloading(
        home.loop,
        wished,
        lambda: home.rules.household.config.lan,
        lambda: table.snapshot.offload,
        changed,
    )

"""The flow table of unfiltered devices, on the devices below the home's interfaces and below the way out.

Only where it is asked for and the kernel has such tables. Interfaces come and go; what is there is looked up
every few seconds.
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
    """``now`` is what the table shall have; ``changed`` is called when that is another."""

    def __init__(
        self,
        loop: Loop,
        wished: Callable[[], bool],
        inside: Callable[[], tuple[str, ...]],
        loaded: Callable[[], Offload | None],
        changed: Callable[[], None],
    ) -> None:
        """``wished``: whether there shall be one, and can be. ``inside``: the interfaces that face the home.
        ``loaded``: what the kernel's table has, which may have refused a device that was going.
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
            self.now = None  # not tried again on the same devices
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
            return None  # one arm: the same device on both sides of each flow
        within, without = devices_below(inside), devices_below(outside)
        # One side alone would be half a way.
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

"""The flow table of unfiltered devices, on the devices below the home's interfaces and below the way out.

Only where it is asked for and the kernel has such tables. Interfaces come and go; what is there is looked up
every few seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.home.uplink import read_uplink
from gateway.kernel.flowtable import devices_below
from gateway.kernel.snapshot import Offload
from gateway.loop import Loop, Timer
from gateway.policy.config import OffloadWish

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

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


def offloading(daemon: Daemon) -> Offloading:
    def wished() -> bool:
        return daemon.rules.household.config.offload is OffloadWish.AUTO and daemon.table.can_offload

    return Offloading(
        daemon.loop,
        wished,
        lambda: daemon.rules.household.config.lan,
        lambda: daemon.table.snapshot.offload,
        daemon.apply,
    )

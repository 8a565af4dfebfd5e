"""Selects the network devices of the flow table, which offloads connections of unfiltered devices.

These are the devices below the LAN interfaces and below the uplink. They are read every few seconds, because
interfaces come and go. A flow table is used only if it is configured and the kernel supports it.
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

EVERY = 5.0  # seconds between two checks


class Offloading:
    """Keeps the desired flow table in ``now`` (None: none). ``changed`` is called when it changes."""

    def __init__(
        self,
        loop: Loop,
        wished: Callable[[], bool],
        inside: Callable[[], tuple[str, ...]],
        loaded: Callable[[], Offload | None],
        changed: Callable[[], None],
    ) -> None:
        """Read the devices once.

        Arguments:
            wished: returns whether a flow table is configured and supported.
            inside: returns the LAN interfaces.
            loaded: returns the flow table in the kernel; None if the kernel refused it, for example for a
                device that disappeared.
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
            self.now = None  # do not retry with the same devices
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
            return None  # one-armed setup: both sides of each flow have the same device
        within, without = devices_below(inside), devices_below(outside)
        # With one side alone, only one direction would be offloaded.
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

"""Selects the network devices of the flow table, which offloads connections of unfiltered devices.

These are the devices below the LAN interfaces and below the uplink. They are read every few seconds, because
interfaces come and go. A flow table is used only if it is configured, the kernel supports it, and the family
filters a device: otherwise the firewall's own flow offloading stays, and two flow tables would compete.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from gateway.core.files import write_atomically, write_error_text
from gateway.core.loop import Loop, Timer
from gateway.dataplane.kernel_table import KernelTable
from gateway.household.config_file import router_path
from gateway.household.context import HomeContext
from gateway.kernel.flowtable import devices_below
from gateway.kernel.snapshot import Offload
from gateway.lan.uplink import read_uplink
from gateway.policy.config.config import OffloadWish

EVERY = 5.0  # seconds between two checks
FILTERS = "filters"  # file in the runtime folder, which OpenWrt's service reads: `yes` or `no`

_log = logging.getLogger(__name__)


class Offloading:
    """Selects, every few seconds, the network devices of the flow table that offloads connections.

    It does not change the kernel. ``now``: the desired flow table; None: none. ``changed`` is called
    after the selection changes. A flow table that the kernel refused is not selected again before
    the devices, the setting or the family's filtering change.
    """

    def __init__(
        self,
        loop: Loop,
        wished: Callable[[], OffloadWish],
        inside: Callable[[], tuple[str, ...]],
        loaded: Callable[[], Offload | None],
        changed: Callable[[], None],
        accelerates: Callable[[str], bool],
        filters: Callable[[], bool],
        report: Path | None,
    ) -> None:
        """Read the devices once.

        Arguments:
            wished: returns which flow table is configured, as far as the kernel supports one.
            inside: returns the LAN interfaces.
            loaded: returns the flow table in the kernel; None if the kernel refused it, for example for a
                device that disappeared.
            accelerates: returns whether the kernel accepts hardware offloading on a network device.
            filters: returns whether the family filters a device. Without one there is no flow table.
            report: the file that shows OpenWrt's service whether the family filters a device; None elsewhere.
        """
        self._loop = loop
        self._wished = wished
        self._inside = inside
        self._loaded = loaded
        self._changed = changed
        self._accelerates = accelerates
        self._filters = filters
        self._report = report
        self._reported = ""
        self._unwritten = ""  # why the report cannot be written
        self._timer: Timer | None = None
        self._tried: dict[str, bool] = {}  # device → whether it accepted hardware offloading
        self._found = self.now = self._find()

    def start(self) -> None:
        self.write_report()
        self._timer = self._loop.call_later(EVERY, self._look)

    def _look(self) -> None:
        if self.now is not None and self._loaded() is None:  # the kernel refused it
            if self.now.hardware:
                self._tried = dict.fromkeys(self._tried, False)
            self.now = None  # do not retry with the same devices
        found = self._find()
        if found != self._found:
            self._found = self.now = found
            self._changed()
        self.start()

    def _find(self) -> Offload | None:
        wish = self._wished()
        if wish is OffloadWish.OFF or not self._filters():
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
        if not (within and without):
            return None
        if wish is OffloadWish.HARDWARE and (hardware := self._in_hardware(within, without)) is not None:
            return hardware
        return Offload(tuple(sorted({*within, *without})))

    def _in_hardware(self, within: tuple[str, ...], without: tuple[str, ...]) -> Offload | None:
        """Return the flow table of the devices with hardware offloading; None if one side has none.

        The kernel refuses a table with any other device. Each device is tried once: some drivers refuse a
        second table while the first is loaded.
        """
        names = {*within, *without}
        self._tried = {
            name: self._accelerates(name) if name not in self._tried else self._tried[name]
            for name in sorted(names)
        }
        able = {name for name in names if self._tried[name]}
        if able.isdisjoint(within) or able.isdisjoint(without):
            return None
        return Offload(tuple(sorted(able)), hardware=True)

    def problems(self) -> list[str]:
        """Return a sentence for `status` if OpenWrt's service cannot learn that a device is filtered."""
        if not self._unwritten or not self._filters():
            return []
        return [f"{self._unwritten}. If the firewall offloads connections, they bypass the rules until then."]

    def write_report(self) -> None:
        """Write `yes` or `no` to the report file, if it has changed: whether the family filters a device.

        A failure is logged once, and tried again at the next call.
        """
        filters = "yes" if self._filters() else "no"
        if self._report is None or filters == self._reported:
            return
        try:
            write_atomically(self._report, f"{filters}\n".encode())
        except OSError as error:
            trouble = f"{self._report}: cannot be written ({write_error_text(error)})"
            if trouble != self._unwritten:
                _log.error("%s. The firewall's flow offloading stays as it is.", trouble)
            self._unwritten = trouble
        else:
            self._reported, self._unwritten = filters, ""

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def offloading(home: HomeContext, table: KernelTable, changed: Callable[[], None]) -> Offloading:
    def wished() -> OffloadWish:
        wish = home.rules.household.config.offload
        return wish if table.can_offload else OffloadWish.OFF

    return Offloading(
        home.loop,
        wished,
        lambda: home.rules.household.config.lan,
        lambda: table.snapshot.offload,
        changed,
        table.accelerates,
        lambda: home.rules.household.filters,
        Path(home.rules.household.config.runtime) / FILTERS if router_path() else None,
    )

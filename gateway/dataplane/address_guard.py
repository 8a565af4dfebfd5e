"""Keeps devices from claiming the gateway's own addresses on the LAN, and reports those that try.

Where frames between devices cross the gateway's CPU, on the ports of a bridge, the nftables table
``bridge qalqan`` drops claims. Switch chips and Wi-Fi access points forward most frames themselves. There a
claim is only noticed, by the packet taps, if it was sent to all devices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from gateway.core.bus import Bus
from gateway.core.errors import KernelError
from gateway.core.loop import Loop, Timer
from gateway.core.throttle import Throttle
from gateway.dataplane.kernel_table import KernelTable
from gateway.kernel.ruleset.bridge import GuardedBridge, render_bridges
from gateway.lan.own_addresses import (
    AddressClaimed,
    AddressEvents,
    OwnAddresses,
    bridge_ports,
    read_own_addresses,
)

SOON = 0.2  # seconds between two updates: an interface that comes up changes several times
PERIOD = 10.0  # seconds between two looks for dropped claims

_log = logging.getLogger(__name__)


class AddressGuard:
    """Keeps devices from claiming the gateway's own addresses, and publishes `AddressClaimed` for attempts.

    A claim is a message by which a device says that it has an address. Only between the ports of a
    bridge are claims dropped. It updates the table for bridges and the packet taps when an address
    or a bridge port changes. ``names`` returns the LAN interfaces; ``watch`` receives the gateway's
    own addresses at the start and after each change.
    """

    def __init__(
        self,
        loop: Loop,
        table: KernelTable,
        names: Callable[[], tuple[str, ...]],
        watch: Callable[[OwnAddresses], None],
        bus: Bus,
    ) -> None:
        self._loop = loop
        self._table = table
        self._names = names
        self._watch = watch
        self._bus = bus
        self._apply = Throttle(loop, SOON, self._update)
        self._timer: Timer | None = None
        self._events: AddressEvents | None = None
        self._complaint = ""

    def start(self) -> None:
        try:
            self._events = AddressEvents()
            self._loop.on_readable(self._events, self._changed)
        except OSError as error:
            _log.warning("Watching the gateway's addresses failed: %s. Changes are not noticed.", error)
        self._update()
        self._look()

    def _changed(self) -> None:
        if self._events is not None:
            self._events.drain()
        self._apply.soon()

    def _update(self) -> None:
        names = self._names()
        try:
            own = read_own_addresses(names)
        except OSError as error:
            _log.warning("Reading the gateway's addresses failed: %s. The former ones stay guarded.", error)
            return
        self._watch(own)
        bridges = sorted(_bridges(own))
        try:
            self._table.guard_bridges(render_bridges(bridges, own.macs) if bridges else "")
        except KernelError as error:
            if str(error) != self._complaint:
                _log.warning("Claims of the gateway's addresses are not dropped on the bridge: %s.", error)
            self._complaint = str(error)

    def _look(self) -> None:
        for mac in sorted(self._table.claimants()):
            self._bus.publish(AddressClaimed(mac))
        self._timer = self._loop.call_later(PERIOD, self._look)

    def close(self) -> None:
        self._apply.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._events is not None:
            self._loop.forget(self._events)
            self._events.close()


def _bridges(own: OwnAddresses) -> Iterator[GuardedBridge]:
    for name, ips in own.ips.items():
        ports = bridge_ports(name)
        if ports and ips:
            yield GuardedBridge(ports, tuple(sorted(ips)))

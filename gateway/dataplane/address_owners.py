"""Keeps the owners of the LAN's addresses in the kernel's table in step with the neighbour table.

An address that a child's device uses for the first time has no owner yet, so a connection from it is
attributed by the MAC address of its first packet. The gateway learns the owner when it resolves the address
for the first reply; connections that began before are reset.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.core.throttle import Throttle
from gateway.dataplane.kernel_table import KernelTable
from gateway.kernel.snapshot import Owner
from gateway.lan import interfaces as lan
from gateway.lan.neighbours import Owners, Place, drop

EVERY = 0.05  # seconds at least between two changes: a device may change addresses all the time
REST = 10  # times as long as the last change took: 2,000 addresses take 7 ms, a thousand connections 4 ms

_log = logging.getLogger(__name__)


class AddressOwners:
    """Writes address owners to the table, and resets connections of addresses that got another owner.

    ``slot_of`` returns the slot of a MAC address on an interface. ``inside`` returns the interfaces that face
    the LAN now.
    """

    def __init__(
        self,
        loop: Loop,
        owners: Owners,
        slot_of: Callable[[str, str], int],
        table: KernelTable,
        inside: Callable[[], tuple[str, ...]],
    ) -> None:
        self._loop = loop
        self._owners = owners
        self._slot_of = slot_of
        self._table = table
        self._inside = inside
        self._apply = Throttle(loop, EVERY, self._update)
        self._reset = Throttle(loop, EVERY, self._reset_connections)
        self._moved: set[Place] = set()  # not in the table yet
        self._applied: set[Place] = set()  # in the table; their connections are not checked yet
        self._filtered: set[str] = set()  # addresses of filtered devices that the table had since then

    def changed(self) -> None:
        """Note that the neighbours changed, or may have changed."""
        surplus = self._owners.surplus()
        if surplus:
            try:
                drop(surplus)
            except OSError as error:
                _log.warning("Removing surplus neighbours failed: %s. They stay until they expire.", error)
        moved = self._owners.moved()
        if moved:
            self._moved |= moved
            self._apply.soon()

    def owners(self) -> tuple[Owner, ...]:
        """Return the addresses of all filtered devices, for the next snapshot of the table."""
        self._filtered |= {owner.address for owner in self._table.snapshot.owners}
        return tuple(sorted(Owner(name, ip, slot) for ip, name, slot in self._slots() if slot))

    def _slots(self) -> Iterator[tuple[str, str, int]]:
        """Yield address, interface and slot (0: not filtered) of each neighbour."""
        inside = lan.indexes(self._inside())
        for (ip, ifindex), mac in self._owners:
            name = inside.get(ifindex)
            if name is not None:
                yield ip, name, self._slot_of(mac, name)

    def _update(self) -> None:
        began = self._loop.now()
        try:
            self._table.update(replace(self._table.snapshot, owners=self.owners()))
        except KernelError as error:
            _log.error("%s", error)
            self._apply.later()
            return
        self._applied |= self._moved
        self._moved.clear()
        self._apply.rest(REST * (self._loop.now() - began))
        self._reset.soon()

    def _reset_connections(self) -> None:
        """Reset connections of addresses that a filtered device has now or had before. The others are
        unaffected.
        """
        began, table = self._loop.now(), self._table
        slots = {lan.packed(ip): slot for ip, _, slot in self._slots()}
        moved = {ip: lan.packed(ip) for ip, _ in self._applied}
        only = {one for ip, one in moved.items() if slots.get(one) or (one in slots and ip in self._filtered)}
        try:
            if only:
                table.follow_devices(slots, only)
        except KernelError as error:
            _log.error("%s", error)
            self._reset.later()
            return
        self._applied.clear()
        self._filtered &= {ip for ip, _ in self._moved}
        self._reset.rest(REST * (self._loop.now() - began))

    def close(self) -> None:
        for seldom in (self._apply, self._reset):
            seldom.close()

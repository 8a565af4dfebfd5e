"""Writes the owners of LAN addresses to the kernel's table, from the neighbour table.

A new address of a device has no owner in the table yet. The table then identifies the device by the MAC
address of the connection's first packet. The gateway learns the owner when it resolves the address for the
first reply; connections that began earlier are reset.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.core.throttle import Throttle
from gateway.dataplane.kernel_table import KernelTable
from gateway.kernel.snapshot import Examined, Owner
from gateway.lan import interfaces as lan
from gateway.lan.neighbours import Owners, Place, drop

EVERY = 0.05  # minimum seconds between two updates, because a device may change addresses constantly
REST = (
    10  # pause, as a multiple of the last update's duration (2,000 addresses: 7 ms; 1,000 connections: 4 ms)
)

_log = logging.getLogger(__name__)


class AddressOwners:
    """Writes the owners of LAN addresses to the nftables table.

    The owner is the device that answers for an address. Connections of an address that got another
    owner are reset, if either is filtered. ``slot_of`` returns the slot (number of a filtered
    device, or of several with one profile) of a MAC address on an interface, 0 for an unfiltered
    one; ``inside`` the present LAN interfaces; ``examined`` the examined devices without an owner,
    and their slots (`Gates.examined`).
    """

    def __init__(
        self,
        loop: Loop,
        owners: Owners,
        slot_of: Callable[[str, str], int],
        table: KernelTable,
        inside: Callable[[], tuple[str, ...]],
        examined: Callable[[], Examined],
    ) -> None:
        self._loop = loop
        self._owners = owners
        self._slot_of = slot_of
        self._table = table
        self._inside = inside
        self._examined = examined
        self._apply = Throttle(loop, EVERY, self._update)
        self._reset = Throttle(loop, EVERY, self._reset_connections)
        self._moved: set[Place] = set()  # addresses with a new owner that is not in the table yet
        self._applied: set[Place] = set()  # those in the table whose connections are not checked yet
        self._filtered: set[str] = set()  # addresses that filtered devices had in the table since a reset

    def changed(self) -> None:
        """Schedule an update of the table if the owner of an address changed in the neighbour table.

        Also delete from the kernel the neighbours for which there was no room.
        """
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

    def examined_changed(self) -> None:
        """Schedule an update of the table: new devices were examined, or examined ones are gone.

        Running connections stay: the rules with which they began are the stricter ones.
        """
        self._apply.soon()

    def owners(self) -> tuple[Owner, ...]:
        """Return the address, interface and slot of each filtered device in the neighbour table, sorted.

        They are for the next snapshot of the nftables table. Call it for that purpose: it also notes
        which addresses the present snapshot has, for the next reset of connections.
        """
        self._filtered |= {owner.address for owner in self._table.snapshot.owners}
        return tuple(sorted(Owner(name, ip, slot) for ip, name, slot in self._slots() if slot))

    def _slots(self) -> Iterator[tuple[str, str, int]]:
        """Yield the IP address, interface and slot of each neighbour on the LAN; slot 0: not filtered."""
        inside = lan.indexes(self._inside())
        for (ip, ifindex), mac in self._owners:
            name = inside.get(ifindex)
            if name is not None:
                yield ip, name, self._slot_of(mac, name)

    def _update(self) -> None:
        began = self._loop.now()
        try:
            snapshot = replace(self._table.snapshot, owners=self.owners(), examined=self._examined())
            self._table.update(snapshot)
        except KernelError as error:
            _log.error("%s", error)
            self._apply.later()
            return
        self._applied |= self._moved
        self._moved.clear()
        self._apply.rest(REST * (self._loop.now() - began))
        self._reset.soon()

    def _reset_connections(self) -> None:
        """Reset connections of the changed addresses that a filtered device has now or had before."""
        began, table = self._loop.now(), self._table
        slots = {lan.packed(ip): slot for ip, _, slot in self._slots()}
        moved = {ip: lan.packed(ip) for ip, _ in self._applied}
        only = {
            address
            for ip, address in moved.items()
            if slots.get(address) or (address in slots and ip in self._filtered)
        }
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
        for throttle in (self._apply, self._reset):
            throttle.close()

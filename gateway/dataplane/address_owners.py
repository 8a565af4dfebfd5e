"""The owners of the LAN's addresses, as the kernel's table has them: in step with the neighbours.

An address that a child's device uses for the first time is nobody's yet, so a connection from it goes by the
MAC of its first packet. For the first answer the gateway asks who has it: what began before begins anew.
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
from gateway.lan.address_owners import Owners
from gateway.lan.neighbours import Place, drop

EVERY = 0.05  # seconds at least between two changes: a device may move all the time
REST = 10  # times as long as the last one took: 2,000 addresses take 7 ms, a thousand connections 4 ms

_log = logging.getLogger(__name__)


class Owned:
    """``slot_of`` a MAC address on an interface; ``inside``: the interfaces that face the home now."""

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
        self._tell = Throttle(loop, EVERY, self._update)
        self._anew = Throttle(loop, EVERY, self._begin_anew)
        self._moved: set[Place] = set()  # of which the table does not know yet
        self._told: set[Place] = set()  # of which it does, and whose connections nobody has looked at since
        self._filtered: set[str] = set()  # addresses that the table had since then

    def changed(self) -> None:
        """The neighbours did, or may have."""
        surplus = self._owners.surplus()
        if surplus:
            try:
                drop(surplus)
            except OSError as error:
                _log.warning("the kernel cannot be told to forget addresses: %s", error)
        moved = self._owners.moved()
        if moved:
            self._moved |= moved
            self._tell.soon()

    def owners(self) -> tuple[Owner, ...]:
        """Of all addresses of filtered devices, for the next snapshot of the table."""
        self._filtered |= {one.address for one in self._table.snapshot.owners}
        return tuple(sorted(Owner(name, ip, slot) for ip, name, slot in self._slots() if slot))

    def _slots(self) -> Iterator[tuple[str, str, int]]:
        """Address, interface and slot (0: not filtered) of each neighbour."""
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
            self._tell.later()
            return
        self._told |= self._moved
        self._moved.clear()
        self._tell.rest(REST * (self._loop.now() - began))
        self._anew.soon()

    def _begin_anew(self) -> None:
        """At addresses that are a filtered device's now, or were: all else was decided as it would be."""
        began, table = self._loop.now(), self._table
        slots = {lan.packed(ip): slot for ip, _, slot in self._slots()}
        moved = {ip: lan.packed(ip) for ip, _ in self._told}
        only = {one for ip, one in moved.items() if slots.get(one) or (one in slots and ip in self._filtered)}
        try:
            if only:
                table.follow_devices(slots, only)
        except KernelError as error:
            _log.error("%s", error)
            self._anew.later()
            return
        self._told.clear()
        self._filtered &= {ip for ip, _ in self._moved}
        self._anew.rest(REST * (self._loop.now() - began))

    def close(self) -> None:
        for seldom in (self._tell, self._anew):
            seldom.close()

"""The owners of the LAN's addresses, as the kernel's table has them: in step with the neighbours.

An address that a child's device uses for the first time is nobody's yet, so a connection from it goes by the
MAC of its first packet. For the first answer the gateway asks who has it: what began before begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.daemon import lan, unseen
from gateway.daemon.family import Family
from gateway.daemon.seldom import Seldom
from gateway.daemon.table import KernelTable
from gateway.errors import KernelError
from gateway.home.neighbours import Place, drop
from gateway.home.owners import Owners
from gateway.kernel.snapshot import Owner
from gateway.loop import Loop

TABLE_EVERY = 0.05  # seconds at least between two changes of the table: a device may move all the time
ANEW_EVERY = 0.2  # and between two walks through the connections, 2 ms for a thousand of them

_log = logging.getLogger(__name__)


class Owned:
    """``inside``: the interfaces that face the home now."""

    def __init__(
        self,
        loop: Loop,
        owners: Owners,
        family: Family,
        table: KernelTable,
        inside: Callable[[], tuple[str, ...]],
    ) -> None:
        self._owners = owners
        self._family = family
        self._table = table
        self._inside = inside
        self._tell = Seldom(loop, TABLE_EVERY, self._update)
        self._anew = Seldom(loop, ANEW_EVERY, self._begin_anew)
        self._moved: set[Place] = set()
        self._followed: unseen.Slots = {}  # as the last walk through the connections had them

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
        """Of all addresses of filtered devices, for a snapshot of the table."""
        return tuple(sorted(Owner(name, ip, slot) for ip, name, slot in self._slots() if slot))

    def _slots(self) -> Iterator[tuple[str, str, int]]:
        """Address, interface and slot (0: not filtered) of each neighbour."""
        inside = lan.indexes(self._inside())
        for (ip, ifindex), mac in self._owners:
            name = inside.get(ifindex)
            if name is not None:
                yield ip, name, self._family.slot_of(mac, name)

    def _update(self) -> None:
        try:
            self._table.update(replace(self._table.snapshot, owners=self.owners()))
        except KernelError as error:
            _log.error("%s", error)
            self._tell.later()
        self._anew.soon()

    def _begin_anew(self) -> None:
        """At addresses that are a filtered device's now, or were: all else was decided as it would be."""
        slots = {lan.packed(ip): slot for ip, _, slot in self._slots()}
        moved = {lan.packed(ip) for ip, _ in self._moved}
        only = {one for one in moved & slots.keys() if slots[one] or self._followed.get(one)}
        try:
            if only:
                table = self._table
                unseen.begin_anew(table.conntrack, table.snapshot.layout, slots, only=only)
        except KernelError as error:
            _log.error("%s", error)
            self._anew.later()
            return
        self._moved.clear()
        self._followed = slots

    def close(self) -> None:
        for seldom in (self._tell, self._anew):
            seldom.close()

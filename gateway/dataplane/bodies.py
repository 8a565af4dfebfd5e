"""Lets the kernel forward parts of long uploads over plain HTTP (wire/flows/http.py decides which).

A range of TCP sequence numbers is an element of the set ``bodies`` (the client's segments, forwarded) or
``answers`` (the server's acknowledgements, queued), with the kernel's id of the connection. A later
connection may get the same id. The flow table therefore ends the ranges of each flow that it drops, and a new
connection is queued until the flow table knows it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.core.errors import KernelError
from gateway.dataplane.kernel_table import KernelTable
from gateway.kernel.conntrack import FlowTuple
from gateway.kernel.ruleset.table import body_elements
from gateway.wire.flows.actions import FlowKey

MOST = 128  # uploads at a time; the sets have room for two elements of each

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Ranges:
    connection: int  # the kernel's id
    loads: int  # `KernelTable.loads` when the ranges were added
    bodies: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


class ForwardedBodies:
    """Lets the kernel forward parts of long uploads over plain HTTP without the daemon.

    `gateway.wire.flows.actions.Bodies` describes the methods. At most MOST uploads at a time: `watch` returns
    False for others. ``table`` returns the nftables table, which is built later.
    """

    def __init__(self, table: Callable[[], KernelTable]) -> None:
        self._table = table
        self._flows: dict[FlowKey, _Ranges] = {}

    def watch(self, key: FlowKey, first: int, count: int) -> bool:
        self.end(key)
        connection = self._connection(key)
        if connection is None or len(self._flows) >= MOST:
            return False
        table = self._table()
        ranges = _Ranges(connection, table.loads, answers=body_elements(connection, first, count))
        if not table.change_bodies("answers", removed=[], added=ranges.answers):
            return False
        self._flows[key] = ranges
        return True

    def forward(self, key: FlowKey, first: int, count: int) -> bool:
        ranges, table = self._flows.get(key), self._table()
        if ranges is None or ranges.loads != table.loads:
            return False  # an answer may have passed since the table was loaded again
        added = body_elements(ranges.connection, first, count)
        before, ranges.bodies = ranges.bodies, added
        return table.change_bodies("bodies", removed=before, added=added)

    def end(self, key: FlowKey) -> None:
        ranges = self._flows.pop(key, None)
        if ranges is not None:
            table = self._table()
            table.change_bodies("bodies", removed=ranges.bodies, added=[])
            table.change_bodies("answers", removed=ranges.answers, added=[])

    def _connection(self, key: FlowKey) -> int | None:
        """Return the kernel's id of a connection that the device began; None if there is none.

        Also None if the nftables table does not read answers, if the connection has the mark of another
        slot, or if the kernel's connection table cannot be read.
        """
        slot, proto, device, sport, server, dport = key
        table = self._table()
        snapshot = table.snapshot
        if not snapshot.reads_answers:
            return None
        try:
            entry = table.conntrack.find(FlowTuple(device, server, proto, sport, dport))
        except KernelError as error:
            _log.debug("%s", error)
            return None
        owned = entry is not None and snapshot.layout.ct_slot(entry.mark) == slot
        return entry.number if entry is not None and owned else None

"""The traffic of single connections between two readings: the kernel's counters by ctnetlink.

A dump walks the whole connection table, so it is requested only when some traffic was counted.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from gateway.core.errors import KernelError
from gateway.core.netlink import ATTRIBUTE, attribute, fields
from gateway.kernel.conntrack import parse_entry
from gateway.kernel.marks import FlowState, MarkLayout
from gateway.kernel.netlink import BE32, BE64, Netlink

ACCOUNTING = Path("/proc/sys/net/netfilter/nf_conntrack_acct")
_FEW = 4  # slots; for more, one dump of all is cheaper
_GET = 0x101  # this and the following: linux/netfilter/nfnetlink_conntrack.h
_TUPLE_ORIG, _MARK, _ID, _MARK_MASK = 1, 8, 12, 21
_COUNTERS = (9, 10)  # of the original and the reply side
_BYTES = 2
_BOTH = Struct(">4sQ4sQ")  # packets and bytes of one side, as most kernels write them
_HEADS = (ATTRIBUTE.pack(12, 1), ATTRIBUTE.pack(12, _BYTES))
_EMPTY = memoryview(b"")
_new = tuple.__new__

Flow = tuple[int, int, bytes, int, bytes, int]
"""Slot, protocol, and both ends as the device sees them, its own first: equal to path.live_flows.FlowId."""


_Known = tuple[int, tuple[Flow, Flow]]
"""The bytes of a connection at the last reading, and its ends."""


_Entry = tuple[int, int, dict[int, memoryview], memoryview]
"""Slot, mark, attributes, and the raw attributes of a connection that passes."""


_NONE: Mapping[bytes, _Known] = {}


class Moved(NamedTuple):
    """A passing connection of a slot, and its bytes in both directions since the last reading."""

    slot: int
    class_number: int
    bytes: int
    flows: tuple[Flow, Flow]  # for a connection that the device began, and for one that the other side began


class FlowBytes:
    """Remembers the bytes of each connection. For a new one, all of its bytes count."""

    def __init__(self, layout: MarkLayout) -> None:
        self._layout = layout
        self._netlink = Netlink()
        self._known: dict[int, dict[bytes, _Known]] = {}

    def close(self) -> None:
        self._netlink.close()

    def moved(self, slots: Collection[int]) -> list[Moved]:
        """Return the connections of these slots that transferred bytes. Raises KernelError."""
        found: list[Moved] = []
        now: dict[int, dict[bytes, _Known]] = {slot: {} for slot in slots}
        for slot, mark, values, data in self._entries(slots):
            of_slot = now.get(slot)
            if of_slot is None:
                continue
            key = bytes(values.get(_ID, _EMPTY)) + bytes(values.get(_TUPLE_ORIG, _EMPTY))
            size = _size(values)
            known = self._known.get(slot, _NONE).get(key)
            flows = known[1] if known is not None else _flows(slot, data)
            if flows is None:
                continue
            moved = size if known is None else size - known[0]
            of_slot[key] = size, flows
            if moved > 0 and (number := self._layout.ct_verdict(mark)[1]):
                found.append(_new(Moved, (slot, number, moved, flows)))
        self._known.update(now)
        return found

    def all_flows(self) -> frozenset[Flow]:
        """Return every passing connection, of all slots. Raises KernelError."""
        found: set[Flow] = set()
        for slot, _, _, data in self._entries(None):
            found.update(_flows(slot, data) or ())
        return frozenset(found)

    def _entries(self, slots: Collection[int] | None) -> Iterator[_Entry]:
        layout = self._layout
        passes = layout.ct_mark(0, FlowState.PASSES)  # this bit is the first of both PASSES and ASKS
        if slots is None or len(slots) > _FEW:
            filters = [(passes, passes)]
        else:
            filters = [(layout.ct_mark(slot) | passes, layout.slot | passes) for slot in slots]
        try:
            for value, mask in filters:
                wanted = attribute(_MARK, BE32.pack(value)) + attribute(_MARK_MASK, BE32.pack(mask))
                for data in self._netlink.dump(_GET, socket.AF_UNSPEC, wanted):
                    values = fields(data)
                    raw = values.get(_MARK, _EMPTY)
                    mark = int(BE32.unpack(raw)[0]) if len(raw) == 4 else 0
                    if mark & mask == value:
                        yield layout.ct_slot(mark), mark, values, data
        except InterruptedError:
            return
        except OSError as error:
            msg = f"the connection table cannot be read: {error.strerror or error}"
            raise KernelError(msg) from error


def _flows(slot: int, data: memoryview) -> tuple[Flow, Flow] | None:
    entry = parse_entry(data)
    if entry is None:
        return None
    original, reply = entry.original, entry.reply
    return (
        (slot, original.proto, original.src, original.sport, original.dst, original.dport),
        (slot, original.proto, reply.src, reply.sport, original.src, original.sport),
    )


def _size(values: dict[int, memoryview]) -> int:
    """Return the bytes of both directions; 0 if the kernel does not count."""
    total = 0
    for side in _COUNTERS:
        data = values.get(side, _EMPTY)
        if len(data) == _BOTH.size:
            first, _, second, size = _BOTH.unpack(data)
            if (first, second) == _HEADS:
                total += size
                continue
        raw = fields(data).get(_BYTES, _EMPTY)  # some kernels pad 64-bit values
        total += int(BE64.unpack(raw)[0]) if len(raw) == BE64.size else 0
    return total


def enable_accounting() -> bool:
    """Enable the kernel's counters per connection in this network namespace; return whether they were off.

    Existing connections remain uncounted. Raises KernelError.
    """
    try:
        if ACCOUNTING.read_text("ascii").strip() != "0":
            return False
        ACCOUNTING.write_text("1\n", "ascii")
    except OSError as error:
        msg = (
            f"{ACCOUNTING}: {error.strerror}; time is counted, but not per service;"
            " set net.netfilter.nf_conntrack_acct=1"
        )
        raise KernelError(msg) from error
    return True

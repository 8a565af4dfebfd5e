"""What single connections moved between two looks: the kernel's own counters, by ctnetlink.

A dump walks the whole table of connections, so it is asked for only where something moved.
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
from gateway.kernel.marks import MarkLayout, State
from gateway.kernel.netlink import BE32, BE64, Netlink

ACCOUNTING = Path("/proc/sys/net/netfilter/nf_conntrack_acct")
_FEW = 4  # slots; for more of them one walk over all is cheaper
_GET = 0x101  # this and what follows: linux/netfilter/nfnetlink_conntrack.h
_TUPLE_ORIG, _MARK, _ID, _MARK_MASK = 1, 8, 12, 21
_COUNTERS = (9, 10)  # of the original and the reply side
_BYTES = 2
_BOTH = Struct(">4sQ4sQ")  # packets and bytes of one side, as most kernels write them
_HEADS = (ATTRIBUTE.pack(12, 1), ATTRIBUTE.pack(12, _BYTES))
_EMPTY = memoryview(b"")
_new = tuple.__new__

Flow = tuple[int, int, bytes, int, bytes, int]
"""Slot, protocol, and both ends as the device sees them, its own first: equal to path.live.FlowId."""


_Known = tuple[int, tuple[Flow, Flow]]
"""What a connection had moved at the last look, and its ends."""


_Entry = tuple[int, int, dict[int, memoryview], memoryview]
"""Slot, mark, attributes, and these as the kernel sent them, of a connection that passes."""


_NONE: Mapping[bytes, _Known] = {}


class Moved(NamedTuple):
    """One connection of a slot that passes, and the bytes of both directions since the last look."""

    slot: int
    class_number: int
    bytes: int
    flows: tuple[Flow, Flow]  # as it is where the device began it, and where the other side did


class FlowBytes:
    """Remembers what each connection had moved; one that is new has moved all that it counted."""

    def __init__(self, layout: MarkLayout) -> None:
        self._layout = layout
        self._netlink = Netlink()
        self._known: dict[int, dict[bytes, _Known]] = {}

    def close(self) -> None:
        self._netlink.close()

    def moved(self, slots: Collection[int]) -> list[Moved]:
        """Connections of these slots that moved bytes. Raises KernelError."""
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

    def there(self) -> frozenset[Flow]:
        """Every connection that passes, of whatever slot. Raises KernelError."""
        found: set[Flow] = set()
        for slot, _, _, data in self._entries(None):
            found.update(_flows(slot, data) or ())
        return frozenset(found)

    def _entries(self, slots: Collection[int] | None) -> Iterator[_Entry]:
        layout = self._layout
        passes = layout.ct_mark(0, State.PASSES)  # this bit is the first of "passes" and of "asks"
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
    one, other = entry.original, entry.reply
    return (
        (slot, one.proto, one.src, one.sport, one.dst, one.dport),
        (slot, one.proto, other.src, other.sport, one.src, one.sport),
    )


def _size(values: dict[int, memoryview]) -> int:
    """Bytes of both directions; 0 where the kernel does not count."""
    total = 0
    for side in _COUNTERS:
        data = values.get(side, _EMPTY)
        if len(data) == _BOTH.size:
            first, _, second, size = _BOTH.unpack(data)
            if (first, second) == _HEADS:
                total += size
                continue
        raw = fields(data).get(_BYTES, _EMPTY)  # a kernel that pads 64-bit values
        total += int(BE64.unpack(raw)[0]) if len(raw) == BE64.size else 0
    return total


def switch_on_accounting() -> bool:
    """Let the kernel count each connection, in this network namespace; whether it did not before.

    Connections that are there already go on without a count. Raises KernelError where it cannot.
    """
    try:
        if ACCOUNTING.read_text("ascii").strip() != "0":
            return False
        ACCOUNTING.write_text("1\n", "ascii")
    except OSError as error:
        msg = (
            f"{ACCOUNTING}: {error.strerror}; minutes count, but not for which service;"
            " set net.netfilter.nf_conntrack_acct=1"
        )
        raise KernelError(msg) from error
    return True

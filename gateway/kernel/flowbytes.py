"""What single connections moved between two looks: the kernel's own counters, by ctnetlink.

A dump walks the whole table of connections, so it is asked for only where something moved.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from gateway.errors import KernelError
from gateway.kernel.conntrack import COUNTERS, GET, ID, MARK, TUPLE_ORIG, TUPLE_REPLY, parse_tuple, unreadable
from gateway.kernel.marks import MarkLayout, State
from gateway.kernel.netlink import ATTRIBUTE, BE32, BE64, Netlink, attribute, fields

ACCOUNTING = Path("/proc/sys/net/netfilter/nf_conntrack_acct")
_FEW = 4  # slots; for more of them one walk over all is cheaper
_MARK_MASK = 21
_BYTES = 2
_BOTH = Struct(">4sQ4sQ")  # packets and bytes of one side, as most kernels write them
_HEADS = (ATTRIBUTE.pack(12, 1), ATTRIBUTE.pack(12, _BYTES))
_EMPTY = memoryview(b"")
_new = tuple.__new__

Flow = tuple[int, int, bytes, int, bytes, int]
"""Slot, protocol, and both ends as the device sees them, its own first: equal to path.live.FlowId."""


_Known = tuple[int, tuple[Flow, Flow]]
"""What a connection had moved at the last look, and its ends."""


class Moved(NamedTuple):
    """One connection of a slot that passes, and the bytes of both directions since the last look."""

    slot: int
    class_number: int
    bytes: int
    flows: tuple[Flow, Flow]  # as it is where the device began it, and where the other side did


class FlowBytes:
    """Remembers what each connection had moved; a slot's first look says nothing but what is there."""

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
        for slot, mark, values in self._entries(slots):
            of_slot = now.get(slot)
            if of_slot is None:
                continue
            key = bytes(values.get(ID, _EMPTY)) + bytes(values.get(TUPLE_ORIG, _EMPTY))
            size = _size(values)
            before = self._known.get(slot)
            known = before.get(key) if before is not None else None
            flows = known[1] if known is not None else _flows(slot, values)
            if flows is None:
                continue
            moved = size if known is None else size - known[0]
            of_slot[key] = size, flows
            if moved > 0 and before is not None and (number := self._layout.ct_verdict(mark)[1]):
                found.append(_new(Moved, (slot, number, moved, flows)))
        self._known.update(now)
        return found

    def there(self) -> frozenset[Flow]:
        """Every connection that passes, of whatever slot. Raises KernelError."""
        found: set[Flow] = set()
        for slot, _, values in self._entries(None):
            found.update(_flows(slot, values) or ())
        return frozenset(found)

    def forget(self, kept: Collection[int]) -> None:
        """Slots but ``kept`` are looked at no more."""
        self._known = {slot: known for slot, known in self._known.items() if slot in kept}

    def _entries(self, slots: Collection[int] | None) -> Iterator[tuple[int, int, dict[int, memoryview]]]:
        """Slot, mark and attributes of each connection that passes."""
        layout = self._layout
        passes = layout.ct_mark(0, State.PASSES)  # this bit is the first of "passes" and of "asks"
        if slots is None or len(slots) > _FEW:
            filters = [(passes, passes)]
        else:
            filters = [(layout.ct_mark(slot) | passes, layout.slot | passes) for slot in slots]
        try:
            for value, mask in filters:
                wanted = attribute(MARK, BE32.pack(value)) + attribute(_MARK_MASK, BE32.pack(mask))
                for data in self._netlink.dump(GET, socket.AF_UNSPEC, wanted):
                    values = fields(data)
                    raw = values.get(MARK, _EMPTY)
                    mark = int(BE32.unpack(raw)[0]) if len(raw) == 4 else 0
                    if mark & mask == value:
                        yield layout.ct_slot(mark), mark, values
        except InterruptedError:
            return
        except OSError as error:
            raise unreadable(error) from error


def _flows(slot: int, values: dict[int, memoryview]) -> tuple[Flow, Flow] | None:
    one, other = (parse_tuple(values.get(kind, _EMPTY)) for kind in (TUPLE_ORIG, TUPLE_REPLY))
    if one is None or other is None:
        return None
    return (
        (slot, one.proto, one.src, one.sport, one.dst, one.dport),
        (slot, one.proto, other.src, other.sport, one.src, one.sport),
    )


def _size(values: dict[int, memoryview]) -> int:
    """Bytes of both directions; 0 where the kernel does not count."""
    total = 0
    for side in COUNTERS:
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

"""TCP connections of filtered devices that began while nobody looked: before our start, or without our table.

Their hellos were never read, so nothing can be said for them: each is refused, its device connects again, and
that is judged. UDP needs no such care: QUIC without its first packet is dropped, anything else is decided anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gateway.daemon import lan
from gateway.daemon.family import Family
from gateway.home.neighbours import Neighbour
from gateway.kernel.conntrack import TCP_ESTABLISHED, Conntrack, Entry
from gateway.kernel.marks import MarkLayout, State, verdict_byte
from gateway.wire.ip import TCP

Slots = Mapping[bytes, int]
"""Packed address of each device on the LAN → its slot; 0: it is not filtered."""

_REFUSED = verdict_byte(State.REFUSED)


def slots_of_addresses(family: Family, neighbours: Iterable[Neighbour], interfaces: Iterable[str]) -> Slots:
    """Whose the addresses are that the kernel knows on the LAN's interfaces."""
    inside = lan.indexes(interfaces)
    found = {}
    for one in neighbours:
        if one.ifindex in inside:
            member = family.member_of(one.mac)
            found[lan.packed(one.ip)] = 0 if member is None else member.slot
    return found


def refuse_all(conntrack: Conntrack, layout: MarkLayout, slots: Slots) -> int:
    """At a start: every connection of a filtered device. How many there were."""
    return _refuse(conntrack, layout, slots, layout.ct_ours)


def refuse_unmarked(conntrack: Conntrack, layout: MarkLayout, slots: Slots) -> int:
    """After our table was gone: those that it never met. How many there were."""
    return _refuse(conntrack, layout, slots, 0)


def _refuse(conntrack: Conntrack, layout: MarkLayout, slots: Slots, known: int) -> int:
    by_slot: dict[int, list[Entry]] = {}
    for entry, slot in _open_connections(conntrack, layout, slots):
        if not entry.mark & layout.ct_ours & ~known:
            by_slot.setdefault(slot, []).append(entry)
    return sum(
        conntrack.set_mark(entries, layout.ct_mark(slot, _REFUSED), layout.ct_ours)
        for slot, entries in by_slot.items()
    )


def _open_connections(
    conntrack: Conntrack, layout: MarkLayout, slots: Slots
) -> Iterator[tuple[Entry, int]]:
    """With the slot of the device that holds one end, by its address or by an earlier mark."""
    for entry in conntrack.entries():
        if entry.original.proto != TCP or entry.tcp_state != TCP_ESTABLISHED:
            continue
        ends = [slots.get(end) for end in (entry.original.src, entry.reply.src)]
        if None not in ends:
            continue  # from one of the home's networks to another
        slot = ends[0] or ends[1] or layout.ct_slot(entry.mark)
        if slot:
            yield entry, slot

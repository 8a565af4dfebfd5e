"""Finds and resets connections that were not judged by the rules of their present owner.

They began before the daemon, while its table was missing, or while the device had another owner. Connections
that an earlier daemon judged and handed over are not reset.

- TCP connections of filtered devices are reset: their ClientHello was not read, or not by these rules. The
  device reconnects, and the new connection is judged.
- UDP flows are judged again. QUIC without its first packet is not forwarded: the device reconnects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from gateway.core.turns import Steps
from gateway.household.members import Family
from gateway.kernel.conntrack import TCP_ESTABLISHED, Conntrack, ConntrackEntry, parse_entry
from gateway.kernel.marks import CUT, PLAIN_SLOT, FlowState, MarkLayout
from gateway.lan import interfaces as lan
from gateway.lan.neighbours import Neighbour
from gateway.path.live_flows import FlowId, LiveFlows
from gateway.wire.ip.packet import TCP

ENTRIES_A_STEP = 200  # entries of the connection table; each takes 50 us

Slots = Mapping[bytes, int]
"""Packed address of each device on the LAN → its slot; 0: not filtered."""

BySlot = Mapping[int, list[ConntrackEntry]]


def slots_of_addresses(family: Family, neighbours: Iterable[Neighbour], interfaces: Iterable[str]) -> Slots:
    """Return the slot of each neighbour on the LAN interfaces, by packed address.

    A slot is the number of a filtered device, or of several with one profile; 0: not filtered.
    """
    inside = lan.indexes(interfaces)
    found = {}
    for neighbour in neighbours:
        if neighbour.ifindex in inside:
            found[lan.packed(neighbour.ip)] = family.slot_of(neighbour.mac, inside[neighbour.ifindex])
    return found


def begin(conntrack: Conntrack, layout: MarkLayout, slots: Slots, live: LiveFlows | None) -> None:
    """Before a daemon's table is loaded, reset the TCP connections of filtered devices.

    All other connections lose Qalqan's mark. ``live``: the flows that an earlier daemon judged and
    handed over; these, and connections to help lines, continue if their marks still fit their
    devices. None: nothing was handed over, and neither continues.
    """

    def ends(entry: ConntrackEntry) -> bool:
        return live is None or not _continues(entry, layout, slots, live)

    earlier = open_connections(filter(ends, conntrack.entries()), layout, slots)
    ours = (entry for entry in conntrack.entries() if entry.mark & layout.ct_ours and ends(entry))
    conntrack.set_mark(ours, 0, layout.ct_ours)
    refuse(conntrack, layout, earlier)


def _continues(entry: ConntrackEntry, layout: MarkLayout, slots: Slots, live: LiveFlows) -> bool:
    """Return whether an earlier daemon allowed this connection for the slot that its device still has."""
    slot, (state, number) = layout.ct_slot(entry.mark), layout.ct_verdict(entry.mark)
    sent = entry.original
    if not slot or slots.get(sent.src) != slot:
        return False
    if state is FlowState.HELP:
        return True
    known = live.get(FlowId(slot, sent.proto, sent.src, sent.sport, sent.dst, sent.dport))
    return state is FlowState.PASSES and known is not None and known.class_number == number


def open_connections(
    entries: Iterable[ConntrackEntry], layout: MarkLayout, slots: Slots, *, unmarked: bool = False
) -> BySlot:
    """Return the established TCP connections of filtered devices, by slot.

    The slot is that of the address at one end, else that of the connection's mark. ``unmarked``: return only
    connections without a mark of Qalqan's table.
    """
    found: dict[int, list[ConntrackEntry]] = {}
    for entry in entries:
        if entry.original.proto != TCP or entry.tcp_state != TCP_ESTABLISHED:
            continue
        if unmarked and entry.mark & layout.ct_ours:
            continue
        ends = [slots.get(end) for end in (entry.original.src, entry.reply.src)]
        if None not in ends:
            continue  # between two networks of the LAN
        slot = ends[0] or ends[1] or layout.ct_slot(entry.mark)
        if slot:
            found.setdefault(slot, []).append(entry)
    return found


def reset_connections(
    conntrack: Conntrack, layout: MarkLayout, slots: Slots, *, only: AbstractSet[bytes] | None = None
) -> Steps[bool]:
    """Return steps (a generator) that reset connections whose mark has another slot than their device.

    Only TCP connections are reset. Other flows, and those of devices that are unfiltered now, only
    lose their mark. ``only``: check only connections of these addresses. The result is whether one of
    them belonged to an unfiltered device; the flow table may then still forward it past the rules.
    """
    unfiltered = False
    blocked: dict[int, list[ConntrackEntry]] = {}
    cleared: list[ConntrackEntry] = []
    entries = map(parse_entry, conntrack.raw_entries()) if only is None else conntrack.of_addresses(only)
    for number, entry in enumerate(entries, start=1):
        if number % ENTRIES_A_STEP == 0:
            yield
        if entry is None:
            continue
        ends = [slots.get(end) for end in (entry.original.src, entry.reply.src)]
        slot = ends[0] if ends[1] is None else ends[1] if ends[0] is None else None
        marked = (entry.mark & layout.slot) >> layout.slot_shift
        if slot is None or marked in (0, slot or PLAIN_SLOT):
            continue
        unfiltered |= marked == PLAIN_SLOT
        if slot and entry.original.proto == TCP:
            blocked.setdefault(slot, []).append(entry)
        else:
            cleared.append(entry)
    refuse(conntrack, layout, blocked)
    conntrack.set_mark(cleared, 0, layout.ct_ours)
    return unfiltered


def hand_over(conntrack: Conntrack, layout: MarkLayout, slot: int, successor: int) -> None:
    """Reset the TCP connections of ``slot``, whose devices now have slot ``successor``.

    Other flows, and all if ``successor`` is 0 (unfiltered), only lose their mark.
    """
    blocked: list[ConntrackEntry] = []
    cleared: list[ConntrackEntry] = []
    for entry in conntrack.of_slot(layout, slot):
        (blocked if successor and entry.original.proto == TCP else cleared).append(entry)
    refuse(conntrack, layout, {successor: blocked})
    conntrack.set_mark(cleared, 0, layout.ct_ours)


def refuse(conntrack: Conntrack, layout: MarkLayout, connections: BySlot) -> int:
    """Mark connections as cut, so that the kernel resets each at its next packet from the LAN.

    ``connections``: by the slot that they get in their marks. Return how many still existed.
    """
    return sum(
        conntrack.set_mark(entries, layout.ct_mark(slot, CUT), layout.ct_ours)
        for slot, entries in connections.items()
    )

"""Lists, finds, marks, deletes and measures connections in the kernel's connection table, by ctnetlink.

A slot is the number of one or several filtered devices with one profile, and a class is a combination of its
time rules; both are bits in the connection mark (marks.py).

Entries outlive our table and our process. A daemon that starts or stops clears our bits in them, except in
those of connections that one daemon hands over to the next: an old mark would otherwise apply to new rules.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from gateway.core.errors import KernelError
from gateway.core.netlink import ATTRIBUTE, attribute, fields
from gateway.kernel.marks import STATE_MASK, FlowState, MarkLayout
from gateway.kernel.netlink import BE16, BE32, BE64, NESTED, Netlink

_NEW, _GET, _DELETE = 0x100, 0x101, 0x102  # subsystem 1; linux/netfilter/nfnetlink_conntrack.h
_TUPLE_ORIG, _TUPLE_REPLY, _STATUS, _PROTOINFO, _MARK, _ID = 1, 2, 3, 4, 8, 12
_COUNTERS = (9, 10)  # of the original and the reply side
_ZONE, _MARK_MASK, _FILTER = 18, 21, 25
_FILTER_ORIGINAL = 1
# Protocol and source port. With IPv6 addresses kernels also return entries that do not match (seen on 6.18).
_FILTER_CLIENT = struct.pack("=I", 1 << 3 | 1 << 4)
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_SOURCE, _DESTINATION = (1, 3), (2, 4)  # IPv4, IPv6
_PROTO_NUMBER, _PROTO_SOURCE_PORT, _PROTO_DESTINATION_PORT = 1, 2, 3
_PROTOINFO_TCP, _TCP_STATE = 1, 1
_PACKETS, _BYTES = 1, 2

TCP_ESTABLISHED = 3
_EMPTY = memoryview(b"")
_BATCH = 64  # changes per datagram: their acknowledgements fit into the socket's buffer many times
_GONE = (errno.ENOENT, errno.EBUSY)  # the entry has ended, or another has replaced it, since it was listed

ACCOUNTING = Path("/proc/sys/net/netfilter/nf_conntrack_acct")
_FEW = 4  # slots; for more, one dump of all is cheaper
_BOTH = Struct(">4sQ4sQ")  # packets and bytes of one side, as most kernels write them
_HEADS = (ATTRIBUTE.pack(12, _PACKETS), ATTRIBUTE.pack(12, _BYTES))
_new = tuple.__new__

Flow = tuple[int, int, bytes, int, bytes, int]
"""Slot, protocol, the device's address and port, the other side's: equal to path.live_flows.FlowId."""

_Known = tuple[int, tuple[Flow, Flow]]
"""The bytes of a connection at the last reading, and its flows as in `Moved`."""

_Entry = tuple[int, int, dict[int, memoryview], memoryview]
"""Slot, mark, attributes, and the raw attributes of a connection that passes."""

_NONE: Mapping[bytes, _Known] = {}


@dataclass(frozen=True, slots=True)
class FlowTuple:
    """The addresses, protocol and ports of a connection in one direction."""

    src: bytes  # packed, 4 or 16 bytes
    dst: bytes
    proto: int  # IP protocol number
    sport: int = 0  # 0 for protocols without ports
    dport: int = 0


@dataclass(frozen=True, slots=True)
class Counters:
    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ConntrackEntry:
    """One connection of the kernel's connection table.

    Numbers that the kernel did not report are 0; a missing TCP state is None, and so are missing counters.
    """

    original: FlowTuple
    reply: FlowTuple
    mark: int
    status: int  # IPS_* bits, linux/netfilter/nf_conntrack_common.h
    tcp_state: int | None  # TCP_ESTABLISHED and others, linux/netfilter/nf_conntrack_tcp.h
    # Original and reply side; None unless nf_conntrack_acct is set.
    counters: tuple[Counters, Counters] | None
    key: bytes  # identifies the entry in a request: tuple, zone, id
    number: int = 0  # the kernel's id, as nft reads it by `ct id`; another connection may get it later

    @property
    def family(self) -> int:
        return socket.AF_INET if len(self.original.src) == 4 else socket.AF_INET6


class Conntrack:
    """Reads and changes the kernel's connection table, in the network namespace in which this was created.

    Methods raise KernelError; a change that raises it may be done in part. Read an iterator that they return
    before another listing, or `behind`, begins.
    """

    def __init__(self) -> None:
        self._netlink = Netlink()

    def close(self) -> None:
        self._netlink.close()

    def entries(self, mark: int = 0, mask: int = 0) -> Iterator[ConntrackEntry]:
        """Yield every connection whose mark has the bits ``mark`` under ``mask``; mask 0: all of them.

        The table is read in pieces and changes meanwhile: an entry may appear twice, and others may
        be missed. Raises KernelError if it cannot be read.
        """
        wanted = attribute(_MARK, BE32.pack(mark)) + attribute(_MARK_MASK, BE32.pack(mask)) if mask else b""
        try:
            for data in self._netlink.dump(_GET, socket.AF_UNSPEC, wanted):
                entry = parse_entry(data)
                if entry is not None and entry.mark & mask == mark:
                    yield entry
        except InterruptedError:
            return
        except OSError as error:
            raise _unreadable(error) from error

    def raw_entries(self) -> list[memoryview]:
        """Return every connection as bytes in the kernel's format, for `parse_entry`.

        This is faster than parsing them. An entry may appear twice or be missed, as in `entries`.
        """
        found: list[memoryview] = []
        try:
            found.extend(memoryview(bytes(data)) for data in self._netlink.dump(_GET, socket.AF_UNSPEC))
        except InterruptedError:
            return found
        except OSError as error:
            raise _unreadable(error) from error
        return found

    def of_slot(self, layout: MarkLayout, slot: int) -> Iterator[ConntrackEntry]:
        """Yield the connections of a slot: a filtered device, or several with one profile.

        They are found by the slot number in their marks.
        """
        return self.entries(layout.ct_mark(slot), layout.slot)

    def of_addresses(self, addresses: AbstractSet[bytes]) -> Iterator[ConntrackEntry]:
        """Yield connections whose original or reply source is one of these packed addresses.

        Other entries are skipped without parsing, which takes a quarter of the time.
        """
        try:
            for data in self._netlink.dump(_GET, socket.AF_UNSPEC):
                raw = bytes(data)
                if any(address in raw for address in addresses):
                    entry = parse_entry(data)
                    if entry is not None and not addresses.isdisjoint((entry.original.src, entry.reply.src)):
                        yield entry
        except InterruptedError:
            return
        except OSError as error:
            raise _unreadable(error) from error

    def find(self, original: FlowTuple) -> ConntrackEntry | None:
        """Return the connection whose addresses and ports before address translation are ``original``.

        Returns None if there is none. TCP and UDP only, in the default zone.
        """
        return self._find(_TUPLE_ORIG, original)

    def answered_by(self, reply: FlowTuple) -> ConntrackEntry | None:
        """Return the connection whose reply packets have these addresses and ports; None without one.

        For a redirected connection this is exact, the original tuple is not: the kernel also changes the
        client's port if another connection of the same port was redirected to the same place.
        """
        return self._find(_TUPLE_REPLY, reply)

    def behind(self, packet: FlowTuple) -> ConntrackEntry | None:
        """Return the connection that a packet belongs to, in either direction; None if there is none.

        The packet's destination may have been translated already; its source has not, as that happens last.
        If both are translated, the kernel walks the whole table.
        """
        answer = FlowTuple(packet.dst, packet.src, packet.proto, packet.dport, packet.sport)
        found = self._find(_TUPLE_REPLY, answer)
        if found is not None:
            return found
        # The source will be translated, so replies go to another address.
        found = self.find(packet)
        if found is not None and (found.reply.src, found.reply.sport) == (packet.dst, packet.dport):
            return found
        return self._walk(packet)

    def _walk(self, packet: FlowTuple) -> ConntrackEntry | None:
        """Return the connection of a packet with a translated destination and a source to be translated.

        The kernel searches all entries.
        """
        found = None
        wanted = attribute(_FILTER | NESTED, attribute(_FILTER_ORIGINAL, _FILTER_CLIENT))
        try:
            for data in self._netlink.dump(_GET, _family(packet), wanted + _tuple_attribute(packet)):
                entry = parse_entry(data)
                if entry is None or entry.original.src != packet.src:
                    continue
                if (entry.reply.src, entry.reply.sport) == (packet.dst, packet.dport):
                    found = entry
        except InterruptedError:
            return found
        except OSError as error:
            raise _unreadable(error) from error
        return found

    def _find(self, side: int, flow: FlowTuple) -> ConntrackEntry | None:
        try:
            answers = self._netlink.ask(_GET, _family(flow), _tuple_attribute(flow, side))
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise _unreadable(error) from error
        return parse_entry(memoryview(answers[0])) if answers else None

    def set_mark(self, entries: Iterable[ConntrackEntry], value: int, mask: int) -> int:
        """Set the bits under ``mask`` in the marks of these connections to those of ``value``.

        Return the number of entries that still existed.
        """
        bits = attribute(_MARK, BE32.pack(value)) + attribute(_MARK_MASK, BE32.pack(mask))
        return self._change(_NEW, entries, bits)

    def delete(self, entries: Iterable[ConntrackEntry]) -> int:
        """Delete connections from the table; their next packets start new ones.

        Return how many entries still existed.
        """
        return self._change(_DELETE, entries, b"")

    def clear(self, layout: MarkLayout, slot: int | None = None) -> int:
        """Clear Qalqan's bits in the marks of all connections, or of those of one slot (filtered device).

        Return how many entries were changed. The connections continue.
        """
        entries = self.entries() if slot is None else self.of_slot(layout, slot)
        return self.set_mark((e for e in entries if e.mark & layout.ct_ours), 0, layout.ct_ours)

    def _change(self, kind: int, entries: Iterable[ConntrackEntry], extra: bytes) -> int:
        changed = 0
        remaining = iter(entries)
        while batch := [(kind, entry.family, entry.key + extra) for entry in islice(remaining, _BATCH)]:
            try:
                results = self._netlink.change(batch)
            except OSError as error:
                raise _unreadable(error) from error
            for number in results:
                if number and number not in _GONE:
                    raise _unreadable(OSError(number, errno.errorcode.get(number, "unknown error")))
            changed += results.count(0)
        return changed


def parse_entry(data: memoryview) -> ConntrackEntry | None:
    """Return the connection in a ctnetlink message's attributes; None without addresses or protocol."""
    values = fields(data)
    tuples = values.get(_TUPLE_ORIG), values.get(_TUPLE_REPLY)
    if tuples[0] is None or tuples[1] is None:
        return None
    original, reply = _parse_tuple(tuples[0]), _parse_tuple(tuples[1])
    if original is None or reply is None:
        return None
    key = attribute(_TUPLE_ORIG | NESTED, bytes(tuples[0]))
    for kind in (_ZONE, _ID):
        if kind in values:
            key += attribute(kind, bytes(values[kind]))
    return ConntrackEntry(
        original=original,
        reply=reply,
        mark=_number(values.get(_MARK)),
        status=_number(values.get(_STATUS)),
        tcp_state=_tcp_state(values.get(_PROTOINFO)),
        counters=_counters(values.get(_COUNTERS[0]), values.get(_COUNTERS[1])),
        key=key,
        number=_number(values.get(_ID)),
    )


def _parse_tuple(data: memoryview) -> FlowTuple | None:
    outer = fields(data)
    addresses = fields(outer.get(_TUPLE_IP, _EMPTY))
    proto = fields(outer.get(_TUPLE_PROTO, _EMPTY))
    src = addresses.get(_SOURCE[0]) or addresses.get(_SOURCE[1])
    dst = addresses.get(_DESTINATION[0]) or addresses.get(_DESTINATION[1])
    number = proto.get(_PROTO_NUMBER)
    if not src or not dst or not number:
        return None
    sport, dport = _port(proto.get(_PROTO_SOURCE_PORT)), _port(proto.get(_PROTO_DESTINATION_PORT))
    return FlowTuple(bytes(src), bytes(dst), number[0], sport, dport)


def _port(value: memoryview | None) -> int:
    return int(BE16.unpack(value)[0]) if value is not None and len(value) == 2 else 0


def _family(flow: FlowTuple) -> int:
    return socket.AF_INET if len(flow.src) == 4 else socket.AF_INET6


def _tuple_attribute(flow: FlowTuple, side: int = _TUPLE_ORIG) -> bytes:
    version = 0 if len(flow.src) == 4 else 1
    addresses = attribute(_SOURCE[version], flow.src) + attribute(_DESTINATION[version], flow.dst)
    proto = (
        attribute(_PROTO_NUMBER, bytes([flow.proto]))
        + attribute(_PROTO_SOURCE_PORT, BE16.pack(flow.sport))
        + attribute(_PROTO_DESTINATION_PORT, BE16.pack(flow.dport))
    )
    both = attribute(_TUPLE_IP | NESTED, addresses) + attribute(_TUPLE_PROTO | NESTED, proto)
    return attribute(side | NESTED, both)


def _number(value: memoryview | None) -> int:
    return int(BE32.unpack(value)[0]) if value is not None and len(value) == 4 else 0


def _tcp_state(value: memoryview | None) -> int | None:
    tcp = fields(value).get(_PROTOINFO_TCP) if value is not None else None
    state = fields(tcp).get(_TCP_STATE) if tcp is not None else None
    return state[0] if state else None


def _counters(original: memoryview | None, reply: memoryview | None) -> tuple[Counters, Counters] | None:
    if original is None or reply is None:
        return None
    return _side(original), _side(reply)


def _side(data: memoryview) -> Counters:
    values = {kind: BE64.unpack(value)[0] for kind, value in fields(data).items() if len(value) == 8}
    return Counters(values.get(_PACKETS, 0), values.get(_BYTES, 0))


def _unreadable(error: OSError) -> KernelError:
    if error.errno == errno.EPERM:
        return KernelError("no access to the connection table; run as root or with CAP_NET_ADMIN")
    if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT):
        return KernelError(f"the kernel has no ctnetlink ({error}); load nf_conntrack_netlink")
    return KernelError(f"the connection table cannot be used: {error}")


class Moved(NamedTuple):
    """An allowed connection with the bytes that it transferred since the last reading, in both directions.

    ``slot``: the number of its device; ``class_number``: of the combination of time rules that
    counts it.
    """

    slot: int
    class_number: int
    bytes: int
    flows: tuple[Flow, Flow]  # for a connection that the device began, and for one that the other side began


class FlowBytes:
    """Measures the bytes of each allowed connection between two readings. Of a new one, all bytes count.

    Each reading walks the kernel's whole connection table, so call it only when some traffic was
    counted.
    """

    def __init__(self, layout: MarkLayout) -> None:
        self._layout = layout
        self._netlink = Netlink()
        self._known: dict[int, dict[bytes, _Known]] = {}

    def close(self) -> None:
        self._netlink.close()

    def moved(self, slots: Collection[int]) -> Iterator[list[Moved]]:
        """Yield, in parts, the allowed connections of these slots that transferred bytes since the last call.

        A slot is a filtered device. Connections that no time rule counts (no class) are left out.
        Iterate to the end: only then the bytes are not yielded again. One iteration of `moved` or
        `all_flows` runs at a time. Raises KernelError.
        """
        now: dict[int, dict[bytes, _Known]] = {slot: {} for slot in slots}
        for part in self._passing(slots):
            yield [moved for entry in part if (moved := self._moved(entry, now)) is not None]
        self._known.update(now)

    def _moved(self, entry: _Entry, now: dict[int, dict[bytes, _Known]]) -> Moved | None:
        """Add a connection to ``now``; return its bytes since the last reading, as `Moved`.

        None if there are none, if no time rule counts it (no class), or if ``now`` lacks its slot
        (device).
        """
        slot, mark, values, data = entry
        of_slot = now.get(slot)
        if of_slot is None:
            return None
        key = bytes(values.get(_ID, _EMPTY)) + bytes(values.get(_TUPLE_ORIG, _EMPTY))
        size = _size(values)
        known = self._known.get(slot, _NONE).get(key)
        flows = known[1] if known is not None else _flows(slot, data)
        if flows is None:
            return None
        moved = size if known is None else size - known[0]
        of_slot[key] = size, flows
        number = self._layout.ct_verdict(mark)[1] if moved > 0 else 0
        return _new(Moved, (slot, number, moved, flows)) if number else None

    def all_flows(self) -> Iterator[list[Flow]]:
        """Yield, in parts, the flows of every connection that passes. Raises KernelError.

        Those with an allowed hello that is not answered yet are included, and those of unfiltered devices,
        with slot 0. Each connection has two, as in `Moved`: it may have been started by either side.
        """
        layout = self._layout
        passes = layout.ct_mark(0, FlowState.PASSES)  # this bit is the first of both PASSES and ASKS
        answerable, state = layout.ct_mark(0, FlowState.REFUSED), layout.ct_mark(0, STATE_MASK)
        for part in self._entries([(passes, passes), (answerable, state)]):
            flows: list[Flow] = []
            for slot, mark, _, data in part:
                if layout.ct_verdict(mark)[0] is not FlowState.REFUSED:
                    flows += _flows(slot, data) or ()
            yield flows

    def _passing(self, slots: Collection[int]) -> Iterator[Iterator[_Entry]]:
        layout = self._layout
        passes = layout.ct_mark(0, FlowState.PASSES)
        if len(slots) > _FEW:
            return self._entries([(passes, passes)])
        return self._entries([(layout.ct_mark(slot) | passes, layout.slot | passes) for slot in slots])

    def _entries(self, filters: Iterable[tuple[int, int]]) -> Iterator[Iterator[_Entry]]:
        """Yield in parts the connections that match any of these marks under their masks. Raises KernelError.

        ``filters``: pairs of a mark and a mask.
        """
        try:
            for value, mask in filters:
                wanted = attribute(_MARK, BE32.pack(value)) + attribute(_MARK_MASK, BE32.pack(mask))
                for part in self._netlink.dump_in_parts(_GET, socket.AF_UNSPEC, wanted):
                    yield self._matching(part, value, mask)
        except InterruptedError:
            return
        except OSError as error:
            msg = f"the connection table cannot be read: {error.strerror or error}"
            raise KernelError(msg) from error

    def _matching(self, part: Iterable[memoryview], value: int, mask: int) -> Iterator[_Entry]:
        for data in part:
            values = fields(data)
            raw = values.get(_MARK, _EMPTY)
            mark = int(BE32.unpack(raw)[0]) if len(raw) == 4 else 0
            if mark & mask == value:
                yield self._layout.ct_slot(mark), mark, values, data


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
    """Return a connection's bytes in both directions, from its attributes; 0 if the kernel does not count."""
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
    """Turn on the kernel's byte counters per connection in this network namespace, if they are off.

    Return whether they were off. Existing connections remain uncounted. Raises KernelError.
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

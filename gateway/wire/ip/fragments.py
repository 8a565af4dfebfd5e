"""Reassembles IP fragments (RFC 791 §3.2, RFC 8200 §4.5) of capture files.

For queued packets conntrack does this, so the flow table joins no fragments.
"""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor
from gateway.wire.ip.packet import DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING

MAX_DATAGRAMS = 64  # incomplete ones at a time, as many as a few devices lose
MAX_PIECES = 256  # of one datagram: 64 KiB in pieces of 256 bytes, below any link's smallest MTU
MAX_AGE = 30.0  # seconds; as Linux (net.ipv4.ipfrag_time)
MAX_LENGTH = 65535  # the largest length in an IP header: in IPv4 of the packet, in IPv6 of its payload

_U16 = Struct("!H")
_BEFORE_FRAGMENT = frozenset((HOP_BY_HOP, ROUTING, DESTINATION))

Key = tuple[bytes, bytes, int, int]  # source, destination, identification, protocol (0 in IPv6)


class _Fragment(NamedTuple):
    key: Key
    start: int  # bytes of the whole payload before this piece
    more: bool
    head: bytes  # the headers of the whole packet; lengths and checksum are set when it is joined
    body: bytes


class _Datagram:
    """The fragments of one IP packet received so far."""

    __slots__ = ("head", "length", "pieces", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.head: bytes | None = None
        self.length: int | None = None  # of the whole payload, once the last piece is here
        self.pieces: dict[int, bytes] = {}


class Defragmenter:
    """Reassembles IP packets: ``feed`` takes every IP packet of a link and returns whole ones.

    Incomplete packets are dropped after MAX_AGE seconds, and the oldest one if there are MAX_DATAGRAMS.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[Key, _Datagram] = OrderedDict()  # oldest first

    def feed(self, data: bytes, now: float) -> bytes | None:
        """Return ``data`` itself if it is no fragment; else the whole packet if it is complete now, or None.

        ``now`` is in seconds. Raises WireError for a fragment that no correct sender sends, for more than
        MAX_PIECES fragments, and for fragments that overlap (RFC 5722; an exact repetition is ignored). The
        stored fragments of that packet are then discarded, except after a fragment with an invalid header.
        """
        fragment = _fragment(data)
        if fragment is None:
            return data
        while self._waiting and now - next(iter(self._waiting.values())).since > MAX_AGE:
            self._waiting.popitem(last=False)
        datagram = self._waiting.get(fragment.key)
        if datagram is None:
            if len(self._waiting) >= MAX_DATAGRAMS:
                self._waiting.popitem(last=False)
            datagram = self._waiting[fragment.key] = _Datagram(now)
        try:
            _add(datagram, fragment)
            whole = _join(datagram)
        except WireError:
            del self._waiting[fragment.key]
            raise
        if whole is not None:
            del self._waiting[fragment.key]
        return whole


def _fragment(data: bytes) -> _Fragment | None:
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        where = _U16.unpack_from(data, 6)[0]
        return _ipv4(data, where) if where & 0x3FFF else None
    if version == 6 and len(data) >= 40 and data[6] in (*_BEFORE_FRAGMENT, FRAGMENT):
        return _ipv6(data)
    return None


def _ipv4(data: bytes, where: int) -> _Fragment:
    cursor = Cursor(data)
    size = (cursor.u8() & 0x0F) << 2
    cursor.skip(1)
    total = cursor.u16()
    if not 20 <= size <= total <= len(data):
        msg = f"IPv4 fragment with a header of {size} bytes, {total} in all, {len(data)} at hand"
        raise WireError(msg)
    key = (data[12:16], data[16:20], _U16.unpack_from(data, 4)[0], data[9])
    return _Fragment(key, (where & 0x1FFF) << 3, where & 0x2000 != 0, data[:size], data[size:total])


def _ipv6(data: bytes) -> _Fragment | None:
    """Return the fragment in an IPv6 packet; None if it has no fragment header. Raises WireError if cut.

    The headers before that one are for every router on the path (RFC 8200 §4.5).
    """
    total = 40 + _U16.unpack_from(data, 4)[0]
    cursor = Cursor(data, 40, total) if total <= len(data) else Cursor(data, len(data))
    kind, place = data[6], 6  # of the next header, and the offset of its number
    while kind in _BEFORE_FRAGMENT:
        following = cursor.pos
        kind = cursor.u8()
        cursor.skip((cursor.u8() + 1) * 8 - 2)
        place = following
    if kind != FRAGMENT:
        return None
    start = cursor.pos
    kind = cursor.u8()
    cursor.skip(1)
    where = cursor.u16()
    key = (data[8:24], data[24:40], cursor.u32(), 0)
    head = data[:place] + bytes((kind,)) + data[place + 1 : start]
    return _Fragment(key, where & 0xFFF8, where & 1 != 0, head, cursor.rest())


def _add(datagram: _Datagram, fragment: _Fragment) -> None:
    start, body = fragment.start, fragment.body
    end = start + len(body)
    if (fragment.more and (not body or len(body) % 8)) or end > MAX_LENGTH:
        msg = f"IP fragment of bytes {start}..{end}"
        raise WireError(msg)
    if datagram.pieces.get(start) == body:
        return
    for other, piece in datagram.pieces.items():
        if other < end and start < other + len(piece):
            msg = f"IP fragments that overlap at byte {max(start, other)}"
            raise WireError(msg)
    if len(datagram.pieces) >= MAX_PIECES:
        msg = f"IP packet in more than {MAX_PIECES} fragments"
        raise WireError(msg)
    datagram.pieces[start] = body
    if start == 0:
        datagram.head = fragment.head
    if not fragment.more:
        datagram.length = end


def _join(datagram: _Datagram) -> bytes | None:
    held = sum(map(len, datagram.pieces.values()))
    if datagram.head is None or datagram.length is None or held < datagram.length:
        return None
    if held > datagram.length:
        msg = "IP fragments past the last one"
        raise WireError(msg)
    head = bytearray(datagram.head)
    length = len(head) + held
    if head[0] >> 4 == 6:
        length -= 40
    if length > MAX_LENGTH:
        msg = f"IP packet of {length} bytes"
        raise WireError(msg)
    if head[0] >> 4 == 6:
        _U16.pack_into(head, 4, length)
    else:
        _U16.pack_into(head, 2, length)
        _U16.pack_into(head, 6, 0)
        _U16.pack_into(head, 10, 0)
        _U16.pack_into(head, 10, -int.from_bytes(head, "big") % 65535)
    return bytes(head) + b"".join(datagram.pieces[start] for start in sorted(datagram.pieces))

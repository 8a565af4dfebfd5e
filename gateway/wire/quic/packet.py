"""Classifies QUIC datagrams by their unprotected part (RFC 8999, RFC 9000 §17, RFC 9369 §3.2)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor
from gateway.wire.quic.crypto import VERSION_1, VERSION_2

MAX_CONNECTION_ID = 20  # bytes, in v1 and v2 (RFC 9000 §17.2)
MIN_CLIENT_DATAGRAM = 1200  # bytes of a datagram with a client's Initial (RFC 9000 §14.1)
_MIN_SHORT = 21  # bytes; a smaller packet cannot be protected (RFC 9001 §5.4.2, RFC 9000 §10.3)

_LONG = 0x80
_FIXED = 0x40


class DatagramKind(Enum):
    """The type of a datagram, by its first packet; INITIAL if any packet in it is one."""

    INITIAL = "initial"
    ZERO_RTT = "0-rtt"
    HANDSHAKE = "handshake"
    RETRY = "retry"
    VERSION_NEGOTIATION = "version negotiation"
    UNKNOWN_VERSION = "unknown version"  # QUIC of another version: drafts, Google's own, future ones
    SHORT = "short"  # has a short header's form, as a quarter of random data does: check the port too
    OTHER = "other"


_V1_KINDS = (DatagramKind.INITIAL, DatagramKind.ZERO_RTT, DatagramKind.HANDSHAKE, DatagramKind.RETRY)
_KINDS = {VERSION_1: _V1_KINDS, VERSION_2: (_V1_KINDS[3], *_V1_KINDS[:3])}


class LongPacket(NamedTuple):
    """One packet of version 1 or 2 with a long header; offsets are into its datagram."""

    kind: DatagramKind
    version: int
    dcid: bytes
    scid: bytes
    start: int
    number: int  # offset of the packet number; for a Retry, the end of the packet
    end: int


def classify(datagram: bytes) -> DatagramKind:
    """Return the type of a UDP payload. Never raises: random data is OTHER, or SHORT by chance."""
    if not datagram:
        return DatagramKind.OTHER
    first = datagram[0]
    if not first & _LONG:
        return DatagramKind.SHORT if first & _FIXED and len(datagram) >= _MIN_SHORT else DatagramKind.OTHER
    found = long_packets(datagram)
    if found:
        return DatagramKind.INITIAL if any(p.kind is DatagramKind.INITIAL for p in found) else found[0].kind
    return _other_version(datagram)


def long_packets(datagram: bytes) -> list[LongPacket]:
    """Return the coalesced v1 and v2 packets of a datagram (RFC 9000 §12.2), up to the first other byte.

    Never raises. The fixed bit is ignored: a client that may grease it also does so in Initials
    (RFC 9287 §3).
    """
    found = []
    cursor = Cursor(datagram)
    try:
        while not cursor.at_end:
            packet = _long_packet(cursor)
            if packet is None:
                break
            found.append(packet)
    except WireError:
        return found  # cut or random: receivers drop the rest of the datagram
    return found


def _long_packet(cursor: Cursor) -> LongPacket | None:
    start = cursor.pos
    first = cursor.u8()
    if not first & _LONG:
        return None
    version = cursor.u32()
    kinds = _KINDS.get(version)
    if kinds is None:
        return None
    kind = kinds[first >> 4 & 0x03]
    dcid = cursor.counted8()
    scid = cursor.counted8()
    if len(dcid) > MAX_CONNECTION_ID or len(scid) > MAX_CONNECTION_ID:
        return None
    if kind is DatagramKind.RETRY:
        cursor.skip(cursor.remaining)
        return LongPacket(kind, version, dcid, scid, start, cursor.end, cursor.end)
    if kind is DatagramKind.INITIAL:
        cursor.skip(cursor.varint())
    size = cursor.varint()
    number = cursor.pos
    cursor.skip(size)
    return LongPacket(kind, version, dcid, scid, start, number, cursor.pos)


def _other_version(datagram: bytes) -> DatagramKind:
    """Classify a long header that is neither v1 nor v2, or is cut."""
    cursor = Cursor(datagram)
    try:
        first, version = cursor.u8(), cursor.u32()
        dcid, scid = cursor.counted8(), cursor.counted8()
    except WireError:
        return DatagramKind.OTHER
    if version in _KINDS:
        return DatagramKind.OTHER
    if version == 0:
        versions = cursor.remaining
        return DatagramKind.VERSION_NEGOTIATION if versions and versions % 4 == 0 else DatagramKind.OTHER
    if not first & _FIXED or max(len(dcid), len(scid)) > MAX_CONNECTION_ID:
        return DatagramKind.OTHER
    named = version >> 8 == 0xFF0000 or version & 0x0F0F0F0F == 0x0A0A0A0A or version >> 24 in b"QT"
    return (
        DatagramKind.UNKNOWN_VERSION if named or len(datagram) >= MIN_CLIENT_DATAGRAM else DatagramKind.OTHER
    )

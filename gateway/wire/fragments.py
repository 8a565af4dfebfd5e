"""Reassembly of IP fragments (RFC 791 3.2, RFC 8200 4.5) for captures; in the gateway the kernel does it.

As in Linux, a datagram whose fragments overlap is thrown away whole (RFC 5722 for IPv6; IPv4 alike).
"""

from __future__ import annotations

from collections import OrderedDict
from struct import Struct

from gateway.errors import WireError

MAX_DATAGRAMS = 256  # incomplete ones; a capture of a home has a few at a time
MAX_FRAGMENTS = 128  # a datagram; 64 KiB in fragments of 512 bytes
MAX_AGE = 30.0  # seconds, net.ipv4.ipfrag_time
MAX_LENGTH = 65535
MAX_HEADERS = 8  # IPv6 extension headers in front of the fragment header

_IPV6_OPTIONS, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_U16 = Struct("!H")

_Key = tuple[bytes, bytes, int, bytes]


class _Datagram:
    __slots__ = ("end", "head", "parts", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.parts: dict[int, bytes] = {}
        self.head: bytes | None = None  # all before the first fragment's payload, as of a whole packet
        self.end: int | None = None  # length of the whole payload, once the last fragment is there


class Defragmenter:
    """``feed`` gives whole packets back; None while fragments are missing."""

    def __init__(self) -> None:
        self._datagrams: OrderedDict[_Key, _Datagram] = OrderedDict()

    def feed(self, data: bytes, now: float) -> bytes | None:
        """``now`` in seconds. Raises WireError for fragments that contradict each other or do not fit."""
        found = _ipv4(data) if data[:1] and data[0] >> 4 == 4 else _ipv6(data)
        if found is None:
            return data
        key, head, offset, more, payload = found
        self._expire(now)
        datagram = self._datagrams.setdefault(key, _Datagram(now))
        try:
            _add(datagram, head, offset, more, payload)
        except WireError:
            del self._datagrams[key]
            raise
        if datagram.head is None or datagram.end is None:
            return None
        if sum(map(len, datagram.parts.values())) != datagram.end:
            return None
        del self._datagrams[key]
        body = b"".join(datagram.parts[at] for at in sorted(datagram.parts))
        return _whole(datagram.head, body)

    def _expire(self, now: float) -> None:
        while self._datagrams:
            oldest = next(iter(self._datagrams.values()))
            if now - oldest.since <= MAX_AGE and len(self._datagrams) < MAX_DATAGRAMS:
                return
            self._datagrams.popitem(last=False)

    def __len__(self) -> int:
        return len(self._datagrams)


def _add(datagram: _Datagram, head: bytes, offset: int, more: bool, payload: bytes) -> None:
    end = offset + len(payload)
    if not payload or end > MAX_LENGTH or (more and len(payload) % 8) or len(datagram.parts) >= MAX_FRAGMENTS:
        msg = f"a fragment of {len(payload)} bytes at {offset}"
        raise WireError(msg)
    if datagram.parts.get(offset) == payload:
        return  # sent twice
    if any(at < end and offset < at + len(part) for at, part in datagram.parts.items()):
        msg = f"overlapping fragments at {offset}"
        raise WireError(msg)
    if not more:
        datagram.end = end
    if datagram.end is not None and any(at + len(p) > datagram.end for at, p in datagram.parts.items()):
        msg = "a fragment behind the last one"
        raise WireError(msg)
    datagram.parts[offset] = payload
    if offset == 0:
        datagram.head = head


def _ipv4(data: bytes) -> tuple[_Key, bytes, int, bool, bytes] | None:
    if len(data) < 20:
        return None
    where = _U16.unpack_from(data, 6)[0]
    if not where & 0x3FFF:
        return None
    header, total = (data[0] & 0x0F) << 2, _U16.unpack_from(data, 2)[0]
    if not 20 <= header <= total <= len(data):
        return None
    key = (data[12:16], data[16:20], data[9], data[4:6])
    return key, data[:header], (where & 0x1FFF) << 3, where & 0x2000 != 0, data[header:total]


def _ipv6(data: bytes) -> tuple[_Key, bytes, int, bool, bytes] | None:
    if len(data) < 48:
        return None
    kind, place, at = data[6], 6, 40
    total = min(40 + _U16.unpack_from(data, 4)[0], len(data))
    for _ in range(MAX_HEADERS):
        if at + 8 > total:
            return None
        if kind == _FRAGMENT:
            where = _U16.unpack_from(data, at + 2)[0]
            if not where & 0xFFF9:
                return None  # atomic (RFC 6946): a whole packet, and read as one
            head = bytearray(data[:at])
            head[place] = data[at]
            key = (data[8:24], data[24:40], data[at], data[at + 4 : at + 8])
            return key, bytes(head), where & 0xFFF8, where & 1 != 0, data[at + 8 : total]
        if kind not in (_IPV6_OPTIONS, _ROUTING, _AUTHENTICATION, _DESTINATION):
            return None
        length = (data[at + 1] + 2) * 4 if kind == _AUTHENTICATION else (data[at + 1] + 1) * 8
        kind, place, at = data[at], at, at + length
    return None


def _whole(head: bytes, body: bytes) -> bytes:
    """The packet that was fragmented, with its length and (IPv4) checksum."""
    packet = bytearray(head + body)
    if packet[0] >> 4 == 6:
        length = len(packet) - 40
        if length > MAX_LENGTH:
            msg = f"fragments of {length} bytes"
            raise WireError(msg)
        _U16.pack_into(packet, 4, length)
        return bytes(packet)
    if len(packet) > MAX_LENGTH:
        msg = f"fragments of {len(packet)} bytes"
        raise WireError(msg)
    _U16.pack_into(packet, 2, len(packet))
    _U16.pack_into(packet, 6, 0)
    _U16.pack_into(packet, 10, 0)
    _U16.pack_into(packet, 10, -int.from_bytes(packet[: len(head)], "big") % 65535)
    return bytes(packet)

"""Parses IPv4, IPv6, TCP and UDP headers (RFC 791, 8200, 9293, 768), as far as a decision needs them.

This runs for every queued packet, so precompiled structs read the fixed headers instead of a Cursor. Each
length is checked against the available bytes before it is used.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from gateway.core.errors import WireError

ICMP = 1
TCP = 6
UDP = 17
ICMPV6 = 58

FIN, SYN, RST, PSH, ACK, URG = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20

_IPV4 = Struct("!BxHxxHBBxx4s4s")
_IPV6 = Struct("!BxxxHBB16s16s")
_TCP = Struct("!HHIIBBHxxH")
_UDP = Struct("!HHH")

_LONG = 1000  # bytes of a segment above which folding its sum is faster than dividing it
_LOW_6144, _LOW_3072 = (1 << 6144) - 1, (1 << 3072) - 1
# NOP NOP timestamps: the options of nearly every segment after the SYN
_TIMESTAMPS_ONLY = b"\x01\x01\x08\x0a"
_OPTION_END, _OPTION_NOP, _OPTION_MD5 = 0, 1, 19

HOP_BY_HOP = 0
ROUTING = 43
FRAGMENT = 44
AH = 51
DESTINATION = 60
_EXTENSIONS = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, AH, DESTINATION))

MAX_EXTENSION_HEADERS = 8  # RFC 8200 §4.1 lists seven; more only costs every parser time

_LOOSE_ROUTE, _STRICT_ROUTE = 131, 137
_WRITTEN_BY_ROUTERS = frozenset({7, 68})  # Record Route, Timestamp

_new = tuple.__new__


class Packet(NamedTuple):
    """The parsed headers of one IP packet. Offsets count from the packet's first byte.

    A NamedTuple because one is built for every queued packet: 0.2 microseconds, a frozen dataclass takes 1.4.
    Fields of a protocol that the packet does not carry are 0 (False, empty).
    """

    version: int  # 4 or 6
    src: bytes  # packed, 4 or 16 bytes
    dst: bytes
    proto: int  # after the extension headers: TCP, UDP, ICMP, ...
    ttl: int  # hop limit in IPv6
    fragment: bool  # a later fragment, or a first one without its whole TCP or UDP header: ports are unknown
    more_fragments: bool  # a first or middle fragment: the payload continues in another packet
    l4: int  # offset of the transport header
    total: int  # length of the IP packet; bytes after it (padding, trailers) are not part of it
    sport: int
    dport: int
    payload: memoryview  # of TCP or UDP; else everything after the IP headers
    seq: int
    ack: int
    flags: int  # FIN .. URG, ECE 0x40, CWR 0x80
    window: int
    urgent: int  # urgent pointer; valid only with URG
    md5: bool  # has a TCP MD5 signature (RFC 2385): a Linux server without the key drops such a segment


def parse_ip(data: bytes) -> Packet:
    """Parse one whole IP packet, with its TCP or UDP header.

    Checksums are not checked (`checksum_ok`). Fragments are returned too. A first one has ``more_fragments``,
    and its ports if its TCP or UDP header is whole; if that header is cut, and for later fragments,
    ``fragment`` is True. Raises WireError for a packet that no correct sender sends or no correct receiver
    accepts, and for a copy that is shorter than its IP length.
    """
    size = len(data)
    version = data[0] >> 4 if size else 0
    more = False
    if version == 4:
        if size < 20:
            msg = f"IPv4 header cut at {size} bytes"
            raise WireError(msg)
        first, total, where, ttl, proto, src, dst = _IPV4.unpack_from(data)
        l4 = (first & 0x0F) << 2
        if not 20 <= l4 <= total <= size:
            msg = f"IPv4 header length {l4}, total length {total}, {size} bytes at hand"
            raise WireError(msg)
        if l4 > 20:
            check_ipv4_options(data, l4)
        if where & 0x3FFF:
            more = where & 0x2000 != 0
            if where & 0x1FFF:
                return _opaque((4, src, dst, proto, ttl, True, more, l4, total), data)
    elif version == 6:
        if size < 40:
            msg = f"IPv6 header cut at {size} bytes"
            raise WireError(msg)
        _, total, proto, ttl, src, dst = _IPV6.unpack_from(data)
        total += 40
        l4 = 40
        if total > size:
            msg = f"IPv6 length {total}, {size} bytes at hand"
            raise WireError(msg)
        if proto != TCP and proto != UDP:
            proto, l4, fragment, more = walk_ipv6_extensions(data, proto, total)
            if fragment:
                return _opaque((6, src, dst, proto, ttl, True, more, l4, total), data)
    else:
        msg = f"IP version {version}" if size else "empty packet"
        raise WireError(msg)

    if proto == TCP:
        start = l4 + 20
        if start <= total:
            sport, dport, seq, ack, offset, flags, window, urgent = _TCP.unpack_from(data, l4)
            offset = offset >> 4 << 2
            if offset < 20:
                msg = f"TCP data offset of {offset} bytes"
                raise WireError(msg)
            start = l4 + offset
        if start > total:
            return _short((version, src, dst, proto, ttl, more, l4, total), data)
        md5 = (
            offset > 20
            and not (offset == 32 and data.startswith(_TIMESTAMPS_ONLY, l4 + 20))
            and _has_md5(data, l4 + 20, start)
        )
        payload = memoryview(data)[start:total]
        # fmt: off
        return _new(Packet, (version, src, dst, proto, ttl, False, more, l4, total,
                             sport, dport, payload, seq, ack, flags, window, urgent, md5))
        # fmt: on
    if proto == UDP:
        if total - l4 < 8:
            return _short((version, src, dst, proto, ttl, more, l4, total), data)
        sport, dport, length = _UDP.unpack_from(data, l4)
        end = l4 + length
        if length < 8 or (end > total and not more):
            msg = f"UDP length {length} in an IP payload of {total - l4} bytes"
            raise WireError(msg)
        payload = memoryview(data)[l4 + 8 : end if end < total else total]
        # fmt: off
        return _new(Packet, (version, src, dst, proto, ttl, False, more, l4, total,
                             sport, dport, payload, 0, 0, 0, 0, 0, False))
        # fmt: on
    return _opaque((version, src, dst, proto, ttl, False, more, l4, total), data)


def _opaque(head: tuple[int, bytes, bytes, int, int, bool, bool, int, int], data: bytes) -> Packet:
    """Return a packet whose transport header is not parsed; ``head`` is its first nine fields."""
    l4, total = head[7:]
    return _new(Packet, (*head, 0, 0, memoryview(data)[l4:total], 0, 0, 0, 0, 0, False))


def _short(head: tuple[int, bytes, bytes, int, int, bool, int, int], data: bytes) -> Packet:
    """Return a packet with a cut transport header: valid only as the start of a fragmented one.

    Raises WireError if no fragments follow.
    """
    version, src, dst, proto, ttl, more, l4, total = head
    if not more:
        msg = f"header of protocol {proto} cut, {total - l4} bytes in the packet"
        raise WireError(msg)
    return _opaque((version, src, dst, proto, ttl, True, more, l4, total), data)


def _has_md5(data: bytes, pos: int, end: int) -> bool:
    """Return whether the TCP options (RFC 9293 §3.1) in ``data[pos:end]`` include an MD5 signature.

    Raises WireError for a malformed option.
    """
    found = False
    while pos < end:
        kind = data[pos]
        if kind == _OPTION_END:
            break
        if kind == _OPTION_NOP:
            pos += 1
            continue
        length = data[pos + 1] if pos + 1 < end else 0
        if length < 2 or pos + length > end:
            msg = f"TCP option {kind} of length {length}"
            raise WireError(msg)
        if kind == _OPTION_MD5:
            found = True
        pos += length
    return found


def checksum_ok(data: bytes, packet: Packet) -> bool:
    """Return whether the checksums of the IPv4 header and of TCP or UDP are correct (RFC 1071).

    A fragment's transport checksum covers bytes of other packets, so only its IPv4 header is checked. UDP
    over IPv4 may have no checksum (0); over IPv6 it must have one (RFC 8200 §8.1). A TCP segment may have the
    pseudo-header's sum instead: the kernel leaves the rest to a network card. Decoys can imitate this.

    With an option that routers write, the IPv4 header's is not checked: the kernel has checked it, then
    written its address and time, and updates the checksum only after the queue (net/ipv4/ip_options.c).
    """
    # A ones' complement sum is the number modulo 65535, and the big integer adds in C: 2.5 instead of 8.5
    # microseconds for 1500 bytes. No header is all zero, so the two zeros, 0 and 65535, are not confused.
    version, src, dst, proto, _, fragment, more_fragments, l4, end = packet[:9]
    if version == 4:
        header = (data[0] & 0x0F) << 2
        if int.from_bytes(data[:header], "big") % 65535 and not _is_written_by_routers(data, header):
            return False
    if fragment or more_fragments or (proto != TCP and proto != UDP):
        return True
    if proto == UDP:
        if data[l4 + 6] == 0 and data[l4 + 7] == 0:
            return version == 4
        end = l4 + 8 + len(packet.payload)
    if not transport_sum(src, dst, proto, data[l4:end]):
        return True
    field = int.from_bytes(data[l4 + 16 : l4 + 18], "big")
    return proto == TCP and field % 65535 == pseudo_sum(packet)


def _is_written_by_routers(data: bytes, end: int) -> bool:
    """Return whether the IPv4 options ``data[20:end]`` contain Record Route or Timestamp.

    Routers on the way write into these. Source routes do not count. The options are well-formed.
    """
    pos = 20
    while pos < end and data[pos] != _OPTION_END:
        if data[pos] in _WRITTEN_BY_ROUTERS:
            return True
        pos += 1 if data[pos] == _OPTION_NOP else data[pos + 1]
    return False


def pseudo_sum(packet: Packet) -> int:
    """Return the sum modulo 65535 of a TCP or UDP packet's pseudo-header.

    It is the checksum field of a packet whose checksum a network card completes.
    """
    end = packet.total if packet.proto == TCP else packet.l4 + 8 + len(packet.payload)
    addresses = int.from_bytes(packet.src + packet.dst, "big")
    return (addresses + packet.proto + end - packet.l4) % 65535


def transport_sum(src: bytes, dst: bytes, proto: int, segment: bytes) -> int:
    """Return the sum modulo 65535 of pseudo-header and ``segment``, which begins with its own header.

    It is 0 if the checksum in the segment is correct.
    """
    length = len(segment)
    total = int.from_bytes(segment, "big")
    if length & 1:
        total <<= 8
    if length > _LONG:
        # 2**16 is 1 modulo 65535, so the bits above a multiple of 16 can be added to the bits below. Division
        # is the most expensive step; this quarters its digits.
        total = (total >> 6144) + (total & _LOW_6144)
        total = (total >> 3072) + (total & _LOW_3072)
    return (total % 65535 + int.from_bytes(src + dst, "big") + proto + length) % 65535


class Transport(NamedTuple):
    """The type and offset of the header that follows an IPv6 packet's extension headers.

    In a later fragment, it is what follows the fragment header.
    """

    proto: int  # of the header at ``offset``
    offset: int
    fragment: bool  # a later fragment, or a first one without the whole chain (RFC 7112)
    more_fragments: bool


def check_ipv4_options(data: bytes, end: int) -> None:
    """Raise WireError unless ``data[20:end]`` is well-formed IPv4 options (RFC 791 §3.1).

    Source routes are refused too: the packet then does not go to its header's destination.
    """
    pos = 20
    while pos < end:
        kind = data[pos]
        if kind == _OPTION_END:
            return
        if kind == _OPTION_NOP:
            pos += 1
            continue
        if kind in (_LOOSE_ROUTE, _STRICT_ROUTE):
            msg = "IPv4 source route"
            raise WireError(msg)
        length = data[pos + 1] if pos + 1 < end else 0
        if length < 2 or pos + length > end:
            msg = f"IPv4 option {kind} of length {length}"
            raise WireError(msg)
        pos += length


def walk_ipv6_extensions(data: bytes, proto: int, total: int) -> Transport:
    """Return type and offset of the header after the extension headers of an IPv6 packet.

    ``total``: the packet's bytes. ``proto``: the type of the header at offset 40. Raises WireError for a
    chain that is malformed, too long, or has a route other than the destination.
    """
    pos = 40
    more = False
    for count in range(MAX_EXTENSION_HEADERS + 1):
        if proto not in _EXTENSIONS:
            return Transport(proto, pos, False, more)
        if count == MAX_EXTENSION_HEADERS:
            break
        if proto == HOP_BY_HOP and count:
            msg = "IPv6 hop-by-hop header that is not the first"
            raise WireError(msg)
        left = total - pos
        if left < 8:
            return _cut(proto, pos, more)
        following, length = data[pos], data[pos + 1]
        if proto == FRAGMENT:
            where = data[pos + 2] << 8 | data[pos + 3]
            more = where & 1 != 0
            if where & 0xFFF8:
                return Transport(following, pos + 8, True, more)
            length = 8
        elif proto == AH:
            length = (length + 2) << 2
        else:
            length = (length + 1) << 3
        if length > left:
            return _cut(proto, pos, more)
        if proto == ROUTING and data[pos + 3]:
            msg = "IPv6 routing header with segments left"  # the destination is not where the packet goes
            raise WireError(msg)
        proto = following
        pos += length
    msg = f"more than {MAX_EXTENSION_HEADERS} IPv6 extension headers"
    raise WireError(msg)


def _cut(proto: int, pos: int, more: bool) -> Transport:
    if not more:
        msg = f"IPv6 extension header {proto} cut"
        raise WireError(msg)
    return Transport(proto, pos, True, True)

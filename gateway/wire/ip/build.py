"""Builds whole IP packets: answers in a server's name, and packets with a replaced payload."""

from __future__ import annotations

from struct import Struct

from gateway.core.errors import WireError
from gateway.wire.ip.packet import ACK, FIN, RST, SYN, TCP, UDP, Packet, parse_ip, transport_sum

DEFAULT_TTL = 64
DONT_FRAGMENT = 0x4000
MAX_IP_LENGTH = 65535
MAX_TCP_OPTIONS = 40  # the data offset counts 15 words at most, 5 of them fixed

_IPV4 = Struct("!BBHHHBBH4s4s")
_IPV6 = Struct("!IHBB16s16s")
_TCP = Struct("!HHIIBBHHH")
_UDP = Struct("!HHHH")
_U16 = Struct("!H")


def udp_reply(packet: Packet, payload: bytes) -> bytes:
    """Return an IP packet with ``payload`` that answers UDP ``packet``, as if its destination sent it.

    Raises WireError if it is too long.
    """
    segment = _udp_segment(packet.dst, packet.src, packet.dport, packet.sport, payload)
    return _ip_packet(packet.dst, packet.src, UDP, segment)


def udp_readdressed(data: bytes, src: bytes, sport: int) -> bytes:
    """Return the IP packet ``data``, a whole UDP datagram, with another source address and port.

    ``src`` is packed. The IP header is new, with a TTL of 64 and without options. Raises WireError if
    ``data`` is invalid, or ``src`` of another address family.
    """
    packet = parse_ip(data)
    segment = _udp_segment(src, packet.dst, sport, packet.dport, bytes(packet.payload))
    return _ip_packet(src, packet.dst, UDP, segment)


def udp_replace(data: bytes, packet: Packet, payload: bytes) -> bytes:
    """Return IP packet ``data`` (parsed as ``packet``) with another UDP payload.

    Lengths and checksums are corrected. Raises WireError for another protocol, for a fragment, whose length
    and checksum depend on other packets, and if the packet becomes too long.
    """
    if packet.proto != UDP or packet.fragment or packet.more_fragments:
        msg = "only a whole UDP datagram can take another payload"
        raise WireError(msg)
    segment = _udp_segment(packet.src, packet.dst, packet.sport, packet.dport, payload)
    header = bytearray(data[: packet.l4])
    total = len(header) + len(segment)
    if packet.version == 6:
        _check_length(total - 40)
        _U16.pack_into(header, 4, total - 40)
    else:
        _check_length(total)
        _U16.pack_into(header, 2, total)
        _U16.pack_into(header, 10, 0)
        _U16.pack_into(header, 10, -int.from_bytes(header, "big") % 65535)
    return bytes(header + segment)


def tcp_segment(
    src: bytes,
    dst: bytes,
    sport: int,
    dport: int,
    *,
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    window: int = 65535,
    options: bytes = b"",
) -> bytes:
    """Return one TCP segment as a whole IP packet; ``src`` and ``dst`` are packed addresses of one family.

    ``seq`` and ``ack`` are taken modulo 2**32. ``options`` is padded to whole words with end-of-options
    bytes. Raises WireError if the options or the packet are too long.
    """
    if len(options) > MAX_TCP_OPTIONS:
        msg = f"{len(options)} bytes of TCP options, at most {MAX_TCP_OPTIONS}"
        raise WireError(msg)
    options += bytes(-len(options) % 4)
    offset = (20 + len(options)) // 4 << 4
    header = _TCP.pack(sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, window, 0, 0)
    segment = bytearray(header + options + payload)
    _check_length(len(segment) + 20)
    _U16.pack_into(segment, 16, -transport_sum(src, dst, TCP, bytes(segment)) % 65535)
    return _ip_packet(src, dst, TCP, bytes(segment))


def tcp_reply(packet: Packet, payload: bytes = b"", *, flags: int = ACK) -> bytes:
    """Return a TCP segment that acknowledges all of ``packet``, as if its destination sent it.

    It is a whole IP packet.
    """
    return tcp_segment(
        packet.dst,
        packet.src,
        packet.dport,
        packet.sport,
        seq=packet.ack,
        ack=packet.seq + _sequence_length(packet),
        flags=flags,
        payload=payload,
    )


def tcp_reset(packet: Packet) -> bytes:
    """Return a TCP reset (an IP packet) to the destination of ``packet``, as if its sender sent it."""
    return tcp_segment(
        packet.src, packet.dst, packet.sport, packet.dport,
        seq=packet.seq, ack=packet.ack, flags=RST | ACK, window=0,
    )  # fmt: skip


def tcp_reset_back(packet: Packet) -> bytes:
    """Return a TCP reset (an IP packet) to the sender of ``packet``, as if its destination sent it.

    ``packet`` must have the ACK flag: the sequence number of the reset is its acknowledgement number.
    """
    return tcp_segment(
        packet.dst, packet.src, packet.dport, packet.sport, seq=packet.ack, ack=0, flags=RST, window=0
    )


def _sequence_length(packet: Packet) -> int:
    """Return how many sequence numbers a TCP segment takes: payload, SYN and FIN (RFC 9293, SEG.LEN)."""
    return len(packet.payload) + (packet.flags & SYN != 0) + (packet.flags & FIN != 0)


def _udp_segment(src: bytes, dst: bytes, sport: int, dport: int, payload: bytes) -> bytes:
    length = 8 + len(payload)
    _check_length(length)
    unsummed = _UDP.pack(sport, dport, length, 0) + payload
    checksum = -transport_sum(src, dst, UDP, unsummed) % 65535 or 0xFFFF  # 0 means no checksum (RFC 768)
    return _UDP.pack(sport, dport, length, checksum) + payload


def _ip_packet(src: bytes, dst: bytes, proto: int, segment: bytes) -> bytes:
    if len(src) != len(dst) or len(src) not in (4, 16):
        msg = f"addresses of {len(src)} and {len(dst)} bytes"
        raise WireError(msg)
    if len(src) == 16:
        _check_length(len(segment))
        return _IPV6.pack(6 << 28, len(segment), proto, DEFAULT_TTL, src, dst) + segment
    total = 20 + len(segment)
    _check_length(total)
    unsummed = _IPV4.pack(0x45, 0, total, 0, DONT_FRAGMENT, DEFAULT_TTL, proto, 0, src, dst)
    checksum = -int.from_bytes(unsummed, "big") % 65535
    return unsummed[:10] + _U16.pack(checksum) + unsummed[12:] + segment


def _check_length(length: int) -> None:
    if length > MAX_IP_LENGTH:
        msg = f"{length} bytes do not fit into one IP packet"
        raise WireError(msg)

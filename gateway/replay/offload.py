"""Reverses the offloading to a network card, in captures of the sending host.

There, packets may have no length or an incomplete checksum, and one may contain several QUIC datagrams.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.wire.ip.build import tcp_segment, udp_replace
from gateway.wire.ip.packet import FIN, PSH, SYN, TCP, UDP, URG, Packet, checksum_ok, pseudo_sum

_CHECKSUM_AT = {TCP: 16, UDP: 6}  # bytes from the start of the header
_MAX_UNCUT = 1500  # bytes; a home network does not carry longer datagrams in one piece
_LEAST_INITIAL = 1200  # bytes of a datagram with an Initial (RFC 9000 §14.1)
_LONG_HEADER = 0x80
_SEGMENT = 1400  # bytes of payload, as on a home network


def with_length(data: bytes) -> bytes:
    """Return the IP packet with its size in the IPv4 length field, if that field is 0; else unchanged.

    The field is 0 in captures before a network card cuts the packet into segments.
    """
    if data[2:4] == b"\0\0" and data[0] >> 4 == 4 and len(data) < 1 << 16:
        return data[:2] + len(data).to_bytes(2, "big") + data[4:]
    return data


def split_offloaded(data: bytes, packet: Packet) -> Iterable[bytes]:
    """Return the packets into which a network card cuts one: TCP segments, or datagrams of QUIC Initials.

    Other packets are returned alone. The capture does not contain the length of each datagram: one begins
    where the first one's header (version and connection ids) is repeated.
    """
    payload = packet.payload
    if (
        packet.proto == TCP
        and len(payload) > _MAX_UNCUT
        and not packet.flags & (SYN | URG)
        and not packet.md5
    ):
        return _segments(packet)
    if packet.proto != UDP or len(payload) <= _MAX_UNCUT or not payload[0] & _LONG_HEADER:
        return (data,)
    whole = payload.tobytes()
    source_id = 6 + whole[5]
    ids = whole[1 : source_id + 1 + whole[source_id]]
    size = whole.find(ids, _LEAST_INITIAL) - 1
    if size < _LEAST_INITIAL:
        return (data,)
    return (udp_replace(data, packet, whole[at : at + size]) for at in range(0, len(whole), size))


def _segments(packet: Packet) -> Iterable[bytes]:
    whole = packet.payload.tobytes()
    for at in range(0, len(whole), _SEGMENT):
        last = at + _SEGMENT >= len(whole)
        yield tcp_segment(
            packet.src,
            packet.dst,
            packet.sport,
            packet.dport,
            seq=packet.seq + at,
            ack=packet.ack,
            flags=packet.flags if last else packet.flags & ~(FIN | PSH),
            payload=whole[at : at + _SEGMENT],
        )


def is_decoy(data: bytes, packet: Packet) -> bool:
    """Return whether every receiver drops a TCP or UDP packet for a wrong checksum (its own or IPv4's).

    Packets captured before the network card fills in checksums are no decoys: the IPv4 field is 0,
    that of TCP or UDP is 0 or the sum of the pseudo-header (with or without the length).
    """
    if checksum_ok(data, packet):
        return False
    if packet.version == 4:
        header = data[: (data[0] & 0x0F) << 2]
        if int.from_bytes(header, "big") % 65535 and header[10:12] != b"\0\0":
            return True
        if checksum_ok(_without_header_sum(data), packet):
            return False
    at = packet.l4 + _CHECKSUM_AT[packet.proto]
    field = int.from_bytes(data[at : at + 2], "big") % 65535
    addresses = int.from_bytes(packet.src + packet.dst, "big")
    return field not in (0, pseudo_sum(packet), (addresses + packet.proto) % 65535)


def _without_header_sum(data: bytes) -> bytes:
    """Return the packet with a correct checksum in its IPv4 header."""
    header = bytearray(data[: (data[0] & 0x0F) << 2])
    header[10:12] = b"\0\0"
    header[10:12] = (-int.from_bytes(header, "big") % 65535).to_bytes(2, "big")
    return bytes(header) + data[len(header) :]

"""Packets that only a filter believes: those with a wrong checksum."""

from __future__ import annotations

from gateway.wire.ip import TCP, UDP, Packet, checksum_ok, pseudo_sum

_CHECKSUM_AT = {TCP: 16, UDP: 6}  # bytes from the start of the header


def is_decoy(data: bytes, packet: Packet) -> bool:
    """Whether every receiver would throw a TCP or UDP packet away for its checksum.

    A capture on the sending machine shows packets before the network card has summed them up: the IPv4 field
    is 0 then, and that of TCP or UDP is 0 or the sum of the pseudo-header alone, with or without the length
    (segmentation offload leaves it out).
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
    """The packet with a right IPv4 checksum."""
    header = bytearray(data[: (data[0] & 0x0F) << 2])
    header[10:12] = b"\0\0"
    header[10:12] = (-int.from_bytes(header, "big") % 65535).to_bytes(2, "big")
    return bytes(header) + data[len(header) :]

"""Packets that only a filter believes: those with a wrong checksum."""

from __future__ import annotations

from gateway.wire.ip import TCP, Packet, checksum_ok, transport_sum

_CHECKSUM_AT = {6: 16, 17: 6}  # in the header of TCP, of UDP


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
    at = packet.l4 + _CHECKSUM_AT[packet.proto]
    field = int.from_bytes(data[at : at + 2], "big") % 65535
    end = packet.total if packet.proto == TCP else packet.l4 + 8 + len(packet.payload)
    if field == 0 or not transport_sum(packet.src, packet.dst, packet.proto, data[packet.l4 : end]):
        return False
    addresses = int.from_bytes(packet.src + packet.dst, "big")
    return field not in (
        (addresses + packet.proto + end - packet.l4) % 65535,
        (addresses + packet.proto) % 65535,
    )

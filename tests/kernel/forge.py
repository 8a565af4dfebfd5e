"""UDP datagrams made by hand, so that the packets under test owe nothing to the code under test."""

from __future__ import annotations

import socket
import struct


def _sum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def datagram(src: str, dst: str, sport: int, dport: int, payload: bytes) -> bytes:
    """A whole IP packet with a UDP datagram in it (RFC 768)."""
    kind = socket.AF_INET6 if ":" in src else socket.AF_INET
    ends = socket.inet_pton(kind, src) + socket.inet_pton(kind, dst)
    length = 8 + len(payload)
    udp = struct.pack(">HHHH", sport, dport, length, 0) + payload
    udp = udp[:6] + struct.pack(">H", _sum(ends + struct.pack(">HH", 17, length) + udp)) + udp[8:]
    if kind == socket.AF_INET6:
        return struct.pack(">IHBB", 6 << 28, length, 17, 64) + ends + udp
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0) + ends
    return header[:10] + struct.pack(">H", _sum(header)) + header[12:] + udp


def reply(packet: bytes, payload: bytes) -> bytes:
    """A datagram back to where the datagram ``packet`` came from, from where it went."""
    if packet[0] >> 4 == 4:
        kind, start, src, dst = socket.AF_INET, (packet[0] & 15) * 4, packet[12:16], packet[16:20]
    else:
        kind, start, src, dst = socket.AF_INET6, 40, packet[8:24], packet[24:40]
    sport, dport = struct.unpack_from(">HH", packet, start)
    return datagram(socket.inet_ntop(kind, dst), socket.inet_ntop(kind, src), dport, sport, payload)

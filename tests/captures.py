"""Captures for the tests of `replay`: written in each file format, in each link type, and taken apart."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gateway.wire.ip.capture import ETHERNET, LINUX_SLL, LINUX_SLL2, RAW, CaptureReader, ip_payload
from gateway.wire.ip.packet import TCP, UDP, Packet, parse_ip, transport_sum

Stamped = tuple[float, bytes]  # seconds since 1970, frame or IP packet

_MAC = bytes.fromhex("02000000000a") + bytes.fromhex("020000000001")


class Link(NamedTuple):
    """A link type, and how an IP packet lies in its frames."""

    number: int
    wrap: Callable[[bytes], bytes]


def _ethertype(packet: bytes) -> bytes:
    return b"\x86\xdd" if b"\x60" <= packet[:1] < b"\x70" else b"\x08\x00"


def _ethernet(packet: bytes) -> bytes:
    return _MAC + _ethertype(packet) + packet


def _pppoe(packet: bytes) -> bytes:
    inside = (b"\x00\x57" if _ethertype(packet) == b"\x86\xdd" else b"\x00\x21") + packet
    return _MAC + b"\x88\x64\x11\x00\x00\x01" + len(inside).to_bytes(2, "big") + inside


LINKS = {
    "ethernet": Link(ETHERNET, _ethernet),
    "vlan": Link(ETHERNET, lambda p: _MAC + b"\x81\x00\x00\x07" + _ethertype(p) + p),
    "qinq": Link(ETHERNET, lambda p: _MAC + b"\x88\xa8\x00\x02\x81\x00\x00\x07" + _ethertype(p) + p),
    "pppoe": Link(ETHERNET, _pppoe),
    "cooked": Link(LINUX_SLL, lambda p: b"\0\4\0\1\0\6" + _MAC[:6] + b"\0\0" + _ethertype(p) + p),
    "cooked v2": Link(
        LINUX_SLL2,
        lambda p: _ethertype(p) + b"\0\0" + b"\0\0\0\2" + b"\0\1" + b"\4\6" + _MAC[:6] + b"\0\0" + p,
    ),
    "raw": Link(RAW, lambda p: p),
}


def pcap(frames: Iterable[Stamped], number: int = ETHERNET, *, snaplen: int = 1 << 18) -> bytes:
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, number)]
    for time, data in frames:
        seconds, micros = divmod(round(time * 10**6), 10**6)
        kept = data[:snaplen]
        out.append(struct.pack("<IIII", seconds, micros, len(kept), len(data)) + kept)
    return b"".join(out)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def pcapng(frames: Iterable[Stamped], number: int = ETHERNET) -> bytes:
    """With nanoseconds, as dumpcap writes it."""
    out = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out.append(_block(1, struct.pack("<HHI", number, 0, 0) + struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)))
    for time, data in frames:
        stamp = round(time * 10**9)
        head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
        out.append(_block(6, head + data))
    return b"".join(out)


def wrapped(packets: Iterable[Stamped], kind: str) -> bytes:
    """A pcap of IP packets in one of LINKS."""
    one = LINKS[kind]
    return pcap([(time, one.wrap(packet)) for time, packet in packets], one.number)


def ip_packets(capture: Path | bytes) -> list[Stamped]:
    """The IP packets of a capture, as long as their own length says."""
    data = capture if isinstance(capture, bytes) else capture.read_bytes()
    found = []
    reader = CaptureReader()
    reader.feed(data)
    while (frame := reader.next_frame()) is not None:
        payload = ip_payload(frame.linktype, frame.data)
        if payload is not None:
            packet = payload.packet
            total = 40 + packet[5] + (packet[4] << 8) if packet[0] >> 4 == 6 else packet[3] + (packet[2] << 8)
            found.append((frame.time, packet[:total]))
    return found


# ------------------------------------------------------------------ taken apart


def rebuilt(data: bytes, packet: Packet, payload: bytes, seq: int | None = None) -> bytes:
    """The same TCP or UDP packet with another payload; lengths and checksums are right."""
    segment = bytearray(data[packet.l4 : packet.total - len(packet.payload)]) + payload
    at = 16 if packet.proto == TCP else 6
    if packet.proto == UDP:
        segment[4:6] = len(segment).to_bytes(2, "big")
    elif seq is not None:
        segment[4:8] = seq.to_bytes(4, "big")
    segment[at : at + 2] = b"\0\0"
    found = -transport_sum(packet.src, packet.dst, packet.proto, bytes(segment)) % 65535
    segment[at : at + 2] = (found or 0xFFFF).to_bytes(2, "big")
    head = bytearray(data[: packet.l4])
    if packet.version == 6:
        head[4:6] = (packet.l4 - 40 + len(segment)).to_bytes(2, "big")
        return bytes(head + segment)
    head[2:4] = (len(head) + len(segment)).to_bytes(2, "big")
    return _summed(head) + bytes(segment)


def _summed(head: bytearray) -> bytes:
    head[10:12] = b"\0\0"
    head[10:12] = (-int.from_bytes(head, "big") % 65535).to_bytes(2, "big")
    return bytes(head)


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """A TCP segment as several; ``cuts`` are places in its payload."""
    packet = parse_ip(data)
    payload = bytes(packet.payload)
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(payload)}), len(payload)]
    return [
        rebuilt(data, packet, payload[low:high], (packet.seq + low) % (1 << 32))
        for low, high in pairwise(places)
    ]


def in_segments(
    packets: Iterable[Stamped], chance: random.Random, *, shuffled: bool, most: int = 5
) -> list[Stamped]:
    """Every TCP payload in some segments cut anywhere; ``shuffled``: those of one payload in any order."""
    found = []
    for time, data in packets:
        packet = parse_ip(data)
        size = len(packet.payload)
        if packet.proto != TCP or size < 2 or packet.sport in (443, 80):
            found.append((time, data))
            continue
        parts = pieces(data, [chance.randrange(1, size) for _ in range(chance.randrange(1, most))])
        if shuffled:
            chance.shuffle(parts)
        found += [(time + number / 10**5, part) for number, part in enumerate(parts)]
    return found


def in_other_order(packets: Iterable[Stamped]) -> list[Stamped]:
    """Each two datagrams that a QUIC client sends one after the other, the second one first."""
    found = list(packets)
    at = 0
    while at + 1 < len(found):
        (time, data), (later, next_data) = found[at : at + 2]
        first, second = parse_ip(data), parse_ip(next_data)
        same = (first.proto, first.src, first.sport, first.dst) == (UDP, second.src, second.sport, second.dst)
        if same and first.dport == second.dport == 443:
            found[at : at + 2] = [(time, next_data), (later, data)]
            at += 1
        at += 1
    return found


def in_fragments(packets: Iterable[Stamped], size: int, chance: random.Random) -> list[Stamped]:
    """Every packet whose IP payload is longer than ``size`` (a multiple of 8) in fragments, in any order."""
    found = []
    for number, (time, data) in enumerate(packets):
        parts = _fragments6(data, size, number) if data[0] >> 4 == 6 else _fragments4(data, size, number)
        chance.shuffle(parts)
        found += [(time, part) for part in parts]
    return found


def _fragments4(data: bytes, size: int, number: int) -> list[bytes]:
    length = (data[0] & 0x0F) << 2
    body = data[length:]
    if len(body) <= size:
        return [data]
    parts = []
    for at in range(0, len(body), size):
        part = body[at : at + size]
        head = bytearray(data[:length])
        head[2:4] = (length + len(part)).to_bytes(2, "big")
        head[4:6] = (number % 65536).to_bytes(2, "big")
        more = 0x2000 if at + size < len(body) else 0
        head[6:8] = (more | at >> 3).to_bytes(2, "big")
        parts.append(_summed(head) + part)
    return parts


def _fragments6(data: bytes, size: int, number: int) -> list[bytes]:
    body = data[40:]
    if len(body) <= size:
        return [data]
    parts = []
    for at in range(0, len(body), size):
        part = body[at : at + size]
        more = at + size < len(body)
        fragment = bytes((data[6], 0)) + (at | more).to_bytes(2, "big") + number.to_bytes(4, "big")
        head = bytearray(data[:40])
        head[4:6] = (8 + len(part)).to_bytes(2, "big")
        head[6] = 44
        parts.append(bytes(head) + fragment + part)
    return parts

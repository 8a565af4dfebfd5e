"""IP packets byte by byte, as a client sends them that does not want to be understood.

Written apart from the gateway's own builders on purpose: a mistake that both share would go unseen.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP, UDP = 6, 17
_ETHERTYPE = {4: 0x0800, 6: 0x86DD}
_FRAGMENT = 44
_MD5_OPTION = bytes((19, 18)) + bytes(16) + b"\x01\x01"  # RFC 2385, padded


def mss_option(version: int, mss: int = 0) -> bytes:
    """``mss``: bytes; 0 is the usual size on Ethernet."""
    return struct.pack("!BBH", 2, 4, mss or (1460 if version == 4 else 1440))


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@dataclass(frozen=True, slots=True)
class Ends:
    """Addresses and ports of one direction."""

    version: int
    src: bytes  # packed
    dst: bytes
    sport: int
    dport: int

    def pseudo(self, proto: int, length: int) -> bytes:
        if self.version == 4:
            return self.src + self.dst + struct.pack("!BBH", 0, proto, length)
        return self.src + self.dst + struct.pack("!IxxxB", length, proto)


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is unusual about a segment; the defaults are a correct client's."""

    ttl: int = 64
    bad_checksum: bool = False
    seq: int = 0  # added to the right number
    ack: int = 0  # added to the right number
    flags: int | None = None
    md5: bool = False
    urgent: int = 0  # pointer; with it comes the flag
    window: int = 65535
    fragments: int = 0  # bytes of each IP fragment but the last; 0: none
    backwards: bool = False  # fragments last first


NORMAL = Oddity()


def tcp(
    ends: Ends,
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    options: bytes = b"",
    odd: Oddity = NORMAL,
) -> bytes:
    """A TCP segment with its checksum."""
    if odd.md5:
        options += _MD5_OPTION
    if odd.flags is not None:
        flags = odd.flags
    if odd.urgent:
        flags |= URG
    head = struct.pack(
        "!HHIIBBHHH",
        ends.sport,
        ends.dport,
        (seq + odd.seq) & 0xFFFFFFFF,
        (ack + odd.ack) & 0xFFFFFFFF if flags & ACK else 0,
        (5 + len(options) // 4) << 4,
        flags,
        odd.window,
        0,
        odd.urgent,
    )
    return _with_checksum(ends, TCP, head + options + payload, 16, odd)


def udp(ends: Ends, payload: bytes, odd: Oddity = NORMAL) -> bytes:
    head = struct.pack("!HHHH", ends.sport, ends.dport, 8 + len(payload), 0)
    return _with_checksum(ends, UDP, head + payload, 6, odd)


def _with_checksum(ends: Ends, proto: int, segment: bytes, at: int, odd: Oddity) -> bytes:
    value = checksum(ends.pseudo(proto, len(segment)) + segment)
    if odd.bad_checksum:
        value ^= 0x1234
    return segment[:at] + struct.pack("!H", value) + segment[at + 2 :]


def ip(ends: Ends, proto: int, segment: bytes, odd: Oddity = NORMAL, ident: int = 1) -> list[bytes]:
    """One IP packet, or its fragments in the order in which they are to be sent."""
    if not odd.fragments:
        return [_ip(ends, proto, segment, odd.ttl, ident)]
    size = odd.fragments // 8 * 8
    pieces = [
        (start, segment[start : start + size], start + size < len(segment))
        for start in range(0, len(segment), size)
    ]
    packets = [_fragment(ends, proto, piece, start, more, odd.ttl, ident) for start, piece, more in pieces]
    return packets[::-1] if odd.backwards else packets


def _ip(ends: Ends, proto: int, body: bytes, ttl: int, ident: int, offset_word: int = 0x4000) -> bytes:
    if ends.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(body), proto, ttl) + ends.src + ends.dst + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident, offset_word, ttl, proto, 0)
    head += ends.src + ends.dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def _fragment(ends: Ends, proto: int, piece: bytes, start: int, more: bool, ttl: int, ident: int) -> bytes:
    word = start // 8 | (0x2000 if more else 0)
    if ends.version == 4:
        return _ip(ends, proto, piece, ttl, ident, word)
    header = struct.pack("!BBHI", proto, 0, start & 0xFFF8 | more, ident)
    return _ip(ends, _FRAGMENT, header + piece, ttl, ident)


class Wire:
    """Sends and receives whole IP packets on one Ethernet interface, past the kernel's own stack."""

    def __init__(self, interface: str, gateway_mac: str) -> None:
        own = _own_mac(interface)
        self._head = bytes.fromhex(gateway_mac.replace(":", "")) + own
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._sock.bind((interface, 3))

    def send(self, packet: bytes) -> None:
        self._sock.send(self._head + struct.pack("!H", _ETHERTYPE[packet[0] >> 4]) + packet)

    def receive(self, ends: Ends, timeout: float) -> Segment | None:
        """The next TCP segment to these ends; None when none came in time, or something else did."""
        self._sock.settimeout(max(timeout, 0.0005))
        try:
            frame, where = self._sock.recvfrom(65535)
        except TimeoutError:
            return None
        if where[2] == 4:  # our own
            return None
        return parse(frame[14:], ends)

    def close(self) -> None:
        self._sock.close()


@dataclass(frozen=True, slots=True)
class Segment:
    seq: int
    ack: int
    flags: int
    payload: bytes


def parse(packet: bytes, ends: Ends) -> Segment | None:
    """A TCP segment that answers ``ends``."""
    if not packet or packet[0] >> 4 != ends.version:
        return None
    if ends.version == 4:
        start, proto = (packet[0] & 15) * 4, packet[9]
        src, dst = packet[12:16], packet[16:20]
        end = struct.unpack_from("!H", packet, 2)[0]
    else:
        start, proto = 40, packet[6]
        src, dst = packet[8:24], packet[24:40]
        end = 40 + struct.unpack_from("!H", packet, 4)[0]
    if proto != TCP or (src, dst) != (ends.dst, ends.src):
        return None
    sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", packet, start)
    if (sport, dport) != (ends.dport, ends.sport):
        return None
    return Segment(seq, ack, flags, packet[start + (offset >> 4) * 4 : end])


def _own_mac(interface: str) -> bytes:
    with open(f"/sys/class/net/{interface}/address", encoding="ascii") as file:
        return bytes.fromhex(file.read().strip().replace(":", ""))

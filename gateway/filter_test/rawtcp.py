"""A TCP client that bypasses the kernel: it sends the first bytes of a connection in unusual ways.

The tricks are those of zapret, GoodbyeDPI, byedpi and youtubeUnblock. docs/families/bypass.md has the result
of each.
"""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.errors import WireError
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, PSH, RST, SYN, TCP, URG, parse_ip, transport_sum

PORTS = (61_000, 64_999)  # above the kernel's own range; the kernel's resets from these ports are dropped
_next_port = itertools.count(int.from_bytes(os.urandom(2), "big"))

_ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}
_FRAGMENT = 44  # the IPv6 header (RFC 8200 4.5)
# 1,380 bytes (RFC 9293 3.7.1): whole hellos fit, also through a provider's tunnel.
_MSS = b"\x02\x04\x05\x64"
_SEGMENT = 1200  # bytes
_DIES_ON_THE_WAY = 2  # hops: the packet passes the gateway and reaches no distant server
_OPEN_S, _ANSWER_S = 1.5, 1.5
_RESEND_S = 0.35
_AFTER_RESET_S = 0.25  # bypass programs ignore resets: send once more and wait
_FRAME = 2048
_FRAME_HEAD, _IPV4_HEAD = 14, 20


@dataclass(frozen=True, slots=True)
class FramePath:
    """The device's and the gateway's hardware addresses, and the interface, for Ethernet frames."""

    own: str
    gateway: str
    interface: str = "eth0"


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """Deviations of a TCP segment from a normal one: TTL, checksum, number, urgent pointer, fragments.

    The defaults are those of a normal segment.
    """

    ttl: int = 64
    bad_checksum: bool = False
    seq: int = 0  # added to the correct number
    urgent: int = 0  # the pointer; also sets the flag
    fragments: int = 0  # bytes of each IP fragment; 0: no fragments


class Connection:
    """A TCP connection over a packet socket, without the kernel's TCP, so that odd packets can be sent.

    ``offset`` in its methods counts the bytes of the client's stream, from 0.
    """

    def __init__(self, path: FramePath, src: str, dst: str, dport: int) -> None:
        version = 6 if ":" in dst else 4
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        self._ends = socket.inet_pton(family, src), socket.inet_pton(family, dst)
        self._ports = PORTS[0] + next(_next_port) % (PORTS[1] - PORTS[0] + 1), dport
        self._isn = int.from_bytes(os.urandom(4), "big")
        self._ack = 0  # the server's next number; 0: no response yet
        self.received = bytearray()
        self.reset = False
        head = bytes.fromhex(path.gateway.replace(":", "") + path.own.replace(":", ""))
        self._head = head + _ETHERTYPES[version]
        self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self._wire.bind((path.interface, 3))

    def close(self) -> None:
        if self._ack:
            self.segment(0, b"", flags=RST | ACK)
        self._wire.close()

    def open(self, data: bytes = b"") -> bool:
        """Send a SYN, with ``data`` in it, until the server responds; then acknowledge.

        Return whether it responded.
        Gives up after 1.5 s, or on a reset.
        """
        until = time.monotonic() + _OPEN_S
        while not self._ack and not self.reset and time.monotonic() < until:
            self._send(self._built(-1, SYN, data, 0, _MSS), SegmentOptions())
            self.take(_RESEND_S)
        if self._ack:
            self.segment(0, b"", flags=ACK)
        return bool(self._ack)

    def segment(
        self, offset: int, data: bytes, odd: SegmentOptions | None = None, *, flags: int = PSH | ACK
    ) -> None:
        """Send ``data`` in one TCP segment at ``offset`` in the client's stream.

        ``odd``: deviations from a normal one.
        """
        odd = odd or SegmentOptions()
        self._send(self._built(offset + odd.seq, flags, data, self._ack, b""), odd)

    def _built(self, offset: int, flags: int, data: bytes, ack: int, options: bytes) -> bytes:
        src, dst = self._ends
        seq = self._isn + 1 + offset
        return tcp_segment(
            src, dst, *self._ports, seq=seq, ack=ack, flags=flags, payload=data, options=options
        )

    def _send(self, packet: bytes, odd: SegmentOptions) -> None:
        for part in shaped(packet, odd):
            try:
                self._wire.send(self._head + part)
            except OSError:
                return  # a full queue loses the packet, as any link may

    def take(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for a packet of this connection with a SYN, a reset or data.

        Then return, also if none came. New data is stored in ``received``, and a reset in
        ``reset``. A SYN sets the number to acknowledge.
        """
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            self._wire.settimeout(max(left, 0.001))
            try:
                frame, where = self._wire.recvfrom(_FRAME)
            except TimeoutError:
                return
            if (
                where[2] != socket.PACKET_OUTGOING
                and len(frame) > _FRAME_HEAD + _IPV4_HEAD
                and self._read(frame[_FRAME_HEAD:])
            ):
                return

    def _read(self, data: bytes) -> bool:
        if not data or data[9 if data[0] >> 4 == 4 else 6] != TCP:
            return False
        try:
            packet = parse_ip(data)
        except WireError:
            return False
        if (packet.src, packet.dst) != self._ends[::-1] or (packet.sport, packet.dport) != self._ports[::-1]:
            return False
        if packet.flags & RST:
            self.reset = True
        elif packet.flags & SYN:
            self._ack = packet.seq + 1 & 0xFFFFFFFF
        elif packet.payload and packet.seq == self._ack:
            self.received += packet.payload
            self._ack = self._ack + len(packet.payload) & 0xFFFFFFFF
        elif not packet.payload:
            return False
        return True


def shaped(packet: bytes, odd: SegmentOptions) -> list[bytes]:
    """Return an IP packet with a TCP segment after the changes in ``odd``: one packet, or its fragments."""
    header = 20 if packet[0] >> 4 == 4 else 40
    data = bytearray(packet)
    if odd.urgent:
        data[header + 13] |= URG
        data[header + 18 : header + 20] = odd.urgent.to_bytes(2, "big")
        data[header + 16 : header + 18] = bytes(2)
        src, dst = (data[12:16], data[16:20]) if header == 20 else (data[8:24], data[24:40])
        total = transport_sum(bytes(src), bytes(dst), TCP, bytes(data[header:]))
        data[header + 16 : header + 18] = (-total % 65535).to_bytes(2, "big")
    if odd.bad_checksum:
        data[header + 16] ^= 0x5A
    if header == 40:
        data[7] = odd.ttl
    else:
        data[8] = odd.ttl
        _sum_ipv4(data)
    return _fragments(bytes(data), header, odd.fragments) if odd.fragments else [bytes(data)]


def _sum_ipv4(packet: bytearray) -> None:
    packet[10:12] = bytes(2)
    packet[10:12] = (-int.from_bytes(packet[:20], "big") % 65535).to_bytes(2, "big")


def _fragments(packet: bytes, header: int, size: int) -> list[bytes]:
    """Return the IP fragments of a packet, each with ``size`` bytes of payload (RFC 791 3.2, RFC 8200 4.5).

    ``header``: bytes of its IP header.
    """
    ident, body = os.urandom(4), packet[header:]
    out = []
    for at in range(0, len(body), size):
        piece, more = body[at : at + size], at + size < len(body)
        if header == 40:
            inner = bytes((packet[6], 0)) + (at | more).to_bytes(2, "big") + ident + piece
            length = len(inner).to_bytes(2, "big")
            out.append(packet[:4] + length + bytes((_FRAGMENT,)) + packet[7:40] + inner)
            continue
        head = bytearray(packet[:20])
        head[2:4] = (20 + len(piece)).to_bytes(2, "big")
        head[4:6] = ident[:2]
        head[6:8] = (at // 8 | (0x2000 if more else 0)).to_bytes(2, "big")
        _sum_ipv4(head)
        out.append(bytes(head) + piece)
    return out


# ---------------------------------------------------------------- the tricks


Send = Callable[[Connection, bytes, bytes, int], None]
"""Sends the client's first bytes. Arguments: connection, bytes, bytes of a decoy, position of the name."""


def _parts(connection: Connection, data: bytes, cuts: list[int], *, backwards: bool = False) -> None:
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    pairs = list(itertools.pairwise(edges))
    for start, end in reversed(pairs) if backwards else pairs:
        connection.segment(start, data[start:end])


def _plain(connection: Connection, data: bytes, _decoy: bytes, _name: int) -> None:
    _parts(connection, data, list(range(_SEGMENT, len(data), _SEGMENT)))


def _split(connection: Connection, data: bytes, _decoy: bytes, name: int) -> None:
    _parts(connection, data, [1, name + 3])


def _bytewise(connection: Connection, data: bytes, _decoy: bytes, name: int) -> None:
    # Only the first bytes and those of the name: a whole hello could exceed the budget of a queue slot.
    _parts(connection, data, [*range(1, 12), *range(name - 4, name + 20)])


def _backwards(connection: Connection, data: bytes, _decoy: bytes, name: int) -> None:
    _parts(connection, data, [name - 8, name + 3, name + 6], backwards=True)


def _after(odd: SegmentOptions) -> Send:
    def send(connection: Connection, data: bytes, decoy: bytes, name: int) -> None:
        connection.segment(0, decoy, odd)
        _parts(connection, data, [name + 3])

    return send


def _overlapped(connection: Connection, data: bytes, decoy: bytes, name: int) -> None:
    """Send the real bytes in two segments, the second half first, after a decoy in place of that half.

    The decoy has a low TTL, so that the filter sees it and the server does not.
    """
    half = name + 3
    fake = (decoy + bytes(len(data)))[: len(data)]
    connection.segment(half, fake[half:], SegmentOptions(ttl=_DIES_ON_THE_WAY))
    connection.segment(half, data[half:])
    connection.segment(0, data[:half])


def _urgent(connection: Connection, data: bytes, _decoy: bytes, name: int) -> None:
    """Send the bytes with one urgent byte inserted in the name; the server reads it apart from the others."""
    at = name + 3
    connection.segment(0, data[:at] + b"x" + data[at:], SegmentOptions(urgent=at + 1))


def _fragmented(connection: Connection, data: bytes, _decoy: bytes, _name: int) -> None:
    connection.segment(0, data, SegmentOptions(fragments=64))


ON_SYN = "on_syn"  # the bytes are in the connection's first packet
TRICKS: dict[str, Send] = {
    "plain": _plain,
    "split": _split,
    "bytewise": _bytewise,
    "backwards": _backwards,
    "short_lived": _after(SegmentOptions(ttl=_DIES_ON_THE_WAY)),
    "bad_checksum": _after(SegmentOptions(bad_checksum=True)),
    "old_number": _after(SegmentOptions(seq=-10_000)),
    "overlapped": _overlapped,
    "urgent": _urgent,
    "fragmented": _fragmented,
    ON_SYN: _plain,
}


def attempt(connection: Connection, trick: str, data: bytes, decoy: bytes, name: int) -> str:
    """Connect, send ``data`` by the trick of this name (`TRICKS`), and wait for a response.

    Return ``answered``, ``reset``, ``silence`` (connected, no response) or ``unreachable`` (not connected).
    ``decoy``: bytes that some tricks send first. ``name``: offset of the host name in ``data``.
    """
    if not connection.open(data if trick == ON_SYN else b""):
        return "reset" if connection.reset else "unreachable"
    send = TRICKS[trick]
    send(connection, data, decoy, name)
    until, again, insisted = time.monotonic() + _ANSWER_S, time.monotonic() + _RESEND_S, False
    while time.monotonic() < until and not connection.received:
        connection.take(0.05)
        if connection.reset and not insisted:
            insisted, again, until = True, 0.0, time.monotonic() + _AFTER_RESET_S
        if time.monotonic() >= again and not connection.received:
            again = time.monotonic() + 2 * _RESEND_S
            send(connection, data, decoy, name)
    if connection.received:
        return "answered"
    return "reset" if connection.reset else "silence"

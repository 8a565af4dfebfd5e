"""Conversations between a device and a server, packet by packet, through a real flow table."""

from __future__ import annotations

from gateway.policy.values import Observation
from gateway.wire.flows.actions import FlowAction, Judge
from gateway.wire.flows.table import FlowResult, FlowTable
from gateway.wire.ip.build import tcp_segment, udp_reply
from gateway.wire.ip.packet import ACK, PSH, SYN, TCP, UDP, parse_ip, transport_sum
from tests.wire.tls_forge import HELLO_RETRY_RANDOM, record, server_hello

REFUSED = "www.refused.example"
ALLOWED = "www.allowed.example"
DECOY = "www.decoy.example"

ADDRESSES = {
    4: (bytes([192, 168, 1, 7]), bytes([203, 0, 113, 9])),
    6: (bytes.fromhex("20010db8000000000000000000000007"), bytes.fromhex("20010db8ffff00000000000000000009")),
}
SERVER_HELLO = record(server_hello(), version=0x0303)
RETRY = record(server_hello(hrr=True), version=0x0303)
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Bench:
    """A judge that remembers what it was asked."""

    def __init__(self, allows: Judge) -> None:
        self._allows = allows
        self.heard: list[Observation] = []

    def __call__(self, observation: Observation) -> bool:
        self.heard.append(observation)
        return self._allows(observation)

    @property
    def hosts(self) -> list[str | None]:
        return [observation.host for observation in self.heard]


def names_only(observation: Observation) -> bool:
    """The most lenient judge: only the one name is refused, whatever else is wrong."""
    return observation.host != REFUSED


def careful(observation: Observation) -> bool:
    """The usual judge: faults are refused, too."""
    return observation.host != REFUSED and observation.fault is None


class Talk:
    """One 4-tuple. ``steps`` is all that the table said about it, ``actions`` the same in short."""

    def __init__(
        self,
        allows: Judge = careful,
        *,
        version: int = 4,
        dport: int = 443,
        sport: int = 40000,
        table: FlowTable | None = None,
        zone: int = 0,
        shared: bool = False,  # several devices have the zone
        device: bytes = b"",
        isn: int = 0xFFFFFF00,  # the numbers of the first bytes lie on both sides of the wrap
        kernel: bool = False,  # a kernel decides by the server's first data (kernel/ruleset/chains.py)
    ) -> None:
        self.device, self.remote = ADDRESSES[version]
        self.device = device or self.device
        self.bench = Bench(allows)
        self.table = table or FlowTable()
        self.now = 1000.0
        self.asks: bool | None = False if kernel else None  # what a kernel says of the connection
        self.answerable: Judge = lambda _: self.asks is not None
        self._answerable = False
        self.steps: list[FlowResult] = []
        self._ports = (sport, dport)
        self._zone, self._shared = zone, shared
        self._isn = isn
        self._server_isn = 0x7FFFFFF0
        self._server_sent = 0
        self.end = 0  # of what the client has really sent
        self._arrived: list[tuple[int, int]] = []  # what of it the server has

    @property
    def actions(self) -> list[FlowAction]:
        return [step.action for step in self.steps]

    def raw(self, packet: bytes, *, from_lan: bool = True) -> FlowResult:
        step = self._by_answer(packet) if self._answerable and not from_lan else None
        step = step or self.table.packet(
            packet,
            from_lan=from_lan,
            now=self.now,
            judge=self.bench,
            zone=self._zone,
            shared=self._shared,
            asks=self.asks,
            answerable=self.answerable,
        )
        if step.action is FlowAction.ANSWERABLE:
            self._answerable = self.asks = True
        elif step.action is FlowAction.REFUSED:
            self._answerable = False
        self.steps.append(step)
        return step

    def _by_answer(self, packet: bytes) -> FlowResult | None:
        """The kernel's decision by the server's first data; None if the daemon has to decide."""
        payload = parse_ip(packet).payload.tobytes()
        if payload:
            self._answerable = False
        plain = payload[:1] == b"\x16" and payload[5:6] == b"\x02" and len(payload) >= 19
        if plain and payload[11:19] != HELLO_RETRY_RANDOM[:8]:
            return FlowResult(FlowAction.PASSES, None, None, tuple(self.bench.heard))
        return None

    def segment(
        self,
        payload: bytes,
        at: int,
        *,
        flags: int = ACK | PSH,
        ack: int = 0,
        options: bytes = b"",
        urgent: int = 0,
    ) -> bytes:
        """A segment of the client; ``at`` and ``ack`` count from the first bytes of either side."""
        packet = tcp_segment(
            self.device,
            self.remote,
            *self._ports,
            seq=self._isn + 1 + at,
            ack=self._server_isn + 1 + self._server_sent + ack,
            flags=flags,
            payload=payload,
            options=options,
        )
        return with_urgent_pointer(packet, urgent) if urgent else packet

    def client(
        self, payload: bytes, at: int | None = None, *, decoy: bool = False, **how: int | bytes
    ) -> FlowResult:
        """The client sends a segment: the next one, or one ``at`` an offset. Decoys get lost."""
        start = self.end if at is None else at
        if not decoy:
            first = start + bool(how.get("flags", 0) & SYN)  # type: ignore[operator]
            self.end = max(self.end, first + len(payload))
            self._arrived.append((first, first + len(payload)))
        return self.raw(self.segment(payload, start, **how))  # type: ignore[arg-type]

    @property
    def acknowledged(self) -> int:
        """How much of the client's stream the server has without a gap."""
        end = 0
        for start, stop in sorted(self._arrived):
            if start > end:
                break
            end = max(end, stop)
        return end

    def server(self, payload: bytes, *, acks: int | None = None, at: int | None = None) -> FlowResult:
        """The server sends its next segment; ``acks`` is how much of the client's stream it has."""
        start = self._server_sent if at is None else at
        self._server_sent = max(self._server_sent, start + len(payload))
        return self.raw(self.server_segment(payload, start, acks), from_lan=False)

    def server_segment(self, payload: bytes, at: int, acks: int | None = None) -> bytes:
        """A segment of the server."""
        return tcp_segment(
            self.remote,
            self.device,
            *reversed(self._ports),
            seq=self._server_isn + 1 + at,
            ack=self._isn + 1 + (self.acknowledged if acks is None else acks),
            flags=ACK | PSH,
            payload=payload,
        )

    def handshake(self) -> None:
        """SYN, SYN-ACK and ACK, which the queue is not shown but a capture holds."""
        self.raw(self.segment(b"", -1, flags=SYN))
        packet = tcp_segment(
            self.remote, self.device, *reversed(self._ports),
            seq=self._server_isn, ack=self._isn + 1, flags=SYN | ACK,
        )  # fmt: skip
        self.raw(packet, from_lan=False)
        self.raw(self.segment(b"", 0, flags=ACK))

    def datagram(self, payload: bytes) -> FlowResult:
        """The client sends a datagram."""
        return self.raw(udp_packet(self.device, self.remote, *self._ports, payload))

    def answer(self, payload: bytes) -> FlowResult:
        """The server sends one."""
        sport, dport = self._ports
        return self.raw(udp_packet(self.remote, self.device, dport, sport, payload), from_lan=False)


def udp_packet(src: bytes, dst: bytes, sport: int, dport: int, payload: bytes) -> bytes:
    """A UDP datagram as a whole IP packet."""
    segment = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + b"\x00\x08\x00\x00"
    head = (
        b"\x45\x00\x00\x1c\x00\x00\x40\x00\x40\x11\x00\x00" + dst + src
        if len(src) == 4
        else b"\x60\x00\x00\x00\x00\x08\x11\x40" + dst + src
    )
    # The reply to an empty datagram of the other side is what is wanted.
    swapped = segment[2:4] + segment[0:2] + segment[4:]
    return udp_reply(parse_ip(head + swapped), payload)


def with_urgent_pointer(packet: bytes, pointer: int) -> bytes:
    """Set the urgent pointer and mend the checksum; the flag is the caller's."""
    return _mended(packet, 18, pointer.to_bytes(2, "big"))


def with_bad_checksum(packet: bytes) -> bytes:
    """Spoil the transport checksum."""
    parsed = parse_ip(packet)
    place = parsed.l4 + (16 if parsed.proto == TCP else 6)
    return packet[:place] + bytes([packet[place] ^ 0x55]) + packet[place + 1 :]


def with_ttl(packet: bytes, ttl: int) -> bytes:
    """Another TTL or hop limit, IPv4 checksum mended."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([ttl]) + packet[8:]
    head = packet[:8] + bytes([ttl]) + packet[9:10] + b"\0\0" + packet[12:20]
    checksum = -int.from_bytes(head, "big") % 65535
    return head[:10] + checksum.to_bytes(2, "big") + head[12:] + packet[20:]


def fragments(packet: bytes, size: int, number: bytes = b"\x12\x34") -> list[bytes]:
    """``packet`` in fragments of ``size`` bytes, a multiple of 8."""
    parsed = parse_ip(packet)
    body = packet[parsed.l4 :]
    parts = []
    for at in range(0, len(body), size):
        piece, more = body[at : at + size], at + size < len(body)
        if parsed.version == 4:
            head = packet[:2] + (20 + len(piece)).to_bytes(2, "big") + number
            head += (
                (at // 8 | (0x2000 if more else 0)).to_bytes(2, "big")
                + packet[8:10]
                + b"\0\0"
                + packet[12:20]
            )
            head = head[:10] + (-int.from_bytes(head, "big") % 65535).to_bytes(2, "big") + head[12:]
        else:
            head = packet[:4] + (8 + len(piece)).to_bytes(2, "big") + b"\x2c" + packet[7:40]
            head += packet[6:7] + b"\0" + (at | more).to_bytes(2, "big") + b"\0\0" + number
        parts.append(head + piece)
    return parts


def _mended(packet: bytes, place: int, value: bytes) -> bytes:
    parsed = parse_ip(packet)
    assert parsed.proto in (TCP, UDP)
    segment = bytearray(packet[parsed.l4 :])
    segment[place : place + len(value)] = value
    segment[16:18] = b"\0\0"
    segment[16:18] = (-transport_sum(parsed.src, parsed.dst, TCP, bytes(segment)) % 65535).to_bytes(2, "big")
    return packet[: parsed.l4] + bytes(segment)

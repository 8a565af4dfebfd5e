"""A capture, frame by frame, through the flow table, the DNS path and the judge of the daemon.

What the gateway's kernel does there is done here: fragments are joined, broken checksums passed over, the ends
of a connection told apart, TCP to port 53 put in order. What the gateway itself learns by asking (addresses of
safe search and of help) is taken from the answers in the capture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.errors import WireError
from gateway.path.dns import PORT, DnsPath
from gateway.path.flows import FlowPath
from gateway.path.live import LiveFlows
from gateway.path.subject import Subject
from gateway.policy.decide import Judge
from gateway.policy.profile import Profile
from gateway.policy.schedule import Calendar
from gateway.policy.situation import Situation
from gateway.policy.values import Decision, Observation, Proto
from gateway.policy.world import GATEWAY_NAME, World
from gateway.replay.decoys import is_decoy
from gateway.replay.learned import SLOT, Learned
from gateway.replay.segments import Segments
from gateway.replay.sides import Sides
from gateway.wire import link
from gateway.wire.capture import Frame
from gateway.wire.dns import parse_message
from gateway.wire.flows import FlowTable, Limits
from gateway.wire.fragments import Defragmenter
from gateway.wire.ip import ACK, SYN, TCP, UDP, Packet, parse_ip

LIMITS = Limits(flows=1 << 16, table_bytes=64 << 20)  # a capture may hold a house's whole day
MAX_DNS_STREAMS = 1 << 12
MAX_TWINS = 64  # questions of the last millisecond
TWIN = 0.001  # seconds between two captures of one packet on its way through a machine
LAST_TIME = 7_258_118_400.0  # the year 2200: a clock that says more says nothing

ASKED = frozenset({Proto.DNS, Proto.TLS, Proto.QUIC, Proto.HTTP})
READABLE = frozenset(
    {
        link.NULL, link.ETHERNET, link.PPP, link.RAW_BSD, link.RAW_OPENBSD, link.PPP_ETHER, link.RAW, link.LOOP,
        link.LINUX_SLL, link.IPV4, link.IPV6, link.LINUX_SLL2,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A DNS question, a ClientHello or an HTTP request, and what becomes of it."""

    time: float | None  # seconds since 1970; None where the capture keeps none
    proto: Proto
    src: bytes  # packed, 4 or 16 bytes: who asks
    sport: int
    dst: bytes
    dport: int
    host: str | None
    decision: Decision


@dataclass(slots=True)
class Tally:
    """Frames that say nothing here."""

    frames: int = 0
    cut: int = 0  # shorter than what was on the wire
    broken: int = 0  # no correct packet
    foreign: int = 0  # on a link that is not read
    decoys: int = 0  # wrong checksums


class Replay:
    """``told`` hears of each question, hello and request, in order.

    ``at``: the moment for which the rules are asked; None: the frame's own time, or ``now`` where it has none.
    """

    def __init__(
        self,
        profile: Profile,
        world: World,
        calendar: Calendar,
        told: Callable[[Asked], None],
        *,
        now: datetime,
        at: datetime | None = None,
        ech_names: Container[str] = frozenset(),
    ) -> None:
        self.tally = Tally()
        self._told = told
        self._now = now
        self._at = at
        self._learned = Learned(world.help)
        learnt = replace(
            world, help_address=self._learned.help_address, safe_address=self._learned.safe_address
        )
        self._judge = Judge(profile, learnt, calendar)
        self._situation = Situation(addresses=self._learned)
        self._subject = Subject(SLOT, profile.name, self._decide, lambda gates: 1)  # noqa: ARG005
        self._flows = FlowPath(
            FlowTable(LIMITS, ech_names=ech_names, verify_checksums=False, handshakes=True),
            LiveFlows(),
            sink=self._seen,
            refused_page=lambda seen, decision: f"http://{GATEWAY_NAME}/",  # noqa: ARG005
        )
        self._dns = DnsPath(
            pages=(), sentence=lambda seen, decision: "", sink=_unheard, book=self._learned.book  # noqa: ARG005
        )
        self._fragments = Defragmenter()
        self._sides = Sides()
        self._streams: OrderedDict[tuple[bytes, int, bytes, int], Segments] = OrderedDict()
        self._twins: OrderedDict[bytes, float] = OrderedDict()
        self._time: float | None = None
        self._ends = (b"", 0, b"", 0)
        self._decided: tuple[Observation, Decision] | None = None  # of the question in hand

    def frame(self, frame: Frame) -> None:
        self.tally.frames += 1
        if frame.linktype not in READABLE:
            self.tally.foreign += 1
            return
        self._time = frame.time if 0 < frame.time < LAST_TIME else None
        learned = self._learned
        learned.now = max(learned.now, self._time or 0.0)
        try:
            found = link.ip_payload(frame.linktype, frame.data)
            data = self._fragments.feed(_sized(found.packet), learned.now) if found is not None else None
            if data is not None:
                self._packet(data, parse_ip(data))
        except WireError:
            if _is_cut(frame):
                self.tally.cut += 1
            else:
                self.tally.broken += 1

    def _packet(self, data: bytes, packet: Packet) -> None:
        proto = packet.proto
        if packet.fragment or (proto != TCP and proto != UDP):
            return
        # As in the gateway, packets without payload are not looked at; a SYN begins a flow.
        if not packet.payload and not (proto == TCP and packet.flags & SYN):
            return
        if is_decoy(data, packet):
            self.tally.decoys += 1
        elif PORT in (packet.sport, packet.dport):
            self._dns_packet(data, packet)
        else:
            self._flow_packet(data, packet)

    # ---------------------------------------------------------------- connections

    def _flow_packet(self, data: bytes, packet: Packet) -> None:
        from_client = self._sides.from_client(packet)
        if from_client:
            self._ends = (packet.src, packet.sport, packet.dst, packet.dport)
        else:
            self._ends = (packet.dst, packet.dport, packet.src, packet.sport)
        self._flows.packet(
            data, self._subject, from_lan=from_client, now=self._learned.now, at=self._moment()
        )

    def _seen(self, _subject: Subject, seen: Observation, decision: Decision, _at: datetime) -> None:
        if seen.proto in ASKED:
            self._tell(seen, decision)

    # ---------------------------------------------------------------- DNS

    def _dns_packet(self, data: bytes, packet: Packet) -> None:
        asks = packet.dport == PORT
        if asks:
            self._ends = (packet.src, packet.sport, packet.dst, packet.dport)
        else:
            self._ends = (packet.dst, packet.dport, packet.src, packet.sport)
        if packet.proto == TCP:
            for message in self._in_order(packet):
                self._message(message, asks=asks)
        elif not (asks and self._is_twin(data, packet)):
            self._message(bytes(packet.payload), asks=asks)

    def _in_order(self, packet: Packet) -> list[bytes]:
        ends = (packet.src, packet.sport, packet.dst, packet.dport)
        segments = self._streams.get(ends)
        seq = packet.seq
        if packet.flags & SYN:
            seq = (seq + 1) % (1 << 32)
            if segments is None or segments.first != seq:
                segments = self._streams[ends] = Segments(seq)
        elif segments is None:
            segments = self._streams[ends] = Segments()
        self._streams.move_to_end(ends)
        if len(self._streams) > MAX_DNS_STREAMS:
            self._streams.popitem(last=False)
        return segments.feed(seq, packet.payload.tobytes())

    def _message(self, message: bytes, *, asks: bool) -> None:
        src, sport, dst, _ = self._ends
        try:
            read = parse_message(message)
            if read.is_response:
                self._learned.answered((src, sport, read.id), read)
            elif asks:
                self._decided = None
                self._dns.ask(message, self._subject, (SLOT, src, sport), dst, self._learned.now, self._moment())
                if self._decided is not None:
                    seen, decision = self._decided
                    self._learned.asked((src, sport, read.id), decision)
                    self._tell(seen, decision)
        except WireError:
            self.tally.broken += 1

    def _is_twin(self, data: bytes, packet: Packet) -> bool:
        """Whether the same packet was captured a moment ago on another interface of the same machine.

        On its way through, its TTL and with that its IPv4 checksum may have changed. TCP and QUIC see to
        themselves: what is sent twice is read once.
        """
        now = self._learned.now
        identification = data[4:6] if packet.version == 4 else b""
        key = b"".join((identification, packet.src, packet.dst, data[packet.l4 : packet.total]))
        before = self._twins.pop(key, None)
        self._twins[key] = now
        if len(self._twins) > MAX_TWINS:
            self._twins.popitem(last=False)
        return before is not None and now - before < TWIN

    # ---------------------------------------------------------------- decisions

    def _moment(self) -> datetime:
        if self._at is not None:
            return self._at
        return self._now if self._time is None else datetime.fromtimestamp(self._time, UTC)

    def _decide(self, seen: Observation, at: datetime) -> Decision:
        decision = self._judge.decide(seen, self._situation, at)
        self._decided = (seen, decision)
        return decision

    def _tell(self, seen: Observation, decision: Decision) -> None:
        self._told(Asked(self._time, seen.proto, *self._ends, seen.host, decision))


def _unheard(subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:  # noqa: ARG001
    """The answer to a question is told from here: the pages' own name has none otherwise."""


def _sized(data: bytes) -> bytes:
    """With an IPv4 length, which is 0 where a network card cuts the segments; it goes by the frame then."""
    if data[2:4] == b"\0\0" and data[0] >> 4 == 4 and len(data) < 1 << 16:
        return data[:2] + len(data).to_bytes(2, "big") + data[4:]
    return data


def _is_cut(frame: Frame) -> bool:
    """Whether an IP packet in ``frame`` says that it is longer."""
    try:
        found = link.ip_payload(frame.linktype, frame.data)
    except WireError:
        return True
    if found is None or not found.packet:
        return found is not None
    data = found.packet
    if data[0] >> 4 == 4:
        return len(data) < 20 or int.from_bytes(data[2:4], "big") > len(data)
    return data[0] >> 4 == 6 and (len(data) < 40 or 40 + int.from_bytes(data[4:6], "big") > len(data))

"""Runs a capture, frame by frame, through the daemon's flow table, DNS path and judge.

The engine also does the kernel's part on a gateway: it joins fragments, ignores packets with wrong checksums,
finds the client of each connection and orders TCP to port 53. Addresses that a gateway learns with queries of
its own (safe search, help lines) come from the answers in the capture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import replace
from datetime import UTC, datetime

from gateway.core.errors import WireError
from gateway.path.addresses import DeviceServices
from gateway.path.dns import PORT, DnsPath
from gateway.path.flows import FlowPath
from gateway.path.live_flows import LiveFlows
from gateway.path.subject import Subject
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.profile.bypass_methods import WAYS
from gateway.policy.profile.profile import Profile
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.standing import Situation
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.replay.frames import is_cut
from gateway.replay.learned import SLOT, Learned
from gateway.replay.offload import is_decoy, split_offloaded, with_length
from gateway.replay.output import FrameTally, ReplayedRequest
from gateway.replay.segments import Segments
from gateway.replay.sides import FlowClients
from gateway.replay.twins import DuplicatePackets
from gateway.wire.dns.message import parse_message, read_head
from gateway.wire.flows.table import FlowTable, Limits
from gateway.wire.ip import link
from gateway.wire.ip.capture import Frame
from gateway.wire.ip.fragments import Defragmenter
from gateway.wire.ip.packet import SYN, TCP, UDP, URG, Packet, parse_ip
from gateway.wire.tunnels import classify_ip

# A capture may be of a whole household, and no device waits for another's work.
LIMITS = Limits(flows=1 << 14, table_bytes=32 << 20, work_rate=1 << 40, work_burst=1 << 40, bodies=False)
MAX_DNS_STREAMS = 1 << 8  # directions of TCP connections to port 53; most last for one question
LAST_TIME = 7_258_118_400.0  # the year 2200: a later time stamp is ignored

STATE_MASK = 3  # of a verdict's byte
DECIDED = (1, 2)  # passes, refused
Ends = tuple[bytes, int, bytes, int]  # address and port of the client, then of the server

_ALLOWED = Decision(Verdict.ALLOW, Reason.OPEN, "", "product")
ASKED = frozenset({Proto.DNS, Proto.TLS, Proto.QUIC, Proto.HTTP}) | WAYS.keys()
READABLE = frozenset(
    {
        link.NULL, link.LOOP, link.ETHERNET, link.LINUX_SLL, link.LINUX_SLL2, link.PPP, link.PPP_ETHER,
        link.RAW, link.RAW_BSD, link.RAW_OPENBSD, link.IPV4, link.IPV6,
    }
)  # fmt: skip


class Replay:
    """Calls ``report`` with each DNS query, hello, request and tunnel, in order.

    ``at`` is the time at which the rules apply; None means each frame's own time, or ``now`` if it has none.
    """

    def __init__(
        self,
        profile: Profile,
        world: World,
        calendar: Calendar,
        report: Callable[[ReplayedRequest], None],
        *,
        now: datetime,
        at: datetime | None = None,
        ech_names: Container[str] = frozenset(),
    ) -> None:
        self.tally = FrameTally()
        self._report = report
        self._now = now
        self._at = at
        self._learned = Learned(world.help, world.catalogue.services_of, world.calling)
        learnt = replace(
            world,
            help_address=self._learned.help_address,
            safe_address=self._learned.safe_address,
            calling_address=self._learned.calling_address,
        )
        self._judge = Judge(profile, learnt, calendar)
        self._situation = Situation(
            addresses=self._learned, recent=DeviceServices(self._learned.services, SLOT)
        )
        # The traffic of a capture continued, whatever these rules decide: more requests may follow a refused
        # one on its connection.
        self._flow_subject = Subject(SLOT, profile.name, _allow, _one_class)
        self._flows = FlowPath(
            FlowTable(LIMITS, ech_names=ech_names, verify_checksums=False, handshakes=True),
            LiveFlows(),
            sink=self._connected,
            refused_page=_no_text,
        )
        self._dns_subject = Subject(SLOT, profile.name, self._decide, _one_class)
        self._dns = DnsPath(
            pages=(),
            sentence=_no_text,
            sink=self._questioned,
            book=self._learned.book,
            services=self._learned.services,
        )
        self._question = (b"", 0, 0)  # the current one: address and port of the client, id
        self._fragments = Defragmenter()
        self._sides = FlowClients()
        self._streams: OrderedDict[Ends, Segments] = OrderedDict()
        self._duplicates = DuplicatePackets()
        self._time: float | None = None
        self._ends: Ends = (b"", 0, b"", 0)

    def frame(self, frame: Frame) -> None:
        """Process one frame."""
        self.tally.frames += 1
        if frame.linktype not in READABLE:
            self.tally.foreign += 1
            return
        self._time = frame.time if 0 < frame.time < LAST_TIME else None
        learned = self._learned
        learned.now = max(learned.now, self._time or 0.0)
        try:
            found = link.ip_payload(frame.linktype, frame.data)
            data = None if found is None else self._fragments.feed(with_length(found.packet), learned.now)
            if data is not None:
                self._packet(data, parse_ip(data))
        except WireError:
            if is_cut(frame):
                self.tally.cut += 1
            else:
                self.tally.broken += 1

    def _packet(self, data: bytes, packet: Packet) -> None:
        proto = packet.proto
        if packet.fragment:
            return
        if proto != TCP and proto != UDP:
            self._portless_packet(packet)
            return
        # As in the gateway, packets without payload are ignored. A SYN begins a flow, and an urgent pointer
        # may arrive before its bytes.
        if not packet.payload and not (proto == TCP and packet.flags & (SYN | URG)):
            return
        if PORT in (packet.sport, packet.dport):
            if not self._is_decoy(data, packet):
                self._dns_packet(data, packet)
            return
        from_client = self._sides.from_client(packet)
        # In the gateway, the kernel forwards decided flows without the daemon.
        if from_client is not None and not self._is_decoy(data, packet):
            for segment in split_offloaded(data, packet):
                self._flow_packet(segment, packet, from_client=from_client)

    def _is_decoy(self, data: bytes, packet: Packet) -> bool:
        if is_decoy(data, packet):
            self.tally.decoys += 1
            return True
        return False

    # ---------------------------------------------------------------- connections

    def _flow_packet(self, data: bytes, packet: Packet, *, from_client: bool) -> None:
        self._ends = _ends(packet, from_client=from_client)
        verdict = self._flows.packet(
            data, self._flow_subject, from_lan=from_client, now=self._learned.now, at=self._moment()
        )
        if packet.proto == TCP and (verdict.byte or 0) & STATE_MASK in DECIDED:
            self._sides.decided(packet)

    def _connected(self, _subject: Subject, seen: Observation, _decision: Decision, at: datetime) -> None:
        if seen.proto in ASKED:
            self._report_request(seen, self._decide(seen, at))

    def _portless_packet(self, packet: Packet) -> None:
        """Report a tunnel directly above IP at its first packet."""
        proto = classify_ip(packet.proto)
        from_client = None if proto is Proto.OTHER else self._sides.from_client(packet)
        if from_client is None:
            return
        self._sides.decided(packet)
        self._ends = _ends(packet, from_client=from_client)
        seen = Observation(proto, None, self._ends[2])
        self._report_request(seen, self._decide(seen, self._moment()))

    # ---------------------------------------------------------------- DNS

    def _dns_packet(self, data: bytes, packet: Packet) -> None:
        asks = packet.dport == PORT
        self._ends = _ends(packet, from_client=asks)
        if packet.proto == TCP:
            for message in self._in_order(packet):
                self._message(message, asks=asks)
        elif not (asks and self._duplicates.is_duplicate(data, packet, self._learned.now)):
            self._message(bytes(packet.payload), asks=asks)

    def _in_order(self, packet: Packet) -> list[bytes]:
        ends = _ends(packet, from_client=True)
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
            self._question = (src, sport, int.from_bytes(message[:2], "big"))
            if read_head(message).is_response:
                self._learned.answered(self._question, parse_message(message))
            elif asks:
                client = (SLOT, src, sport)
                self._dns.judge_query(
                    message, self._dns_subject, client, dst, self._learned.now, self._moment()
                )
        except WireError:
            self.tally.broken += 1

    def _questioned(self, _subject: Subject, seen: Observation, decision: Decision, _at: datetime) -> None:
        self._learned.asked(self._question, decision)
        self._report_request(seen, decision)

    # ---------------------------------------------------------------- decisions

    def _moment(self) -> datetime:
        if self._at is not None:
            return self._at
        return self._now if self._time is None else datetime.fromtimestamp(self._time, UTC)

    def _decide(self, seen: Observation, at: datetime) -> Decision:
        return self._judge.decide(seen, self._situation, at)

    def _report_request(self, seen: Observation, decision: Decision) -> None:
        self._report(ReplayedRequest(self._time, seen.proto, *self._ends, seen.host, decision))


def _ends(packet: Packet, *, from_client: bool) -> Ends:
    if from_client:
        return packet.src, packet.sport, packet.dst, packet.dport
    return packet.dst, packet.dport, packet.src, packet.sport


def _one_class(_gates: frozenset[str]) -> int:
    return 1


def _allow(_seen: Observation, _at: datetime) -> Decision:
    return _ALLOWED


def _no_text(_seen: Observation, _decision: Decision) -> str:
    """Return no text: a replay sends no refusals."""
    return ""

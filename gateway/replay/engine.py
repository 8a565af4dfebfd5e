"""Runs a capture, frame by frame, through the daemon's flow table, DNS path and judge.

The engine also does the kernel's part on a gateway: it joins fragments, ignores packets with wrong checksums
and those captured twice, finds the client of each connection and orders TCP to port 53. Addresses that a
gateway learns with queries of its own (safe search, help lines) come from the answers in the capture.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from gateway.core.errors import WireError
from gateway.path.addresses import AddressBook, DeviceServices, ServiceBook
from gateway.path.dns import PORT, DnsPath
from gateway.path.flows import FlowPath
from gateway.path.live_flows import LiveFlows
from gateway.path.subject import Subject
from gateway.policy.judge.decide import Judge
from gateway.policy.judge.world import World
from gateway.policy.names.hosts import HostMap
from gateway.policy.profile.profile import Profile
from gateway.policy.time.schedule import Calendar
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.replay.frames import is_cut
from gateway.replay.offload import is_decoy, split_offloaded, with_length
from gateway.wire.dns.message import Message, TcpStream, parse_message, read_head
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.table import FlowTable
from gateway.wire.http.head import looks_like_http
from gateway.wire.ip import capture
from gateway.wire.ip.capture import Frame
from gateway.wire.ip.fragments import Defragmenter
from gateway.wire.ip.packet import ACK, ICMP, ICMPV6, SYN, TCP, UDP, URG, Packet, parse_ip
from gateway.wire.tunnels import classify_ip

# A capture may be of a whole household. The work is not limited: no other device waits for it.
LIMITS = Limits(flows=1 << 14, table_bytes=32 << 20, work_rate=1 << 40, work_burst=1 << 40, bodies=False)
MAX_DNS_STREAMS = 1 << 8  # directions of TCP connections to port 53; most last for one question
LAST_TIME = 7_258_118_400.0  # the year 2200: a later time stamp is ignored

STATE_MASK = 3  # of a verdict's byte
DECIDED = (1, 2)  # passes, refused
Ends = tuple[bytes, int, bytes, int]  # address and port of the client, then of the server

_ALLOWED = Decision(Verdict.ALLOW, Reason.OPEN, "", "product")
READABLE = frozenset(
    {
        capture.NULL, capture.LOOP, capture.ETHERNET, capture.LINUX_SLL, capture.LINUX_SLL2, capture.PPP,
        capture.PPP_ETHER, capture.RAW, capture.RAW_BSD, capture.RAW_OPENBSD, capture.IPV4, capture.IPV6,
    }
)  # fmt: skip

SLOT = 1  # for all devices in a capture
MAX_ASKED = 1 << 13  # queries without an answer yet
MAX_ADDRESSES = 1 << 16
MAX_HELP = 1 << 10  # names of help lines; a capture has a few
MAX_HELP_ADDRESSES = 1 << 6  # of one name

Asker = tuple[bytes, int, int]  # address and port of the client, id of the query

MAX_FLOWS = 1 << 15  # in each of two generations: 500 bytes each
WELL_KNOWN = 1024  # ports below are servers'
# Higher ports of servers: WireGuard, STUN, proxies, XMPP, push, alternative web ports.
SERVER_PORTS = frozenset({1194, 3128, 3478, 5222, 5223, 5228, 8000, 8008, 8080, 8443, 8853, 8888, 51820})

_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_FROM_CLIENT, _SURE, _FLOW_DECIDED = 1, 2, 4  # bits

_FlowEnds = tuple[int, bytes, int, bytes, int]  # protocol, source and its port, destination and its port

MAX_TWINS = 64  # queries of the last millisecond
TWIN = 0.001  # seconds between two captures of one packet in a host

MAX_EARLY = 1 << 16  # bytes after a gap: the largest message

_HALF, _WHOLE = 1 << 31, 1 << 32


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """One decision of a replay, with what it is about.

    That is a DNS query, a ClientHello, an HTTP request, a tunnel, or a connection without a host name.
    """

    time: float | None  # seconds since 1970; None if the capture has none
    proto: Proto
    src: bytes  # packed, 4 or 16 bytes; the client
    sport: int
    dst: bytes
    dport: int
    host: str | None
    decision: Decision


class FrameDefect(StrEnum):
    """Why a captured frame cannot be read, so that there is no decision about it.

    The daemon drops malformed packets and those with a wrong checksum.
    """

    CUT = "cut"
    MALFORMED = "malformed"
    LINK_TYPE = "link_type"
    CHECKSUM = "checksum"


@dataclass(frozen=True, slots=True)
class UnreadFrame:
    """A captured frame that cannot be read, so that there is no decision about it."""

    time: float | None  # seconds since 1970; None if the capture has none
    number: int  # in the capture, from 1
    defect: FrameDefect
    ends: Ends | None  # sender and receiver, of DNS client and server; None: unknown


@dataclass(slots=True)
class FrameTally:
    """Counts of all frames in a capture, and of what cannot be read, by reason."""

    frames: int = 0
    cut: int = 0  # shorter than on the wire
    broken: int = 0  # invalid packets, and invalid DNS messages
    foreign: int = 0  # of an unsupported link type
    decoys: int = 0  # wrong checksums


def _count_only(_frame: UnreadFrame) -> None:
    """Do nothing. A replay calls it for unread frames by default; they are counted in any case."""


class Replay:
    """Applies a profile's rules to captured frames. Calls ``report`` with each decision, in order.

    Decisions are about DNS queries, TLS and QUIC hellos, HTTP requests, tunnels, and connections without a
    host name, among them those refused because of their form. ``unread`` is called with each frame that
    cannot be read.

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
        unread: Callable[[UnreadFrame], None] = _count_only,
    ) -> None:
        self.tally = FrameTally()
        self._report = report
        self._unread = unread
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
            FlowTable(
                LIMITS,
                ech_names=lambda: ech_names,
                recognise=world.catalogue.signed,
                verify_checksums=False,
                handshakes=True,
            ),
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
        """Process one frame, and report the decisions that it completes.

        All frames are counted in `tally`.
        """
        self.tally.frames += 1
        self._time = frame.time if 0 < frame.time < LAST_TIME else None
        if frame.linktype not in READABLE:
            self.tally.foreign += 1
            self._report_unread(FrameDefect.LINK_TYPE)
            return
        learned = self._learned
        learned.now = max(learned.now, self._time or 0.0)
        try:
            found = capture.ip_payload(frame.linktype, frame.data)
            data = None if found is None else self._fragments.feed(with_length(found.packet), learned.now)
            if data is not None:
                self._packet(data, parse_ip(data))
        except WireError:
            if is_cut(frame):
                self.tally.cut += 1
                self._report_unread(FrameDefect.CUT)
            else:
                self.tally.broken += 1
                self._report_unread(FrameDefect.MALFORMED)

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
        from_client = None if _is_multicast(packet.dst) else self._sides.from_client(packet)
        # In the gateway, the kernel forwards decided flows without the daemon.
        if from_client is not None and not self._is_decoy(data, packet):
            for segment in split_offloaded(data, packet):
                self._flow_packet(segment, packet, from_client=from_client)

    def _is_decoy(self, data: bytes, packet: Packet) -> bool:
        if is_decoy(data, packet):
            self.tally.decoys += 1
            self._report_unread(FrameDefect.CHECKSUM, _ends(packet, from_client=True))
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
        self._report_request(seen, self._decide(seen, at))

    def _portless_packet(self, packet: Packet) -> None:
        """Report the decision about an IP protocol without ports, at its first packet between two hosts.

        ICMP and packets to multicast addresses are ignored.
        """
        if packet.proto in (ICMP, ICMPV6) or _is_multicast(packet.dst):
            return
        from_client = self._sides.from_client(packet)
        if from_client is None:
            return
        self._sides.decided(packet)
        self._ends = _ends(packet, from_client=from_client)
        seen = Observation(classify_ip(packet.proto), None, self._ends[2])
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
            self._report_unread(FrameDefect.MALFORMED, self._ends)

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

    def _report_unread(self, defect: FrameDefect, ends: Ends | None = None) -> None:
        self._unread(UnreadFrame(self._time, self.tally.frames, defect, ends))


def _ends(packet: Packet, *, from_client: bool) -> Ends:
    if from_client:
        return packet.src, packet.sport, packet.dst, packet.dport
    return packet.dst, packet.dport, packet.src, packet.sport


def _is_multicast(address: bytes) -> bool:
    """Return whether an address (4 or 16 bytes) is multicast or broadcast; gateways forward nothing to it.

    RFC 5771, RFC 4291 §2.7.
    """
    return address[0] >= (0xFF if len(address) == 16 else 224)


def _one_class(_gates: frozenset[str]) -> int:
    return 1


def _allow(_seen: Observation, _at: datetime) -> Decision:
    return _ALLOWED


def _no_text(_seen: Observation, _decision: Decision) -> str:
    """Return no text for a page or DNS response about a blocked site, because a replay sends neither."""
    return ""


class Learned:
    """Learns addresses of host names from the DNS answers of a capture, as a gateway does by its own queries.

    ``help_names``: those of help lines; ``calling_names``: of these, carriers' Wi-Fi calling.
    ``services_of`` returns the services of a host. ``now``: the time of the newest frame, in
    seconds.
    """

    def __init__(
        self,
        help_names: HostMap[str],
        services_of: Callable[[str], tuple[str, ...]],
        calling_names: HostMap[str] | None = None,
    ) -> None:
        self.now = 0.0
        self.services = ServiceBook(services_of, lambda: self.now)
        self.book = AddressBook(MAX_ADDRESSES)
        self._help_names = help_names
        self._calling_names = HostMap({}) if calling_names is None else calling_names
        self._help: dict[str, set[bytes]] = {}
        self._calling: set[bytes] = set()
        self._asked: OrderedDict[Asker, Decision] = OrderedDict()

    def asked(self, asker: Asker, decision: Decision) -> None:
        """Store the decision about a DNS query until its answer is in the capture.

        ``asker``: the client and the query's id.
        """
        self._asked[asker] = decision
        self._asked.move_to_end(asker)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)

    def answered(self, asker: Asker, message: Message) -> None:
        """Learn the addresses in a DNS answer. ``asker``: the client and the query's id.

        An answer to a blocked query is ignored: a gateway would not have received it.
        """
        decision = self._asked.pop(asker, None)
        question = message.question
        if question is None or (decision is not None and decision.verdict is Verdict.BLOCK):
            return
        ttl = min((record.ttl for record in message.answers), default=0)
        safe = None if decision is None else decision.rewrite
        if safe is not None:
            # For a rewritten query, a gateway would have received only the safe name's addresses.
            answers = tuple(record for record in message.answers if record.name == safe)
            message = message._replace(answers=answers)
        addresses = message.addresses()
        self.book.learn(SLOT, addresses, ttl, self.now)
        self.services.learn(SLOT, question.name, addresses, ttl)
        for name in {question.name} | {record.name for record in message.answers}:
            self.book.learn(name, addresses, ttl, self.now)
        if question.name in self._help_names and (question.name in self._help or len(self._help) < MAX_HELP):
            known = self._help.setdefault(question.name, set())
            known.update(addresses[: MAX_HELP_ADDRESSES - len(known)])
            if question.name in self._calling_names:
                self._calling |= known

    def help_address(self, host: str, address: bytes) -> bool:
        """Return whether ``address`` may belong to the help line with the host name ``host``.

        True unless an answer of the capture contradicts it. An answer without addresses of this IP version
        does not contradict it.
        """
        known = self._help.get(host, frozenset[bytes]())
        return address in known or all(len(other) != len(address) for other in known)

    def calling_address(self, address: bytes) -> bool:
        return address in self._calling

    def safe_address(self, name: str, address: bytes) -> bool:
        return self.book.knows(name, address, self.now)

    def __contains__(self, address: object) -> bool:
        """Return whether a host name that is not blocked resolved to ``address`` (bytes)."""
        return isinstance(address, bytes) and self.book.knows(SLOT, address, self.now)


class FlowClients:
    """Finds out which side of a connection is the client, and stores which connections are decided.

    A capture has neither. At most 65,536 connections are stored; those that were idle for longest are
    dropped.
    """

    def __init__(self, limit: int = MAX_FLOWS) -> None:
        self._limit = limit
        self._young: dict[_FlowEnds, int] = {}
        self._old: dict[_FlowEnds, int] = {}

    def from_client(self, packet: Packet) -> bool | None:
        """Return whether the client sent ``packet``; None if its connection was decided (`decided`).

        The client is the sender of the SYN. If the capture begins later: the side with bytes of a
        client, else the side with a port that is no server's, else the sender of the first packet.
        """
        ends = (packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
        side = self._young.get(ends)
        if side is None:
            side = self._old.get(ends)
            if side is None:
                side = _guess(packet)
            self._put(ends, side)
        if packet.flags & SYN and packet.proto == TCP:
            side = side & ~_FLOW_DECIDED if side & _SURE else _guess(packet)
            self._put(ends, side)
        return None if side & _FLOW_DECIDED else side & _FROM_CLIENT != 0

    def decided(self, packet: Packet) -> None:
        """Store that the packet's connection is decided. It is ignored until a SYN opens another one."""
        ends = (packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
        self._put(ends, self._young[ends] | _FLOW_DECIDED)

    def _put(self, ends: _FlowEnds, side: int) -> None:
        if len(self._young) >= 2 * self._limit:
            self._old, self._young = self._young, {}
        proto, src, sport, dst, dport = ends
        self._young[ends] = side
        self._young[proto, dst, dport, src, sport] = side ^ _FROM_CLIENT

    def __len__(self) -> int:
        return (len(self._young) + len(self._old)) // 2


def _guess(packet: Packet) -> int:
    if packet.proto == TCP:
        if packet.flags & SYN:
            return _SURE if packet.flags & ACK else _SURE | _FROM_CLIENT
        asks = _asks(packet.payload[:2048].tobytes())
        if asks is not None:
            return int(asks)
    serves, is_served = _is_server(packet.sport), _is_server(packet.dport)
    return int(is_served or not serves)


def _asks(payload: bytes) -> bool | None:
    """Return whether a client sent the payload, by its TLS hello type or HTTP start; None if unknown."""
    if payload.startswith(b"\x16") and len(payload) > 5:
        return {_CLIENT_HELLO: True, _SERVER_HELLO: False}.get(payload[5])
    if payload.startswith(b"HTTP/"):
        return False
    return looks_like_http(payload) or None


def _is_server(port: int) -> bool:
    return port < WELL_KNOWN or port in SERVER_PORTS


class DuplicatePackets:
    """Recognises packets that were captured twice, on two interfaces of one host."""

    def __init__(self) -> None:
        self._last: OrderedDict[bytes, float] = OrderedDict()

    def is_duplicate(self, data: bytes, packet: Packet, now: float) -> bool:
        """Return whether the same packet was captured less than a millisecond ago; remember this one.

        Its TTL, and so its IPv4 checksum, may have changed. TCP and QUIC need no check: what is sent twice is
        read once.
        """
        identification = data[4:6] if packet.version == 4 else b""
        key = b"".join((identification, packet.src, packet.dst, data[packet.l4 : packet.total]))
        before = self._last.pop(key, None)
        self._last[key] = now
        if len(self._last) > MAX_TWINS:
            self._last.popitem(last=False)
        return before is not None and now - before < TWIN


class Segments:
    """Puts the bytes of one direction of a TCP connection to port 53 in order, and extracts its DNS messages.

    The daemon terminates such connections itself, so there is only one reading: that of an ordinary TCP.
    ``first``: the first byte's sequence number; None if the capture begins later. After a gap that is never
    filled, and after bytes that are no DNS, nothing more is returned: the position in the stream is unknown.
    """

    __slots__ = ("_early", "_held", "_messages", "_next", "first")

    def __init__(self, first: int | None = None) -> None:
        self.first = first
        self._next = first
        self._messages: TcpStream | None = TcpStream()
        self._early: dict[int, bytes] = {}  # by sequence number
        self._held = 0

    def feed(self, seq: int, data: bytes) -> list[bytes]:
        if self._messages is None:
            return []
        if self._next is None:
            self._next = seq
        if _distance(self._next, seq) > 0:
            self._keep(seq, data)
            return []
        found: list[bytes] = []
        try:
            found += self._take(self._messages, seq, data)
            while self._early:
                seq = min(self._early, key=lambda start: _distance(self._next or 0, start))
                if _distance(self._next, seq) > 0:
                    break
                data = self._early.pop(seq)
                self._held -= len(data)
                found += self._take(self._messages, seq, data)
        except WireError:
            self._give_up()
        return found

    def _take(self, messages: TcpStream, seq: int, data: bytes) -> list[bytes]:
        at = self._next or 0
        fresh = data[-_distance(at, seq) :] if seq != at else data
        self._next = (at + len(fresh)) % _WHOLE
        return messages.feed(fresh)

    def _keep(self, seq: int, data: bytes) -> None:
        known = len(self._early.get(seq, b""))
        if len(data) > known:
            self._early[seq] = data
            self._held += len(data) - known
            if self._held > MAX_EARLY:
                self._give_up()

    def _give_up(self) -> None:
        self._messages = None
        self._early.clear()


def _distance(at: int, seq: int) -> int:
    """Return how many bytes sequence number ``seq`` is after ``at``; negative if before (RFC 9293 §3.4)."""
    return (seq - at + _HALF) % _WHOLE - _HALF

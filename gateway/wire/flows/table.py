"""The flow table: takes packets, and returns an action for each packet and its flow.

The same code decides in the daemon, which sees only packets with payload of undecided flows, and in replay,
which sees all packets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import (
    HOLD,
    Answerable,
    Bodies,
    FlowAction,
    FlowKey,
    Judge,
    Recognise,
    Ruling,
    never_answerable,
    recognise_nothing,
)
from gateway.wire.flows.http import HttpFlow
from gateway.wire.flows.limits import Effort, Limits
from gateway.wire.flows.observe import Observer
from gateway.wire.flows.tcp import UNSCALED_WINDOW, TcpFlow
from gateway.wire.flows.udp import UdpFlow
from gateway.wire.ip.packet import ACK, ICMP, ICMPV6, SYN, TCP, UDP, Packet, checksum_ok, parse_ip
from gateway.wire.quic.initials import DatagramKind, classify
from gateway.wire.tunnels import classify_ip

_new = tuple.__new__  # builds a NamedTuple in half the time


class FlowResult(NamedTuple):
    """The action for one packet, the observation (host, fault) behind it, and the names of its flow.

    ``judged`` is empty until the flow passes. A NamedTuple, since one is built for every packet.
    """

    action: FlowAction
    observation: Observation | None  # the one that decided the flow, or was judged last
    packet: Packet | None  # None if it is no IP packet
    judged: tuple[Observation, ...] = ()  # with PASSES: every distinct name that the client sent, with decoys


@dataclass(frozen=True, slots=True)
class Stats:
    """A flow table's counts of packets and flows since it was created, and its current size."""

    packets: int
    malformed: int  # packets that are no valid IP, dropped
    bad_checksums: int  # packets dropped
    postponed: int  # packets dropped, of a device that causes too much work
    passed: int  # flows
    refused: int  # flows
    evicted: int  # flows dropped because the table was full, undecided or open HTTP
    expired: int  # flows dropped because they were idle, undecided or open HTTP
    flows: int  # current
    buffered: int  # bytes, current
    tls_flows: int  # TCP flows decided by a TLS hello
    tls_packets: int  # of these flows: packets that reached the table, before and after the decision
    http_flows: int  # plain HTTP, which stays queued
    http_packets: int
    quic_flows: int  # a flow may carry several QUIC connections
    quic_packets: int


class ProtocolCount:
    """Counts the decided flows of one protocol, and how many of their packets reached the table.

    Answered HTTP counts as decided, and so does a flow that the kernel may decide.
    """

    __slots__ = ("flows", "packets")

    def __init__(self) -> None:
        self.flows = self.packets = 0


class FlowTable:
    """Decides each packet of all devices; stores their undecided flows, and recently decided ones.

    ``ech_names`` returns the host names that servers publish as outer names of ECH. ``recognise`` returns the
    services whose signatures match the first bytes of a flow without a host name. ``verify_checksums`` is off
    for captures from a host with checksum offload. ``handshakes`` means that segments without payload are
    seen too: then a decided TCP flow is stored until its ports are reused, since no kernel stores it.
    ``forgotten`` is called with the key of each flow that is evicted or expires after part of a hello or
    request was read: later packets would be read as a new flow. ``bodies`` lets the kernel forward parts of
    long request bodies. ``plain`` returns the IPv4 address in a server's translated address (NAT64), and any
    other address unchanged.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        ech_names: Callable[[], Container[str]] = frozenset,
        recognise: Recognise = recognise_nothing,
        verify_checksums: bool = True,
        handshakes: bool = False,
        forgotten: Callable[[FlowKey], None] | None = None,
        bodies: Bodies | None = None,
        plain: Callable[[bytes], bytes] = lambda address: address,
    ) -> None:
        self._limits = limits or Limits()
        self._bodies = bodies
        self._ech_names = ech_names
        self._recognise = recognise
        self._plain = plain
        self._verify = verify_checksums
        self._handshakes = handshakes
        self._entries = FlowEntries(self._limits, forgotten, None if bodies is None else bodies.end)
        self._effort = Effort(self._limits)
        self._packets = self._malformed = self._bad_checksums = self._postponed = 0
        self._passed = self._refused = 0
        self._tls, self._http, self._quic = ProtocolCount(), ProtocolCount(), ProtocolCount()
        self._counts = {
            (TCP, Proto.TLS): self._tls,
            (TCP, Proto.HTTP): self._http,
            (UDP, Proto.QUIC): self._quic,
        }

    def packet(
        self,
        data: bytes,
        *,
        from_lan: bool,
        now: float,
        judge: Judge,
        zone: int = 0,
        shared: bool = False,
        asks: bool | None = None,
        answerable: Answerable = never_answerable,
    ) -> FlowResult:
        """Return the action for one whole IP packet, and what was judged. Never raises for an invalid packet.

        ``from_lan``: a device of the LAN sent it. ``now`` is in seconds of any monotonic clock. ``judge``
        returns whether an observation is allowed. It is called once for each hello, request or flow without a
        name, and for what is refused because of its form. ``zone``: the number of the device (slot);
        ``shared``: several devices have this one. ``asks`` is whether ASKS, UPLOAD or ANSWERABLE was returned
        for this TCP connection before, as stored by the kernel; None without a kernel. ``answerable`` is
        called before ANSWERABLE is returned, and prevents it by returning False.
        """
        self._packets += 1
        try:
            packet = parse_ip(data)
        except WireError:
            self._malformed += 1
            return FlowResult(FlowAction.DROP, None, None)
        if self._verify and not checksum_ok(data, packet):
            self._bad_checksums += 1
            return FlowResult(FlowAction.DROP, None, packet)
        proto = packet.proto
        if packet.fragment or (packet.more_fragments and proto == UDP):
            return self._stateless(packet, from_lan, judge, Fault.FRAGMENT)
        if proto != TCP and proto != UDP:
            if proto in (ICMP, ICMPV6):
                return FlowResult(FlowAction.HOLD, None, packet)
            return self._stateless(packet, from_lan, judge, None)
        if from_lan:
            key = (zone, proto, packet.src, packet.sport, packet.dst, packet.dport)
        else:
            key = (zone, proto, packet.dst, packet.dport, packet.src, packet.sport)
        device = key[2] if shared else None
        return self._flow_packet(key, packet, from_lan, now, judge, asks, device, answerable)

    def _flow_packet(
        self,
        key: FlowKey,
        packet: Packet,
        from_lan: bool,
        now: float,
        judge: Judge,
        asks: bool | None,
        device: bytes | None,
        answerable: Answerable,
    ) -> FlowResult:
        entry = self._entry(key, packet, from_lan, now, judge, asks)
        (entry.count or entry).packets += 1
        flow = entry.flow
        if flow is None and from_lan and packet.proto == UDP and entry.ruling.action is FlowAction.PASSES:
            flow = self._another(entry, packet)
        if flow is not None and not self._effort.allows(key[0], now, device=device):
            self._postponed += 1
            return FlowResult(FlowAction.DROP, None, packet)
        if flow is None:
            if packet.proto == UDP:
                entry.until = now + self._limits.udp_age
            return _new(FlowResult, (entry.ruling.action, entry.ruling.observation, packet, entry.judged))
        if isinstance(flow, TcpFlow):
            if asks is False and from_lan and entry.asks_since and flow.is_behind(packet):
                # Old body bytes are not compared, and this may be a new connection on the same ports.
                return FlowResult(FlowAction.DROP, None, packet)
            ruling = flow.from_lan(packet, judge) if from_lan else flow.from_server(packet, judge)
            idle = self._limits.open_http_age if flow.may_pause else self._limits.age
        else:
            payload = packet.payload.tobytes()
            ruling = flow.from_lan(payload, judge) if from_lan else flow.from_server(payload, judge)
            idle = self._limits.age
        work = flow.work
        if work > entry.work:
            self._effort.spend(key[0], work - entry.work, now, device)
            entry.work = work
        if flow.ruling is not None:
            if packet.proto == TCP and ruling.action is FlowAction.REFUSED:
                entry.refused_at = packet.seq if from_lan else packet.ack
            self._settle(key, entry, flow, flow.ruling, now)
        else:
            if ruling.action is not FlowAction.DROP:  # it may be of a new connection on the same ports
                entry.until = max(entry.until, now + idle)
            if ruling.action is FlowAction.ANSWERABLE:
                ruling = self._answerable(key, entry, ruling, now, answerable)
            elif ruling.action is FlowAction.ASKS:
                entry.asks_since = entry.asks_since or now
                self._count(key, entry, ruling)
                self._entries.keep_open(key, entry)
            elif not entry.is_answerable:
                self._entries.keep_undecided(key, entry)
            if self._bodies is not None and isinstance(flow, TcpFlow) and flow.http is not None:
                self._follow_body(self._bodies, key, entry, flow, flow.http, is_marked=bool(asks))
            if flow is entry.another and ruling.action is FlowAction.HOLD:
                entry.judged = tuple(dict.fromkeys([*entry.judged, *flow.judged]))
                if ruling.observation is not None:  # a hello is complete and allowed
                    entry.another.count_anew()
                ruling = entry.ruling
            self._entries.account(key, entry, flow.size)
        return _new(FlowResult, (ruling.action, ruling.observation, packet, entry.judged))

    def _answerable(
        self, key: FlowKey, entry: FlowEntry, ruling: Ruling, now: float, answerable: Answerable
    ) -> Ruling:
        """Record that the kernel may decide this flow by the server's answer; return ``ruling``.

        Returns HOLD for the packet if ``answerable`` returns False.
        """
        flow, seen = entry.flow, ruling.observation
        if seen is None or not isinstance(flow, TcpFlow) or not answerable(seen):
            return Ruling(FlowAction.HOLD, seen)
        flow.expect_answer()
        entry.asks_since = now
        self._entries.keep_answerable(key, entry)
        self._count(key, entry, ruling)
        self._passed += 1
        return ruling

    def _follow_body(
        self,
        bodies: Bodies,
        key: FlowKey,
        entry: FlowEntry,
        flow: TcpFlow,
        http: HttpFlow,
        *,
        is_marked: bool,
    ) -> None:
        """Let the kernel forward a part of a long request body that the server has not answered yet.

        Ends this if there is no such body, or the server has answered before its end. ``is_marked``: the
        kernel knows that the flow was read before, and queues its other segments.
        """
        body = http.body
        if body is None or body.answered:
            self._entries.end_body(key, entry)
            return
        if body.watched is not http.answered:
            entry.has_body, body.watched = True, http.answered
            last = body.end if http.answered else min(body.end, body.start + self._limits.acks)
            possible = bodies.watch(key, flow.number(body.start), last - 1 - body.start)
        elif is_marked and (found := http.forwardable) is not None:
            first, last = found
            possible = bodies.forward(key, flow.number(first), last - first)
            if possible:
                http.forward()
        else:
            return
        body.answered = not possible

    def _count(self, key: FlowKey, entry: FlowEntry, ruling: Ruling) -> None:
        """Count a flow, with its packets so far, by its protocol, unless it was counted before."""
        if entry.count is not None or ruling.observation is None:
            return
        count = entry.count = self._counts.get((key[1], ruling.observation.proto))
        if count is not None:
            count.flows += 1
            count.packets += entry.packets

    def _another(self, entry: FlowEntry, packet: Packet) -> UdpFlow | None:
        """Return the flow in which to read ``packet`` if it may begin another QUIC connection; else None.

        For UDP that already passes. An Initial may begin a connection to another name on the same ports, so
        its hello is judged. Initials of the allowed connection no longer decrypt.
        """
        if classify(packet.payload.tobytes()) not in (DatagramKind.INITIAL, DatagramKind.UNKNOWN_VERSION):
            return None
        if entry.another is None:
            server = self._plain(packet.dst)
            entry.another = UdpFlow(server, packet.dport, self._limits, self._ech_names(), self._recognise)
            entry.work = 0
        return entry.another

    def _entry(
        self, key: FlowKey, packet: Packet, from_lan: bool, now: float, judge: Judge, asks: bool | None
    ) -> FlowEntry:
        entry = self._entries.find(key)
        if entry is not None:
            if not self._is_other_flow(entry, packet, from_lan, now, asks):
                if entry.until < now and entry.flow is not None and not entry.is_open_http:
                    self._refuse(key, entry, judge, now)  # the stored data is too old
                return entry
            self._entries.remove(key)
        server, port = self._plain(key[4]), key[5]
        flow: TcpFlow | UdpFlow
        if packet.proto == TCP:
            observer = Observer(server, port, self._ech_names(), self._limits, self._recognise)
            flow = TcpFlow(observer, port, self._limits)
            flow.opens_other(packet, from_lan=from_lan)
        else:
            flow = UdpFlow(server, port, self._limits, self._ech_names(), self._recognise)
        entry = self._entries.add(key, flow, now)
        if asks:  # without an entry: requests may have begun that were never read
            self._refuse(key, entry, judge, now)
        return entry

    def _is_other_flow(
        self, entry: FlowEntry, packet: Packet, from_lan: bool, now: float, asks: bool | None
    ) -> bool:
        """Return whether ``packet`` is of another flow on the same addresses and ports as ``entry``."""
        flow = entry.flow
        if packet.proto != TCP:
            return entry.until < now and not (isinstance(flow, UdpFlow) and flow.has_hellos)
        if isinstance(flow, TcpFlow):
            if flow.opens_other(packet, from_lan=from_lan) or (entry.until < now and not flow.half_read):
                return True
            # The kernel's mark is set a moment after ASKS is returned; the next requests may arrive earlier.
            late = entry.asks_since + self._limits.settled_age < now
            known = asks is not False or not entry.asks_since
            return not known and (late or (from_lan and flow.is_far_away(packet)))
        if entry.until < now or packet.flags & (SYN | ACK) == SYN:
            return True
        # If a kernel stores decisions, later packets were queued before it had this one.
        if self._handshakes or asks or not from_lan or not packet.payload:
            return False
        # Those of an allowed flow are the server's, since the client waited for it. Those of a refused flow
        # are near the one that was refused. Other packets of a client are of a new connection.
        return entry.ruling.action is FlowAction.PASSES or entry.is_far_away(packet.seq)

    def _refuse(self, key: FlowKey, entry: FlowEntry, judge: Judge, now: float) -> None:
        """Refuse a flow that cannot be judged: earlier bytes were not read, or those stored are too old.

        The client then connects again. ``judge`` is notified (fault OVERFLOW), but its result is
        ignored.
        """
        proto = Proto.TCP if key[1] == TCP else Proto.QUIC
        observation = Observation(proto, None, self._plain(key[4]), key[5], fault=Fault.OVERFLOW)
        judge(observation)
        if entry.flow is not None:
            self._settle(key, entry, entry.flow, Ruling(FlowAction.REFUSED, observation), now)

    def _settle(
        self, key: FlowKey, entry: FlowEntry, flow: TcpFlow | UdpFlow, ruling: Ruling, now: float
    ) -> None:
        if ruling.action is FlowAction.PASSES:
            self._passed += not (isinstance(flow, TcpFlow) and flow.was_answerable)
            entry.judged = tuple(flow.judged)
        else:
            self._refused += 1
            self._passed -= isinstance(flow, TcpFlow) and flow.was_answerable
        self._entries.end_body(key, entry)
        self._count(key, entry, ruling)
        entry.flow = None
        entry.another = flow.take_half_read() if isinstance(flow, UdpFlow) else None
        entry.ruling = ruling
        remembered = inf if self._handshakes else self._limits.settled_age
        if key[1] == UDP:  # the rest of a handshake may take a while, and is queued as well
            remembered = self._limits.udp_age
        self._entries.settle(key, entry, now + remembered)

    def _stateless(self, packet: Packet, from_lan: bool, judge: Judge, fault: Fault | None) -> FlowResult:
        """Judge a packet that belongs to no flow, such as a fragment; return PASSES or REFUSED.

        With a ``fault``, it is always REFUSED.
        """
        proto = {TCP: Proto.TCP, UDP: Proto.UDP}.get(packet.proto) or classify_ip(packet.proto)
        server, port = (packet.dst, packet.dport) if from_lan else (packet.src, packet.sport)
        observation = Observation(proto, None, self._plain(server), port, fault=fault)
        allowed = judge(observation) and fault is None
        return FlowResult(FlowAction.PASSES if allowed else FlowAction.REFUSED, observation, packet)

    def forget(self, zone: int | None = None, *, settled: bool = False) -> int:
        """Remove the flows of one device (``zone``), or all flows. Return the number of removed entries.

        ``settled``: only decided flows without a half-read hello, as after a change of rules.
        Undecided flows keep their bytes; the owner of the table must judge their names again when
        the flow passes.
        """
        if zone is not None and not settled:
            self._effort.forget(zone)
        return self._entries.clear(zone, settled=settled)

    def refuse_unanswered(self, zone: int, allowed: Judge, now: float) -> list[FlowKey]:
        """Refuse the flows of one device that are forwarded before an answer, and are not allowed any more.

        These are long uploads over plain HTTP, and UDP that goes one way. ``allowed`` returns whether an
        observation is allowed now. Return the keys of the refused flows, which the caller blocks in the
        kernel.
        """
        refused: list[FlowKey] = []
        for key, entry in self._entries.of_zone(zone):
            flow = entry.flow
            blocked = None if flow is None else next((s for s in flow.unanswered if not allowed(s)), None)
            if flow is not None and blocked is not None:
                self._settle(key, entry, flow, Ruling(FlowAction.REFUSED, blocked), now)
                refused.append(key)
        return refused

    def forget_ended_http(self, running: Container[object], now: float) -> int:
        """Remove idle plain HTTP connections that ``running`` does not contain. Return their number.

        ``running``: the keys (`FlowKey`) of the connections that the kernel still knows. Packets do not show
        reliably that a connection has ended: anyone may send a RST that the server ignores.
        """
        return self._entries.clear_idle_http(running, now)

    @property
    def stats(self) -> Stats:
        return Stats(
            packets=self._packets,
            malformed=self._malformed,
            bad_checksums=self._bad_checksums,
            postponed=self._postponed,
            passed=self._passed,
            refused=self._refused,
            evicted=self._entries.evicted,
            expired=self._entries.expired,
            flows=self._entries.count,
            buffered=self._entries.buffered,
            tls_flows=self._tls.flows,
            tls_packets=self._tls.packets,
            http_flows=self._http.flows,
            http_packets=self._http.packets,
            quic_flows=self._quic.flows,
            quic_packets=self._quic.packets,
        )


class FlowEntry:
    """What is stored for one flow key (`FlowKey`): the flow until it is decided, then its ruling."""

    __slots__ = (
        "another", "asks_since", "count", "flow", "has_body", "judged", "packets", "queue", "refused_at",
        "ruling", "size", "until", "work",
    )  # fmt: skip

    def __init__(self, flow: TcpFlow | UdpFlow, queue: EntryQueue) -> None:
        self.flow: TcpFlow | UdpFlow | None = flow
        self.another: UdpFlow | None = None  # QUIC that begins where other UDP already passes
        self.ruling = HOLD
        self.judged: tuple[Observation, ...] = ()
        self.has_body = False  # the kernel has ranges of a long body
        self.size = 0  # bytes counted so far
        self.work = 0  # steps counted so far
        self.packets = 0  # until the flow is decided; then they are counted in ``count``
        self.count: ProtocolCount | None = None
        self.until = 0.0
        self.asks_since = 0.0  # when ASKS was first returned; 0 if never
        self.refused_at: int | None = None  # the client's sequence number with which a TCP flow was refused
        self.queue = queue

    def is_far_away(self, seq: int) -> bool:
        """Return whether a client's segment is too far from the refused one to have been queued with it.

        ``seq``: its sequence number. False if no TCP segment of the flow was refused.
        """
        if self.refused_at is None:
            return False
        return UNSCALED_WINDOW < (seq - self.refused_at) & 0xFFFFFFFF < (1 << 32) - UNSCALED_WINDOW

    @property
    def is_open_http(self) -> bool:
        """Whether this is a plain HTTP connection, or a STARTTLS dialogue, that the server has answered.

        Such a connection may be silent for an unlimited time.
        """
        return isinstance(self.flow, TcpFlow) and self.flow.is_open_http

    @property
    def is_undecided(self) -> bool:
        """Whether the daemon has not decided the flow, nor allowed the kernel to decide it."""
        return self.flow is not None and not self.is_answerable

    @property
    def is_answerable(self) -> bool:
        """Whether the kernel was allowed to decide the flow by the server's first data.

        The kernel may then have let it pass already.
        """
        return isinstance(self.flow, TcpFlow) and self.flow.is_answerable

    @property
    def has_begun(self) -> bool:
        """Whether the flow is undecided, and its later packets would be misread without its stored data.

        False for a flow that the kernel may decide: its packets are recognized by the kernel's mark.
        """
        flow = self.flow
        if self.is_answerable:
            return False
        return flow is not None and (flow.half_read if isinstance(flow, TcpFlow) else flow.has_hellos)

    @property
    def half_read(self) -> bool:
        """Whether later packets would be misread if the stored data were dropped.

        True for an undecided flow (`has_begun`), and if a part of another QUIC hello was read.
        """
        return self.has_begun or (self.another is not None and self.another.half_read)


EntryQueue = OrderedDict[FlowKey, FlowEntry]  # least recently used first


class _Zone:
    """The flow entries of one device, in one queue for each way in which they expire."""

    __slots__ = ("answerable", "buffered", "entries", "idle_open", "open", "passing")

    def __init__(self) -> None:
        self.entries: dict[FlowKey, FlowEntry] = {}
        self.passing: EntryQueue = OrderedDict()  # these expire
        self.answerable: EntryQueue = OrderedDict()  # these too: the kernel may have decided them
        self.open: EntryQueue = OrderedDict()  # open HTTP: the connection may live for any time
        self.idle_open: EntryQueue = OrderedDict()  # open HTTP that was idle for a while: without buffers
        self.buffered = 0  # bytes


def _entries_of(zone: _Zone) -> int:
    return len(zone.entries)


def _answerable_of(zone: _Zone) -> int:
    return len(zone.answerable)


def _bytes_of(zone: _Zone) -> int:
    return zone.buffered


def _oldest_size(queue: EntryQueue) -> int:
    return next(iter(queue.values())).size


class FlowEntries:
    """Stores the flow entries by flow key (`FlowKey`), within the limits.

    If it is full, the device with most entries or bytes loses one: the flood of one device evicts no flow of
    another. ``forgotten`` is called with the key of each flow that is evicted or expires while later packets
    would be misread without its data. ``body_ended`` is called for each removed or decided flow of which the
    kernel was to forward parts of a body: no other connection on the same addresses and ports may use its
    ranges.
    """

    def __init__(
        self,
        limits: Limits,
        forgotten: Callable[[FlowKey], None] | None,
        body_ended: Callable[[FlowKey], None] | None = None,
    ) -> None:
        self._limits = limits
        self._forgotten = forgotten
        self._body_ended = body_ended
        self._zones: dict[int, _Zone] = {}
        self.count = 0
        self.buffered = 0  # bytes
        self.evicted = 0  # undecided flows that were evicted
        self.expired = 0  # undecided flows that were idle for too long

    def find(self, key: FlowKey) -> FlowEntry | None:
        """Return the entry for a flow key, and make it the most recently used; None if there is none."""
        zone = self._zones.get(key[0])
        entry = zone.entries.get(key) if zone is not None else None
        if entry is not None:
            entry.queue.move_to_end(key)
        return entry

    def add(self, key: FlowKey, flow: TcpFlow | UdpFlow, now: float) -> FlowEntry:
        """Add and return an entry for a new key. Evicts another one if the table is full.

        Each call also removes up to three expired entries of that device, and frees the buffers of up to two
        idle HTTP connections.
        """
        zone = self._zones.setdefault(key[0], _Zone())
        for queue in (zone.passing, zone.passing, zone.answerable):
            oldest = next(iter(queue), None)
            if oldest is None or queue[oldest].until >= now:
                continue
            self.expired += queue[oldest].is_undecided
            # Half a hello next to an allowed flow is now too old for any server to continue with it.
            self._forget(oldest, refuse=queue[oldest].has_begun)
        if zone.open:
            self._free_idle(zone, now)
        if self.count >= self._limits.flows:
            self._evict(max(self._zones.values(), key=_entries_of), len)
        entry = zone.entries[key] = zone.passing[key] = FlowEntry(flow, zone.passing)
        self.count += 1
        return entry

    def keep_answerable(self, key: FlowKey, entry: FlowEntry) -> None:
        """Move ``entry`` to the queue of flows that the kernel may decide.

        If there are too many, it removes the oldest such flow of the device that has most of them.
        """
        self._put(key, entry, self._zones[key[0]].answerable)
        if sum([len(zone.answerable) for zone in self._zones.values()]) > self._limits.answerable:
            zone = max(self._zones.values(), key=_answerable_of)
            self._forget(next(iter(zone.answerable)), refuse=False)

    def keep_undecided(self, key: FlowKey, entry: FlowEntry) -> None:
        """Move ``entry`` back to the ordinary queue if it was among the flows that the kernel may decide.

        The caller has read more than the flow's hello.
        """
        zone = self._zones[key[0]]
        if entry.queue is zone.answerable:
            self._put(key, entry, zone.passing)

    def keep_open(self, key: FlowKey, entry: FlowEntry) -> None:
        """Move ``entry``, an answered plain HTTP connection, to the queue of these.

        Such connections stay stored when idle, and lose only their buffers.
        """
        self._put(key, entry, self._zones[key[0]].open)

    def settle(self, key: FlowKey, entry: FlowEntry, until: float) -> None:
        """Record that ``entry`` is decided and is stored until the time ``until`` (seconds)."""
        self._put(key, entry, self._zones[key[0]].passing)
        entry.until = until
        self.account(key, entry, 0 if entry.another is None else entry.another.size)

    def _free_idle(self, zone: _Zone, now: float) -> None:
        """Free the buffers of up to two idle HTTP connections of a device; their entries stay.

        A download or a long poll may take hours.
        """
        for _ in range(2):
            oldest = next(iter(zone.open), None)
            if oldest is None or zone.open[oldest].until >= now:
                return
            entry = zone.open[oldest]
            self._put(oldest, entry, zone.idle_open)
            if isinstance(entry.flow, TcpFlow):
                entry.flow.free_buffers()
                self.account(oldest, entry, entry.flow.size)

    @staticmethod
    def _put(key: FlowKey, entry: FlowEntry, queue: EntryQueue) -> None:
        if entry.queue is not queue:
            del entry.queue[key]
            queue[key] = entry
            entry.queue = queue

    def account(self, key: FlowKey, entry: FlowEntry, size: int) -> None:
        """Record that ``entry`` now has ``size`` bytes; evict entries while the table has too many bytes.

        Those of the device with the most bytes are evicted, ``entry`` only if it has no other.
        """
        more = size - entry.size
        if not more:
            return
        zone = self._zones[key[0]]
        zone.buffered += more
        self.buffered += more
        entry.size = size
        while self.buffered > self._limits.table_bytes and self.count > 1:
            self._evict(max(self._zones.values(), key=_bytes_of), _oldest_size, sparing=key)

    def end_body(self, key: FlowKey, entry: FlowEntry) -> None:
        """Call ``body_ended`` if the kernel was to forward parts of the flow's body: it forwards no more."""
        if entry.has_body and self._body_ended is not None:
            entry.has_body = False
            self._body_ended(key)

    def remove(self, key: FlowKey) -> None:
        zone = self._zones[key[0]]
        entry = zone.entries.pop(key)
        self.end_body(key, entry)
        del entry.queue[key]
        zone.buffered -= entry.size
        self.buffered -= entry.size
        self.count -= 1

    def of_zone(self, zone: int) -> list[tuple[FlowKey, FlowEntry]]:
        """Return the entries of one device with their keys."""
        known = self._zones.get(zone)
        return [] if known is None else list(known.entries.items())

    def clear(self, zone: int | None, *, settled: bool) -> int:
        """Remove the entries of all devices, or of one (``zone``). Return the number of removed entries.

        ``settled``: only those of decided flows without a half-read hello.
        """
        zones = self._zones.values() if zone is None else filter(None, [self._zones.get(zone)])
        keys = [
            key
            for each in zones
            for key, entry in each.entries.items()
            if not (settled and (entry.flow is not None or entry.half_read))
        ]
        for key in keys:
            self.remove(key)
        return len(keys)

    def clear_idle_http(self, running: Container[object], now: float) -> int:
        """Remove answered HTTP connections that are idle and not in ``running``.

        Return the number removed.
        """
        keys = [
            key
            for zone in self._zones.values()
            for queue in (zone.open, zone.idle_open)
            for key, entry in queue.items()
            if entry.until < now and key not in running
        ]
        for key in keys:
            self.remove(key)
        return len(keys)

    def _evict(self, zone: _Zone, most: Callable[[EntryQueue], int], sparing: FlowKey | None = None) -> None:
        """Remove one of a device's entries: the oldest of the queue that is largest by ``most``.

        ``most`` returns a queue's length, or the size of its oldest entry. The entry ``sparing`` is avoided
        if possible.
        """
        queues = [queue for queue in (zone.passing, zone.answerable, zone.idle_open or zone.open) if queue]
        others = [queue for queue in queues if next(iter(queue)) != sparing]
        queue = max(others or queues, key=most)
        oldest = next(iter(queue))
        self.evicted += queue[oldest].is_undecided
        self._forget(oldest, refuse=queue[oldest].half_read)

    def _forget(self, key: FlowKey, *, refuse: bool) -> None:
        self.remove(key)
        if refuse and self._forgotten is not None:
            self._forgotten(key)

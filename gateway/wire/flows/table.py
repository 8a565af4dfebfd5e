"""The flow table: takes packets, and returns an action for each packet and its flow.

The same code decides in the daemon, which sees only packets with payload of undecided flows, and in replay,
which sees all packets.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction, Judge, Ruling
from gateway.wire.flows.effort import Effort
from gateway.wire.flows.entries import FlowEntries, FlowEntry, Key
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer
from gateway.wire.flows.tcp import TcpFlow
from gateway.wire.flows.udp import UdpFlow
from gateway.wire.ip.packet import ACK, ICMP, ICMPV6, SYN, TCP, UDP, Packet, checksum_ok, parse_ip
from gateway.wire.quic.initials import DatagramKind, classify
from gateway.wire.tunnels import classify_ip

__all__ = ["FlowAction", "FlowResult", "FlowTable", "Judge", "Limits", "Stats"]

_new = tuple.__new__  # builds a NamedTuple in half the time


class FlowResult(NamedTuple):
    """The result for one packet. A NamedTuple, since one is built for every queued packet."""

    action: FlowAction
    observation: Observation | None  # the one that decided the flow, or was judged last
    packet: Packet | None  # None if it is no IP packet
    judged: tuple[Observation, ...] = ()  # with PASSES: every distinct name that the client sent, with decoys


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the table was created, and its current size."""

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


class FlowTable:
    """All undecided flows of all devices, and recently decided ones.

    ``ech_names``: host names that servers publish as outer names of ECH. ``verify_checksums`` is off for
    captures from a host with checksum offload. ``handshakes`` means that segments without payload are seen
    too: then a decided TCP flow is stored until its ports are reused, since no kernel stores it.
    ``forgotten`` is called with each flow that is dropped undecided after the client has sent data: its
    later packets would be read as a new flow.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        ech_names: Container[str] = frozenset(),
        verify_checksums: bool = True,
        handshakes: bool = False,
        forgotten: Callable[[Key], None] | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._ech_names = ech_names
        self._verify = verify_checksums
        self._handshakes = handshakes
        self._entries = FlowEntries(self._limits, forgotten)
        self._effort = Effort(self._limits)
        self._packets = self._malformed = self._bad_checksums = self._postponed = 0
        self._passed = self._refused = 0

    def packet(
        self,
        data: bytes,
        *,
        from_lan: bool,
        now: float,
        judge: Judge,
        zone: int = 0,
        asks: bool | None = None,
    ) -> FlowResult:
        """Decide about one whole IP packet.

        ``now`` is in seconds of any monotonic clock. ``judge`` is called once for each hello, request or
        nameless flow, and for what is refused because of its form. ``zone`` separates devices. ``asks`` is
        whether ASKS was returned for this connection before, as stored by the kernel; None without a kernel.
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
        return self._flow_packet(key, packet, from_lan, now, judge, asks)

    def _flow_packet(
        self, key: Key, packet: Packet, from_lan: bool, now: float, judge: Judge, asks: bool | None
    ) -> FlowResult:
        entry = self._entry(key, packet, from_lan, now, judge, asks)
        flow = entry.flow
        if flow is None and from_lan and packet.proto == UDP and entry.ruling.action is FlowAction.PASSES:
            flow = self._another(entry, packet)
        if flow is not None and not self._effort.allows(key[0], now):
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
            idle = self._limits.open_http_age if flow.is_http else self._limits.age
        else:
            payload = packet.payload.tobytes()
            ruling = flow.from_lan(payload, judge) if from_lan else flow.from_server(payload, judge)
            idle = self._limits.age
        work = flow.work
        if work > entry.work:
            self._effort.spend(key[0], work - entry.work, now)
            entry.work = work
        if flow.ruling is not None:
            self._settle(key, entry, flow, flow.ruling, now)
        else:
            if ruling.action is not FlowAction.DROP:  # it may be of a new connection on the same ports
                entry.until = max(entry.until, now + idle)
            if ruling.action is FlowAction.ASKS:
                entry.asks_since = entry.asks_since or now
                self._entries.keep_open(key, entry)
            self._entries.account(key, entry, flow.size)
            if flow is entry.another and ruling.action is FlowAction.HOLD:
                entry.judged = tuple(dict.fromkeys([*entry.judged, *flow.judged]))
                ruling = entry.ruling
        return _new(FlowResult, (ruling.action, ruling.observation, packet, entry.judged))

    def _another(self, entry: FlowEntry, packet: Packet) -> UdpFlow | None:
        """Return the flow for another connection, if ``packet`` may begin one where UDP already passes.

        An Initial may begin a connection to another name on the same ports, so its hello is judged. Initials
        of the allowed connection no longer decrypt.
        """
        if classify(packet.payload.tobytes()) not in (DatagramKind.INITIAL, DatagramKind.UNKNOWN_VERSION):
            return None
        if entry.another is None:
            entry.another = UdpFlow(packet.dst, packet.dport, self._limits, self._ech_names)
            entry.work = 0
        return entry.another

    def _entry(
        self, key: Key, packet: Packet, from_lan: bool, now: float, judge: Judge, asks: bool | None
    ) -> FlowEntry:
        entry = self._entries.find(key)
        if entry is not None:
            if not self._is_other_flow(entry, packet, from_lan, now, asks):
                if entry.until < now and entry.flow is not None and not entry.is_open_http:
                    self._refuse(key, entry, judge, now)  # the stored data is too old
                return entry
            self._entries.remove(key)
        server, port = key[4:]
        flow: TcpFlow | UdpFlow
        if packet.proto == TCP:
            observer = Observer(server, port, self._ech_names, self._limits)
            flow = TcpFlow(observer, port, self._limits)
            flow.opens_other(packet, from_lan=from_lan)
        else:
            flow = UdpFlow(server, port, self._limits, self._ech_names)
        entry = self._entries.add(key, flow, now)
        if asks:  # without an entry: requests may have begun that were never read
            self._refuse(key, entry, judge, now)
        return entry

    def _is_other_flow(
        self, entry: FlowEntry, packet: Packet, from_lan: bool, now: float, asks: bool | None
    ) -> bool:
        """Whether another flow now uses the addresses and ports of ``entry``."""
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
        # If a kernel stores decisions, later packets of an allowed flow were queued before it decided. They
        # are the server's, since the client waited for it. A client's packet is of a new connection.
        passed = entry.ruling.action is FlowAction.PASSES
        return passed and from_lan and not self._handshakes and len(packet.payload) > 0

    def _refuse(self, key: Key, entry: FlowEntry, judge: Judge, now: float) -> None:
        """Refuse a flow with bytes that were not seen or are too old: the client connects again."""
        proto = Proto.TCP if key[1] == TCP else Proto.QUIC
        observation = Observation(proto, None, key[4], key[5], fault=Fault.OVERFLOW)
        judge(observation)
        if entry.flow is not None:
            self._settle(key, entry, entry.flow, Ruling(FlowAction.REFUSED, observation), now)

    def _settle(
        self, key: Key, entry: FlowEntry, flow: TcpFlow | UdpFlow, ruling: Ruling, now: float
    ) -> None:
        if ruling.action is FlowAction.PASSES:
            self._passed += 1
            entry.judged = tuple(flow.judged)
        else:
            self._refused += 1
        entry.flow = None
        entry.another = flow.take_half_read() if isinstance(flow, UdpFlow) else None
        entry.ruling = ruling
        remembered = inf if self._handshakes else self._limits.settled_age
        if key[1] == UDP:  # the rest of a handshake may take a while, and is queued as well
            remembered = self._limits.udp_age
        self._entries.settle(key, entry, now + remembered)

    def _stateless(self, packet: Packet, from_lan: bool, judge: Judge, fault: Fault | None) -> FlowResult:
        """Judge a packet that belongs to no known flow; it is never held."""
        proto = {TCP: Proto.TCP, UDP: Proto.UDP}.get(packet.proto) or classify_ip(packet.proto)
        server, port = (packet.dst, packet.dport) if from_lan else (packet.src, packet.sport)
        observation = Observation(proto, None, server, port, fault=fault)
        allowed = judge(observation) and fault is None
        return FlowResult(FlowAction.PASSES if allowed else FlowAction.REFUSED, observation, packet)

    def forget(self, zone: int | None = None, *, settled: bool = False) -> int:
        """Drop every flow of one device, or all flows. Returns their number.

        ``settled``: only decided flows, as after a change of rules. Undecided flows keep their bytes; the
        owner of the table must judge them again when the flow passes.
        """
        if zone is not None and not settled:
            self._effort.forget(zone)
        return self._entries.clear(zone, settled=settled)

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
        )

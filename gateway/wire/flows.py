"""The flow table: packets in, and for each one what becomes of it and of its flow.

The same code decides in the daemon, where only packets with payload of undecided flows arrive, and in replay,
where all packets do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass
from typing import NamedTuple

from gateway.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.actions import DROP, HOLD, Action, Judge, Ruling
from gateway.wire.flow_tcp import TcpFlow
from gateway.wire.flow_udp import UdpFlow
from gateway.wire.ip import ICMP, ICMPV6, SYN, TCP, UDP, Packet, checksum_ok, parse_ip
from gateway.wire.limits import Limits
from gateway.wire.observe import Observer

__all__ = ["Action", "FlowTable", "Judge", "Limits", "Stats", "Step"]

Key = tuple[int, int, bytes, int, bytes, int]  # zone, protocol, LAN address and port, the other's


class Step(NamedTuple):
    """What becomes of one packet. A NamedTuple, since one is made for every queued packet."""

    action: Action
    observation: Observation | None  # the one that settled the flow, or was judged last
    packet: Packet | None  # None when it is no IP packet
    heard: tuple[Observation, ...] = ()  # with PASSES: every distinct name that the client gave, decoys too


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the table was made, and what it holds now."""

    packets: int
    malformed: int  # no IP packets, and dropped
    bad_checksums: int  # dropped
    passed: int  # flows
    refused: int  # flows
    evicted: int  # flows that were forgotten for want of room, undecided or open HTTP
    expired: int  # the same for being idle
    flows: int  # held now
    buffered: int  # bytes held now


class _Entry:
    """One 4-tuple in the table: a flow until it is decided, then its ruling alone."""

    __slots__ = ("flow", "heard", "ruling", "size", "until")

    def __init__(self, flow: TcpFlow | UdpFlow) -> None:
        self.flow: TcpFlow | UdpFlow | None = flow
        self.ruling = HOLD
        self.heard: tuple[Observation, ...] = ()
        self.size = 0
        self.until = 0.0


class FlowTable:
    """All flows of all devices that are not decided, and for a while those that are.

    ``ech_names``: host names that servers publish as the outer name of ECH. ``verify_checksums`` is off for
    captures from a machine whose network card computes them. ``handshakes`` says that segments without payload
    are shown as well: then a decided TCP flow is remembered until its ports are used anew, since no kernel
    remembers it.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        ech_names: Container[str] = frozenset(),
        verify_checksums: bool = True,
        handshakes: bool = False,
    ) -> None:
        self._limits = limits or Limits()
        self._ech_names = ech_names
        self._verify = verify_checksums
        self._handshakes = handshakes
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()  # least recently used first
        self._buffered = 0
        self._packets = self._malformed = self._bad_checksums = 0
        self._passed = self._refused = self._evicted = self._expired = 0

    def packet(self, data: bytes, *, from_lan: bool, now: float, judge: Judge, zone: int = 0) -> Step:
        """Decide about one whole IP packet.

        ``now`` is in seconds of any clock that never goes back. ``judge`` is called once for each hello,
        request or nameless flow, and for each packet that is refused for its form. ``zone`` separates devices.
        """
        self._packets += 1
        try:
            packet = parse_ip(data)
        except WireError:
            self._malformed += 1
            return Step(Action.DROP, None, None)
        if self._verify and not checksum_ok(data, packet):
            self._bad_checksums += 1
            return Step(Action.DROP, None, packet)
        proto = packet.proto
        if packet.fragment or (packet.more_fragments and proto == UDP):
            return self._stateless(packet, from_lan, judge, Fault.FRAGMENT)
        if proto != TCP and proto != UDP:
            if proto == ICMP or proto == ICMPV6:
                return Step(Action.HOLD, None, packet)
            return self._stateless(packet, from_lan, judge, None)
        if from_lan:
            key = (zone, proto, packet.src, packet.sport, packet.dst, packet.dport)
        else:
            key = (zone, proto, packet.dst, packet.dport, packet.src, packet.sport)
        return self._flow_packet(key, packet, from_lan, now, judge)

    def _flow_packet(self, key: Key, packet: Packet, from_lan: bool, now: float, judge: Judge) -> Step:
        entry = self._entry(key, packet, from_lan, now)
        flow = entry.flow
        if flow is None:
            if entry.ruling.action is Action.REFUSED and key[1] == UDP:
                entry.until = now + self._limits.refused_age
            return Step(*entry.ruling, packet, entry.heard)
        if isinstance(flow, TcpFlow):
            ruling = flow.from_lan(packet, judge) if from_lan else flow.from_server(packet, judge)
        else:
            payload = packet.payload.tobytes()
            ruling = flow.from_lan(payload, judge) if from_lan else flow.from_server(payload, judge)
        if flow.ruling is not None:
            self._settle(key, entry, flow, now)
        else:
            entry.until = now + self._idle_limit(flow)
            self._account(entry, flow.size)
        return Step(*ruling, packet, entry.heard)

    def _entry(self, key: Key, packet: Packet, from_lan: bool, now: float) -> _Entry:
        entry = self._entries.get(key)
        if entry is not None and (entry.until < now or self._is_other_flow(entry, packet, from_lan)):
            self._remove(key)
            entry = None
        if entry is not None:
            self._entries.move_to_end(key)
            return entry
        self._make_room(now)
        _, proto, _, _, server, port = key
        flow: TcpFlow | UdpFlow
        if proto == TCP:
            observer = Observer(server, port, self._ech_names, self._limits.candidates)
            flow = TcpFlow(observer, port, self._limits)
            flow.begins_anew(packet, from_lan=from_lan)
        else:
            flow = UdpFlow(server, port, self._limits, self._ech_names)
        entry = self._entries[key] = _Entry(flow)
        return entry

    def _is_other_flow(self, entry: _Entry, packet: Packet, from_lan: bool) -> bool:
        """Whether the addresses and ports of ``entry`` are in use by another flow now."""
        if packet.proto != TCP:
            return False
        if isinstance(entry.flow, TcpFlow):
            return entry.flow.begins_anew(packet, from_lan=from_lan)
        if self._handshakes:
            return packet.flags & SYN != 0 and not from_lan_answer(packet)
        return False


def from_lan_answer(packet: Packet) -> bool:
    return False

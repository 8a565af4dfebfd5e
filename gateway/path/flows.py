"""Undecided flows, packet by packet: what is seen is judged and becomes a byte of the packet mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from gateway.path.live import FlowId, LiveFlow, LiveFlows
from gateway.path.subject import Sink, Subject
from gateway.policy.values import Decision, Observation, Proto, Reason
from gateway.wire.flows import Action, FlowTable, Step
from gateway.wire.ip import ACK, FIN, PSH, TCP, UDP, Packet
from gateway.wire.ip_build import tcp_reply

HELP = 3  # the byte of a flow to a help line: state 3 without a class
_PASSES, _REFUSED, _ASKS = 1, 2, 3


class Verdict(NamedTuple):
    """``byte`` for the packet mark (None: the packet vanishes), and a packet for the device."""

    byte: int | None
    reply: bytes | None = None


_HOLD = Verdict(0)
_DROP = Verdict(None)
_REFUSE = Verdict(_REFUSED)
_PASS_HELP = Verdict(HELP)


class FlowPath:
    """``refused_page``: observation and decision → where a browser is sent that asked over plain HTTP."""

    def __init__(
        self,
        table: FlowTable,
        live: LiveFlows,
        *,
        sink: Sink,
        refused_page: Callable[[Observation, Decision], str],
    ) -> None:
        self.live = live
        self.table = table
        self.verdicts: Counter[str] = Counter()
        self._sink = sink
        self._refused_page = refused_page

    def packet(self, data: bytes, subject: Subject, *, from_lan: bool, now: float, at: datetime) -> Verdict:
        """Judge one IP packet of an undecided flow of ``subject``."""
        judge = partial(self._judge, subject, at)
        step = self.table.packet(data, from_lan=from_lan, now=now, judge=judge, zone=subject.slot)
        action = step.action
        self.verdicts[action.name] += 1
        if action is Action.HOLD:
            return self._held(step, subject, from_lan, at)
        if action is Action.DROP:
            return _DROP
        if action is Action.REFUSED:
            return self._refused(step, subject, at)
        return self._decided(step, subject, from_lan, at)

    def _judge(self, subject: Subject, at: datetime, seen: Observation) -> bool:
        decision = subject.decide(seen, at)
        self._sink(subject, seen, decision, at)
        return decision.allowed

    def _held(self, step: Step, subject: Subject, from_lan: bool, at: datetime) -> Verdict:
        """A hello on a flow that passes already is another connection's: the flow is of both classes then."""
        packet, seen = step.packet, step.observation
        if packet is None or packet.proto != UDP or seen is None or not from_lan:
            return _HOLD
        flow = flow_id(packet, subject.slot, from_lan)
        live = self.live.get(flow)
        if live is None or seen in live.observations:
            return _HOLD
        return self._passes(flow, (*live.observations, seen), subject, at)

    def _decided(self, step: Step, subject: Subject, from_lan: bool, at: datetime) -> Verdict:
        seen = step.observation
        if seen is None or step.packet is None:
            return _REFUSE
        # Which of several names the server took cannot be seen, and rules may have changed meanwhile.
        others = [one for one in step.heard if one != seen]
        flow = flow_id(step.packet, subject.slot, from_lan)
        return self._passes(flow, (seen, *others), subject, at, asks=step.action is Action.ASKS)

    def _passes(
        self,
        flow: FlowId,
        names: tuple[Observation, ...],
        subject: Subject,
        at: datetime,
        *,
        asks: bool = False,
    ) -> Verdict:
        decisions = [subject.decide(one, at) for one in names]
        if not all(one.allowed for one in decisions):
            return _REFUSE
        if all(one.reason is Reason.HELP for one in decisions):
            return _PASS_HELP
        number = subject.class_number(frozenset().union(*(one.gates for one in decisions)))
        self.live.put(flow, LiveFlow(names, number, asks))
        return Verdict(number << 2 | (_ASKS if asks else _PASSES))

    def _refused(self, step: Step, subject: Subject, at: datetime) -> Verdict:
        seen, packet = step.observation, step.packet
        if seen is None or packet is None or seen.proto is not Proto.HTTP or seen.host is None:
            return _REFUSE
        if packet.proto != TCP or not packet.payload:
            return _REFUSE
        decision = subject.decide(seen, at)
        return Verdict(None, tcp_reply(packet, self._redirect(seen, decision), flags=ACK | PSH | FIN))

    def _redirect(self, seen: Observation, decision: Decision) -> bytes:
        """A whole response of one segment (RFC 9110 15.4.3); nothing of it may be kept by a cache."""
        return (
            "HTTP/1.1 302 Found\r\n"
            f"Location: {self._refused_page(seen, decision)}\r\n"
            "Cache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ).encode("ascii")


def flow_id(packet: Packet, slot: int, from_lan: bool) -> FlowId:
    if from_lan:
        return FlowId(slot, packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
    return FlowId(slot, packet.proto, packet.dst, packet.dport, packet.src, packet.sport)

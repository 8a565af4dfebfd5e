"""Judges undecided TCP and UDP flows packet by packet. A verdict is one byte of the packet mark.

The byte has two bits of state and six bits of class, the combination of time rules that applies to the flow.
The states are undecided, passes, refused, and help. With a class, the last two mean that the kernel decides
by the server's answer, and that later requests are judged too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from gateway.path.guess_limit import GuessLimit
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.path.subject import LiveDecisions, Sink, Subject
from gateway.policy.time.gates import joined
from gateway.policy.values import Decision, Observation, Proto, Reason
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowResult, FlowTable
from gateway.wire.ip.build import tcp_reply, tcp_reset, tcp_reset_back
from gateway.wire.ip.packet import ACK, FIN, PSH, SYN, TCP, UDP, Packet

HELP = 3  # the byte of a flow to a help line: state 3 without a class
_PASSES, _REFUSED, _ASKS = 1, 2, 3
_ANSWERABLE = 2  # with a class; REFUSED has none
_MAX_ANSWERABLE = 62  # the largest class of an answerable flow (kernel/marks.py)
_new = tuple.__new__  # builds a NamedTuple in half the time
_NO_GATES: frozenset[str] = frozenset()
_NO_SERVICES: tuple[str, ...] = ()


class PacketVerdict(NamedTuple):
    """The result for one packet: the byte for its mark, None to drop it, and packets to send to both ends.

    The byte has the flow's state and class, which is the number of its combination of time rules.
    ``reply`` goes to the device, ``onward`` to the server.
    """

    byte: int | None
    reply: bytes | None = None
    onward: bytes | None = None


_HOLD = PacketVerdict(0)
_DROP = PacketVerdict(None)
_REFUSE = PacketVerdict(_REFUSED)
_PASS_HELP = PacketVerdict(HELP)


class FlowPath:
    """Judges IP packets of undecided flows: returns the mark to set, and resets or redirects to send.

    ``sink`` is called with each decision, except for a device over the limit of ``guesses``.
    ``refused_page`` returns the URL for a browser that sent a refused
    request over plain HTTP. Two changes of the kernel's connection table do not follow from a packet's mark,
    and are reported instead. ``reclass`` receives a plain HTTP connection that has a new class, ``uploads``
    one with a long request before its answer. ``reads_answers`` returns whether the kernel can decide by a
    server's answer.
    """

    def __init__(
        self,
        table: FlowTable,
        live: LiveFlows,
        *,
        sink: Sink,
        refused_page: Callable[[Observation, Decision], str],
        reclass: Callable[[FlowId, LiveFlow], None] | None = None,
        uploads: Callable[[FlowId], None] | None = None,
        reads_answers: Callable[[], bool] = lambda: False,
        guesses: GuessLimit | None = None,
        decisions: LiveDecisions | None = None,
    ) -> None:
        self.live = live
        self.table = table
        self._sink = sink
        self._refused_page = refused_page
        self._reclass = reclass
        self._uploads = uploads
        self._reads_answers = reads_answers
        self._guesses = guesses or GuessLimit()
        self._decisions = decisions or LiveDecisions()
        self._latest: tuple[Observation, Decision] | None = None  # the latest decision about this packet

    def packet(
        self,
        data: bytes,
        subject: Subject,
        *,
        from_lan: bool,
        now: float,
        at: datetime,
        asks: bool | None = None,
    ) -> PacketVerdict:
        """Return the verdict for one IP packet of a flow that is undecided, or whose requests are all judged.

        ``from_lan``: a device sent it, else a server. ``now``: monotonic seconds; ``at``: the
        household's time. ``asks``: whether the kernel has marked the flow as one in which each
        request is judged (plain HTTP), or as one that it decides by the server's answer; None without a
        kernel.
        """
        self._latest = None
        judge = partial(self._judge, subject, at, data, from_lan, now)
        step = self.table.packet(
            data,
            from_lan=from_lan,
            now=now,
            judge=judge,
            zone=subject.slot,
            shared=subject.shared,
            asks=asks,
            answerable=partial(self._is_answerable, subject, at),
        )
        action = step.action
        if action is FlowAction.HOLD:
            return self._held(step, subject, from_lan, at)
        if action is FlowAction.UPLOAD:
            if step.packet is not None and asks is False and self._uploads is not None:
                self._uploads(flow_id(step.packet, subject.slot, from_lan))
            return _HOLD
        if action is FlowAction.ANSWERABLE:
            return self._answerable(step, subject, from_lan, at)
        if action is FlowAction.DROP:
            return _DROP
        if action is FlowAction.REFUSED:
            return self._refused(step, subject, from_lan, at, now)
        return self._decided(step, subject, from_lan, at)

    def _decide(self, subject: Subject, seen: Observation, at: datetime) -> Decision:
        """Return the decision about ``seen``.

        The latest one is cached, since several steps of a packet need it.
        """
        known = self._latest
        if known is None or known[0] is not seen:
            known = self._latest = seen, subject.decide(seen, at)
        return known[1]

    def _judge(
        self, subject: Subject, at: datetime, data: bytes, from_lan: bool, now: float, seen: Observation
    ) -> bool:
        decision = self._decide(subject, seen, at)
        reason = decision.reason
        if (
            self._guesses.full
            and reason is not Reason.HELP
            and self._is_guessing(subject, data, from_lan, now)
        ):
            return False
        self._sink(subject, seen, decision, at)
        if (watcher := self._decisions.watcher) is not None:
            watcher(_device(data, from_lan), seen, decision, at)
        if reason is Reason.REFUSED_FOR_EVERYONE and seen.host is not None:
            self._guesses.refused(subject.slot, _device(data, from_lan), seen.host, now)
        return decision.allowed

    def _is_guessing(self, subject: Subject, data: bytes, from_lan: bool, now: float) -> bool:
        return self._guesses.over(subject.slot, _device(data, from_lan), now)

    def _held(self, step: FlowResult, subject: Subject, from_lan: bool, at: datetime) -> PacketVerdict:
        """Return the verdict for a packet that is forwarded without a decision about its flow.

        A QUIC flow that passes may carry a further hello; the flow then gets the time rules of all its names.
        Other packets change nothing.
        """
        packet, seen = step.packet, step.observation
        if packet is None or packet.proto != UDP or seen is None or not from_lan:
            return _HOLD
        flow = flow_id(packet, subject.slot, from_lan)
        live = self.live.get(flow)
        if live is None or seen in live.observations:
            return _HOLD
        return self._passes(flow, (*live.observations, seen), subject, at)

    def _decided(self, step: FlowResult, subject: Subject, from_lan: bool, at: datetime) -> PacketVerdict:
        seen = step.observation
        if seen is None or step.packet is None:
            return _REFUSE  # a protocol without flows
        # Which of several names the server used is unknown, and rules may have changed since.
        others = [other for other in step.judged if other != seen]
        flow = flow_id(step.packet, subject.slot, from_lan)
        asks = step.action is FlowAction.ASKS
        verdict = self._passes(flow, (seen, *others), subject, at, asks=asks)
        return _end_connection(step.packet, from_lan) if verdict is _REFUSE else verdict

    def _passes(
        self,
        flow: FlowId,
        names: tuple[Observation, ...],
        subject: Subject,
        at: datetime,
        *,
        asks: bool = False,
    ) -> PacketVerdict:
        gates = _NO_GATES
        services = _NO_SERVICES
        only_help = True
        for observation in names:
            decision = self._decide(subject, observation, at)
            if not decision.allowed:
                return _REFUSE
            only_help = only_help and decision.reason is Reason.HELP
            # For a single name, use the decision's own set, which has a cached hash.
            gates = joined((gates, decision.gates)) if gates else decision.gates
            if decision.recognised is not None:
                services += decision.recognised.services
        if only_help and not asks:
            return _PASS_HELP
        number = subject.class_number(gates)
        before, live = self.live.get(flow) if asks else None, _new(LiveFlow, (names, number, asks, services))
        self.live.put(flow, live)
        if before is not None and before.class_number != number and self._reclass is not None:
            self._reclass(flow, live)
        return PacketVerdict(number << 2 | (_ASKS if asks else _PASSES))

    def _is_answerable(self, subject: Subject, at: datetime, seen: Observation) -> bool:
        """Return whether the kernel may decide a flow by the server's answer to the hello ``seen``.

        The kernel must be able to read answers, the flow allowed and no help line, and the number of its
        combination of time rules (class) from 1 to 62.
        """
        if not self._reads_answers():
            return False
        decision = self._decide(subject, seen, at)
        if not decision.allowed or decision.reason is Reason.HELP:
            return False
        return 0 < subject.class_number(decision.gates) <= _MAX_ANSWERABLE

    def _answerable(self, step: FlowResult, subject: Subject, from_lan: bool, at: datetime) -> PacketVerdict:
        """Return the verdict for an allowed hello after which the kernel decides by the server's answer.

        The flow is stored with its class, the number of its combination of time rules.
        """
        if step.packet is None or step.observation is None:
            return _HOLD
        verdict = self._passes(flow_id(step.packet, subject.slot, from_lan), (step.observation,), subject, at)
        return verdict if verdict.byte is None else PacketVerdict(verdict.byte & ~_PASSES | _ANSWERABLE)

    def _refused(
        self, step: FlowResult, subject: Subject, from_lan: bool, at: datetime, now: float
    ) -> PacketVerdict:
        seen, packet = step.observation, step.packet
        if packet is None or packet.proto != TCP or packet.fragment:
            return _REFUSE
        self.live.drop(flow_id(packet, subject.slot, from_lan))  # its first hello may have been allowed
        asked = seen is not None and seen.proto is Proto.HTTP and seen.host is not None
        if seen is None or not asked or not from_lan or not packet.payload or seen.alpn:  # not in HTTP/2
            return _end_connection(packet, from_lan)
        decision = self._decide(subject, seen, at)
        if decision.reason is Reason.UNRESOLVED:
            # The site is allowed: the browser retries with another answer.
            return _end_connection(packet, from_lan)
        if self._guesses.full and self._guesses.over(subject.slot, packet.src, now):
            return _end_connection(packet, from_lan)  # a page would show that the name is on a list
        return PacketVerdict(None, tcp_reply(packet, self._redirect(seen, decision), flags=ACK | PSH | FIN))

    def _redirect(self, seen: Observation, decision: Decision) -> bytes:
        """Return an HTTP response that redirects to the page about the refusal (RFC 9110 §15.4.3).

        It fits into one segment, and caches must not store it.
        """
        return (
            "HTTP/1.1 302 Found\r\n"
            f"Location: {self._refused_page(seen, decision)}\r\n"
            "Cache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ).encode("ascii")


def _device(data: bytes, from_lan: bool) -> bytes:
    """Return the packed address of the LAN device in an IP packet: its source if ``from_lan``.

    Otherwise it is the destination. The packet was parsed before.
    """
    at, size = (12, 4) if data[0] >> 4 == 4 else (8, 16)
    at += 0 if from_lan else size
    return data[at : at + size]


def _end_connection(packet: Packet, from_lan: bool) -> PacketVerdict:
    """Return a refusal with TCP resets that end the connection on both sides, so that its ports are free.

    The kernel resets packets of the LAN. After a server's packet the client may wait for long before it sends
    anything, so it gets a reset too. The server always gets one, through the kernel's connection table.
    Refused UDP packets, and packets with SYN, get no resets.
    """
    if packet.proto != TCP or packet.flags & SYN:
        return _REFUSE
    if from_lan:
        return PacketVerdict(_REFUSED, onward=tcp_reset(packet))
    return PacketVerdict(_REFUSED, reply=tcp_reset(packet), onward=tcp_reset_back(packet))


def flow_id(packet: Packet, slot: int, from_lan: bool) -> FlowId:
    """Return the id of a packet's flow, with the device's address and port as the source.

    ``from_lan``: the device sent the packet; else the server did.
    """
    if from_lan:
        return _new(FlowId, (slot, packet.proto, packet.src, packet.sport, packet.dst, packet.dport))
    return _new(FlowId, (slot, packet.proto, packet.dst, packet.dport, packet.src, packet.sport))

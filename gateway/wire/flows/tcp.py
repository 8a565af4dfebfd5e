"""Decides one TCP flow.

A flow is refused as soon as any reading of the client's bytes asks for something refused. It passes when a
hello or request is complete and judged, *and then* the server answers it: a decoy gets no answer.
"""

from __future__ import annotations

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import FlowAction, Judge, Ruling
from gateway.wire.flows.http import HttpFlow
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer
from gateway.wire.flows.undecided import Undecided
from gateway.wire.ip.packet import ACK, RST, SYN, URG, Packet

_HTTP = (Proto.HTTP, Proto.PROXY)
_NUMBERS = 1 << 32  # of TCP; then they begin at zero again

UNSCALED_WINDOW = 0xFFFF
"""Bytes that a client sends at most before the server's first ACK: the window in a SYN has no scale (RFC 7323
2.2)."""

Opening = tuple[bool, int]  # from the LAN?; sequence number of the SYN


class TcpFlow:
    """Decides the packets of one TCP flow. ``ruling`` is set once the whole flow is decided."""

    __slots__ = ("_finished", "_openings", "_state", "ruling")

    def __init__(self, observer: Observer, dport: int, limits: Limits) -> None:
        self._state = Undecided(observer, dport, limits)
        self._openings = Openings(limits)
        self._finished: int | None = None  # the stream offset of the client's FIN, once the server has it
        self.ruling: Ruling | None = None

    @property
    def size(self) -> int:
        """The approximate memory of the stored bytes of this flow, in bytes."""
        http = self._state.http
        return self._state.size if http is None else http.size

    @property
    def work(self) -> int:
        """The parsing work spent so far, in steps. It is charged to the device's work limit (`Effort`)."""
        return self._state.work

    @property
    def half_read(self) -> bool:
        """Whether later packets, without what was already read, would be misread as another flow."""
        state = self._state
        return state.http is not None or state.client.half_read or state.starts_tls is not False

    @property
    def is_answerable(self) -> bool:
        """Whether the kernel was allowed to decide this flow by the server's answer, and nothing came since.

        The kernel may then have let it pass.
        """
        return self._state.is_answerable

    @property
    def was_answerable(self) -> bool:
        """Whether the kernel was allowed to decide this flow, now or before."""
        return self._state.answerable > 0

    def expect_answer(self) -> None:
        """Record that the kernel may decide this flow by the server's answer."""
        self._state.expect_answer()

    @property
    def http(self) -> HttpFlow | None:
        """The object that reads this flow's HTTP requests, once they are read in order; else None."""
        http = self._state.http
        return http if isinstance(http, HttpFlow) else None

    def number(self, offset: int) -> int:
        """Return the client's TCP sequence number at a stream offset."""
        return self._state.client.stream.number(offset)

    @property
    def may_pause(self) -> bool:
        """Whether this is plain HTTP or a STARTTLS dialogue, in which both sides may be silent for long."""
        state, last = self._state, self._state.client.last
        return (
            state.http is not None
            or state.starts_tls is not False
            or (last is not None and last.proto in _HTTP)
        )

    @property
    def is_open_http(self) -> bool:
        """Whether this is plain HTTP or a STARTTLS dialogue that the server has answered.

        Its client's bytes are read on in order.
        """
        return self._state.http is not None and self._state.http.answered

    @property
    def judged(self) -> tuple[Observation, ...]:
        """Each distinct observation (host name or fault) that was judged.

        Without those of HTTP requests after the change to reading them in order (`http`).
        """
        return self._state.client.judged

    @property
    def unanswered(self) -> tuple[Observation, ...]:
        """What was judged of plain HTTP with a long request that has no answer yet; empty for other flows."""
        http = self.http
        if http is None or http.answered:
            return ()
        return self.judged if http.last is None else (*self.judged, http.last)

    def free_buffers(self) -> None:
        """Free the stored bytes of answered HTTP. Only the position of the next request remains."""
        if self._state.http is not None:
            self._state.http.free_buffers()

    def is_behind(self, packet: Packet) -> bool:
        """Return whether a client's segment begins with HTTP that was already read, so that it is resent."""
        http = self._state.http
        return http is not None and http.has_read(self._offset(packet.seq) + 1)

    def is_far_away(self, packet: Packet) -> bool:
        """Return whether the client's segment is too far from the bytes that were read to follow them.

        False for a flow that is not read as HTTP requests in order, and that the kernel may not
        decide.
        """
        state, offset = self._state, self._offset(packet.seq)
        if state.http is not None:
            return state.http.is_far(offset)
        return self.was_answerable and abs(offset) > UNSCALED_WINDOW

    def opens_other(self, packet: Packet, *, from_lan: bool) -> bool:
        """Return whether ``packet`` opens a new connection on the same addresses and ports.

        A SYN that is not yet enough is stored, and counts once the other side answers it.
        """
        state = self._state
        return self._openings.is_other(packet, from_lan, fresh=not state.received, begun=state.sent > 0)

    def from_lan(self, packet: Packet, judge: Judge) -> Ruling:
        """Judge what a client's packet completes; return the action for the packet.

        At the limits of the flow it is refused.
        """
        try:
            ruling = self._from_lan(packet, packet.payload.tobytes(), judge)
        except WireError:
            ruling = self._state.refuse(Fault.OVERFLOW, judge)
        return self._settled(ruling)

    def from_server(self, packet: Packet, judge: Judge) -> Ruling:
        """Return the action for a server's packet, which may be the answer that lets the flow pass.

        At the limits of the flow it is refused.
        """
        try:
            ruling = self._from_server(packet, packet.payload.tobytes(), judge)
        except WireError:
            ruling = self._state.refuse(Fault.OVERFLOW, judge)
        return self._settled(ruling)

    def _settled(self, ruling: Ruling) -> Ruling:
        if ruling.action is FlowAction.REFUSED or ruling.action is FlowAction.PASSES:
            self.ruling = ruling
        return ruling

    def _waiting(self) -> Ruling:
        http = self._state.http
        return self._state.waiting() if http is None else http.waiting()

    def _offset(self, seq: int) -> int:
        """Return the stream offset of a client's sequence number.

        Uploads over 4 GB use a number several times: the offset nearest to the bytes read is returned.
        """
        offset, http = self._state.client.stream.offset(seq), self._state.http
        turns = 0 if http is None else http.position - offset + _NUMBERS // 2
        return offset + turns // _NUMBERS * _NUMBERS

    def _from_lan(self, packet: Packet, payload: bytes, judge: Judge) -> Ruling:
        flags, seq = packet.flags, packet.seq
        state, http = self._state, self._state.http
        if flags & RST:
            return self._waiting()
        if packet.md5 or not flags & (ACK | SYN) or self._openings.is_offer(packet):
            return state.decoy(payload, judge) if payload else self._waiting()
        if flags & SYN:
            seq = (seq + 1) & 0xFFFFFFFF
            if not flags & ACK:
                state.client.stream.settle(seq)
        if flags & URG:
            if http is not None:
                return http.refuse(Fault.MALFORMED, judge)
            state.client.stream.urgent(seq, packet.urgent)
        if not payload:
            return self._waiting()
        if self._finished is not None and self._offset(seq) + len(payload) > self._finished:
            return state.refuse(Fault.OVERFLOW, judge)  # it was no FIN, but a byte that was not seen here
        if http is not None:
            return http.from_lan(self._offset(seq), payload, judge)
        return state.from_lan(seq, payload, judge)

    def _from_server(self, packet: Packet, payload: bytes, judge: Judge) -> Ruling:
        if packet.flags & RST or not packet.flags & ACK:
            return self._waiting()
        self._state.client.stream.settle(packet.ack)
        acked = self._offset(packet.ack)
        if not payload:
            if self.http is not None:
                self.http.acknowledge(acked)
            return self._waiting()
        if self._is_behind_fin(acked):
            acked -= 1
            self._finished = acked
        seq = (packet.seq + (packet.flags & SYN != 0)) & 0xFFFFFFFF
        http = self._state.http
        if http is not None:
            return http.from_server(acked, seq, payload, judge)
        return self._state.from_server(acked, seq, payload, judge)

    def _is_behind_fin(self, acked: int) -> bool:
        """Return whether the server has acknowledged everything that was read, and the client's FIN.

        ``acked``: the stream offset up to which it has acknowledged. A FIN has a number of its own (RFC 9293
        §3.4). Without payload it is not queued.
        """
        http, stream = self._state.http, self._state.client.stream
        if http is not None:
            return http.has_read(acked - 1) and not http.has_read(acked)
        return stream.size > 0 and acked == stream.end + 1


class Openings:
    """Decides which SYNs of one 4-tuple open a connection, and which are sent only to make it look new.

    A 4-tuple is both addresses and ports. Stores the first SYN seen, and a later one without an answer yet.
    """

    __slots__ = ("_first", "_limits", "_offer")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._first: Opening | None = None
        self._offer: Opening | None = None

    def is_offer(self, packet: Packet) -> bool:
        """Return whether a LAN packet is the latest SYN of another connection, and still unanswered."""
        return packet.flags & SYN != 0 and self._offer == (True, packet.seq)

    def is_other(self, packet: Packet, from_lan: bool, *, fresh: bool, begun: bool) -> bool:
        """Return whether ``packet`` opens another connection than the current one. SYNs are stored.

        A SYN does, as long as the client has not sent data (``begun``). After that, any host on the
        LAN could have sent it, so the other side's answer is required, which acknowledges its
        number (RFC 9293 §3.5). ``fresh``: the server has not sent data; the first SYN is then that
        of the current connection.
        """
        flags = packet.flags & (SYN | ACK)
        if flags == SYN:
            opening = (from_lan, packet.seq)
            if self._first is None and fresh and not begun:
                self._first = opening
            if opening == self._first:
                return False
            self._offer = opening
            return not begun
        if flags != SYN | ACK or self._offer is None:
            return False
        offered, seq = self._offer
        return offered is not from_lan and 0 < (packet.ack - seq) & 0xFFFFFFFF <= self._limits.stream_bytes

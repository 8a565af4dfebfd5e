"""Decides a TCP flow from the bytes of both sides, until the server answers a hello or request."""

from __future__ import annotations

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import DROP, FlowAction, Judge, Ruling
from gateway.wire.flows.client_side import ClientSide, ReadClaim, ServerReading, asked_by, starts_of
from gateway.wire.flows.http import HttpFlow
from gateway.wire.flows.limits import WEB_PORTS, Limits
from gateway.wire.flows.observe import HostClaim, Observer
from gateway.wire.flows.server_side import SWITCHING_PROTOCOLS, ServerProtocol, ServerSide
from gateway.wire.http.stream import RequestStream
from gateway.wire.tunnels import TunnelSign

_new = tuple.__new__  # builds a NamedTuple in half the time


class Undecided:
    """The state of an undecided flow. Rulings of PASSES and REFUSED are final.

    ``http`` is set once requests are read in order; from then on the caller uses it instead. Methods that
    read raise WireError at the limits of a stream.
    """

    __slots__ = ("_done", "_limits", "_observer", "_server", "_web", "client", "http", "received", "sent")

    def __init__(self, observer: Observer, dport: int, limits: Limits) -> None:
        self._observer = observer
        self._limits = limits
        self._web = dport in WEB_PORTS
        self._server = ServerSide(limits)
        self.client = ClientSide(observer, limits)
        self.http: HttpFlow | None = None
        self.sent = 0  # segments with payload of the LAN side
        self.received = 0
        self._done = 0  # steps of sides that are no longer stored

    @property
    def size(self) -> int:
        """The approximate memory in bytes, without the objects themselves."""
        return self.client.stream.held + self._server.size

    @property
    def work(self) -> int:
        """Steps taken so far, see Effort."""
        own = self._done + self._observer.work + self.client.stream.work + self._server.work
        return own if self.http is None else own + self.http.work

    def waiting(self) -> Ruling:
        return _new(Ruling, (FlowAction.HOLD, self.client.last))

    def refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.TCP) -> Ruling:
        """Refuse the flow. The judge is notified, but its answer is ignored."""
        observation = self._observer.nameless(proto, fault)
        judge(observation)
        return _new(Ruling, (FlowAction.REFUSED, observation))

    # ---------------------------------------------------------------- the LAN side

    def from_lan(self, seq: int, payload: bytes, judge: Judge) -> Ruling:
        """Handle a client's segment; ``payload`` is not empty."""
        stream = self.client.stream
        if stream.is_past(seq, len(payload)) and not stream.knows(seq, payload):
            # The server has other bytes for these numbers, or bytes that were not seen here, so it needs none
            # of these. The server of a new connection on the same ports would read them.
            return DROP
        self.sent += 1
        self.client.add(seq, payload)
        refused = self.client.refused(judge)
        if refused is not None:
            return _refused(refused)
        if not self.client.has_claims:
            return self._unknown(judge)
        return self._skip_bodies(judge)

    def decoy(self, payload: bytes, judge: Judge) -> Ruling:
        """Handle a segment that no correct client sends and most servers ignore.

        It is dropped, so it is not part of the stream. Its names are still judged.
        """
        refused = self.client.refused_in_segment(payload, judge)
        return DROP if refused is None else _refused(refused)

    def _unknown(self, judge: Judge) -> Ruling:
        """Handle a stream without a complete hello or request.

        Any number of a client's segments may be decoys: they pass packet by packet, unless the stream has
        more consecutive bytes than decoys have.
        """
        count = max(self.sent, self.received)
        if count < self._limits.unanswered or self.client.pending or self.client.unclear:
            return self.waiting()
        observation = self._observer.nameless(Proto.TCP, Fault.UNANSWERED if self.sent else None)
        if not self.client.allows(observation, judge):
            return _refused(observation)
        if self._web or (self.sent and self.client.foreign is None):
            return self.waiting()
        return _new(Ruling, (FlowAction.PASSES, observation))

    def _skip_bodies(self, judge: Judge) -> Ruling:
        """Continue without storing the body, for a request with a long body before its answer.

        Parts of the body may have arrived before a lost segment.
        """
        if self.client.stream.size <= self._limits.http_history:
            return self.waiting()
        islands = self.client.in_order
        if not islands:
            return self.waiting()
        view, found = islands[0]
        claims = [claim for claim in found.claims if claim.requests]
        if not claims or any(request.method == "CONNECT" for claim in claims for request in claim.requests):
            return self.waiting()
        starts = starts_of([(ServerReading(view, view.data, found), claim) for claim in claims])
        http = HttpFlow(self._observer, starts, self._limits, server=self._server)
        if http.has_switched:
            return self.waiting()
        ruling = self._read_on(http, judge)
        for later, _ in islands[1:]:
            if ruling.action is not FlowAction.REFUSED:
                ruling = http.from_lan(later.island.start, later.data, judge)
        return ruling

    def _read_on(self, http: HttpFlow, judge: Judge) -> Ruling:
        """From now on, read the client's bytes as consecutive requests."""
        http.last = self.client.last
        self.http = http
        self.client.clear()
        if http.answered:  # otherwise ``http`` continues with the server's side
            self._done = self._server.work
        self._server = ServerSide(self._limits)
        return http.begin(judge)

    # ---------------------------------------------------------------- the server's side

    def from_server(self, acked: int, seq: int, payload: bytes, judge: Judge) -> Ruling:
        """``acked`` is the stream offset up to which the server has read. ``payload`` is not empty."""
        self.received += 1
        self._server.add(seq, payload)
        sign = self._server.tunnel
        if isinstance(sign, TunnelSign):
            refused = self.client.refused_tunnel((sign,), judge)
            if refused is not None:
                return _refused(refused)
        reads = self.client.read_until(acked)
        hellos = self._server.hellos
        if hellos and not hellos[-1].hello_retry:
            return self._server_hello(len(hellos), reads, judge)
        asked = self.client.answered(reads, Proto.HTTP, 1)
        return self._http_answer(asked, acked, judge) if asked else self._other_answer(acked, reads, judge)

    def _server_hello(self, count: int, reads: list[ServerReading], judge: Judge) -> Ruling:
        """Handle the answer to the last of ``count`` ClientHellos."""
        for read, claim in self.client.answered(reads, Proto.TLS, count):
            return self._pass(read, claim, asked_by(claim, count - 1), judge)
        return self._refuse_unseen(judge)

    def _pass(self, read: ServerReading, claim: HostClaim, answered: Observation, judge: Judge) -> Ruling:
        refused = self.client.refused_claim(read.view, claim, judge)
        if refused is not None:
            return _refused(refused)
        return _new(Ruling, (FlowAction.PASSES, answered))

    def _refuse_unseen(self, judge: Judge) -> Ruling:
        """Refuse a flow with an answer to an unseen hello or request: bytes were missed, or another flow on
        these ports was dropped. The client connects again.
        """
        return self.refuse(Fault.OVERFLOW, judge)

    def _http_answer(self, asked: list[ReadClaim], acked: int, judge: Judge) -> Ruling:
        server = self._server
        if server.protocol is not ServerProtocol.HTTP and self.client.only is None:
            # The request may be a decoy, and this the answer to something else.
            return self._refuse_unseen(judge)
        for read, claim in asked:
            if claim.requests[-1].method == "CONNECT":
                return self._tunnel(read, claim, acked, judge)
        read, claim = asked[0]
        if len(asked) == 1 and claim.requests[0].http2:
            return self._http2_answer(read, claim, judge)
        asked = [(read, claim) for read, claim in asked if not claim.requests[0].http2]
        if not asked:
            return self._refuse_unseen(judge)
        switches = any(claim.requests[0].switches for _, claim in asked)
        if switches and server.protocol is not ServerProtocol.OTHER and server.status is None:
            return self.waiting()
        if len(asked) == 1 and len(claim.requests) == 1 and claim.requests[0].switches and server.switched:
            return self._pass(read, claim, claim.asked[-1], judge)
        for read, claim in asked:
            refused = self.client.refused_claim(read.view, claim, judge)
            if refused is not None:
                return _refused(refused)
        if self.client.only is not None:  # otherwise the bytes that the server lacks may be a decoy
            asked = [(read._replace(data=read.view.data), claim) for read, claim in asked]
        turned_down = switches and server.status != SWITCHING_PROTOCOLS
        http = HttpFlow(self._observer, starts_of(asked), self._limits, turned_down=turned_down)
        return self._read_on(http, judge)

    def _http2_answer(self, read: ServerReading, claim: HostClaim, judge: Judge) -> Ruling:
        """An HTTP/2 request with an HTTP/1 answer was not understood: the client may continue in HTTP/1."""
        speaks = self._server.speaks_http2
        if speaks is None:
            return self.waiting()
        return self._pass(read, claim, claim.asked[-1], judge) if speaks else self._refuse_unseen(judge)

    def _tunnel(self, read: ServerReading, claim: HostClaim, acked: int, judge: Judge) -> Ruling:
        """Handle a CONNECT to a proxy: the bytes inside are judged like a flow of their own."""
        stream = RequestStream()
        stream.feed(read.data[claim.position :])
        inside = any(other.proto is Proto.TLS for other in read.found.claims)
        agreed = stream.opaque and self._server.connected
        if not agreed or inside or read.found.pending or acked != read.view.island.end:
            return self.waiting()
        return self._nameless(judge)

    def _other_answer(self, acked: int, reads: list[ServerReading], judge: Judge) -> Ruling:
        speaks = self._server.protocol
        if self.client.has_claims or (self.client.pending and speaks is not ServerProtocol.HTTP):
            return self.waiting()
        if self.client.may_tunnel and self.received < self._limits.unanswered:
            return self.waiting()
        malformed = self.client.refused_as_malformed(reads, judge)
        if malformed is not None:
            return _refused(malformed)
        if speaks is ServerProtocol.HTTP and self.sent:
            return self._refuse_unseen(judge)
        if speaks is not ServerProtocol.OTHER and self.sent:
            return self.waiting()
        foreign = self.client.foreign
        if foreign is not None and acked >= foreign:
            return self._nameless(judge)
        if not reads:
            return self._unknown(judge)
        if any(acked != read.view.island.end for read in reads):
            return self.waiting()
        return self._nameless(judge)

    def _nameless(self, judge: Judge) -> Ruling:
        """Decide an answered flow of a protocol that has no host names."""
        observation = self._observer.nameless(Proto.TCP)
        allowed = self.client.allows(observation, judge)
        return _new(Ruling, (FlowAction.PASSES if allowed else FlowAction.REFUSED, observation))


def _refused(observation: Observation) -> Ruling:
    return _new(Ruling, (FlowAction.REFUSED, observation))

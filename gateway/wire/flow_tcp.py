"""One TCP flow until it is decided.

Refused at once when any reading of the client's bytes names something refused. Let through when a hello or
request is complete and judged, *and then* the server answers it: a decoy is never answered.
"""

from __future__ import annotations

from gateway.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.actions import DROP, Action, Judge, Ruling
from gateway.wire.client_side import Asked, ClientSide, Read, asked_by
from gateway.wire.flow_http import HttpFlow
from gateway.wire.http_stream import RequestStream
from gateway.wire.ip import ACK, RST, SYN, URG, Packet
from gateway.wire.limits import WEB_PORTS, Limits
from gateway.wire.observe import Claim, Observer
from gateway.wire.openings import Openings
from gateway.wire.server_side import SWITCHING_PROTOCOLS, ServerSide, Speaks

_new = tuple.__new__  # makes a NamedTuple in half the time


class TcpFlow:
    """State of one 4-tuple. ``ruling`` is set once it is decided for good."""

    __slots__ = (
        "_client", "_http", "_limits", "_observer", "_openings", "_received", "_sent", "_server", "_web", "ruling",
    )  # fmt: skip

    def __init__(self, observer: Observer, dport: int, limits: Limits) -> None:
        self._observer = observer
        self._limits = limits
        self._web = dport in WEB_PORTS
        self._client = ClientSide(observer, limits)
        self._server = ServerSide(limits)
        self._http: HttpFlow | None = None  # once requests are read one after the other
        self._openings = Openings(limits)
        self._sent = 0  # segments with payload of the LAN side
        self._received = 0
        self.ruling: Ruling | None = None

    @property
    def size(self) -> int:
        """Bytes of memory held, about, beside the objects themselves."""
        if self._http is not None:
            return self._http.size
        return self._client.stream.held + self._server.size

    @property
    def work(self) -> int:
        """Steps taken so far, see Effort."""
        work = self._observer.work + self._client.stream.work + self._server.work
        return work if self._http is None else work + self._http.work

    @property
    def is_half_read(self) -> bool:
        """Whether what follows would be misread as the start of another flow."""
        return self._http is not None or self._client.is_half_read

    @property
    def is_http(self) -> bool:
        """Whether this is a connection of plain HTTP, where either side may rest."""
        last = self._client.last
        return self._http is not None or (last is not None and last.proto is Proto.HTTP)

    @property
    def is_open_http(self) -> bool:
        """Whether requests are read one after the other by now, and were answered."""
        return self._http is not None and self._http.answered

    @property
    def heard(self) -> tuple[Observation, ...]:
        """All that was judged before the first answer, each distinct observation once."""
        return self._client.heard

    def rest(self) -> None:
        """Hold nothing but where the next request begins, if it is open HTTP."""
        if self._http is not None:
            self._http.rest()

    def is_behind(self, packet: Packet) -> bool:
        """Whether the client sends requests or bodies again that were read before."""
        offset = self._client.stream.offset(packet.seq)
        return self._http is not None and self._http.has_read(offset + 1)

    def is_elsewhere(self, packet: Packet) -> bool:
        """Whether the client's segment lies farther from the requests read than any window reaches."""
        return self._http is not None and self._http.is_far(self._client.stream.offset(packet.seq))

    def begins_anew(self, packet: Packet, *, from_lan: bool) -> bool:
        """Whether ``packet`` opens another connection on the same addresses and ports (openings.py)."""
        return self._openings.is_other(packet, from_lan, fresh=not self._received, begun=self._sent > 0)

    def from_lan(self, packet: Packet, judge: Judge) -> Ruling:
        try:
            return self._from_lan(packet, packet.payload.tobytes(), judge)
        except WireError:
            return self._refuse(Fault.OVERFLOW, judge)

    def from_server(self, packet: Packet, judge: Judge) -> Ruling:
        try:
            return self._from_server(packet, packet.payload.tobytes(), judge)
        except WireError:
            return self._refuse(Fault.OVERFLOW, judge)

    def _waiting(self) -> Ruling:
        return _new(Ruling, (Action.HOLD, self._client.last)) if self._http is None else self._http.waiting()

    def _settle(self, action: Action, observation: Observation | None) -> Ruling:
        self.ruling = ruling = _new(Ruling, (action, observation))
        return ruling

    def _refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.TCP) -> Ruling:
        """Refuse whatever the judge says, who hears of it all the same."""
        observation = self._observer.nameless(proto, fault)
        judge(observation)
        return self._settle(Action.REFUSED, observation)

    def _taken(self, ruling: Ruling) -> Ruling:
        """What HttpFlow says."""
        if ruling.action is Action.REFUSED or ruling.action is Action.PASSES:
            self.ruling = ruling
        return ruling

    # ---------------------------------------------------------------- the LAN side

    def _from_lan(self, packet: Packet, payload: bytes, judge: Judge) -> Ruling:
        flags, seq = packet.flags, packet.seq
        if flags & RST:
            return self._waiting()
        if packet.md5 or not flags & (ACK | SYN) or self._openings.is_offer(packet):
            return self._decoy(payload, judge) if payload else self._waiting()
        if flags & SYN:
            seq = (seq + 1) & 0xFFFFFFFF
            if not flags & ACK:
                self._client.stream.settle(seq)
        if flags & URG:
            if self._http is not None:
                return self._refuse(Fault.MALFORMED, judge, Proto.HTTP)
            self._client.stream.urgent(seq, packet.urgent)
        if not payload:
            return self._waiting()
        if self._http is not None:
            return self._taken(self._http.from_lan(self._client.stream.offset(seq), payload, judge))
        stream = self._client.stream
        if stream.is_past(seq, len(payload)) and not stream.knows(seq, payload):
            # The server has other bytes for these numbers, or ones that went past us: it needs none of these.
            # Of a new connection on the same ports it would read them.
            return DROP
        self._sent += 1
        self._client.add(seq, payload)
        refused = self._client.refused(judge)
        if refused is not None:
            return self._settle(Action.REFUSED, refused)
        if not self._client.has_claims:
            return self._unknown(judge)
        return self._let_go_of_bodies(judge)

    def _decoy(self, payload: bytes, judge: Judge) -> Ruling:
        """A segment that no correct client sends and most servers ignore: it goes no further, so it need not
        be part of the stream. What it names is judged all the same.
        """
        refused = self._client.refused_alone(payload, judge)
        return DROP if refused is None else self._settle(Action.REFUSED, refused)

    def _unknown(self, judge: Judge) -> Ruling:
        """Nothing complete was said, or nothing at all."""
        count = max(self._sent, self._received)
        if count < self._limits.unanswered or self._client.pending or self._client.unclear:
            return self._waiting()
        observation = self._observer.nameless(Proto.TCP, Fault.UNANSWERED)
        if not self._client.allows(observation, judge):
            return self._settle(Action.REFUSED, observation)
        return self._waiting() if self._web else self._settle(Action.PASSES, observation)

    def _let_go_of_bodies(self, judge: Judge) -> Ruling:
        """A request with a long body before its answer: read on without keeping the body.

        Parts of it may have come ahead of one that was lost.
        """
        if self._client.stream.size <= self._limits.http_history:
            return self._waiting()
        islands = self._client.in_order
        if not islands:
            return self._waiting()
        view, sight = islands[0]
        claims = [claim for claim in sight.claims if claim.requests]
        if not claims or any(request.method == "CONNECT" for claim in claims for request in claim.requests):
            return self._waiting()
        starts = _starts([(Read(view, view.data, sight), claim) for claim in claims])
        http = HttpFlow(self._observer, starts, self._limits, server=self._server)
        if http.has_switched:
            return self._waiting()
        ruling = self._read_on(http, judge)
        for later, _ in islands[1:]:
            if ruling.action is not Action.REFUSED:
                ruling = self._taken(http.from_lan(later.island.start, later.data, judge))
        return ruling

    def _read_on(self, http: HttpFlow, judge: Judge) -> Ruling:
        """From now on the client's bytes are read as requests that follow each other."""
        http.last = self._client.last
        self._http = http
        self._client.clear()
        self._server = ServerSide(self._limits)
        return self._taken(http.begin(judge))

    # ---------------------------------------------------------------- the server's side

    def _from_server(self, packet: Packet, payload: bytes, judge: Judge) -> Ruling:
        if packet.flags & RST or not packet.flags & ACK:
            return self._waiting()
        self._client.stream.settle(packet.ack)
        if not payload:
            return self._waiting()
        acked = self._client.stream.offset(packet.ack)
        seq = (packet.seq + (packet.flags & SYN != 0)) & 0xFFFFFFFF
        if self._http is not None:
            return self._taken(self._http.from_server(acked, seq, payload, judge))
        self._received += 1
        self._server.add(seq, payload)
        reads = self._client.read_until(acked)
        hellos = self._server.hellos
        if hellos and not hellos[-1].hello_retry:
            return self._server_hello(len(hellos), reads, judge)
        asked = self._client.answered(reads, Proto.HTTP, 1)
        return self._http_answer(asked, acked, judge) if asked else self._other_answer(acked, reads, judge)

    def _server_hello(self, count: int, reads: list[Read], judge: Judge) -> Ruling:
        """It answers the last of ``count`` ClientHellos."""
        for read, claim in self._client.answered(reads, Proto.TLS, count):
            return self._pass(read, claim, asked_by(claim, count - 1), judge)
        return self._lost_sight(judge)

    def _pass(self, read: Read, claim: Claim, answered: Observation, judge: Judge) -> Ruling:
        refused = self._client.refused_claim(read.view, claim, judge)
        if refused is not None:
            return self._settle(Action.REFUSED, refused)
        return self._settle(Action.PASSES, answered)

    def _lost_sight(self, judge: Judge) -> Ruling:
        """The server answers a hello or request that we have not read: bytes went past us, or another flow on
        the same ports was forgotten. The client starts again.
        """
        return self._refuse(Fault.OVERFLOW, judge)

    def _http_answer(self, asked: list[Asked], acked: int, judge: Judge) -> Ruling:
        server = self._server
        if server.speaks is not Speaks.HTTP and self._client.only is None:
            # What was asked may be a decoy, and this the answer to another thing.
            return self._lost_sight(judge)
        for read, claim in asked:
            if claim.requests[-1].method == "CONNECT":
                return self._tunnel(read, claim, acked, judge)
        read, claim = asked[0]
        if len(asked) == 1 and claim.requests[0].http2:
            return self._http2_answer(read, claim, judge)
        asked = [(read, claim) for read, claim in asked if not claim.requests[0].http2]
        switches = any(claim.requests[0].switches for _, claim in asked)
        if switches and server.speaks is Speaks.HTTP and server.status is None:
            return self._waiting()
        if len(asked) == 1 and len(claim.requests) == 1 and claim.requests[0].switches and server.switched:
            return self._pass(read, claim, claim.asked[-1], judge)
        for read, claim in asked:
            refused = self._client.refused_claim(read.view, claim, judge)
            if refused is not None:
                return self._settle(Action.REFUSED, refused)
        if self._client.only is not None:  # else what the server has not got may be a decoy
            asked = [(read._replace(data=read.view.data), claim) for read, claim in asked]
        turned_down = switches and server.status != SWITCHING_PROTOCOLS
        http = HttpFlow(self._observer, _starts(asked), self._limits, turned_down=turned_down)
        return self._read_on(http, judge)

    def _http2_answer(self, read: Read, claim: Claim, judge: Judge) -> Ruling:
        """Who asks in HTTP/2 and is answered in HTTP/1 has not been understood: it may go on in HTTP/1."""
        speaks = self._server.speaks_http2
        if speaks is None:
            return self._waiting()
        return self._pass(read, claim, claim.asked[-1], judge) if speaks else self._lost_sight(judge)

    def _tunnel(self, read: Read, claim: Claim, acked: int, judge: Judge) -> Ruling:
        """A proxy was asked to connect: what goes through it is judged like a flow of its own."""
        stream = RequestStream()
        stream.feed(read.data[claim.position :])
        inside = any(other.proto is Proto.TLS for other in read.sight.claims)
        agreed = stream.opaque and self._server.connected
        if not agreed or inside or read.sight.pending or acked != read.view.island.end:
            return self._waiting()
        return self._nameless(judge)

    def _other_answer(self, acked: int, reads: list[Read], judge: Judge) -> Ruling:
        speaks = self._server.speaks
        if self._client.has_claims or (self._client.pending and speaks is not Speaks.HTTP):
            return self._waiting()
        malformed = self._client.refused_as_malformed(reads, judge)
        if malformed is not None:
            return self._settle(Action.REFUSED, malformed)
        if speaks is Speaks.HTTP and self._sent:
            return self._lost_sight(judge)
        if speaks is not Speaks.OTHER and self._sent:
            return self._waiting()
        foreign = self._client.foreign
        if foreign is not None and acked >= foreign:
            return self._nameless(judge)
        if not reads:
            return self._unknown(judge)
        if any(acked != read.view.island.end for read in reads):
            return self._waiting()
        return self._nameless(judge)

    def _nameless(self, judge: Judge) -> Ruling:
        """Answered, and in none of the protocols that name a host."""
        observation = self._observer.nameless(Proto.TCP)
        allowed = self._client.allows(observation, judge)
        return self._settle(Action.PASSES if allowed else Action.REFUSED, observation)


def _starts(asked: list[Asked]) -> list[tuple[int, bytes]]:
    """Where the requests of each claim begin, and the bytes from there on; what lies inside others is theirs."""
    starts: list[tuple[int, bytes]] = []
    for turn, (read, claim) in enumerate(asked):
        earlier = [other for before, other in asked[:turn] if before.view is read.view]
        if not any(claim.position in other.starts for other in earlier):
            starts.append((read.view.offset(claim.position), read.data[claim.position :]))
    return starts

"""Decides a TCP flow from the bytes of both sides, until the server answers a TLS hello or HTTP request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import DROP, FlowAction, Judge, Ruling
from gateway.wire.flows.dialogue import DialogueFlow
from gateway.wire.flows.http import HttpFlow
from gateway.wire.flows.limits import WEB_PORTS, Limits
from gateway.wire.flows.observe import HostClaim, Observer, StreamClaims
from gateway.wire.flows.server_side import SWITCHING_PROTOCOLS, ServerProtocol, ServerSide
from gateway.wire.flows.streams import Stream, StreamOverflow, StreamView
from gateway.wire.http.stream import RequestStream
from gateway.wire.tls.starttls import may_start_tls
from gateway.wire.tunnels import LONGEST, MORE, TunnelSign, look_tcp, may_begin

_ANYWHERE = 1 << 32  # larger than any offset
_ENDS = 8  # segments next to a decoy in which a message may arrive that ends with its segment (SOCKS)
_new = tuple.__new__  # builds a NamedTuple in half the time


class ServerReading(NamedTuple):
    """One way in which the server may have read the bytes that it acknowledged, with the hosts in them."""

    view: StreamView
    data: bytes  # of the view, as far as the server has acknowledged it
    found: StreamClaims  # of ``data``


ReadClaim = tuple[ServerReading, HostClaim]
"""A claim of hosts, and the reading of the server in which it was found."""


class Undecided:
    """Decides the packets of one TCP flow until the flow is decided: rulings of PASSES and REFUSED are final.

    ``http`` is set once requests are read in order, or the hellos of a plain-text dialogue with STARTTLS;
    from then on the caller uses it instead. Methods that read raise WireError at the limits of a stream.
    """

    __slots__ = (
        "_done", "_limits", "_observer", "_server", "_web", "answerable", "client", "http", "received",
        "sent", "starts_tls",
    )  # fmt: skip

    def __init__(self, observer: Observer, dport: int, limits: Limits) -> None:
        self._observer = observer
        self._limits = limits
        self._web = dport in WEB_PORTS
        self._server = ServerSide(limits)
        self.client = ClientSide(observer, limits)
        self.http: HttpFlow | DialogueFlow | None = None
        # Whether this is a dialogue in which TLS may begin later; None if that is unclear.
        self.starts_tls: bool | None = False
        self.sent = 0  # segments with payload of the LAN side
        self.received = 0
        self.answerable = 0  # bytes of the hello for which ANSWERABLE was returned
        self._done = 0  # steps of sides that are no longer stored

    @property
    def size(self) -> int:
        """The approximate memory for stored bytes of both sides, without the objects themselves, in bytes."""
        return self.client.stream.held + self._server.size

    @property
    def work(self) -> int:
        """The parsing work spent so far, in steps. It is charged to the device's work limit (`Effort`)."""
        own = self._done + self._observer.work + self.client.stream.work + self._server.work
        return own if self.http is None else own + self.http.work

    def waiting(self) -> Ruling:
        return _new(Ruling, (FlowAction.HOLD, self.client.last))

    def refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.TCP) -> Ruling:
        """Return the ruling that refuses the flow, for a ``fault``.

        The judge is notified; its answer is ignored.
        """
        observation = self._observer.nameless(proto, fault)
        judge(observation)
        return _new(Ruling, (FlowAction.REFUSED, observation))

    # ---------------------------------------------------------------- the LAN side

    def from_lan(self, seq: int, payload: bytes, judge: Judge) -> Ruling:
        """Judge the hosts that a client's segment completes; return the action for the segment.

        ``seq``: its sequence number. ``payload`` is not empty. Raises WireError at the limits of a stream.
        """
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
        if not self.answerable and self._is_only_hello():
            return _new(Ruling, (FlowAction.ANSWERABLE, self.client.last))
        return self._skip_bodies(judge)

    @property
    def is_answerable(self) -> bool:
        """Whether the kernel was allowed to decide by the server's answer, and nothing was read since.

        The kernel may then have let the flow pass.
        """
        return 0 < self.answerable == self.client.stream.size and not self.received

    def expect_answer(self) -> None:
        """Record that the kernel may decide this flow by the server's answer to the bytes read so far."""
        self.answerable = self.client.stream.size

    def _is_only_hello(self) -> bool:
        """Return whether the flow is one whole, faultless TLS hello with one name, and nothing else.

        There is no other way to read it, no further byte, and the server has sent nothing. Whatever
        ServerHello comes first then answers this hello.
        """
        if self.received or self.client.only is None:
            return False
        view, found = self.client.only
        if len(found.claims) != 1 or found.pending or found.unclear:
            return False
        (claim,) = found.claims
        if claim.proto is not Proto.TLS or claim.position or claim.broken or claim.complete != 1:
            return False
        seen = claim.asked[0]
        whole = len(claim.asked) == 1 and claim.ends[0] == len(view.data)
        return whole and seen.host is not None and seen.fault is None

    def decoy(self, payload: bytes, judge: Judge) -> Ruling:
        """Return DROP or REFUSED for a segment that no correct client sends and most servers ignore.

        It is not added to the stream. The names and tunnels in it are still judged: REFUSED if one is
        refused.
        """
        refused = self.client.refused_in_segment(payload, judge)
        return DROP if refused is None else _refused(refused)

    def _unknown(self, judge: Judge) -> Ruling:
        """Return the action for a segment of either side while no hello or request is complete.

        Up to the limit of unanswered segments, and while one may have begun, packets pass one by
        one (HOLD): any may be a decoy. Then the flow is judged as one without a name: REFUSED if
        not allowed; PASSES if the client has sent nothing, or more bytes of an unknown protocol
        than decoys have, but never to a web server's port or if TLS may begin later; else HOLD.
        """
        count = max(self.sent, self.received)
        if count < self._limits.unanswered or self.client.pending or self.client.unclear:
            return self.waiting()
        if self.starts_tls is not False and self._observer.nameless(Proto.TCP) in self.client.judged:
            return self._nameless(judge)  # a long message in a dialogue that was answered before
        observation = self._observer.nameless(Proto.TCP, Fault.UNANSWERED if self.sent else None)
        if not self.client.allows(observation, judge):
            return _refused(observation)
        if self._web or self.starts_tls is not False or (self.sent and self.client.foreign is None):
            return self.waiting()
        return _new(Ruling, (FlowAction.PASSES, observation))

    def _skip_bodies(self, judge: Judge) -> Ruling:
        """Return the action for a client's segment after a complete hello or request, mostly HOLD.

        If the stream is long HTTP without CONNECT, change to reading its requests in order: their
        bodies are then no longer stored. Parts of a body that arrived before a lost segment are
        read too.
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
        """Change to reading the client's bytes as consecutive HTTP requests; return the action for now."""
        http.last = self.client.last
        self.http = http
        self.client.clear()
        if http.answered:  # otherwise ``http`` continues with the server's side
            self._done = self._server.work
            http.answer(self._server.start)
        self._server = ServerSide(self._limits)
        return http.begin(judge)

    # ---------------------------------------------------------------- the server's side

    def from_server(self, acked: int, seq: int, payload: bytes, judge: Judge) -> Ruling:
        """Return the action for a server's segment, which may be the answer that decides the flow.

        PASSES if it answers a judged TLS hello, ASKS if a judged HTTP request: later requests are
        still read. ``acked`` is the offset in the client's bytes up to which the server has read;
        ``seq``: the segment's sequence number. ``payload`` is not empty. Raises WireError at the
        limits of a stream.
        """
        self.received += 1
        self._server.add(seq, payload)
        if not self.starts_tls:
            self.starts_tls = may_start_tls(self.client.starts, self._server.start)
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
        """Return the ruling that decides the flow: the server has answered the last of ``count`` hellos.

        PASSES if that ClientHello was seen and everything that it asks for is allowed; else REFUSED.
        """
        for read, claim in self.client.answered(reads, Proto.TLS, count):
            return self._pass(read, claim, asked_by(claim, count - 1), judge)
        return self._refuse_unseen(judge)

    def _pass(self, read: ServerReading, claim: HostClaim, answered: Observation, judge: Judge) -> Ruling:
        refused = self.client.refused_claim(read.view, claim, judge)
        if refused is not None:
            return _refused(refused)
        return _new(Ruling, (FlowAction.PASSES, answered))

    def _refuse_unseen(self, judge: Judge) -> Ruling:
        """Return the ruling that refuses a flow with an answer to an unseen hello or request.

        Its fault is OVERFLOW: bytes were missed, or another flow on these ports was dropped. The client
        connects again.
        """
        return self.refuse(Fault.OVERFLOW, judge)

    def _http_answer(self, asked: list[ReadClaim], acked: int, judge: Judge) -> Ruling:
        server = self._server
        if server.protocol is not ServerProtocol.HTTP and self.client.only is None:
            # The request may be a decoy, and this the answer to something else.
            return self._refuse_unseen(judge)
        for read, claim in asked:
            if any(request.http2 and request.method == "CONNECT" for request in claim.requests):
                return self.refuse(Fault.MALFORMED, judge, Proto.HTTP)  # its bytes would not be read
            if claim.requests[-1].method == "CONNECT":
                return self._tunnel(read, claim, acked, judge)
        read, claim = asked[0]
        if claim.requests[0].http2 and (len(asked) == 1 or server.speaks_http2):
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
        """Return the action for a server's answer to HTTP/2: if it is HTTP/2 too, read on in the frames.

        A server that answers in HTTP/1 did not understand the client, which may continue in HTTP/1: REFUSED.
        """
        speaks = self._server.speaks_http2
        if speaks is None:
            return self.waiting()
        refused = self.client.refused_claim(read.view, claim, judge)
        if refused is not None:
            return _refused(refused)
        if not speaks or self.client.only is None:
            return self._refuse_unseen(judge)
        whole = read._replace(data=read.view.data)
        return self._read_on(HttpFlow(self._observer, starts_of([(whole, claim)]), self._limits), judge)

    def _tunnel(self, read: ServerReading, claim: HostClaim, acked: int, judge: Judge) -> Ruling:
        """Return the action for the answer to a CONNECT request to a proxy.

        HOLD while the proxy has not agreed, or a TLS hello follows: the bytes inside are judged like those of
        a flow of their own. Any other protocol inside is judged as a flow without a name.
        """
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
            if not self.sent and self._server.size > self._limits.dialogue_bytes:
                if self.starts_tls:
                    return self._listen(acked, judge)
                if speaks is ServerProtocol.OTHER and not self._web:
                    return self._nameless(judge)
            return self._unknown(judge)
        if any(acked != read.view.island.end for read in reads):
            return self.waiting()
        return self._nameless(judge)

    def _nameless(self, judge: Judge) -> Ruling:
        """Judge an answered flow of a protocol without host names. REFUSED if not allowed, else PASSES.

        If TLS may begin later in it (STARTTLS), it stays undecided, and its hello will decide.
        """
        observation = self._observer.nameless(Proto.TCP)
        if not self.client.allows(observation, judge):
            return _refused(observation)
        if self.starts_tls is not False:
            return self._dialogue()
        return _new(Ruling, (FlowAction.PASSES, observation))

    def _dialogue(self) -> Ruling:
        """Return the action for a plain-text dialogue in which TLS may begin.

        The hello then decides the flow. HOLD at first. After the limits of a dialogue ASKS: only the client's
        side is read.
        """
        limits, only = self._limits, self.client.only
        begins = self.sent <= limits.dialogue and self._server.size <= limits.dialogue_bytes
        if (begins and self.client.foreign is None) or only is None:
            return self.waiting()
        view, _ = only
        return self._read_dialogue(view.island.start, view.data)

    def _listen(self, acked: int, judge: Judge) -> Ruling:
        """Judge a dialogue (TLS may begin later) in which the server sends much and the client nothing yet.

        Return REFUSED if a flow without a host name is not allowed, else ASKS: from now on only the
        client's side is read, from stream offset ``acked``, up to which the server has
        acknowledged.
        """
        observation = self._observer.nameless(Proto.TCP)
        if not self.client.allows(observation, judge):
            return _refused(observation)
        return self._read_dialogue(acked, b"")

    def _read_dialogue(self, start: int, data: bytes) -> Ruling:
        """Change to reading only the client's side of a dialogue; return the ruling for now.

        ``data``: the client's bytes so far, from offset ``start`` on.
        """
        dialogue = DialogueFlow(self._observer, start, data, self._limits)
        dialogue.last = self.client.last
        self.http = dialogue
        self.client.clear()
        self._done = self._server.work
        self._server = ServerSide(self._limits)
        return dialogue.waiting()


def _refused(observation: Observation) -> Ruling:
    return _new(Ruling, (FlowAction.REFUSED, observation))


class ClientSide:
    """Collects a client's bytes in every way that a server may read them, and judges what they ask for.

    These are host names and tunnels. Methods that read raise WireError at the limits of a stream.
    """

    __slots__ = (
        "_is_broken", "_judged", "_limits", "_looked", "_observer", "_open", "_seen", "_signs", "foreign",
        "has_claims", "may_tunnel", "pending", "stream", "unclear",
    )  # fmt: skip

    def __init__(self, observer: Observer, limits: Limits) -> None:
        self._observer = observer
        self._limits = limits
        self._judged = JudgedObservations()
        self._seen: list[tuple[StreamView, StreamClaims]] = []
        self.stream = Stream(limits)
        self.has_claims = False  # any reading has a complete hello or request
        self.pending = False  # a known protocol has begun in any reading, without a complete hello or request
        self.unclear = False  # a known protocol may have begun
        self._signs: dict[TunnelSign, None] = {}  # tunnels that begin at a possible start of any reading
        self._open: dict[int, None] = {}  # offsets of possible tunnels that need more bytes
        self._looked = -_ANYWHERE  # the offset up to which all other offsets were checked
        self.may_tunnel = False  # the stream begins like a tunnel, and more bytes are needed
        self._is_broken = False  # a protocol has begun, and continues as no correct client does
        # The offset up to which bytes of an unknown protocol were dropped; None if none were.
        self.foreign: int | None = None

    def add(self, seq: int, payload: bytes) -> None:
        if not self.stream.add(seq, payload):
            return
        self._clear_claims()
        tried = 0
        for view in self.stream.views():
            found = self._observer.look(view.data)
            self._seen.append((view, found))
            tried += found.tried
            self.pending |= found.pending
            self.unclear |= found.unclear and self.foreign is None
            for claim in found.claims:
                self.has_claims |= claim.complete > 0
                self._is_broken |= claim.broken and self.foreign is None
            if not found.claims and self.foreign is None:
                self._observer.recognise(view.data)
        self._look_for_tunnels(seq, payload)
        if tried > self._limits.candidates:
            msg = f"{tried} places of all readings that look like the start of a hello or request"
            raise StreamOverflow(msg)
        if self.stream.size > self._limits.foreign_bytes:
            self._drop_foreign()

    def _look_for_tunnels(self, seq: int, payload: bytes) -> None:
        """Look for tunnels where a segment began or ended: the server may begin to read there.

        The results are stored for `refused`. More bytes do not turn other data into a tunnel: if segments
        arrive in order and without copies, each offset is checked until the result is known.
        """
        start = self.stream.offset(seq)
        in_order = start >= self._looked and len(self._seen) == len(self.stream.readings[0])
        if in_order and not (self._open or may_begin(payload[0]) or self.stream.is_past(seq, 1)):
            self._looked = start + len(payload)
            return
        since = self._looked if in_order else -_ANYWHERE
        before, self._open = self._open, {}
        for view, _ in self._seen:
            island = view.island
            cuts = self.stream.cuts_of(island, since)
            if in_order:
                for cut in (*(cut for cut in before if island.start <= cut < island.end), *cuts):
                    self._look_at(view, cut, ())
                continue
            for number, cut in enumerate(cuts, 1):
                # The bytes after the next cut may be the rest of a decoy.
                self._look_at(view, cut, cuts[number : number + _ENDS])
        self._looked = self.stream.end

    def _look_at(self, view: StreamView, cut: int, ends: Sequence[int]) -> None:
        """Store the tunnel that begins at stream offset ``cut``, if one does.

        It may have all bytes after it, or those up to one of ``ends``. If more bytes are needed to know,
        store the offset instead.
        """
        at = view.position(cut)
        if at >= len(view.data) or not may_begin(view.data[at]):
            return
        self._observer.work += 1 + len(ends)
        for end in (at + LONGEST, *map(view.position, ends)):
            match = look_tcp(view.data[at : min(end, at + LONGEST)])
            if isinstance(match, TunnelSign):
                self._signs[match] = None
                return
            if match is MORE:
                self._open[cut] = None
                self.may_tunnel |= not at

    def _drop_foreign(self) -> None:
        """Drop old bytes of a stream that begins neither like TLS nor like HTTP.

        The newest bytes stay stored, since a hello may still follow.
        """
        islands = self.stream.readings[0]
        if self.half_read or len(self.stream.readings) > 1 or len(self._seen) != len(islands):
            return
        end = self.stream.end
        self.foreign = end if self.foreign is None else self.foreign
        self.stream.drop_before(end - self._limits.foreign_stored)

    def clear(self) -> None:
        """Free the stored bytes; judged observations and offsets stay."""
        self.stream.clear()
        self._clear_claims()

    def _clear_claims(self) -> None:
        self._seen = []
        self._signs.clear()
        self.has_claims = self.pending = self.unclear = self._is_broken = self.may_tunnel = False

    @property
    def judged(self) -> tuple[Observation, ...]:
        """Each distinct observation (host name or fault) that was judged."""
        return tuple(self._judged.judged)

    @property
    def last(self) -> Observation | None:
        """The distinct observation that was judged last; None if there is none."""
        return next(reversed(self._judged.judged), None)

    @property
    def starts(self) -> list[bytes]:
        """Each run of the client's bytes without a gap, in every way that a server may read it.

        Any of them may begin the stream.
        """
        return [view.data for view, _ in self._seen]

    @property
    def in_order(self) -> list[tuple[StreamView, StreamClaims]]:
        """The client's runs of bytes without gaps, in order, each with the hosts that it asks for.

        Empty if there are several ways to read them.
        """
        islands = self.stream.readings[0]
        return self._seen if len(self.stream.readings) == 1 and len(self._seen) == len(islands) else []

    @property
    def only(self) -> tuple[StreamView, StreamClaims] | None:
        """The client's bytes with their hosts, if they are one run with one way to read it; else None."""
        return self._seen[0] if len(self._seen) == 1 else None

    def allows(self, observation: Observation, judge: Judge) -> bool:
        return self._judged.allows(observation, judge)

    def refused(self, judge: Judge) -> Observation | None:
        """Judge every host and tunnel that the client asks for, as any server may read its bytes.

        Return the first observation that is refused; None if all are allowed. If there is one way to read the
        bytes, everything counts. If there are several, some are mixtures of a decoy and the real data. There,
        each name is judged regardless of other faults, and faults count only if no reading has a name. A
        missing name counts if nothing else is wrong.
        """
        faults: list[tuple[int, Observation]] = []
        named = False
        for view, found in self._seen:
            for claim in found.claims:
                for end, observation in zip(claim.ends, claim.asked, strict=True):
                    names = _names_a_host(observation)
                    named |= names
                    if not names and (observation.fault is not Fault.NO_NAME or claim.broken):
                        faults.append((view.offset(end), observation))
                        if observation.host is None or len(self._seen) == 1:
                            continue
                        observation = observation._replace(fault=None)
                    if not self._allows_claim(view, claim, end, observation, judge):
                        return observation
                if claim.broken and claim.complete and not claim.position:
                    end = view.offset(claim.ends[-1])
                    faults.append((end, self._observer.nameless(claim.proto, Fault.MALFORMED)))
        if not named or len(self._seen) == 1:
            for end, observation in faults:
                if not self._judged.allows_at(end, observation, judge):
                    return observation
        return self.refused_tunnel(self._signs, judge)

    def refused_tunnel(self, signs: Iterable[TunnelSign], judge: Judge) -> Observation | None:
        """Judge each tunnel once; return the first observation that is refused, None if all are allowed."""
        for sign in signs:
            observation = self._observer.tunnel(sign)
            if not self._judged.allows(observation, judge):
                return observation
        return None

    @property
    def half_read(self) -> bool:
        """Whether something was sent here that would be overlooked if later bytes were read as a new stream.

        True after the start of a hello or request, or of bytes that may be one.
        """
        return self.has_claims or self.pending or self.unclear or self._is_broken

    @staticmethod
    def answered(reads: list[ServerReading], proto: Proto, count: int) -> list[ReadClaim]:
        """Return what the server may have answered: runs of ``count`` or more hellos, or requests.

        Each is a claim (the hosts asked for) of protocol ``proto``, with the reading of the bytes
        in which it was found. Mixtures of a decoy and the real data are returned only if there is
        nothing better.
        """
        found = [
            (read, claim)
            for read in reads
            for claim in read.found.claims
            if claim.proto is proto and claim.complete >= count
        ]
        clean = [
            (read, claim)
            for read, claim in found
            if not claim.broken and all(map(_names_a_host, claim.asked))
        ]
        return clean or found

    def refused_claim(self, view: StreamView, claim: HostClaim, judge: Judge) -> Observation | None:
        """Judge the hosts that the server has answered for; return the first one refused, or None.

        Their faults count too.
        """
        for end, observation in zip(claim.ends, claim.asked, strict=True):
            if not self._allows_claim(view, claim, end, observation, judge):
                return observation
        return None

    def refused_as_malformed(self, reads: list[ServerReading], judge: Judge) -> Observation | None:
        """Judge malformed hellos and requests that the server has; return the first one refused, or None.

        Only after the server has them: bytes that arrive out of order also look malformed.
        """
        for read in reads:
            for claim in read.found.claims:
                if claim.broken:
                    observation = self._observer.nameless(claim.proto, Fault.MALFORMED)
                    if not self._judged.allows(observation, judge):
                        return observation
        return None

    def _allows_claim(
        self, view: StreamView, claim: HostClaim, end: int, observation: Observation, judge: Judge
    ) -> bool:
        if claim.position and observation in self._judged.judged:
            # It begins inside other data: it is most likely part of a judged hello or request.
            return self._judged.allows(observation, judge)
        return self._judged.allows_at(view.offset(end), observation, judge)

    def refused_in_segment(self, payload: bytes, judge: Judge) -> Observation | None:
        """Judge the names and tunnels in a segment that is not part of the stream.

        Return the first refused one; None if there is none.
        """
        for claim in self._observer.look(payload).claims:
            for observation in claim.asked:
                alone = observation if observation.fault is Fault.ECH else observation._replace(fault=None)
                if _names_a_host(alone) and not self._judged.allows(alone, judge):
                    return alone
        match = look_tcp(payload[:LONGEST])
        return self.refused_tunnel((match,), judge) if isinstance(match, TunnelSign) else None

    def read_until(self, acked: int) -> list[ServerReading]:
        """Return every way in which a server may read the bytes before stream offset ``acked``.

        The server has acknowledged these, and none after them.
        """
        reads = []
        for view, found in self._seen:
            if view.island.start < acked <= view.island.end:
                data = view.data if acked == view.island.end else view.until(acked)
                if len(data) != len(view.data):
                    found = self._observer.look(data)
                reads.append(_new(ServerReading, (view, data, found)))
        return reads


def starts_of(asked: list[ReadClaim]) -> list[tuple[int, bytes]]:
    """Return the stream offset and the bytes from there on of each claim's first request.

    A claim is a run of consecutive requests. One that begins at a request inside an earlier claim
    is left out.
    """
    starts: list[tuple[int, bytes]] = []
    for turn, (read, claim) in enumerate(asked):
        earlier = [other for before, other in asked[:turn] if before.view is read.view]
        if not any(claim.position in other.starts for other in earlier):
            starts.append((read.view.offset(claim.position), read.data[claim.position :]))
    return starts


def asked_by(claim: HostClaim, number: int) -> Observation:
    """Return the first observation (host) of hello ``number`` in a run of hellos, counted from 0."""
    end = sorted(set(claim.ends))[number]
    return claim.asked[claim.ends.index(end)]


def _names_a_host(observation: Observation) -> bool:
    """Return whether an observation has a valid host, or is judged as if it had one.

    Those are an encrypted hello, a proxy, and DNS.
    """
    if observation.fault is Fault.ECH or observation.proto in (Proto.PROXY, Proto.DNS):
        return True
    return observation.host is not None and observation.fault is None


class JudgedObservations:
    """Calls the judge once for each observation of one flow, and stores the results.

    The bytes of an observation may be read often. The size is bounded by the limits of the flow's streams.
    """

    __slots__ = ("_by_end", "judged")

    def __init__(self) -> None:
        self._by_end: dict[tuple[int, Observation], bool] = {}
        self.judged: dict[Observation, bool] = {}  # distinct ones in the order of their first judgement

    def allows_at(self, end: int, observation: Observation, judge: Judge) -> bool:
        """Return whether an observation is allowed that ends at stream offset ``end``; judge it if it is new.

        Equal observations with different ends are two hellos or requests, and are judged twice. The start
        does not identify one: a method may arrive in pieces, the last of them first.
        """
        key = (end, observation)
        allowed = self._by_end.get(key)
        if allowed is None:
            allowed = self._by_end[key] = self._ask(observation, judge)
        return allowed

    def allows(self, observation: Observation, judge: Judge) -> bool:
        """Return whether an observation is allowed; judge it unless an equal one was judged."""
        allowed = self.judged.get(observation)
        return self._ask(observation, judge) if allowed is None else allowed

    def _ask(self, observation: Observation, judge: Judge) -> bool:
        allowed = judge(observation)
        self.judged[observation] = allowed and self.judged.get(observation, True)
        return allowed

"""One TCP flow until it is decided.

Refused at once when any reading of the client's bytes names something refused. Let through when a hello or
request is complete and judged, *and then* the server answers it: a decoy is never answered.
"""

from __future__ import annotations

from gateway.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.actions import DROP, HOLD, Action, Judge, Ruling
from gateway.wire.docket import Docket
from gateway.wire.flow_http import HttpFlow
from gateway.wire.ip import ACK, RST, SYN, URG, Packet
from gateway.wire.limits import WEB_PORTS, Limits
from gateway.wire.observe import Claim, Observer, Sight
from gateway.wire.server_side import ServerSide, Speaks
from gateway.wire.streams import Stream, View

Seen = list[tuple[View, Sight]]


class TcpFlow:
    """State of one 4-tuple. ``ruling`` is set once it is decided for good."""

    __slots__ = (
        "_client", "_docket", "_limits", "_observer", "_received", "_seen", "_sent", "_server", "_web",
        "http", "ruling",
    )  # fmt: skip

    def __init__(self, observer: Observer, dport: int, limits: Limits) -> None:
        self._observer = observer
        self._limits = limits
        self._web = dport in WEB_PORTS
        self._client = Stream(limits)
        self._server = ServerSide(limits)
        self._docket = Docket()
        self._seen: Seen = []  # the client's bytes as last read
        self._sent = 0  # segments with payload of the LAN side
        self._received = 0
        self.http: HttpFlow | None = None  # once requests are read one after the other
        self.ruling: Ruling | None = None

    @property
    def size(self) -> int:
        """Bytes held."""
        if self.ruling is not None:
            return 0
        return self._client.size + self._server.size + (self.http.size if self.http is not None else 0)

    @property
    def others(self) -> tuple[Observation, ...]:
        """All that was judged on this flow, for a flow whose client sent more than one hello."""
        return tuple(self._docket.heard)

    def from_lan(self, packet: Packet, judge: Judge) -> Ruling:
        payload = bytes(packet.payload)
        flags = packet.flags
        try:
            if packet.md5 or flags & RST or not flags & (ACK | SYN):
                return self._decoy(payload, judge)
            seq = packet.seq
            if flags & SYN:
                seq = (seq + 1) & 0xFFFFFFFF
                if self._client.empty:
                    self._client.settle(seq)
            if flags & URG:
                self._client.urgent(seq, packet.urgent)
                if self.http is not None:
                    return self._refuse(Fault.MALFORMED, judge)
            if not payload:
                return self._waiting()
            if self.http is not None:
                return self._kept(self.http.feed(self._client.offset(seq), payload), judge)
            self._sent += 1
            if self._client.add(seq, payload):
                self._seen = [(view, self._observer.look(view.data)) for view in self._client.views()]
            return self._judge_claims(judge)
        except WireError:
            return self._refuse(Fault.OVERFLOW, judge)

    def from_server(self, packet: Packet, judge: Judge) -> Ruling:
        if packet.flags & RST or not packet.flags & ACK:
            return self._waiting()
        payload = bytes(packet.payload)
        if self.http is None:
            self._client.settle(packet.ack)
        if not payload:
            return self._waiting()
        if self.http is not None:
            self.http.answered = True
            return self._waiting()
        self._received += 1
        try:
            self._server.add(packet, payload)
        except WireError:
            return self._refuse(Fault.OVERFLOW, judge)
        return self._answer(self._client.offset(packet.ack), judge)

    # ------------------------------------------------------------------ the LAN side

    def _decoy(self, payload: bytes, judge: Judge) -> Ruling:
        """A segment that no correct client sends and servers ignore: no part of the stream.

        It is read all the same, for the one server that takes it, and goes no further.
        """
        for claim in self._observer.look(payload).claims:
            for observation in claim.asked:
                if _names(observation) and not self._docket.allows(observation, judge):
                    return self._settle(Action.REFUSED, observation)
        return DROP

    def _judge_claims(self, judge: Judge) -> Ruling:
        """Judge everything that any reading asks for.

        Of a stream that can be read in one way only, everything counts. Where there are several, some are mere
        mixtures of a decoy and the real thing, so what names no host counts only if none of them names one.
        """
        faults: list[tuple[tuple[int, int], Observation]] = []
        named: Observation | None = None
        for view, sight in self._seen:
            for claim in sight.claims:
                at = view.offset(claim.position)
                for index, observation in enumerate(claim.asked):
                    if not _names(observation):
                        faults.append(((at, index), observation))
                        continue
                    named = observation
                    if not self._hears(claim, (at, index), observation, judge):
                        return self._settle(Action.REFUSED, observation)
                if claim.broken and not claim.position:
                    faults.append(((at, -1), self._observer.nameless(Fault.MALFORMED, claim.proto)))
        if named is None or len(self._seen) == 1:
            for place, observation in faults:
                if not self._docket.allows_at(place, observation, judge):
                    return self._settle(Action.REFUSED, observation)
        if named is None and not faults:
            return self._unknown(judge)
        self._keep_requests()
        return Ruling(Action.HOLD, named or faults[-1][1])

    def _hears(self, claim: Claim, place: tuple[int, int], observation: Observation, judge: Judge) -> bool:
        """What begins inside of something else is most often a part of it that was judged already."""
        if claim.position:
            return self._docket.allows(observation, judge)
        return self._docket.allows_at(place, observation, judge)

    def _unknown(self, judge: Judge) -> Ruling:
        """Nothing that is complete."""
        if any(sight.pending for _, sight in self._seen):
            return HOLD
        if self._sent < self._limits.unanswered and self._received < self._limits.unanswered:
            return HOLD
        observation = self._observer.nameless(Fault.UNANSWERED)
        if not self._docket.allows(observation, judge):
            return self._settle(Action.REFUSED, observation)
        return Ruling(Action.HOLD, observation) if self._web else self._settle(Action.PASSES, observation)

    def _keep_requests(self) -> None:
        """A request with a long body before its answer: read on without keeping the body."""
        if self._client.size > self._limits.http_history and len(self._seen) == 1:
            view, sight = self._seen[0]
            claim = sight.claims[0]
            if claim.proto is Proto.HTTP and not claim.broken and claim.last is not None and not claim.last.switches:
                self._read_on(view, view.data)

    def _read_on(self, view: View, data: bytes) -> HttpFlow:
        """From now on the client's bytes are read as requests that follow each other."""
        self.http = HttpFlow(view.island.start, data, self._limits)
        self._client.clear()
        self._seen = []
        return self.http

    def _kept(self, ruling: Ruling) -> Ruling:
        if ruling.action is Action.REFUSED:
            self.ruling = ruling
        return ruling

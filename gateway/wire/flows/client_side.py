"""A client's bytes on an undecided TCP flow in every reading, and what was judged of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import Judge
from gateway.wire.flows.judged import JudgedObservations
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import HostClaim, Observer, StreamClaims
from gateway.wire.flows.streams import Stream, StreamOverflow, StreamView
from gateway.wire.tunnels import LONGEST, MORE, TunnelSign, look_tcp, may_begin


class ServerReading(NamedTuple):
    """One way in which the server may have read the acknowledged bytes."""

    view: StreamView
    data: bytes  # of the view, as far as the server has acknowledged it
    found: StreamClaims  # of ``data``


_ANYWHERE = 1 << 32  # larger than any offset
_ENDS = 8  # segments next to a decoy in which a message may arrive that ends with its segment (SOCKS)
_new = tuple.__new__  # builds a NamedTuple in half the time
ReadClaim = tuple[ServerReading, HostClaim]  # hellos or requests, and the reading with them


class ClientSide:
    """A client's bytes and claims. Methods that read raise WireError at the limits of a stream."""

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
        self._look_for_tunnels(seq, payload)
        if tried > self._limits.candidates:
            msg = f"{tried} places of all readings that look like the start of a hello or request"
            raise StreamOverflow(msg)
        if self.stream.size > self._limits.foreign_bytes:
            self._drop_foreign()

    def _look_for_tunnels(self, seq: int, payload: bytes) -> None:
        """Check every offset at which a segment began or ended: the server may begin to read there.

        More bytes do not turn other data into a tunnel: if segments arrive in order and without copies, each
        offset is checked until the result is known.
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
        """Check for a tunnel at an offset, with all bytes after it or up to one of ``ends``."""
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
        """Drop old bytes of a stream that begins neither like TLS nor like HTTP. The newest bytes are stored,
        since a hello may still follow.
        """
        islands = self.stream.readings[0]
        if self.half_read or len(self.stream.readings) > 1 or len(self._seen) != len(islands):
            return
        end = self.stream.end
        self.foreign = end if self.foreign is None else self.foreign
        self.stream.drop_before(end - self._limits.foreign_stored)

    def clear(self) -> None:
        """Free the bytes; judged observations and offsets stay."""
        self.stream.clear()
        self._clear_claims()

    def _clear_claims(self) -> None:
        self._seen = []
        self._signs.clear()
        self.has_claims = self.pending = self.unclear = self._is_broken = self.may_tunnel = False

    @property
    def judged(self) -> tuple[Observation, ...]:
        """Each distinct observation that was judged."""
        return tuple(self._judged.judged)

    @property
    def last(self) -> Observation | None:
        """The observation that was judged last."""
        return next(reversed(self._judged.judged), None)

    @property
    def in_order(self) -> list[tuple[StreamView, StreamClaims]]:
        """The islands of the only reading of this stream, in order; empty if there are several readings."""
        islands = self.stream.readings[0]
        return self._seen if len(self.stream.readings) == 1 and len(self._seen) == len(islands) else []

    @property
    def only(self) -> tuple[StreamView, StreamClaims] | None:
        """The only view of this stream; None if there are several."""
        return self._seen[0] if len(self._seen) == 1 else None

    def allows(self, observation: Observation, judge: Judge) -> bool:
        return self._judged.allows(observation, judge)

    def refused(self, judge: Judge) -> Observation | None:
        """Judge everything that any reading asks for; return the first observation that is refused.

        For a stream with one reading, everything counts. If there are several, some are mixtures of a decoy
        and the real data. There, each name is judged regardless of other faults, and faults count only if no
        reading has a name. A missing name counts if nothing else is wrong.
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
        """Judge each tunnel once; return the first observation that is refused."""
        for sign in signs:
            observation = self._observer.tunnel(sign)
            if not self._judged.allows(observation, judge):
                return observation
        return None

    @property
    def half_read(self) -> bool:
        """Whether later bytes, read as a new stream, would hide something that was sent here."""
        return self.has_claims or self.pending or self.unclear or self._is_broken

    @staticmethod
    def answered(reads: list[ServerReading], proto: Proto, count: int) -> list[ReadClaim]:
        """Return the claims of ``count`` hellos or requests that the server may have answered.

        Mixtures of a decoy and the real data count only if there is nothing better.
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
        """Judge the claim that the server has answered, with its faults; return a refused observation."""
        for end, observation in zip(claim.ends, claim.asked, strict=True):
            if not self._allows_claim(view, claim, end, observation, judge):
                return observation
        return None

    def refused_as_malformed(self, reads: list[ServerReading], judge: Judge) -> Observation | None:
        """Judge the bytes that the server has, if they are a hello or request that no correct client sends.

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
        """Judge the names in a segment that is not part of the stream."""
        for claim in self._observer.look(payload).claims:
            for observation in claim.asked:
                alone = observation if observation.fault is Fault.ECH else observation._replace(fault=None)
                if _names_a_host(alone) and not self._judged.allows(alone, judge):
                    return alone
        match = look_tcp(payload[:LONGEST])
        return self.refused_tunnel((match,), judge) if isinstance(match, TunnelSign) else None

    def read_until(self, acked: int) -> list[ServerReading]:
        """Return every way to read the bytes of a server that acknowledges all before ``acked``."""
        reads = []
        for view, found in self._seen:
            if view.island.start < acked <= view.island.end:
                data = view.data if acked == view.island.end else view.until(acked)
                if len(data) != len(view.data):
                    found = self._observer.look(data)
                reads.append(_new(ServerReading, (view, data, found)))
        return reads


def starts_of(asked: list[ReadClaim]) -> list[tuple[int, bytes]]:
    """Return the offset and bytes of each claim's requests, without claims inside other claims."""
    starts: list[tuple[int, bytes]] = []
    for turn, (read, claim) in enumerate(asked):
        earlier = [other for before, other in asked[:turn] if before.view is read.view]
        if not any(claim.position in other.starts for other in earlier):
            starts.append((read.view.offset(claim.position), read.data[claim.position :]))
    return starts


def asked_by(claim: HostClaim, number: int) -> Observation:
    """Return the observation for hello ``number`` of a claim, counted from 0."""
    end = sorted(set(claim.ends))[number]
    return claim.asked[claim.ends.index(end)]


def _names_a_host(observation: Observation) -> bool:
    """Whether it counts as a name. An encrypted hello has one that is unreadable, and a proxy counts too."""
    if observation.fault is Fault.ECH or observation.proto is Proto.PROXY:
        return True
    return observation.host is not None and observation.fault is None

"""What a client has said so far on an undecided TCP flow, in every reading, and what of it was judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import Judge
from gateway.wire.flows.judged import Docket
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Claim, Observer, Sight
from gateway.wire.flows.streams import Stream, StreamOverflow, View
from gateway.wire.tunnels import LONGEST, MORE, Sign, look_tcp, may_begin


class Read(NamedTuple):
    """One way in which the server may have read what it has acknowledged."""

    view: View
    data: bytes  # of the view, as far as the server has it
    sight: Sight  # of ``data``


_ANYWHERE = 1 << 32  # farther than any offset
_ENDS = 8  # segments, beside a decoy, in which a message comes that ends where the bytes end (SOCKS)
_new = tuple.__new__  # makes a NamedTuple in half the time
Asked = tuple[Read, Claim]  # hellos or requests, and the reading that they are in


class ClientSide:
    """A client's bytes and claims. Methods that read raise WireError at the limits of a stream."""

    __slots__ = (
        "_docket", "_is_broken", "_limits", "_looked", "_observer", "_open", "_seen", "_signs", "foreign",
        "has_claims", "may_tunnel", "pending", "stream", "unclear",
    )  # fmt: skip

    def __init__(self, observer: Observer, limits: Limits) -> None:
        self._observer = observer
        self._limits = limits
        self._docket = Docket()
        self._seen: list[tuple[View, Sight]] = []
        self.stream = Stream(limits)
        self.has_claims = False  # any reading holds a complete hello or request
        self.pending = False  # a protocol that we read has begun in any reading, and not yet said its name
        self.unclear = False  # it may be that one has begun
        self._signs: dict[Sign, None] = {}  # tunnels that begin where any reading may begin
        self._open: dict[int, None] = {}  # offsets where one may, and there are too few bytes to tell
        self._looked = -_ANYWHERE  # the offset up to which all others were looked at
        self.may_tunnel = False  # one begins like a tunnel, and is too short to tell
        self._is_broken = False  # one has, and no correct client goes on so
        # The offset up to which bytes of a protocol that is none of ours were let go; None: none were.
        self.foreign: int | None = None

    def add(self, seq: int, payload: bytes) -> None:
        if not self.stream.add(seq, payload):
            return
        self._forget_sights()
        tried = 0
        for view in self.stream.views():
            sight = self._observer.look(view.data)
            self._seen.append((view, sight))
            tried += sight.tried
            self.pending |= sight.pending
            self.unclear |= sight.unclear and self.foreign is None
            for claim in sight.claims:
                self.has_claims |= claim.complete > 0
                self._is_broken |= claim.broken and self.foreign is None
        self._look_for_tunnels(seq, payload)
        if tried > self._limits.candidates:
            msg = f"{tried} places of all readings that look like the start of a hello or request"
            raise StreamOverflow(msg)
        if self.stream.size > self._limits.foreign_bytes:
            self._let_go_of_foreign()

    def _look_for_tunnels(self, seq: int, payload: bytes) -> None:
        """Every place where a segment began or ended may be the first that the server reads.

        What is no tunnel is none with more bytes behind it: where segments come in order and in one copy,
        each place is looked at until that is known.
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
                # What follows may be the rest of a decoy.
                self._look_at(view, cut, cuts[number : number + _ENDS])
        self._looked = self.stream.end

    def _look_at(self, view: View, cut: int, ends: Sequence[int]) -> None:
        """Whether a tunnel begins at an offset, with all that follows or up to one of ``ends``."""
        at = view.position(cut)
        if at >= len(view.data) or not may_begin(view.data[at]):
            return
        self._observer.work += 1 + len(ends)
        for end in (at + LONGEST, *map(view.position, ends)):
            told = look_tcp(view.data[at : min(end, at + LONGEST)])
            if isinstance(told, Sign):
                self._signs[told] = None
                return
            if told is MORE:
                self._open[cut] = None
                self.may_tunnel |= not at

    def _let_go_of_foreign(self) -> None:
        """What begins neither like TLS nor like HTTP is a protocol of its own. The newest bytes are kept,
        since a hello may follow in it.
        """
        islands = self.stream.readings[0]
        if self.half_read or len(self.stream.readings) > 1 or len(self._seen) != len(islands):
            return
        end = self.stream.end
        self.foreign = end if self.foreign is None else self.foreign
        self.stream.let_go(end - self._limits.foreign_kept)

    def clear(self) -> None:
        """Let go of the bytes; what was judged, and the numbering, stay."""
        self.stream.clear()
        self._forget_sights()

    def _forget_sights(self) -> None:
        self._seen = []
        self._signs.clear()
        self.has_claims = self.pending = self.unclear = self._is_broken = self.may_tunnel = False

    @property
    def heard(self) -> tuple[Observation, ...]:
        """All that was judged, each distinct observation once."""
        return tuple(self._docket.heard)

    @property
    def last(self) -> Observation | None:
        """What was judged last."""
        return next(reversed(self._docket.heard), None)

    @property
    def in_order(self) -> list[tuple[View, Sight]]:
        """The islands of the one way to read this stream, first to last; empty where there are several."""
        islands = self.stream.readings[0]
        return self._seen if len(self.stream.readings) == 1 and len(self._seen) == len(islands) else []

    @property
    def only(self) -> tuple[View, Sight] | None:
        """The one way to read this stream; None where there are several."""
        return self._seen[0] if len(self._seen) == 1 else None

    def allows(self, observation: Observation, judge: Judge) -> bool:
        return self._docket.allows(observation, judge)

    def refused(self, judge: Judge) -> Observation | None:
        """Judge everything that any reading asks for; the first that may not pass.

        Of a stream that can be read in one way only, everything counts. Where there are several, some are
        mere mixtures of a decoy and the real thing: there, each name counts alone, whatever else is wrong,
        and faults count only while nothing is named. That nothing is named counts where all else is well.
        """
        faults: list[tuple[int, Observation]] = []
        named = False
        for view, sight in self._seen:
            for claim in sight.claims:
                for end, observation in zip(claim.ends, claim.asked, strict=True):
                    names = _names_a_host(observation)
                    named |= names
                    if not names and (observation.fault is not Fault.NO_NAME or claim.broken):
                        faults.append((view.offset(end), observation))
                        if observation.host is None or len(self._seen) == 1:
                            continue
                        observation = observation._replace(fault=None)
                    if not self._hears(view, claim, end, observation, judge):
                        return observation
                if claim.broken and claim.complete and not claim.position:
                    end = view.offset(claim.ends[-1])
                    faults.append((end, self._observer.nameless(claim.proto, Fault.MALFORMED)))
        if not named or len(self._seen) == 1:
            for end, observation in faults:
                if not self._docket.allows_at(end, observation, judge):
                    return observation
        return self.refused_tunnel(self._signs, judge)

    def refused_tunnel(self, signs: Iterable[Sign], judge: Judge) -> Observation | None:
        """Judge each once; the first that may not pass."""
        for sign in signs:
            observation = self._observer.tunnel(sign)
            if not self._docket.allows(observation, judge):
                return observation
        return None

    @property
    def half_read(self) -> bool:
        """Whether what follows, read as a new stream, would hide what was said or begun here."""
        return self.has_claims or self.pending or self.unclear or self._is_broken

    @staticmethod
    def answered(reads: list[Read], proto: Proto, count: int) -> list[Asked]:
        """The claims of ``count`` hellos or requests that the server may have answered.

        Mixtures of a decoy and the real thing count only where there is nothing better.
        """
        found = [
            (read, claim)
            for read in reads
            for claim in read.sight.claims
            if claim.proto is proto and claim.complete >= count
        ]
        clean = [
            (read, claim)
            for read, claim in found
            if not claim.broken and all(map(_names_a_host, claim.asked))
        ]
        return clean or found

    def refused_claim(self, view: View, claim: Claim, judge: Judge) -> Observation | None:
        """The same of the one claim that the server has answered, its faults included."""
        for end, observation in zip(claim.ends, claim.asked, strict=True):
            if not self._hears(view, claim, end, observation, judge):
                return observation
        return None

    def refused_as_malformed(self, reads: list[Read], judge: Judge) -> Observation | None:
        """Judge what the server has read, if it is a hello or request that no correct client sends.

        Not before the server has it: bytes that come ahead of their place look malformed, too.
        """
        for read in reads:
            for claim in read.sight.claims:
                if claim.broken:
                    observation = self._observer.nameless(claim.proto, Fault.MALFORMED)
                    if not self._docket.allows(observation, judge):
                        return observation
        return None

    def _hears(self, view: View, claim: Claim, end: int, observation: Observation, judge: Judge) -> bool:
        if claim.position and observation in self._docket.heard:
            # It begins inside of something else: most often it is a part of what was judged already.
            return self._docket.allows(observation, judge)
        return self._docket.allows_at(view.offset(end), observation, judge)

    def refused_alone(self, payload: bytes, judge: Judge) -> Observation | None:
        """Judge the names in a segment that is no part of the stream."""
        for claim in self._observer.look(payload).claims:
            for observation in claim.asked:
                alone = observation if observation.fault is Fault.ECH else observation._replace(fault=None)
                if _names_a_host(alone) and not self._docket.allows(alone, judge):
                    return alone
        told = look_tcp(payload[:LONGEST])
        return self.refused_tunnel((told,), judge) if isinstance(told, Sign) else None

    def read_until(self, acked: int) -> list[Read]:
        """Every way to read what a server has that acknowledges all before stream offset ``acked``."""
        reads = []
        for view, sight in self._seen:
            if view.island.start < acked <= view.island.end:
                data = view.data if acked == view.island.end else view.until(acked)
                if len(data) != len(view.data):
                    sight = self._observer.look(data)
                reads.append(_new(Read, (view, data, sight)))
        return reads


def starts_of(asked: list[Asked]) -> list[tuple[int, bytes]]:
    """Where the requests of each claim begin, and the bytes from there on. Those inside others are theirs."""
    starts: list[tuple[int, bytes]] = []
    for turn, (read, claim) in enumerate(asked):
        earlier = [other for before, other in asked[:turn] if before.view is read.view]
        if not any(claim.position in other.starts for other in earlier):
            starts.append((read.view.offset(claim.position), read.data[claim.position :]))
    return starts


def asked_by(claim: Claim, number: int) -> Observation:
    """What the hello of a claim asks for, counted from 0."""
    end = sorted(set(claim.ends))[number]
    return claim.asked[claim.ends.index(end)]


def _names_a_host(observation: Observation) -> bool:
    """An encrypted hello names one that cannot be read, and a proxy is one: both count like a name."""
    if observation.fault is Fault.ECH or observation.proto is Proto.PROXY:
        return True
    return observation.host is not None and observation.fault is None

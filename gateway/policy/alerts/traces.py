"""When signs of a closed way are enough for a card, and when a device does without it again."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from gateway.policy.alerts.cards import TOPICS, Topic
from gateway.policy.alerts.signs import Sign
from gateway.policy.profile.bypass_methods import Way

BURST = 0.9  # seconds: questions for A and AAAA, and their repetitions, are one
ALONE_TIMES, ALONE_SPAN = 5, 25.0  # a phone in strict mode asks at 0, 1, 3, 7, 15 and 31 seconds
# A browser whose own resolver is refused asks with each page; an app that looks something up gives up sooner.
AMONG_TIMES, AMONG_SPAN = 8, 120.0
FORGOTTEN = 1800.0  # seconds without a sign; Android's longest pause is ten minutes
RELAYS = 3  # of Tor, at different addresses; its client calls several at once
RELAYS_WITHIN = 600.0
QUIET = 180.0  # seconds without a refusal, and
NAMES = 3  # other names asked for in the clear since: the device does without
BACK_TIMES, BACK_WITHIN = (
    2,
    86400.0,
)  # so often it was over: nobody changes a setting that often, an app tries
MAX_HOSTS = 8  # resolvers that are looked at for one device


@dataclass(slots=True)
class _Asked:
    """One resolver's name: all its bursts, and those since the device asked for something else."""

    first: float
    last: float
    times: int = 1
    alone_since: float = 0.0
    alone: int = 1


@dataclass(slots=True)
class _Refused:
    """One way: when last, and for which other names the device has asked in the clear since."""

    last: float
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Finding:
    """Enough for a card."""

    topic: Topic
    sure: bool


class Traces:
    """Of one device. ``now``: seconds of any clock; when it is put back, what was seen counts from then."""

    __slots__ = ("_asked", "_over", "_refused", "_relays", "_resolvers")

    def __init__(self) -> None:
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        self._relays: OrderedDict[bytes, float] = OrderedDict()
        self._refused: dict[Way, _Refused] = {}
        self._over: deque[float] = deque(maxlen=BACK_TIMES)  # when it did without encrypted DNS again
        # A question for one of these is no sign of doing without.
        self._resolvers: OrderedDict[str, None] = OrderedDict()

    def resume(self, way: Way, host: str, now: float) -> None:
        """What a card from before a restart is about."""
        self._refused.setdefault(way, _Refused(now))
        self._remember(host)

    def sign(self, sign: Sign, now: float) -> Finding | None:
        """What is known by now; None: not enough for a card, nor for keeping one."""
        self._remember(sign.host)
        found = self._finding(sign, now)
        if found is not None:
            self._refused[sign.way] = _Refused(now)
        return found

    def _finding(self, sign: Sign, now: float) -> Finding | None:
        if sign.way is Way.TOR:
            return Finding(Topic.TOR, sure=True) if self._relayed(sign.address, now) else None
        if sign.way is not Way.ENCRYPTED_DNS:
            return Finding(TOPICS[sign.way], sure=True)
        if not sign.strong:
            return self._repeated(sign.host or sign.address.hex(), now)
        return Finding(Topic.APP_DNS if self._is_beside(now) else Topic.PRIVATE_DNS, sure=True)

    def _is_beside(self, now: float) -> bool:
        """Whether the device asks in the clear as well: then an app has a resolver of its own."""
        before = self._refused.get(Way.ENCRYPTED_DNS)
        if before is not None and len(before.names) >= NAMES:
            return True
        return len(self._over) == BACK_TIMES and now - self._over[0] <= BACK_WITHIN

    def _repeated(self, host: str, now: float) -> Finding | None:
        one = self._asked.get(host)
        if one is None or not 0.0 <= now - one.last <= FORGOTTEN:
            self._asked[host] = _Asked(now, now, alone_since=now)
            self._asked.move_to_end(host)
            if len(self._asked) > MAX_HOSTS:
                self._asked.popitem(last=False)
            return None
        if now - one.last < BURST:
            return None
        if not one.alone:
            one.alone_since = now
        one.times, one.alone, one.last = one.times + 1, one.alone + 1, now
        if one.alone >= ALONE_TIMES and now - one.alone_since >= ALONE_SPAN:
            return Finding(Topic.PRIVATE_DNS, sure=False)
        if one.times >= AMONG_TIMES and now - one.first >= AMONG_SPAN and one.alone < ALONE_TIMES:
            return Finding(Topic.APP_DNS, sure=False)
        return None

    def _relayed(self, address: bytes, now: float) -> bool:
        self._relays[address] = now
        self._relays.move_to_end(address)
        if len(self._relays) > RELAYS:
            self._relays.popitem(last=False)
        return len(self._relays) == RELAYS and 0.0 <= now - min(self._relays.values()) <= RELAYS_WITHIN

    def _remember(self, host: str) -> None:
        if host:
            self._resolvers[host] = None
            if len(self._resolvers) > MAX_HOSTS:
                self._resolvers.popitem(last=False)

    def asked(self, host: str, now: float, *, allowed: bool) -> frozenset[Way]:
        """A question in the clear for anything else; the ways that it does without by now, told once."""
        if host in self._resolvers:
            return frozenset()
        for one in self._asked.values():
            one.alone = 0
        for refused in self._refused.values():
            refused.last = min(refused.last, now)
            if allowed and len(refused.names) < NAMES:
                refused.names.add(host)
        over = frozenset(
            way
            for way, refused in self._refused.items()
            if len(refused.names) >= NAMES and now - refused.last >= QUIET
        )
        for way in over:
            del self._refused[way]
        if Way.ENCRYPTED_DNS in over:
            self._over.append(now)
        return over

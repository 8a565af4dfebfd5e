"""Decides when signs of a blocked method are enough for a card, and when the device has stopped using it."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from gateway.policy.alerts.cards import TOPICS, CardTopic
from gateway.policy.alerts.signs import BypassSign
from gateway.policy.profile.bypass_methods import Way

BURST = 0.9  # seconds; queries for A and AAAA and their retries count once
ALONE_TIMES, ALONE_SPAN = 5, 25.0  # a phone in strict mode retries at 0, 1, 3, 7, 15 and 31 seconds
# A browser with a blocked resolver retries with each page; an app that looks something up gives up sooner.
AMONG_TIMES, AMONG_SPAN = 8, 120.0
FORGOTTEN = 1800.0  # seconds without a sign; Android's longest interval is ten minutes
RELAYS = 3  # Tor relays at different addresses; a Tor client calls several at once
RELAYS_WITHIN = 600.0
QUIET = 180.0  # seconds without a refusal, and
NAMES = 3  # other names queried in the clear since; then the device works without the method
BACK_TIMES, BACK_WITHIN = (
    2,
    86400.0,
)  # so often it was over: nobody changes a setting that often, an app tries
MAX_HOSTS = 8  # resolvers that are tracked per device


@dataclass(slots=True)
class _QueryBursts:
    """The bursts of queries for one resolver's name: all, and those since the device queried another name."""

    first: float
    last: float
    times: int = 1
    alone_since: float = 0.0
    alone: int = 1


@dataclass(slots=True)
class _BlockedMethod:
    """One blocked method: when last, and other names that the device queried in the clear since."""

    last: float
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Finding:
    """Signs that are enough for a card."""

    topic: CardTopic
    sure: bool


class Traces:
    """The signs of one device.

    ``now``: seconds of any clock; after a step back, earlier signs count from then.
    """

    __slots__ = ("_asked", "_over", "_refused", "_relays", "_resolvers")

    def __init__(self) -> None:
        self._asked: OrderedDict[str, _QueryBursts] = OrderedDict()
        self._relays: OrderedDict[bytes, float] = OrderedDict()
        self._refused: dict[Way, _BlockedMethod] = {}
        self._over: deque[float] = deque(maxlen=BACK_TIMES)  # when the device stopped using encrypted DNS
        # A query for one of these does not show that the device works without the method.
        self._resolvers: OrderedDict[str, None] = OrderedDict()

    def resume(self, way: Way, host: str, now: float) -> None:
        """Restore the state of a card after a restart."""
        self._refused.setdefault(way, _BlockedMethod(now))
        self._remember(host)

    def sign(self, sign: BypassSign, now: float) -> Finding | None:
        """Record a sign. Return the finding; None: not enough for a card."""
        self._remember(sign.host)
        found = self._finding(sign, now)
        if found is not None:
            self._refused[sign.way] = _BlockedMethod(now)
        return found

    def _finding(self, sign: BypassSign, now: float) -> Finding | None:
        if sign.way is Way.TOR:
            return Finding(CardTopic.TOR, sure=True) if self._relayed(sign.address, now) else None
        if sign.way is not Way.ENCRYPTED_DNS:
            return Finding(TOPICS[sign.way], sure=True)
        if not sign.strong:
            return self._repeated(sign.host or sign.address.hex(), now)
        return Finding(CardTopic.APP_DNS if self._is_beside(now) else CardTopic.PRIVATE_DNS, sure=True)

    def _is_beside(self, now: float) -> bool:
        """Return True if the device also queries in the clear: then the resolver is an app's."""
        before = self._refused.get(Way.ENCRYPTED_DNS)
        if before is not None and len(before.names) >= NAMES:
            return True
        return len(self._over) == BACK_TIMES and now - self._over[0] <= BACK_WITHIN

    def _repeated(self, host: str, now: float) -> Finding | None:
        asked = self._asked.get(host)
        if asked is None or not 0.0 <= now - asked.last <= FORGOTTEN:
            self._asked[host] = _QueryBursts(now, now, alone_since=now)
            self._asked.move_to_end(host)
            if len(self._asked) > MAX_HOSTS:
                self._asked.popitem(last=False)
            return None
        if now - asked.last < BURST:
            return None
        if not asked.alone:
            asked.alone_since = now
        asked.times, asked.alone, asked.last = asked.times + 1, asked.alone + 1, now
        if asked.alone >= ALONE_TIMES and now - asked.alone_since >= ALONE_SPAN:
            return Finding(CardTopic.PRIVATE_DNS, sure=False)
        if asked.times >= AMONG_TIMES and now - asked.first >= AMONG_SPAN and asked.alone < ALONE_TIMES:
            return Finding(CardTopic.APP_DNS, sure=False)
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
        """Record a query in the clear for another name. Return the methods that have stopped, each once."""
        if host in self._resolvers:
            return frozenset()
        for asked in self._asked.values():
            asked.alone = 0
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

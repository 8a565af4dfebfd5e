"""Signs of bypass methods: what a blocked flow reveals about a device, and when it is enough for a card.

Android (NetworkMonitor and DnsResolver, versions 9 to 15): in *Automatic* mode it tries port 853 of its
resolver without a server name, and queries in the clear if nothing answers. With a provider name set
(*strict*) it first queries that name in the clear, again after 1, 2, 4 … 600 seconds until there is an
answer. Then it calls port 853 with that name as SNI. All other queries fail meanwhile, except those of its
connectivity probes. A server name on port 853 is therefore a user's setting. A device that repeatedly
queries a resolver's name and nothing else very likely has such a setting too.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.policy.alerts.cards import TOPICS, CardTopic
from gateway.policy.judge.bypass import DNS_ALPNS, DOT_DOQ_PORT
from gateway.policy.judge.conclude import blocks_bypass
from gateway.policy.judge.world import World
from gateway.policy.names.categories import PROXY
from gateway.policy.names.packs import PROBES
from gateway.policy.profile.bypass_methods import REASONS, BypassMethod
from gateway.policy.profile.rules import CATEGORY, Rules
from gateway.policy.rule_text import read_rule
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict

# Reasons that block a resolver's name itself, before any flow.
_BY_NAME = frozenset(
    {Reason.CATEGORY, Reason.FAMILY_BLOCK, Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN, Reason.NEW_DOMAIN}
)
_BY_LIST = frozenset({Reason.NOT_ON_LIST, Reason.UNKNOWN_DOMAIN})  # applies to any unknown name
_ATTEMPTS = {
    REASONS[way]: way for way in (BypassMethod.VPN, BypassMethod.TOR, BypassMethod.PROXY, BypassMethod.SSH)
}
# Systems start 6to4, Teredo and the like without the user, and stop without harm.
_UNASKED = frozenset({Proto.IP_IN_IP, Proto.TEREDO})
# Common names of resolvers that are not in the product's data: dns.example.com, doh2.example.org,
# xbox-dns.example.
_CALLED = re.compile(r"(?:^|[.-])(?:dns|doh|dot|doq)[0-9]{0,2}(?=[.-])", re.ASCII)
# Names in addition to the device-needs pack: Android's probes that users visit too, and the one of RFC 7050.
_PROBED = frozenset({"www.google.com", "play.googleapis.com", "ipv4only.arpa"})
_ENCRYPTED = {Proto.TLS: "dot", Proto.QUIC: "doq"}

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
)  # a device that stops this often within these seconds has an app with its own DNS, no changed setting
MAX_HOSTS = 8  # resolvers that are tracked per device


class BypassSign(NamedTuple):
    """A sign of a bypass method: one blocked use of it. Enough signs make a bypass alert."""

    way: BypassMethod
    host: str  # of the resolver; empty if nothing names one
    proto: str
    strong: bool = True  # one is enough
    address: bytes = b""


def sign_of(seen: Observation, decision: Decision, rules: Rules, world: World) -> BypassSign | None:
    """Return what a blocked query or connection reveals of a bypass method; None if nothing.

    None also if it reveals no setting of the device, or the rules allow the method.
    """
    if decision.verdict is not Verdict.BLOCK:
        return None
    way = _ATTEMPTS.get(decision.reason)
    if way is not None:
        if not blocks_bypass(rules, way) or seen.proto in _UNASKED:
            return None
        # A relay's address may serve other things too: one call proves little.
        return BypassSign(way, "", seen.proto, way is not BypassMethod.TOR, seen.dst)
    if not blocks_bypass(rules, BypassMethod.ENCRYPTED_DNS):
        return None
    if decision.reason is Reason.ENCRYPTED_DNS:
        return _encrypted(seen, world)
    if decision.reason in _BY_NAME and _is_resolver(seen.host or "", decision, world):
        return _encrypted(seen, world) if _is_dot(seen) else _weak(seen)
    return None


def _encrypted(seen: Observation, world: World) -> BypassSign | None:
    """Return the sign of a flow to a resolver with encrypted DNS; None if it reveals no setting.

    Plain DNS to another port reveals none: no device's settings have such a port.
    """
    if seen.proto is Proto.DNS:
        return None
    if _is_dot(seen):
        # Without a name, it is a phone in Automatic mode that probes its own resolver.
        return (
            BypassSign(BypassMethod.ENCRYPTED_DNS, seen.host, _ENCRYPTED.get(seen.proto, "dot"))
            if seen.host
            else None
        )
    known = world.resolvers.at(seen.dst) is not None
    named = seen.host is not None and world.resolvers.names.get(seen.host) is not None
    return _weak(seen) if known or named else None


def _is_dot(seen: Observation) -> bool:
    spoken = seen.dport == DOT_DOQ_PORT or not DNS_ALPNS.isdisjoint(seen.alpn)
    return spoken and seen.proto is not Proto.DNS


def _weak(seen: Observation) -> BypassSign:
    """Return a sign of encrypted DNS that counts only if it is repeated.

    A single one may be a page, a look-up by an app, or Chrome.
    """
    proto = "dns" if seen.proto is Proto.DNS else "doh"
    return BypassSign(BypassMethod.ENCRYPTED_DNS, seen.host or "", proto, False, seen.dst)


def _is_resolver(host: str, decision: Decision, world: World) -> bool:
    if world.resolvers.names.get(host) is not None:
        return True
    by_category = decision.reason is Reason.CATEGORY and read_rule(decision.rule).id_of(CATEGORY) == PROXY
    return (by_category or decision.reason in _BY_LIST) and is_called_resolver(host)


def is_probe(host: str, world: World) -> bool:
    """Return True if a phone with encrypted DNS still queries this name in plain DNS.

    Such are the names of connectivity checks.
    """
    return host in _PROBED or world.needs.get(host) == PROBES


def is_called_resolver(host: str) -> bool:
    """Return True if a name looks like a DNS resolver's: it has the word dns, doh, dot or doq.

    The word begins the name, or follows a dot or dash. A dot or dash is behind it, after at most two digits.
    """
    return _CALLED.search(host) is not None


@dataclass(slots=True)
class _QueryBursts:
    """The bursts of weak signs of one resolver: all, and those since the device queried another name.

    A weak sign is a query for its name or a connection to it. ``times`` and ``alone`` are counts; the others
    are seconds.
    """

    first: float
    last: float
    times: int = 1
    alone_since: float = 0.0
    alone: int = 1


@dataclass(slots=True)
class _BlockedMethod:
    """When a bypass method was last blocked, and which other names were queried in plain DNS since."""

    last: float
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class BypassFinding:
    """The result of enough signs: the topic of the bypass alert, and whether it is certain or probable."""

    topic: CardTopic
    certain: bool


class Traces:
    """Collects the signs of bypass methods of one device until they are enough for a bypass alert.

    It also detects that the device has stopped using a method. ``now``: seconds of any clock. After a step
    back, weak signs count from the start; earlier Tor relays and blocks count as of then.
    """

    __slots__ = ("_asked", "_over", "_refused", "_relays", "_resolvers")

    def __init__(self) -> None:
        self._asked: OrderedDict[str, _QueryBursts] = OrderedDict()
        self._relays: OrderedDict[bytes, float] = OrderedDict()
        self._refused: dict[BypassMethod, _BlockedMethod] = {}
        self._over: deque[float] = deque(maxlen=BACK_TIMES)  # when the device stopped using encrypted DNS
        # A query for one of these does not show that the device works without the method.
        self._resolvers: OrderedDict[str, None] = OrderedDict()

    def resume(self, way: BypassMethod, host: str, now: float) -> None:
        """Restore after a restart, from a stored alert, that a method was blocked.

        ``host``: the resolver's name; empty: none.
        """
        self._refused.setdefault(way, _BlockedMethod(now))
        self._remember(host)

    def sign(self, sign: BypassSign, now: float) -> BypassFinding | None:
        """Record a sign. Return what a bypass alert is about, and whether it is certain, or None.

        None while the signs are too few or too far apart; otherwise each further sign returns it again. A
        weak sign within BURST of the last one does not count and returns None. Weak signs start from one
        after FORGOTTEN seconds without one.
        """
        self._remember(sign.host)
        found = self._finding(sign, now)
        if found is not None:
            self._refused[sign.way] = _BlockedMethod(now)
        return found

    def _finding(self, sign: BypassSign, now: float) -> BypassFinding | None:
        if sign.way is BypassMethod.TOR:
            return BypassFinding(CardTopic.TOR, certain=True) if self._relayed(sign.address, now) else None
        if sign.way is not BypassMethod.ENCRYPTED_DNS:
            return BypassFinding(TOPICS[sign.way], certain=True)
        if not sign.strong:
            return self._repeated(sign.host or sign.address.hex(), now)
        topic = CardTopic.APP_DNS if self._is_beside(now) else CardTopic.PRIVATE_DNS
        return BypassFinding(topic, certain=True)

    def _is_beside(self, now: float) -> bool:
        """Return True if the device also uses plain DNS: then the encrypted resolver is an app's.

        True also if the device has stopped using encrypted DNS BACK_TIMES times within BACK_WITHIN seconds.
        """
        before = self._refused.get(BypassMethod.ENCRYPTED_DNS)
        if before is not None and len(before.names) >= NAMES:
            return True
        return len(self._over) == BACK_TIMES and now - self._over[0] <= BACK_WITHIN

    def _repeated(self, host: str, now: float) -> BypassFinding | None:
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
            return BypassFinding(CardTopic.PRIVATE_DNS, certain=False)
        if asked.times >= AMONG_TIMES and now - asked.first >= AMONG_SPAN and asked.alone < ALONE_TIMES:
            return BypassFinding(CardTopic.APP_DNS, certain=False)
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
            self._resolvers.move_to_end(host)
            if len(self._resolvers) > MAX_HOSTS:
                self._resolvers.popitem(last=False)

    def asked(self, host: str, now: float, *, allowed: bool) -> frozenset[BypassMethod]:
        """Record a query in plain DNS. Return the methods that the device has stopped using, each once.

        Queries for the names of blocked resolvers (the last MAX_HOSTS) do not count. ``allowed``: the query
        was allowed; a blocked one does not show that the device works without the method. The caller leaves
        out probes (`is_probe`).
        """
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
        if BypassMethod.ENCRYPTED_DNS in over:
            self._over.append(now)
        return over

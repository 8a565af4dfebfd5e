"""Which way around the filter a flow is, and what becomes of it in one profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from gateway.policy.judge.conclude import Part, conclude, family_entry, owned_rule, refusal_of, refuses
from gateway.policy.judge.study import Student
from gateway.policy.judge.world import World, signal_of
from gateway.policy.names.categories import PROXY, TOR
from gateway.policy.profile.bypass_methods import WAYS, Way
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, Kind, Rules
from gateway.policy.time.situation import Situation
from gateway.policy.values import Observation, Proto, Reason, Step, Verdict

T = TypeVar("T")

DOT_DOQ_PORT = 853  # RFC 7858, RFC 9250
DNS_PORTS = (53, 0)  # 0: a question that no packet asked
DNS_ALPNS = frozenset({"dot", "doq"})  # RFC 7858 (IANA's registry), RFC 9250 4.1
OF_ADDRESS: Mapping[str, Way] = {PROXY: Way.ENCRYPTED_DNS, TOR: Way.TOR}
"""The way of an address that the table has in this category: a known resolver's, a relay's."""

ADDRESSES_KEPT = 2048  # 100 bytes each; a device's day has some hundred
ALPNS_KEPT = 64  # a browser offers two or three lists, an app one
LONGEST_ALPN = 8  # protocols of a list that is kept; browsers offer two or three
HOSTS_KEPT = 256  # that gave an address to which somebody tunnels

ALLOWED = (Reason.FAMILY_ALLOW, Reason.HOMEWORK)


class Around:
    """Compiled with its judge. What is known to be no way around is kept, so that it costs a look-up."""

    def __init__(self, student: Student, profile: Profile, world: World) -> None:
        self._student = student
        self._profile = profile
        self._world = world
        self._refusals = {way: refusal_of(way, profile.rules) for way in Way if refuses(profile.rules, way)}
        self._allowed: dict[str, Part | None] = {}
        self._has_own_names = has_own_names(profile.rules)
        self.plain_addresses: set[bytes] = set()
        self.plain_alpns: set[tuple[str, ...]] = set()

    def refusal(self, way: Way) -> Part | None:
        """None: it is open."""
        return self._refusals.get(way)

    def part(self, seen: Observation, named: Part | None, situation: Situation) -> Part | None:
        """What becomes of it for the way that it is. None: it is none or an open one, or passes by its name.

        ``named``: what is decided about the name that it tells; None where it tells none.
        """
        if named is None and self._is_plain(seen):
            return None
        refusal = self._first(way for way, _ in self._spoken(seen))
        if refusal is None:
            refusal = self._first(self._called(seen))
            # A hello may tell any name: what opens a known address is an allowed one that gave it.
            if refusal is None or (named is not None and self._is_its_own(seen, named, situation)):
                return None
        entry = self._allowed_at(seen.dst, situation)
        if named is None:
            return entry or refusal
        return None if entry is not None else refusal

    def _is_its_own(self, seen: Observation, named: Part, situation: Situation) -> bool:
        """Whether an address that is known is called by a name that it rightly has."""
        if _is_allowed(seen, named, situation):
            return True
        # Addresses in lists have other sites on them, too; those of our own data have nothing else.
        resolved = situation.resolved
        if resolved is None or named.outcome.verdict is Verdict.BLOCK or self._world.is_resolver(seen.dst):
            return False
        return resolved.vouched(seen.host or "", seen.dst)

    def _first(self, ways: Iterable[Way]) -> Part | None:
        """The refusal of the first that is refused."""
        return next((self._refusals[way] for way in ways if way in self._refusals), None)

    def _is_plain(self, seen: Observation) -> bool:
        """Whether a flow without a name is known to be no way around."""
        return (
            seen.host is None
            and seen.dst in self.plain_addresses
            and seen.alpn in self.plain_alpns
            and seen.dport != DOT_DOQ_PORT
            and seen.proto is not Proto.DNS
            and seen.proto not in WAYS
        )

    def steps(self, seen: Observation) -> Iterator[Step]:
        """For `qalqan why`: each way that it is, and by what."""
        rules = self._profile.rules.ways
        called = ((way, "calls a known address") for way in self._called(seen))
        for way, sign in (*self._spoken(seen), *called):
            switch = rules.get(way)
            if switch is None:
                yield Step(f"ways: {way} = open", sign)
            else:
                yield Step(owned_rule(switch.owner, f"ways: {way} = {switch.value}"), sign)

    def _spoken(self, seen: Observation) -> Iterator[tuple[Way, str]]:
        """The ways that it is by what it says, each with what shows it."""
        proto = seen.proto
        if proto in WAYS:
            yield WAYS[proto], f"speaks {proto}"
        if proto is Proto.DNS:
            if seen.dport not in DNS_PORTS:
                yield Way.ENCRYPTED_DNS, f"asks port {seen.dport}"
            return
        if seen.dport == DOT_DOQ_PORT:
            yield Way.ENCRYPTED_DNS, f"calls port {DOT_DOQ_PORT}"
        if not DNS_ALPNS.isdisjoint(seen.alpn):
            yield Way.ENCRYPTED_DNS, "offers DNS (ALPN)"
        elif len(seen.alpn) <= LONGEST_ALPN:
            _keep(self.plain_alpns, seen.alpn, ALPNS_KEPT)
        if seen.host is not None and signal_of(seen.host) is Way.RELAY:
            yield Way.RELAY, "calls a relay by its name"

    def _called(self, seen: Observation) -> tuple[Way, ...]:
        """The ways that it is by whom it calls."""
        address = seen.dst
        if seen.proto is Proto.DNS or address in self.plain_addresses or len(address) not in (4, 16):
            return ()
        found = self._world.address_categories(address)
        ways = tuple(way for category, way in OF_ADDRESS.items() if category in found)
        if not ways:
            _keep(self.plain_addresses, address, ADDRESSES_KEPT)
        return ways

    def _allowed_at(self, address: bytes, situation: Situation) -> Part | None:
        """What is decided about a name that the family allows, by itself or as a service, and that gave the
        device this address.
        """
        if situation.resolved is None or not self._has_own_names:
            return None
        parts = (self._allowed_name(host) for host in situation.resolved.hosts(address))
        return next((part for part in parts if part is not None), None)

    def _allowed_name(self, host: str) -> Part | None:
        if host not in self._allowed:
            if len(self._allowed) >= HOSTS_KEPT:
                self._allowed.clear()
            self._allowed[host] = self._concluded(host)
        return self._allowed[host]

    def _concluded(self, host: str) -> Part | None:
        facts = self._student.facts(host)
        entry = family_entry(facts)
        if facts.binding or facts.registered or entry is None or entry.kind is Kind.CATEGORY:
            return None
        part = conclude(facts, self._profile)
        passes = part.outcome.reason in ALLOWED and part.outcome.verdict is Verdict.ALLOW
        return part._replace(rewrite=None) if passes else None


def has_own_names(rules: Rules) -> bool:
    """Whether the family allows something by a name or as a service."""
    entries = (*rules.allow, *rules.homework)
    return any(one.owner == FAMILY and one.kind is not Kind.CATEGORY for one in entries)


def _is_allowed(seen: Observation, named: Part, situation: Situation) -> bool:
    """Whether the family allows the name, and the name gave the address: a hello may tell any name."""
    if named.outcome.reason not in ALLOWED or named.outcome.verdict is not Verdict.ALLOW:
        return False
    resolved = situation.resolved
    return resolved is None or resolved.gave(seen.host or "", seen.dst)


def _keep(kept: set[T], one: T, most: int) -> None:
    if len(kept) >= most:
        kept.clear()
    kept.add(one)

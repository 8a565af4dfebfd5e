"""Detects which bypass method (VPN, encrypted DNS, …) a flow uses, and decides it for one profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from gateway.policy.judge.conclude import (
    Conclusion,
    blocks_bypass,
    bypass_conclusion,
    conclude,
    family_entry,
)
from gateway.policy.judge.facts import FactFinder
from gateway.policy.judge.world import World, bypass_signal
from gateway.policy.names.categories import PROXY, TOR
from gateway.policy.profile.bypass_methods import WAYS, BypassMethod, MethodSetting
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, Action, EntryKind, Rules
from gateway.policy.rule_text import method_rule
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import ExplanationStep, Observation, Proto, Reason, Verdict

T = TypeVar("T")

DOT_DOQ_PORT = 853  # RFC 7858, RFC 9250
DNS_PORTS = (53, 0)  # 0: a query without a packet
DNS_ALPNS = frozenset({"dot", "doq"})  # RFC 7858 (IANA's registry), RFC 9250 4.1
OF_ADDRESS: Mapping[str, BypassMethod] = {PROXY: BypassMethod.ENCRYPTED_DNS, TOR: BypassMethod.TOR}
"""Category of an address in the table → bypass method: known resolvers, Tor relays."""

ADDRESSES_KEPT = 2048  # 100 bytes each; a device uses some hundred a day
ALPNS_KEPT = 64  # a browser offers two or three lists, an app one
LONGEST_ALPN = 8  # protocols in a cached list; browsers offer two or three
HOSTS_KEPT = 256  # hosts that gave an address of a tunnel

ALLOWED = (Reason.FAMILY_ALLOW, Reason.HOMEWORK)


class BypassRules:
    """Decides about flows that use a bypass method (VPN, encrypted DNS, …), under one profile.

    Caches which addresses and ALPN lists show no bypass, so that such a flow needs only one look-up.
    """

    def __init__(self, fact_finder: FactFinder, profile: Profile, world: World) -> None:
        self._fact_finder = fact_finder
        self._profile = profile
        self._world = world
        self._opened: dict[BypassMethod, str] = {}  # method → the approved service that opens it
        self._refusals: dict[BypassMethod, Conclusion] = {}
        for way in BypassMethod:
            if blocks_bypass(profile.rules, way):
                services = _services_that_open(way, profile.rules, world)
                approved = _approved(services, profile.rules)
                if approved:
                    self._opened[way] = approved
                else:
                    self._refusals[way] = bypass_conclusion(way, profile.rules, services)
        self._allowed: dict[str, Conclusion | None] = {}
        self._has_own_names = has_own_names(profile.rules)
        # Addresses that are known for no bypass method, and that no service has for itself alone.
        self.plain_addresses: set[bytes] = set()
        self.plain_alpns: set[tuple[str, ...]] = set()

    def refusal(self, way: BypassMethod) -> Conclusion | None:
        """Return the conclusion that blocks a bypass method; None if the method is not blocked.

        It is not blocked if the rules allow it, or if the family approved an app that uses it.
        """
        return self._refusals.get(way)

    def conclusion(
        self, seen: Observation, named: Conclusion | None, situation: Situation
    ) -> Conclusion | None:
        """Return the block of the bypass method that a flow uses; None if it uses none that is blocked.

        None also if DNS gave the flow's address for a name that the family allows; a flow without a host name
        then gets that name's allow instead. A method that only the address shows is not blocked either if
        the flow's own name may open the address (`_address_belongs_to_name`). A client can write any name, so
        a name opens nothing unless DNS gave it the address. If answers are not stored, the family's allow is
        enough for a method that only the address shows. ``named``: the conclusion about the flow's host name
        (None: it has none).
        """
        if named is None and self._is_plain(seen):
            return None
        refusal = self._first(way for way, _ in self._methods_by_content(seen))
        if refusal is None:
            refusal = self._first(self._methods_by_address(seen))
            # A hello can carry any name, so DNS answers decide whether the name has this address.
            if refusal is None or (
                named is not None and self._address_belongs_to_name(seen, named, situation)
            ):
                return None
        entry = self._allowed_at(seen.dst, situation)
        if named is None:
            return entry or refusal
        return None if entry is not None else refusal

    def _address_belongs_to_name(self, seen: Observation, named: Conclusion, situation: Situation) -> bool:
        """Return True if the flow's name may open an address that is known as a resolver or relay.

        The family allows the name, and a DNS answer gave the address for it (if answers are not stored, the
        allow is enough). Or the name is not blocked, the gateway's own resolver gave the address, and it is
        none of Qalqan's built-in resolver addresses.
        """
        if _is_allowed(seen, named, situation):
            return True
        # Other sites share the addresses in lists. The addresses in the product's own data serve nothing
        # else.
        resolved = situation.resolved
        if resolved is None or named.outcome.verdict is Verdict.BLOCK or self._world.is_resolver(seen.dst):
            return False
        return resolved.vouched(seen.host or "", seen.dst)

    def _first(self, ways: Iterable[BypassMethod]) -> Conclusion | None:
        """Return the conclusion that blocks the first blocked method of ``ways``; None if none is blocked."""
        return next((self._refusals[way] for way in ways if way in self._refusals), None)

    def _is_plain(self, seen: Observation) -> bool:
        """Return True if a flow without a host name is known from the caches to use no bypass method."""
        return (
            seen.host is None
            and seen.dst in self.plain_addresses
            and seen.alpn in self.plain_alpns
            and seen.dport != DOT_DOQ_PORT
            and seen.proto is not Proto.DNS
            and seen.proto not in WAYS
        )

    def steps(self, seen: Observation) -> Iterator[ExplanationStep]:
        """Yield each bypass method that the flow uses, and how it was detected, for `qalqan why`."""
        rules = self._profile.rules.ways
        by_address = ((way, "calls a known address") for way in self._methods_by_address(seen))
        for way, sign in (*self._methods_by_content(seen), *by_address):
            switch = rules.get(way)
            if way in self._opened:
                yield ExplanationStep(f"{way} of service:{self._opened[way]}", sign)
            elif switch is None:
                yield ExplanationStep(method_rule(way, MethodSetting.ALLOW), sign)
            else:
                yield ExplanationStep(method_rule(way, switch.value, switch.owner), sign)

    def _methods_by_content(self, seen: Observation) -> Iterator[tuple[BypassMethod, str]]:
        """Yield the bypass methods that a flow's protocol, port, ALPN or name shows, and how it shows each.

        An ALPN list that shows none is cached.
        """
        proto = seen.proto
        if proto in WAYS:
            yield WAYS[proto], f"speaks {proto}"
        if proto is Proto.DNS:
            if seen.dport not in DNS_PORTS:
                yield BypassMethod.ENCRYPTED_DNS, f"asks port {seen.dport}"
            return
        if seen.dport == DOT_DOQ_PORT:
            yield BypassMethod.ENCRYPTED_DNS, f"calls port {DOT_DOQ_PORT}"
        if not DNS_ALPNS.isdisjoint(seen.alpn):
            yield BypassMethod.ENCRYPTED_DNS, "offers DNS (ALPN)"
        elif len(seen.alpn) <= LONGEST_ALPN:
            _cache(self.plain_alpns, seen.alpn, ALPNS_KEPT)
        if seen.host is not None and bypass_signal(seen.host) is BypassMethod.RELAY:
            yield BypassMethod.RELAY, "calls a relay by its name"

    def _methods_by_address(self, seen: Observation) -> tuple[BypassMethod, ...]:
        """Return the bypass methods that the destination address is known for; other addresses are cached."""
        address = seen.dst
        if seen.proto is Proto.DNS or address in self.plain_addresses or len(address) not in (4, 16):
            return ()
        found = self._world.address_categories(address)
        ways = tuple(way for category, way in OF_ADDRESS.items() if category in found)
        owners = self._world.catalogue.owners_of(address)
        if not ways and (owners is None or owners.shared):
            _cache(self.plain_addresses, address, ADDRESSES_KEPT)
        return ways

    def _allowed_at(self, address: bytes, situation: Situation) -> Conclusion | None:
        """Return the conclusion about a name that the family allows and that got this address by DNS.

        Only answers of the gateway's own resolver count. The family may allow the name itself or
        its service. None: there is no such name.
        """
        if situation.resolved is None or not self._has_own_names:
            return None
        parts = (self._allowed_name(host) for host in situation.resolved.hosts(address))
        return next((conclusion for conclusion in parts if conclusion is not None), None)

    def _allowed_name(self, host: str) -> Conclusion | None:
        """Return the conclusion about a host that the family allows by its name or service. Cached.

        None for other hosts.
        """
        if host not in self._allowed:
            if len(self._allowed) >= HOSTS_KEPT:
                self._allowed.clear()
            self._allowed[host] = self._concluded(host)
        return self._allowed[host]

    def _concluded(self, host: str) -> Conclusion | None:
        """Return the conclusion about a host that the family allows by its name or service; else None."""
        facts = self._fact_finder.facts(host)
        entry = family_entry(facts)
        if facts.binding or facts.registered or entry is None or entry.kind is EntryKind.CATEGORY:
            return None
        conclusion = conclude(facts, self._profile)
        passes = conclusion.outcome.reason in ALLOWED and conclusion.outcome.verdict is Verdict.ALLOW
        return conclusion._replace(rewrite=None) if passes else None


def _services_that_open(way: BypassMethod, rules: Rules, world: World) -> tuple[str, ...]:
    """Return the ids of services that use this bypass method and that a parent can approve under ``rules``.

    They are those whose own action is ``ask``. A service without an action of its own counts if ``ask`` is
    the only action that is set for its categories.
    """
    method = way.value  # once: a member's value takes longer than the comparison
    return tuple(
        service.id
        for service in world.catalogue.services.values()
        if service.method == method and rules.actions(service.id, service.categories) == {Action.ASK}
    )


def _approved(services: Sequence[str], rules: Rules) -> str:
    """Return the first of ``services`` that the family allows and does not block; empty for none."""
    if not services:
        return ""
    blocked = {entry.value for entry in rules.block if entry.kind is EntryKind.SERVICE}
    allowed = {
        entry.value
        for entry in (*rules.allow, *rules.homework)
        if entry.owner == FAMILY and entry.kind is EntryKind.SERVICE
    }
    return next((service for service in services if service in allowed - blocked), "")


def has_own_names(rules: Rules) -> bool:
    """Return True if the family has an allow or homework entry that is a name or a service."""
    entries = (*rules.allow, *rules.homework)
    return any(entry.owner == FAMILY and entry.kind is not EntryKind.CATEGORY for entry in entries)


def _is_allowed(seen: Observation, named: Conclusion, situation: Situation) -> bool:
    """Return True if the family allows the flow's host name, and a DNS answer for it gave the address.

    A TLS hello can carry any name. If answers are not stored, the allow is enough.
    """
    if named.outcome.reason not in ALLOWED or named.outcome.verdict is not Verdict.ALLOW:
        return False
    resolved = situation.resolved
    return resolved is None or resolved.gave(seen.host or "", seen.dst)


def _cache(cached: set[T], value: T, most: int) -> None:
    if len(cached) >= most:
        cached.clear()
    cached.add(value)

"""Collects the rules and lists that match a host under one profile, independent of time.

A decision is made from these facts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import NamedTuple

from gateway.policy.config.registers import Register, register_of
from gateway.policy.judge.world import (
    LOCAL_NAMES,
    PAGE_PROXIES,
    World,
    bypass_signal,
    sites_behind_proxy,
)
from gateway.policy.names.categories import PROXY, TOR
from gateway.policy.names.hosts import suffixes
from gateway.policy.names.list_ids import is_own_list
from gateway.policy.names.packs import Engine, Site, site_map
from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import (
    FAMILY,
    SERVICE,
    Action,
    EntryKind,
    Law,
    Mode,
    Owned,
    RuleEntry,
    Rules,
)
from gateway.policy.rule_text import register_rule
from gateway.policy.values import Decision, Reason, Verdict

OPEN = Owned(Action.ALLOW, "")
BYPASS_CATEGORIES = frozenset({PROXY, TOR})


class CategoryFact(NamedTuple):
    """A category of a host, or a service with an action of its own, with the profile's action for it."""

    id: str  # a category's id, or service:x
    rule: Owned[Action]


def blocked_by_register(register: Register) -> Decision:
    """Return the decision that blocks a name on a state's list."""
    rule = register_rule(register.category, register.since)
    return Decision(Verdict.BLOCK, Reason.REGISTER, rule, register.owner)


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The facts about a host name under one profile: entries, services, categories, laws, approved sites.

    The entries are the family's; those of the age group are in ``band_allow`` and ``band_block``.
    """

    gateway: bool  # a name of the pages
    signal: BypassMethod | None  # the bypass method that a browser or phone would use if the name existed
    local: bool  # stays in the local network
    help: str | None  # the help line's name
    binding: bool  # blocked for everyone
    need: tuple[str, str] | None  # the entry of the device-needs pack, and its type
    homework: RuleEntry | None  # the strongest matching entry, as in the next fields
    allow: RuleEntry | None
    block: RuleEntry | None
    # The allow or homework entry of a service that needs this name, which another service's app needs too.
    companion: RuleEntry | None
    band_allow: RuleEntry | None
    band_block: RuleEntry | None
    services: tuple[str, ...]
    update: bool  # serves updates of a service
    categories: tuple[CategoryFact, ...]  # services with their own action, then categories; see `deciding`
    site: Site | None
    engine: Engine | None
    groups: tuple[str, ...] = ()  # of the services
    law: Owned[Law] | None = None  # a law that a guardian turned on and that blocks the host
    register: Register | None = None  # a state's register that a guardian turned on
    shows: tuple[str, ...] = ()  # under a page proxy: the sites that it may show
    needed_by: tuple[HostFacts, ...] = ()  # the facts of each service that may open this name as a companion

    @property
    def known(self) -> bool:
        """True if the host is in a category or service, is an approved site or search engine, or is local."""
        return bool(self.categories or self.services or self.site or self.engine or self.local)

    @property
    def deciding(self) -> tuple[CategoryFact, ...]:
        """The host's services with an action of their own, else all its categories; the strictest first.

        Under a page proxy, both are sorted together. The services then count only if one is the strictest.
        """
        return tuple(takewhile(_is_service, self.categories)) or self.categories

    @property
    def strictest(self) -> CategoryFact | None:
        """The first of `deciding`: a service with its own action, or the strictest category; or None."""
        return self.categories[0] if self.categories else None

    @property
    def registered(self) -> Decision | None:
        """The decision that a state register blocks the host; None if none does.

        Registers block neither help lines, nor the pages, nor device needs.
        """
        register = self.register
        if register is None or self.gateway or self.help is not None or self.need is not None:
            return None
        return blocked_by_register(register)

    @property
    def refused(self) -> bool:
        """True if a category, service, family entry, law or register blocks the host.

        Allow entries and the age group's entries are ignored.
        """
        strictest = self.strictest
        if self.law is not None or self.register is not None:
            return True
        return self.block is not None or (strictest is not None and strictest.rule.value.refuses)

    @property
    def named(self) -> bool:
        """True if the family's strongest allow or homework entry for the host is one for a service."""
        return any(
            entry is not None and entry.kind is EntryKind.SERVICE for entry in (self.allow, self.homework)
        )

    @property
    def counted(self) -> bool:
        """True if the host uses the time of ``limits.play``; an allow entry does not change that."""
        return any(fact.rule.value is Action.COUNT for fact in self.deciding)


def _is_service(fact: CategoryFact) -> bool:
    return fact.id.startswith(SERVICE)


def _names_page(entry: RuleEntry | None) -> bool:
    """Return True if the entry names one site shown by a page proxy, not the whole proxy."""
    found = None if entry is None or entry.kind is not EntryKind.NAME else PAGE_PROXIES.find(entry.value)
    return found is not None and entry is not None and entry.value != found[0]


class EntryIndex:
    """Finds the entry of one allow, block or homework list that matches a host.

    Names come before services before categories, longer names before shorter ones.
    """

    def __init__(self, entries: Iterable[RuleEntry]) -> None:
        self._names: dict[str, RuleEntry] = {}
        self._services: dict[str, RuleEntry] = {}
        self._categories: dict[str, RuleEntry] = {}
        tables = {
            EntryKind.NAME: self._names,
            EntryKind.SERVICE: self._services,
            EntryKind.CATEGORY: self._categories,
        }
        for entry in entries:
            tables[entry.kind].setdefault(entry.value, entry)

    def find(self, host: str, services: Iterable[str], categories: Iterable[str]) -> RuleEntry | None:
        """Return the strongest entry for the host, its services or its categories, or None."""
        if self._names:
            for suffix in suffixes(host):
                entry = self._names.get(suffix)
                if entry is not None:
                    return entry
        if self._services:
            for service in services:
                if service in self._services:
                    return self._services[service]
        if self._categories:
            for category in sorted(categories):
                if category in self._categories:
                    return self._categories[category]
        return None

    def of_service(self, service: str) -> RuleEntry | None:
        return self._services.get(service)


def without_categories(profile: Profile, categories: Collection[str]) -> Profile:
    """Return a copy of the profile in which these categories are allowed. Other blocks stay."""
    rules = profile.rules
    block = tuple(
        entry
        for entry in rules.block
        if entry.kind is not EntryKind.CATEGORY or entry.value not in categories
    )
    actions = {**rules.categories, **dict.fromkeys(categories, Owned(Action.ALLOW, FAMILY))}
    return replace(profile, rules=replace(rules, block=block, categories=actions))


def named_own_lists(rules: Rules) -> frozenset[str]:
    """Return the ids of the family's own lists that ``rules`` name as a category.

    The family's other lists do not apply to the profile.
    """
    entries = (*rules.allow, *rules.block, *rules.homework)
    named = {entry.value for entry in entries if entry.kind is EntryKind.CATEGORY}
    targets = {target.removeprefix("category:") for target in (*rules.limits, *rules.windows)}
    return frozenset(key for key in {*rules.categories, *named, *targets} if is_own_list(key))


class FactFinder:
    """Looks up the rules, categories, services and laws that match a host name under one profile.

    The result does not depend on the time.
    """

    def __init__(self, profile: Profile, world: World) -> None:
        rules = profile.rules
        self._world = world
        self._actions: Mapping[str, Owned[Action]] = rules.categories
        self._binding = world.categories.binding
        self._own_lists = named_own_lists(rules)
        self._homework = EntryIndex(rules.homework)
        self._allow = EntryIndex(entry for entry in rules.allow if entry.owner == FAMILY)
        self._block = EntryIndex(entry for entry in rules.block if entry.owner == FAMILY)
        self._band_allow = EntryIndex(entry for entry in rules.allow if entry.owner != FAMILY)
        self._band_block = EntryIndex(entry for entry in rules.block if entry.owner != FAMILY)
        self._laws = tuple(
            (law, EntryIndex(law.value.refuses)) for law in rules.laws if law.value.binds(profile.band)
        )
        # Approved sites matter only where unlisted or unknown sites are blocked. Elsewhere they would only
        # lift what the age group blocks.
        asks_first = rules.mode.value is Mode.ALLOW_LIST or rules.unknown.value.refuses
        sites = [site for site in world.sites if site.is_for(profile.band)] if asks_first else []
        self._sites, self.approves = site_map(sites, profile.band), bool(sites)

    def facts(self, host: str) -> HostFacts:
        """Return the facts about a host: the rules, services, categories and laws that match it.

        For a name under a page proxy (such as translate.goog) they are combined with those of the sites that
        it shows.
        """
        facts = self._own_facts(host)
        for site in sites_behind_proxy(host):
            facts = self._with_proxied_site(facts, site, self._own_facts(site))
        return facts

    def _with_proxied_site(self, proxy: HostFacts, name: str, site: HostFacts) -> HostFacts:
        """Return the facts about a page proxy, made as strict as those about a site that it shows.

        An allow of the whole proxy does not apply to a page that is blocked.
        """

        def still_applies(entry: RuleEntry | None) -> RuleEntry | None:
            return None if site.refused and not _names_page(entry) else entry

        blocks = [entry for entry in (proxy.block, site.block) if entry is not None]
        categories = {fact.id for fact in (*proxy.categories, *site.categories)}
        return replace(
            proxy,
            binding=proxy.binding or site.binding,
            homework=still_applies(proxy.homework),
            allow=still_applies(proxy.allow),
            block=max(blocks, key=lambda entry: entry.rank, default=None),
            companion=still_applies(proxy.companion),
            needed_by=() if site.refused else proxy.needed_by,
            band_allow=still_applies(proxy.band_allow),
            band_block=proxy.band_block or site.band_block,
            law=proxy.law or site.law,
            register=proxy.register or site.register,
            services=tuple(dict.fromkeys(proxy.services + site.services)),
            groups=tuple(dict.fromkeys(proxy.groups + site.groups)),
            categories=self._strictest_first(categories),
            site=None if site.refused else proxy.site,
            shows=(*proxy.shows, name),
        )

    def _own_facts(self, host: str) -> HostFacts:
        """Return the facts about a host itself, without those of a site that it shows as a page proxy."""
        world = self._world
        services = world.catalogue.services_of(host)
        register, found = register_of(world.table.categories(host), world.registers)
        if found:
            found = frozenset(key for key in found if key in self._own_lists or not is_own_list(key))
        sealed = world.sealed(host)  # checked for every name, so that timing reveals nothing about the list
        categories = (found | world.catalogue.categories_of(services)) - self._binding
        if proxy_category := PAGE_PROXIES.get(host):
            categories |= {proxy_category}
        if host in world.resolvers.names:
            categories |= {PROXY}
        need = world.needs.find(host)
        site = self._sites.get(host)
        if not services and site is None and need is None:
            categories |= world.words.categories(host)
        return HostFacts(
            gateway=host in world.gateway_names,
            signal=bypass_signal(host),
            local=host in LOCAL_NAMES or host in world.gateway_names,
            help=world.help.get(host),
            binding=sealed or not found.isdisjoint(self._binding),
            need=need,
            homework=self._homework.find(host, services, categories),
            allow=self._allow.find(host, services, categories),
            block=self._block.find(host, services, categories),
            companion=self._companion(world.catalogue.shared_by(host)),
            band_allow=self._band_allow.find(host, services, categories),
            band_block=self._band_block.find(host, services, categories),
            services=services,
            update=bool(world.catalogue.updates_of(host)),
            categories=self._ranked(services, categories),
            site=site,
            engine=world.engines.get(host),
            groups=world.catalogue.groups_of(services),
            law=self._law(services, categories),
            register=register,
            needed_by=self._needed_by(host, services, categories),
        )

    def facts_of(self, services: tuple[str, ...]) -> HostFacts:
        """Return the facts about a flow without a host name that belongs to ``services``."""
        categories = self._world.catalogue.categories_of(services) - self._binding
        return HostFacts(
            gateway=False,
            signal=None,
            local=False,
            help=None,
            binding=False,
            need=None,
            homework=self._homework.find("", services, categories),
            allow=self._allow.find("", services, categories),
            block=self._block.find("", services, categories),
            companion=None,
            band_allow=self._band_allow.find("", services, categories),
            band_block=self._band_block.find("", services, categories),
            services=services,
            update=False,
            categories=self._ranked(services, categories),
            site=None,
            engine=None,
            groups=self._world.catalogue.groups_of(services),
            law=self._law(services, categories),
        )

    def _law(self, services: Iterable[str], categories: Iterable[str]) -> Owned[Law] | None:
        """Return the law, turned on by a guardian, that blocks one of the services or categories, or None."""
        return next(
            (law for law, named in self._laws if named.find("", services, categories) is not None), None
        )

    def _needed_by(
        self, host: str, owners: tuple[str, ...], categories: frozenset[str]
    ) -> tuple[HostFacts, ...]:
        """Return the facts of the services that need a host of another owner and may open it; usually none.

        Such a name (a companion) opens despite a block of its owner. If a list adds a blocked category to the
        host, the name opens only for a service that the family allows. A bypass method never opens so.
        """
        needing = self._world.catalogue.companions_of(host)
        if not needing or not categories.isdisjoint(BYPASS_CATEGORIES):
            return ()
        foreign = self._strictest_first(categories - self._world.catalogue.categories_of(owners))
        refused = any(fact.rule.value.refuses for fact in foreign)
        facts = (self.facts_of((service,)) for service in needing if service not in owners)
        return tuple(needing_facts for needing_facts in facts if not refused or needing_facts.named)

    def _companion(self, services: Iterable[str]) -> RuleEntry | None:
        """Return the family's allow or homework entry for one of ``services`` that is not blocked; or None.

        ``services``: those that share the host.
        """
        allowed = (
            self._allow.of_service(service) or self._homework.of_service(service)
            for service in services
            if self._block.of_service(service) is None
        )
        return next((entry for entry in allowed if entry is not None), None)

    def _ranked(self, services: Iterable[str], categories: Iterable[str]) -> tuple[CategoryFact, ...]:
        """Return the services that have an action of their own, then the categories, each strictest first.

        The first one decides: a service ranks above its categories.
        """
        own = [target for service in services if (target := f"{SERVICE}{service}") in self._actions]
        return (*self._strictest_first(own), *self._strictest_first(categories))

    def _strictest_first(self, categories: Iterable[str]) -> tuple[CategoryFact, ...]:
        """Return categories or services with the profile's actions (by default allowed), strictest first."""
        actions = self._actions
        facts = [CategoryFact(category, actions.get(category, OPEN)) for category in categories]
        return tuple(sorted(facts, key=lambda fact: (-fact.rule.value.strictness, fact.id)))

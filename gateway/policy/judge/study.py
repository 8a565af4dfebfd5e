"""What a host is to a profile, whatever the time: the first half of a decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.policy.config.registers import Register, register_of
from gateway.policy.judge.world import (
    LOCAL_NAMES,
    PAGE_PROXIES,
    World,
    shown_by_proxy,
    signal_of,
)
from gateway.policy.names.categories import PROXY
from gateway.policy.names.hosts import suffixes
from gateway.policy.names.packs import Engine, Site, site_map
from gateway.policy.profile.bypass_methods import Way
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY, Action, Entry, Kind, Law, Mode, Owned
from gateway.policy.values import Decision

OPEN = Owned(Action.OPEN, "")


class CategoryFact(NamedTuple):
    id: str
    rule: Owned[Action]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that names alone tell about a host."""

    gateway: bool  # a name of the pages
    signal: Way | None  # what a browser or phone would use where such a name exists
    local: bool  # never leaves the home
    help: str | None  # whose help line it is
    binding: bool  # refused for everyone
    need: tuple[str, str] | None  # the entry of the device-needs pack, and its kind
    homework: Entry | None  # each the strongest entry that matches
    allow: Entry | None
    block: Entry | None
    companion: Entry | None  # the family's allow of a service that cannot work without this name
    band_allow: Entry | None
    band_block: Entry | None
    services: tuple[str, ...]
    update: bool  # a service's updates
    categories: tuple[CategoryFact, ...]  # the strictest first
    site: Site | None
    engine: Engine | None
    groups: tuple[str, ...] = ()  # of the services
    law: Owned[Law] | None = None  # that a guardian turned on, and that refuses it
    register: Register | None = None  # of a state, that a guardian turned on
    shows: tuple[str, ...] = ()  # under a page proxy: the names whose pages it may show

    @property
    def known(self) -> bool:
        """Whether it is in a category or a service; of others nobody knows what they are."""
        return bool(self.categories or self.services or self.site or self.engine or self.local)

    @property
    def strictest(self) -> CategoryFact | None:
        return self.categories[0] if self.categories else None

    @property
    def registered(self) -> Decision | None:
        """What a state's register says of it. It closes neither help nor the pages nor what devices need."""
        spared = self.gateway or self.help is not None or self.need is not None
        return None if self.register is None or spared else self.register.refusal

    @property
    def refused(self) -> bool:
        """By a category, by the family's own entry, or by a law or a register that it turned on."""
        strictest = self.strictest
        if self.law is not None or self.register is not None:
            return True
        return self.block is not None or (strictest is not None and strictest.rule.value.refuses)

    @property
    def counted(self) -> bool:
        """Whether some category of it spends limits.play; an allow entry does not change that."""
        return any(fact.rule.value is Action.COUNT for fact in self.categories)


def _names_page(entry: Entry | None) -> bool:
    """Whether it names one site as a page proxy shows it, not the proxy as a whole."""
    found = None if entry is None or entry.kind is not Kind.NAME else PAGE_PROXIES.find(entry.value)
    return found is not None and entry is not None and entry.value != found[0]


class EntryIndex:
    """Entries of one list, found by host: name before service before category, longer name before shorter."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._names: dict[str, Entry] = {}
        self._services: dict[str, Entry] = {}
        self._categories: dict[str, Entry] = {}
        tables = {
            Kind.NAME: self._names,
            Kind.SERVICE: self._services,
            Kind.CATEGORY: self._categories,
        }
        for entry in entries:
            tables[entry.kind].setdefault(entry.value, entry)

    def find(self, host: str, services: Iterable[str], categories: Iterable[str]) -> Entry | None:
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

    def of_service(self, service: str) -> Entry | None:
        return self._services.get(service)


class Student:
    """Learns the facts about hosts for one profile."""

    def __init__(self, profile: Profile, world: World) -> None:
        rules = profile.rules
        self._world = world
        self._actions: Mapping[str, Owned[Action]] = rules.categories
        self._binding = world.categories.binding
        self._homework = EntryIndex(rules.homework)
        self._allow = EntryIndex(one for one in rules.allow if one.owner == FAMILY)
        self._block = EntryIndex(one for one in rules.block if one.owner == FAMILY)
        self._band_allow = EntryIndex(one for one in rules.allow if one.owner != FAMILY)
        self._band_block = EntryIndex(one for one in rules.block if one.owner != FAMILY)
        self._laws = tuple(
            (one, EntryIndex(one.value.refuses)) for one in rules.laws if one.value.binds(profile.band)
        )
        # Where all is open that nothing refuses, an approval would only lift what the band refuses.
        asks_first = rules.mode.value is Mode.ALLOW_LIST or rules.unknown.value.refuses
        sites = [one for one in world.sites if one.is_for(profile.band)] if asks_first else []
        self._sites, self.approves = site_map(sites, profile.band), bool(sites)

    def facts(self, host: str) -> Facts:
        facts = self._alone(host)
        for shown in shown_by_proxy(host):
            facts = self._with_shown(facts, shown, self._alone(shown))
        return facts

    def _with_shown(self, proxy: Facts, name: str, shown: Facts) -> Facts:
        """The stricter of both. What allows the proxy as a whole does not reach a page that is refused."""

        def reaching(entry: Entry | None) -> Entry | None:
            return None if shown.refused and not _names_page(entry) else entry

        blocks = [one for one in (proxy.block, shown.block) if one is not None]
        categories = {fact.id for fact in (*proxy.categories, *shown.categories)}
        return replace(
            proxy,
            binding=proxy.binding or shown.binding,
            homework=reaching(proxy.homework),
            allow=reaching(proxy.allow),
            block=max(blocks, key=lambda one: one.rank, default=None),
            companion=reaching(proxy.companion),
            band_allow=reaching(proxy.band_allow),
            band_block=proxy.band_block or shown.band_block,
            law=proxy.law or shown.law,
            register=proxy.register or shown.register,
            services=tuple(dict.fromkeys(proxy.services + shown.services)),
            groups=tuple(dict.fromkeys(proxy.groups + shown.groups)),
            categories=self._ranked(frozenset(categories)),
            site=None if shown.refused else proxy.site,
            shows=(*proxy.shows, name),
        )

    def _alone(self, host: str) -> Facts:
        world = self._world
        services = world.catalogue.services_of(host)
        register, found = register_of(world.table.categories(host), world.registers)
        sealed = world.sealed(host)  # of every name, so that the time tells nothing of a list
        categories = (found | world.catalogue.categories_of(services)) - self._binding
        if itself := PAGE_PROXIES.get(host):
            categories |= {itself}
        if host in world.resolvers.names:
            categories |= {PROXY}
        need = world.needs.find(host)
        return Facts(
            gateway=host in world.gateway_names,
            signal=signal_of(host),
            local=host in LOCAL_NAMES or host in world.gateway_names,
            help=world.help.get(host),
            binding=sealed or not found.isdisjoint(self._binding),
            need=need,
            homework=self._homework.find(host, services, categories),
            allow=self._allow.find(host, services, categories),
            block=self._block.find(host, services, categories),
            companion=self._companion(world.catalogue.companions_of(host)),
            band_allow=self._band_allow.find(host, services, categories),
            band_block=self._band_block.find(host, services, categories),
            services=services,
            update=bool(world.catalogue.updates_of(host)),
            categories=self._ranked(categories),
            site=self._sites.get(host),
            engine=world.engines.get(host),
            groups=world.catalogue.groups_of(services),
            law=self._law(services, categories),
            register=register,
        )

    def facts_of(self, services: tuple[str, ...]) -> Facts:
        """What is known of a flow that is of ``services`` and names no host."""
        categories = self._world.catalogue.categories_of(services) - self._binding
        return Facts(
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
            categories=self._ranked(categories),
            site=None,
            engine=None,
            groups=self._world.catalogue.groups_of(services),
            law=self._law(services, categories),
        )

    def _law(self, services: Iterable[str], categories: Iterable[str]) -> Owned[Law] | None:
        return next(
            (law for law, named in self._laws if named.find("", services, categories) is not None), None
        )

    def _companion(self, services: Iterable[str]) -> Entry | None:
        """Of ``services``, which all need a name, one that is allowed and not blocked as well."""
        allowed = (
            self._allow.of_service(one) or self._homework.of_service(one)
            for one in services
            if self._block.of_service(one) is None
        )
        return next((entry for entry in allowed if entry is not None), None)

    def _ranked(self, categories: frozenset[str]) -> tuple[CategoryFact, ...]:
        actions = self._actions
        facts = [CategoryFact(one, actions.get(one, OPEN)) for one in categories]
        return tuple(sorted(facts, key=lambda fact: (-fact.rule.value.strictness, fact.id)))

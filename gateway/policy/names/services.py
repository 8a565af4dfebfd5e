"""The service catalogue: `profiles/services/*.yaml` → Catalogue.

``profiles/services/README.md`` describes the format of the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.policy.names import hosts
from gateway.policy.names.categories import translations
from gateway.policy.names.hosts import read_entries, read_host
from gateway.policy.time.time_text import calendar_date
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Place, shown

NO_SERVICES: tuple[str, ...] = ()

DEFAULT_THRESHOLD = 200_000
THRESHOLDS = (1_000, 1_000_000_000)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_SIZE = re.compile(r"(\d{1,6})(KB|MB)", re.ASCII)
_PORT_KINDS = ("quic", "udp", "tcp", "teredo")
_FLOW_KINDS = ("udp", "tcp", "teredo")
_KEYS = (
    "name", "categories", "domains", "except", "companions", "shared", "ports", "update", "threshold",
    "min_age", "method", "test",
)  # fmt: skip
_AGES = (0, 21)
_METHODS = ("vpn", "proxy", "tor")


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """A group of services, under which families find them."""

    id: str
    name: Mapping[str, str]  # by language


@dataclass(frozen=True, slots=True)
class MinimumAge:
    """The age from which a service's own terms admit a user."""

    years: int
    source: str  # address of the terms
    date: date  # of the source


@dataclass(frozen=True, slots=True)
class Service:
    """An app or online service: its host names, ports and categories."""

    id: str
    name: str  # the same in every language
    group: str
    categories: frozenset[str]
    # Each with all names under it; "=…" for that name alone, "a*.…" for matching names.
    domains: tuple[str, ...]
    # Names under a domain that are not part of this service; same notation as domains.
    excluded: tuple[str, ...]
    update: tuple[str, ...]  # names of updates and downloads
    # Names that the service needs and shares with other services. They open wherever the service is open.
    companions: tuple[str, ...]
    # Companions that run another service's app too. They open with the family's own allow only.
    shared: tuple[str, ...]
    # "quic", "udp", "tcp", "teredo" → first and last port, both included.
    ports: Mapping[str, tuple[tuple[int, int], ...]]
    # Bytes per minute, both directions; a minute with at least this many counts as used.
    threshold: int = DEFAULT_THRESHOLD
    min_age: MinimumAge | None = None  # None: the terms were not checked
    method: str = ""  # the bypass method that the service is: vpn, proxy or tor


@dataclass(frozen=True, slots=True)
class GroupFile:
    """The contents of one catalogue file: a group, its services, and examples for tests."""

    group: ServiceGroup
    services: tuple[Service, ...]
    # Service → names that match, names that do not.
    tests: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    places: Mapping[str, Place]  # service → its place in the file


class Catalogue:
    """All services of the catalogue: finds those that a host, port or category belongs to.

    A look-up takes one dict look-up per label; the longest entry wins.
    """

    __slots__ = (
        "_companions",
        "_domains",
        "_exact",
        "_hidden",
        "_hidden_exact",
        "_patterns",
        "_ports",
        "_shared",
        "_updates",
        "groups",
        "services",
    )

    def __init__(self, files: Iterable[GroupFile] = ()) -> None:
        """Create the catalogue. Raises PolicyError if two files define the same service or group."""
        self.groups: dict[str, ServiceGroup] = {}
        self.services: dict[str, Service] = {}
        for file in files:
            self._add(file)
        services = self.services.values()
        self._domains, self._exact = _index(services, lambda service: service.domains)
        self._patterns = hosts.Patterns(
            (entry, (service.id,)) for service in services for entry in service.domains if "*" in entry
        )
        self._hidden, self._hidden_exact = _index(services, lambda service: service.excluded)
        updates, exact_updates = _index(services, lambda service: service.update)
        self._updates = hosts.HostMap(updates, exact_updates)
        self._companions = hosts.HostMap(*_index(services, lambda service: service.companions))
        self._shared = hosts.HostMap(*_index(services, lambda service: service.shared))
        self._ports = {kind: _by_port(services, kind) for kind in _FLOW_KINDS}

    def _add(self, file: GroupFile) -> None:
        for service in file.services:
            if service.id in self.services:
                other = self.services[service.id].group
                file.places[service.id].refuse(f"is in the group '{other}' too", "keep one of the two")
            self.services[service.id] = service
        if file.group.id in self.groups and file.services:
            place = file.places[file.services[0].id]
            place.refuse(f"the group '{file.group.id}' has two files", "join them")
        self.groups[file.group.id] = file.group

    def services_of(self, host: str) -> tuple[str, ...]:
        """Return the ids of the services that ``host`` (normalised) belongs to; usually none or one."""
        updated = self._updates.find(host)
        found = self._longest(host)
        if updated is None:
            return NO_SERVICES if found is None else found[1]
        if found is None or len(found[0]) < len(updated[0]):
            return updated[1]
        return found[1]

    def updates_of(self, host: str) -> tuple[str, ...]:
        """Return the ids of the services that ``host`` serves updates for; () if it has any other use."""
        updated = self._updates.find(host)
        if updated is None:
            return NO_SERVICES
        found = self._longest(host)
        return updated[1] if found is None or len(found[0]) <= len(updated[0]) else NO_SERVICES

    def _longest(self, host: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the longest entry that matches a host, and its services; None if none matches.

        A service that excludes the host is left out.
        """
        hidden: tuple[str, ...] = self._hidden_exact.get(host, NO_SERVICES)
        found = _without(self._exact.get(host, NO_SERVICES), hidden)
        if found:
            return host, found
        starred = self._patterns.find(host)
        if starred is not None:  # ranks as the longest possible entry, like an exact name
            return host, starred[1]
        for suffix in hosts.suffixes(host):
            hidden += self._hidden.get(suffix, NO_SERVICES)
            found = self._domains.get(suffix, NO_SERVICES)
            if found and (found := _without(found, hidden)):
                return suffix, found
        return None

    def companions_of(self, host: str) -> tuple[str, ...]:
        """Return the ids of the services that open another's ``host`` wherever they are open."""
        return self._companions.get(host) or NO_SERVICES

    def shared_by(self, host: str) -> tuple[str, ...]:
        """Return the ids of the services that need ``host``, which runs another service's app too."""
        return self._shared.get(host) or NO_SERVICES

    def services_at(self, kind: str, port: int) -> tuple[str, ...]:
        """Return the ids of the services that use ``port`` for flows without a name.

        ``kind``: udp, tcp, teredo.
        """
        return tuple(service for first, last, service in self._ports[kind] if first <= port <= last)

    def categories_of(self, services: Iterable[str]) -> frozenset[str]:
        """Return the ids of all categories of ``services``."""
        return frozenset[str]().union(*(self.services[service].categories for service in services))

    def kinds_of(self, service: str) -> tuple[str, ...]:
        """Return the categories of one service, sorted; () if it is no longer in the catalogue."""
        known = self.services.get(service)
        return () if known is None else tuple(sorted(known.categories))

    def groups_of(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return the groups of ``services``, without duplicates."""
        return tuple(dict.fromkeys(self.services[service].group for service in services))


def _without(found: tuple[str, ...], hidden: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(service for service in found if service not in hidden) if hidden else found


def _index(
    services: Iterable[Service], entries: Callable[[Service], tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return two maps of entry → service ids: entries with all names under them, and exact ones."""
    below: dict[str, tuple[str, ...]] = {}
    exact: dict[str, tuple[str, ...]] = {}
    for service in services:
        for entry in entries(service):
            table = exact if entry.startswith("=") else below
            if "*" in entry:
                continue
            name = entry.removeprefix("=")
            table[name] = (*table.get(name, NO_SERVICES), service.id)
    return below, exact


def _by_port(services: Iterable[Service], kind: str) -> tuple[tuple[int, int, str], ...]:
    """Return first port, last port and service id of each port range of one type."""
    return tuple((*span, service.id) for service in services for span in service.ports.get(kind, ()))


def parse_group(
    source: str | bytes,
    file: str,
    categories: Collection[str],
    is_public_suffix: hosts.PublicSuffixCheck,
) -> GroupFile:
    """Return the contents of one file of the catalogue.

    ``categories``: the ids that a service may name.

    Raises:
        PolicyError: with file, line, key and fix.
    """
    top = fields.Fields(parse_document(source, file), ("group", "services"))
    head = fields.Fields(fields.mapping(top.need("group")), ("id", "name"))
    group = ServiceGroup(_id(head.need("id")), translations(head.need("name")))
    services, tests, places = [], {}, {}
    for key, place, node in fields.pairs(top.need("services")):
        if _ID.fullmatch(key) is None:
            place.refuse(f"{shown(key)} is no id", "use a-z, 0-9 and -")
        part = fields.Fields(fields.mapping(node), _KEYS)
        services.append(_service(key, group.id, part, categories, is_public_suffix))
        tests[key] = _tests(part.need("test"))
        places[key] = place
    return GroupFile(group, tuple(services), tests, places)


def _id(node: Node) -> str:
    word = fields.text(node)
    if _ID.fullmatch(word) is None:
        node.place.refuse(f"{shown(word)} is no id", "use a-z, 0-9 and -")
    return word


def _service(
    key: str,
    group: str,
    part: fields.Fields,
    categories: Collection[str],
    is_public_suffix: hosts.PublicSuffixCheck,
) -> Service:
    def names(node: Node) -> tuple[str, ...]:
        return read_entries(node, is_public_suffix)

    def names_and_patterns(node: Node) -> tuple[str, ...]:
        return read_entries(node, is_public_suffix, patterns=True)

    domains = names_and_patterns(part.need("domains"))
    if not domains:
        part.place.refuse("has no domains", "name at least one")
    excluded: tuple[str, ...] = part.read("except", names, NO_SERVICES)
    for entry in excluded:
        name = entry.removeprefix("=")
        if entry in domains or not any(hosts.is_under(name, domain) for domain in domains):
            part.place.refuse(f"excludes {shown(entry)}, which is not under its domains", "take it out")
    return Service(
        id=key,
        name=fields.text(part.need("name")),
        group=group,
        categories=frozenset(
            fields.choice(field, categories) for field in fields.items(part.need("categories"))
        ),
        domains=domains,
        excluded=excluded,
        update=part.read("update", names, NO_SERVICES),
        companions=part.read("companions", names, NO_SERVICES),
        shared=part.read("shared", names, NO_SERVICES),
        ports=part.read("ports", _ports, {}),
        threshold=part.read("threshold", _threshold, DEFAULT_THRESHOLD),
        min_age=part.read("min_age", _min_age, None),
        method=part.read("method", lambda node: fields.choice(node, _METHODS), ""),
    )


def _min_age(node: Node) -> MinimumAge:
    part = fields.Fields(fields.mapping(node), ("years", "source", "date"))
    source, dated = part.need("source"), part.need("date")
    if not fields.text(source).startswith("https://"):
        source.place.refuse(f"{shown(fields.text(source))} is no address", "write the address of the terms")
    return MinimumAge(
        years=fields.integer(part.need("years"), *_AGES),
        source=fields.text(source),
        date=calendar_date(fields.text(dated), dated.place),
    )


def _threshold(node: Node) -> int:
    word = fields.text(node)
    match = _SIZE.fullmatch(word.replace(" ", ""))
    size = int(match[1]) * (1_000 if match[2] == "KB" else 1_000_000) if match else 0
    if not THRESHOLDS[0] <= size <= THRESHOLDS[1]:
        node.place.refuse(
            f"{shown(word)} is no number of bytes a minute", "write it like 50KB or 2MB; 1KB to 1000MB"
        )
    return size


def _ports(node: Node) -> Mapping[str, tuple[tuple[int, int], ...]]:
    read = {}
    for key, place, value in fields.pairs(node):
        if key not in _PORT_KINDS:
            place.refuse(f"{shown(key)} is no kind of port", fields.suggestion(key, _PORT_KINDS))
        read[key] = tuple(_port_range(item) for item in fields.items(value))
    return read


def _port_range(node: Node) -> tuple[int, int]:
    word = fields.text(node)
    match = _PORT.fullmatch(word)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not 1 <= first <= last <= 65535:
        node.place.refuse(f"{shown(word)} is no port or range", 'write it like 443 or "3478-3481"')
    return first, last


def _tests(node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    part = fields.Fields(fields.mapping(node), ("match", "miss"))
    return _hosts(part.need("match")), part.read("miss", _hosts, NO_SERVICES)


def _hosts(node: Node) -> tuple[str, ...]:
    return tuple(read_host(item) for item in fields.items(node))

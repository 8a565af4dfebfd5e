"""The service catalogue: `profiles/services/*.yaml` → Catalogue.

The format of the files stands in ``profiles/services/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from gateway.policy.names import hosts
from gateway.policy.names.categories import translations
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, Place, parse_document, shown
from gateway.policy.yaml.entries import entries, host

NOBODY: tuple[str, ...] = ()

DEFAULT_THRESHOLD = 200_000
THRESHOLDS = (1_000, 1_000_000_000)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_SIZE = re.compile(r"(\d{1,6})(KB|MB)", re.ASCII)
_PORT_KINDS = ("quic", "udp", "tcp", "teredo")
_FLOW_KINDS = ("udp", "tcp", "teredo")
_KEYS = ("name", "categories", "domains", "except", "companions", "ports", "update", "threshold", "test")


@dataclass(frozen=True, slots=True)
class Group:
    """Services that a family looks for in one place."""

    id: str
    name: Mapping[str, str]  # by language


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    name: str  # the same in every language
    group: str
    categories: frozenset[str]
    domains: tuple[str, ...]  # with all names under them; "=…" for that name alone, "a*.…" for its like
    excluded: tuple[str, ...]  # names under a domain that are not this service; written as domains are
    update: tuple[str, ...]  # names of updates and downloads
    companions: tuple[str, ...]  # names that it shares with others and cannot work without
    ports: Mapping[
        str, tuple[tuple[int, int], ...]
    ]  # "quic", "udp", "tcp", "teredo" → first and last port, both included
    threshold: int = DEFAULT_THRESHOLD  # bytes a minute, up and down, from which on a minute counts as used


@dataclass(frozen=True, slots=True)
class GroupFile:
    """What one file of the catalogue holds."""

    group: Group
    services: tuple[Service, ...]
    tests: Mapping[
        str, tuple[tuple[str, ...], tuple[str, ...]]
    ]  # service → names that match, names that do not
    places: Mapping[str, Place]  # service → where it stands


class Catalogue:
    """Which service a host belongs to: a dict look-up for each label, the longest entry wins."""

    __slots__ = (
        "_companions",
        "_domains",
        "_exact",
        "_hidden",
        "_hidden_exact",
        "_patterns",
        "_ports",
        "_updates",
        "groups",
        "services",
    )

    def __init__(self, files: Iterable[GroupFile] = ()) -> None:
        """Raises PolicyError when two files define the same service or group."""
        self.groups: dict[str, Group] = {}
        self.services: dict[str, Service] = {}
        for file in files:
            self._add(file)
        one = self.services.values()
        self._domains, self._exact = _index(one, lambda service: service.domains)
        self._patterns = hosts.Patterns(
            (entry, (service.id,)) for service in one for entry in service.domains if "*" in entry
        )
        self._hidden, self._hidden_exact = _index(one, lambda service: service.excluded)
        updates, exact_updates = _index(one, lambda service: service.update)
        self._updates = hosts.HostMap(updates, exact_updates)
        self._companions = hosts.HostMap(*_index(one, lambda service: service.companions))
        self._ports = {kind: _by_port(one, kind) for kind in _FLOW_KINDS}

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
        """Ids of the services that ``host`` (normalised) belongs to; usually none or one."""
        updated = self._updates.find(host)
        found = self._longest(host)
        if updated is None:
            return NOBODY if found is None else found[1]
        if found is None or len(found[0]) < len(updated[0]):
            return updated[1]
        return found[1]

    def updates_of(self, host: str) -> tuple[str, ...]:
        """Ids of the services for which ``host`` serves updates; () when it is used for anything else."""
        updated = self._updates.find(host)
        if updated is None:
            return NOBODY
        found = self._longest(host)
        return updated[1] if found is None or len(found[0]) <= len(updated[0]) else NOBODY

    def _longest(self, host: str) -> tuple[str, tuple[str, ...]] | None:
        hidden: tuple[str, ...] = self._hidden_exact.get(host, NOBODY)
        found = _without(self._exact.get(host, NOBODY), hidden)
        if found:
            return host, found
        starred = self._patterns.find(host)
        if starred is not None:  # as long as can be, as an exact name is
            return host, starred[1]
        for suffix in hosts.suffixes(host):
            hidden += self._hidden.get(suffix, NOBODY)
            found = self._domains.get(suffix, NOBODY)
            if found and (found := _without(found, hidden)):
                return suffix, found
        return None

    def companions_of(self, host: str) -> tuple[str, ...]:
        """Ids of the services that need ``host``, which is not theirs alone, to work at all."""
        return self._companions.get(host) or NOBODY

    def services_at(self, kind: str, port: int) -> tuple[str, ...]:
        """Ids of the services known to use ``port`` for flows without a name; ``kind``: udp, tcp, teredo."""
        return tuple(one for first, last, one in self._ports[kind] if first <= port <= last)

    def categories_of(self, services: Iterable[str]) -> frozenset[str]:
        """The categories that the names of ``services`` count as."""
        return frozenset[str]().union(*(self.services[one].categories for one in services))

    def kinds_of(self, service: str) -> tuple[str, ...]:
        """The categories of one service, in order; none of one that is in the catalogue no more."""
        known = self.services.get(service)
        return () if known is None else tuple(sorted(known.categories))

    def groups_of(self, services: Iterable[str]) -> tuple[str, ...]:
        """The groups that ``services`` stand in."""
        return tuple(dict.fromkeys(self.services[one].group for one in services))


def _without(found: tuple[str, ...], hidden: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in found if one not in hidden) if hidden else found


def _index(
    services: Iterable[Service], entries: Callable[[Service], tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Entries → ids of the services that have them: those with all names under them, then exact ones."""
    below: dict[str, tuple[str, ...]] = {}
    exact: dict[str, tuple[str, ...]] = {}
    for service in services:
        for entry in entries(service):
            table = exact if entry.startswith("=") else below
            if "*" in entry:
                continue
            name = entry.removeprefix("=")
            table[name] = (*table.get(name, NOBODY), service.id)
    return below, exact


def _by_port(services: Iterable[Service], kind: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((*span, one.id) for one in services for span in one.ports.get(kind, ()))


def parse_group(
    source: str | bytes,
    file: str,
    categories: Collection[str],
    is_public_suffix: hosts.PublicSuffixCheck,
) -> GroupFile:
    """One file of the catalogue. ``categories``: the ids that a service may name.

    Raises PolicyError with file, line, key and mend.
    """
    top = fields.Fields(parse_document(source, file), ("group", "services"))
    head = fields.Fields(fields.mapping(top.need("group")), ("id", "name"))
    group = Group(_id(head.need("id")), translations(head.need("name")))
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
        return entries(node, is_public_suffix)

    def names_and_patterns(node: Node) -> tuple[str, ...]:
        return entries(node, is_public_suffix, patterns=True)

    domains = names_and_patterns(part.need("domains"))
    if not domains:
        part.place.refuse("has no domains", "name at least one")
    excluded: tuple[str, ...] = part.read("except", names, NOBODY)
    for entry in excluded:
        name = entry.removeprefix("=")
        if entry in domains or not any(hosts.is_under(name, one) for one in domains):
            part.place.refuse(f"excludes {shown(entry)}, which is not under its domains", "take it out")
    return Service(
        id=key,
        name=fields.text(part.need("name")),
        group=group,
        categories=frozenset(fields.choice(one, categories) for one in fields.items(part.need("categories"))),
        domains=domains,
        excluded=excluded,
        update=part.read("update", names, NOBODY),
        companions=part.read("companions", names, NOBODY),
        ports=part.read("ports", _ports, {}),
        threshold=part.read("threshold", _threshold, DEFAULT_THRESHOLD),
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
    return _hosts(part.need("match")), part.read("miss", _hosts, NOBODY)


def _hosts(node: Node) -> tuple[str, ...]:
    return tuple(host(item) for item in fields.items(node))

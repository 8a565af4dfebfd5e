"""The service catalogue: `profiles/services/*.yaml` → Catalogue.

``profiles/services/README.md`` describes the format of the files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import NamedTuple

from gateway.policy.names import hosts
from gateway.policy.names.categories import translations
from gateway.policy.names.hosts import read_entries, read_host
from gateway.policy.names.networks import NetError, Network, PrefixMap, public_prefix
from gateway.policy.names.signatures import Signature, SignatureIndex, read_ports, read_signature
from gateway.policy.time.time_text import calendar_date
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Place, shown

NO_SERVICES: tuple[str, ...] = ()

DEFAULT_THRESHOLD = 200_000
THRESHOLDS = (1_000, 1_000_000_000)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)
_SIZE = re.compile(r"(\d{1,6})(KB|MB)", re.ASCII)
_PORT_KINDS = ("quic", "udp", "tcp", "teredo")
_FLOW_KINDS = ("udp", "tcp", "teredo")
_KEYS = (
    "name", "categories", "domains", "except", "companions", "shared", "addresses", "ports", "signatures",
    "update", "threshold", "min_age", "method", "test",
)  # fmt: skip
_BLOCK_KEYS = ("prefixes", "source", "date", "shared")
_AGES = (0, 21)
_METHODS = ("vpn", "proxy", "tor")

WIDEST_PREFIXES = {4: 10, 6: 24}  # no service has more addresses of its own
MAX_PREFIXES = 512  # of one block
# Of a family's service.
OWN_KEYS = tuple(key for key in _KEYS if key not in ("signatures", "min_age", "method", "test"))


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """A group of services, such as games, under which families find them."""

    id: str
    name: Mapping[str, str]  # by language


OWN_GROUP = ServiceGroup(
    "own", {"en": "Your own services", "ru": "Свои сервисы", "kk": "Өз қызметтеріңіз"}
)  # of the services that a family defines
MAX_OWN = 64  # a family needs a few


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """Address prefixes that a service uses, and where and when they were published."""

    prefixes: tuple[Network, ...]
    source: str  # URL; empty: a family wrote them
    date: date  # when the source was read; date.min: a family wrote them
    shared: bool = False  # other services have addresses in these prefixes too


class RangeOwners(NamedTuple):
    """The services that use an address prefix; ``shared`` if the address alone does not identify one."""

    services: tuple[str, ...]
    shared: bool  # a connection needs a port, a signature or a queried name of the service as well


@dataclass(frozen=True, slots=True)
class MinimumAge:
    """The minimum age of users by a service's own terms, with the source of these terms."""

    years: int
    source: str  # address of the terms
    date: date  # of the source


@dataclass(frozen=True, slots=True)
class Service:
    """An app or online service: its host names, addresses, ports and categories."""

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
    addresses: tuple[AddressBlock, ...] = ()
    signatures: tuple[Signature, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupFile:
    """The contents of one catalogue file: a group, its services, and host names to test them with."""

    group: ServiceGroup
    services: tuple[Service, ...]
    # Service → names that match, names that do not.
    tests: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)  # service → its place in the file


class Catalogue:
    """All services of the catalogue: finds those that a host, an address, a port or first bytes belong to.

    A look-up of a host takes one dict look-up per label, that of an address one per prefix length. The
    longest matching entry decides.
    """

    __slots__ = (
        "_addresses",
        "_companions",
        "_domains",
        "_exact",
        "_hidden",
        "_hidden_exact",
        "_patterns",
        "_ports",
        "_shared",
        "_signatures",
        "_updates",
        "groups",
        "packaged",
        "services",
    )

    def __init__(
        self, files: Iterable[GroupFile] = (), packaged: Mapping[str, Service] | None = None
    ) -> None:
        """Create the catalogue. Raises PolicyError if two files define the same service or group.

        ``packaged``: the services of the package by id, if ``files`` contain a family's own services too.
        """
        self.groups: dict[str, ServiceGroup] = {}
        self.services: dict[str, Service] = {}
        for file in files:
            self._add(file)
        self.packaged: Mapping[str, Service] = self.services if packaged is None else packaged
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
        self._addresses = PrefixMap(_by_prefix(services))
        self._signatures = SignatureIndex((service.id, service.signatures) for service in services)

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

    def with_own(self, services: Iterable[Service]) -> Catalogue:
        """Return a new catalogue with the package's services and a family's own ``services``, no others.

        A family's service replaces one of the package with the same id.
        """
        own = {service.id: service for service in services}
        groups = {key: group for key, group in self.groups.items() if key != OWN_GROUP.id}
        files = [
            GroupFile(group, tuple(s for s in self.packaged.values() if s.group == key and s.id not in own))
            for key, group in groups.items()
        ]
        if own:
            files.append(GroupFile(OWN_GROUP, tuple(own.values())))
        return Catalogue(files, self.packaged)

    def services_of(self, host: str) -> tuple[str, ...]:
        """Return the ids of the services that ``host`` (normalised) belongs to; usually none or one.

        The longest matching entry decides, of the services' names and update names.
        """
        updated = self._updates.find(host)
        found = self._longest(host)
        if updated is None:
            return NO_SERVICES if found is None else found[1]
        if found is None or len(found[0]) < len(updated[0]):
            return updated[1]
        return found[1]

    def updates_of(self, host: str) -> tuple[str, ...]:
        """Return the ids of services that ``host`` serves updates of; () if a longer entry has other uses."""
        updated = self._updates.find(host)
        if updated is None:
            return NO_SERVICES
        found = self._longest(host)
        return updated[1] if found is None or len(found[0]) <= len(updated[0]) else NO_SERVICES

    def _longest(self, host: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the longest entry that matches a host, and the ids of its services; None if none matches.

        A service that excludes the host is left out.
        """
        hidden: tuple[str, ...] = self._hidden_exact.get(host, NO_SERVICES)
        found = _without(self._exact.get(host, NO_SERVICES), hidden)
        if found:
            return host, found
        starred = self._patterns.find(host)
        if starred is not None:  # ranks as the longest possible entry, like an exact name
            found = _without(starred[1], hidden + self._hidden.get(host, NO_SERVICES))
            if found:
                return host, found
        for suffix in hosts.suffixes(host):
            hidden += self._hidden.get(suffix, NO_SERVICES)
            found = self._domains.get(suffix, NO_SERVICES)
            if found and (found := _without(found, hidden)):
                return suffix, found
        return None

    def companions_of(self, host: str) -> tuple[str, ...]:
        """Return the ids of services that need ``host``, a name of others; it opens where they are open."""
        return self._companions.get(host) or NO_SERVICES

    def shared_by(self, host: str) -> tuple[str, ...]:
        """Return the ids of the services that need ``host``, which another service's app needs too.

        It opens only if the family itself allows one of them.
        """
        return self._shared.get(host) or NO_SERVICES

    def services_at(self, kind: str, port: int) -> tuple[str, ...]:
        """Return the ids of the services that use ``port`` for connections without a host name.

        ``kind``: udp, tcp, or teredo (IPv6 in UDP, as consoles use it; its UDP port). Raises KeyError for
        another kind.
        """
        return tuple(service for first, last, service in self._ports[kind] if first <= port <= last)

    def owners_of(self, address: bytes) -> RangeOwners | None:
        """Return the services that use a packed address, by the longest prefix; None if no service does."""
        return self._addresses.get(address)

    def signed(self, proto: str, payload: bytes, port: int) -> tuple[str, ...]:
        """Return the ids of the services with signatures that match the first bytes that a client sent.

        ``proto``: tcp, with the start of the stream, or udp, with one datagram. ``port``: the server's.
        """
        return self._signatures.find(proto, payload, port)

    def categories_of(self, services: Iterable[str]) -> frozenset[str]:
        """Return the ids of all categories of ``services``. Raises KeyError for an unknown service."""
        return frozenset[str]().union(*(self.services[service].categories for service in services))

    def kinds_of(self, service: str) -> tuple[str, ...]:
        """Return the category ids of one service, sorted; () if it is no longer in the catalogue."""
        known = self.services.get(service)
        return () if known is None else tuple(sorted(known.categories))

    def groups_of(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return the group ids of ``services``, each once. Raises KeyError for an unknown service."""
        return tuple(dict.fromkeys(self.services[service].group for service in services))


def _without(found: tuple[str, ...], hidden: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(service for service in found if service not in hidden) if hidden else found


def _index(
    services: Iterable[Service], entries: Callable[[Service], tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return two maps from host name to service ids: names with all names under them, and exact names.

    ``entries`` returns the entries of a service; those with a star are left out.
    """
    below: dict[str, tuple[str, ...]] = {}
    exact: dict[str, tuple[str, ...]] = {}
    for service in services:
        alone = (service.id,)  # one for all its names: most have no other service
        for entry in entries(service):
            table = exact if entry.startswith("=") else below
            if "*" in entry:
                continue
            name = entry.removeprefix("=")
            others = table.get(name)
            table[name] = alone if others is None else (*others, service.id)
    return below, exact


def _by_port(services: Iterable[Service], kind: str) -> tuple[tuple[int, int, str], ...]:
    """Return first port, last port and service id of each port range of one type (``kind``)."""
    return tuple((*span, service.id) for service in services for span in service.ports.get(kind, ()))


def _by_prefix(services: Iterable[Service]) -> list[tuple[Network, RangeOwners]]:
    """Return each address prefix of the services with the services that use it.

    A prefix is shared if several services have it, if it is part of another service's, or if the catalogue
    marks it so.
    """
    blocks: dict[Network, dict[str, bool]] = {}  # prefix → service → whether it is marked as shared
    for service in services:
        for block in service.addresses:
            for prefix in block.prefixes:
                owners = blocks.setdefault(prefix, {})
                owners[service.id] = owners.get(service.id, False) or block.shared
    found = []
    for prefix, owners in blocks.items():
        around = [other for other in _supernets(prefix) if other in blocks]
        everyone = dict.fromkeys(service for other in (*around, prefix) for service in blocks[other])
        shared = len(everyone) > 1 or any(owners.values())
        found.append((prefix, RangeOwners(tuple(everyone), shared)))
    return found


def _supernets(prefix: Network) -> list[Network]:
    """Return the wider prefixes that contain ``prefix``, up to the widest that a service may have."""
    widest = WIDEST_PREFIXES[prefix.version]
    return [prefix.supernet(new_prefix=length) for length in range(widest, prefix.prefixlen)]


def parse_group(
    source: str | bytes,
    file: str,
    categories: Collection[str],
    is_public_suffix: hosts.PublicSuffixCheck,
) -> GroupFile:
    """Return the contents of one YAML file of the catalogue: a group of services.

    ``categories``: the ids that a service may name.

    Raises:
        PolicyError: the file is invalid; with file, line, key and fix.
    """
    top = fields.Fields(parse_document(source, file), ("group", "services"))
    head = fields.Fields(fields.mapping(top.need("group")), ("id", "name"))
    group = ServiceGroup(_id(head.need("id")), translations(head.need("name")))
    services, tests, places = [], {}, {}
    for key, place, node in fields.pairs(top.need("services")):
        _check_id(key, place)
        part = fields.Fields(fields.mapping(node), _KEYS)
        part.need("categories")
        if not fields.items(part.need("domains")):
            part.place.refuse("has no domains", "name at least one")
        addresses = part.read("addresses", _address_blocks, ())
        services.append(_service(key, group.id, part, categories, is_public_suffix, addresses))
        tests[key] = _tests(part.need("test"))
        places[key] = place
    return GroupFile(group, tuple(services), tests, places)


def parse_own_services(
    node: Node, categories: Collection[str], is_public_suffix: hosts.PublicSuffixCheck
) -> tuple[Service, ...]:
    """Return the services that a family defines, from the node `services` of `qalqan.yaml`.

    They need names or addresses, but no categories. Raises PolicyError with file, line, key and fix for an
    invalid one.
    """
    found: list[Service] = []
    for key, place, value in fields.pairs(node):
        if len(found) >= MAX_OWN:
            place.refuse(f"is more than {MAX_OWN} services", "remove some")
        _check_id(key, place)
        part = fields.Fields(fields.mapping(value), OWN_KEYS)
        addresses = part.read("addresses", _own_addresses, ())
        if not addresses:
            part.need("domains")
        service = _service(key, OWN_GROUP.id, part, categories, is_public_suffix, addresses)
        if not service.domains and not addresses:
            part.place.refuse("has no domains", "name at least one, or addresses")
        found.append(service)
    return tuple(found)


def _own_addresses(node: Node) -> tuple[AddressBlock, ...]:
    prefixes = read_prefixes(node)
    return (AddressBlock(prefixes, "", date.min),) if prefixes else ()


def _check_id(key: str, place: Place) -> None:
    if _ID.fullmatch(key) is None:
        place.refuse(f"{shown(key)} is no id", "use a-z, 0-9 and -")


def _id(node: Node) -> str:
    word = fields.text(node)
    _check_id(word, node.place)
    return word


def _service(
    key: str,
    group: str,
    part: fields.Fields,
    categories: Collection[str],
    is_public_suffix: hosts.PublicSuffixCheck,
    addresses: tuple[AddressBlock, ...],
) -> Service:
    def names(node: Node) -> tuple[str, ...]:
        return read_entries(node, is_public_suffix)

    def names_and_patterns(node: Node) -> tuple[str, ...]:
        return read_entries(node, is_public_suffix, patterns=True)

    def chosen(node: Node) -> frozenset[str]:
        return _set_of(tuple(fields.choice(item, categories) for item in fields.items(node)))

    domains = part.read("domains", names_and_patterns, NO_SERVICES)
    excluded: tuple[str, ...] = part.read("except", names, NO_SERVICES)
    for entry in excluded:
        name = entry.removeprefix("=")
        if entry in domains or not any(hosts.is_under(name, domain) for domain in domains):
            part.place.refuse(f"excludes {shown(entry)}, which is not under its domains", "take it out")
    return Service(
        id=key,
        name=fields.text(part.need("name")),
        group=group,
        categories=part.read("categories", chosen, frozenset()),
        domains=domains,
        excluded=excluded,
        update=part.read("update", names, NO_SERVICES),
        companions=part.read("companions", names, NO_SERVICES),
        shared=part.read("shared", names, NO_SERVICES),
        ports=part.read("ports", _ports, {}),
        threshold=part.read("threshold", _threshold, DEFAULT_THRESHOLD),
        min_age=part.read("min_age", _min_age, None),
        method=part.read("method", lambda node: fields.choice(node, _METHODS), ""),
        addresses=addresses,
        signatures=part.read("signatures", _signatures, ()),
    )


@cache
def _set_of(categories: tuple[str, ...]) -> frozenset[str]:
    """Return the categories as a set; equal arguments get the same object (700 services have 70 sets)."""
    return frozenset(categories)


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
        read[key] = read_ports(value)
    return read


def _signatures(node: Node) -> tuple[Signature, ...]:
    return tuple(read_signature(item) for item in fields.items(node))


def _address_blocks(node: Node) -> tuple[AddressBlock, ...]:
    return tuple(_address_block(item) for item in fields.items(node))


def _address_block(node: Node) -> AddressBlock:
    part = fields.Fields(fields.mapping(node), _BLOCK_KEYS)
    return AddressBlock(
        prefixes=read_prefixes(part.need("prefixes")),
        source=fields.https_url(part.need("source"), "write the page that publishes the addresses"),
        date=_date(part.need("date")),
        shared=part.read("shared", fields.flag, False),
    )


def read_prefixes(node: Node) -> tuple[Network, ...]:
    """Return the prefixes and addresses in a list node.

    Raises PolicyError for duplicates, for those that are invalid, reserved or too wide, and for too many.
    """
    found: dict[Network, None] = {}
    for item in fields.entries(node, MAX_PREFIXES):
        word = fields.text(item)
        try:
            prefix = public_prefix(word)
        except NetError as error:
            item.place.refuse(f"{shown(word)} {error.problem}", error.fix)
        widest = WIDEST_PREFIXES[prefix.version]
        if prefix.prefixlen < widest:
            item.place.refuse(f"{shown(word)} is too wide for one service", f"write /{widest} or longer")
        if prefix in found:
            item.place.refuse(f"{shown(word)} is there twice", "take one out")
        found[prefix] = None
    return tuple(found)


def _date(node: Node) -> date:
    word = fields.text(node)
    try:
        return date.fromisoformat(word)
    except ValueError:
        node.place.refuse(f"{shown(word)} is no date", "write it like 2026-11-29")


def _tests(node: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    part = fields.Fields(fields.mapping(node), ("match", "miss"))
    return _hosts(part.need("match")), part.read("miss", _hosts, NO_SERVICES)


def _hosts(node: Node) -> tuple[str, ...]:
    return tuple(read_host(item) for item in fields.items(node))

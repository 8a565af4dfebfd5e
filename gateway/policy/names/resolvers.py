"""Public resolvers with encrypted protocols: `profiles/resolvers.yaml` → Resolvers.

The format::

    resolvers:
      example:
        name: Example DNS
        country: kz                         # of the operator; ``any``: unknown or several
        domains: [example-dns.com]          # used by the resolver only: each with all names under it
        hosts: [dns.example.com]            # under a domain with other uses; with all names under them
        addresses: [192.0.2.1, "2001:db8::1"]   # published addresses, also prefixes: policy/names/networks.py
        seen: true                          # in a public list of 2026, not from general knowledge alone
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.policy.names import networks as nets
from gateway.policy.names.hosts import HostMap, PublicSuffixCheck, read_rule_host, suffixes
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, Place, shown

_KEYS = ("name", "country", "domains", "hosts", "addresses", "seen")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,39}", re.ASCII)
_COUNTRY = re.compile(r"[a-z]{2}|any", re.ASCII)


@dataclass(frozen=True, slots=True)
class Resolver:
    """A public DNS resolver with encrypted protocols: its names and addresses."""

    id: str
    name: str  # of the operator
    country: str  # of the operator; ``any``: unknown or several
    names: tuple[str, ...]  # each with all names under it
    addresses: tuple[str, ...]  # entries as in policy/names/networks.py
    seen: bool  # in a public list


@dataclass(frozen=True, slots=True, eq=False)
class Resolvers:
    """Finds the public DNS resolver that has a host name or an address."""

    names: HostMap[Resolver] = field(default_factory=lambda: HostMap({}))
    addresses: Mapping[str, Resolver] = field(
        default_factory=dict
    )  # by entries as in policy/names/networks.py

    def at(self, packed: bytes) -> Resolver | None:
        """Return the resolver that has a packed address (4 or 16 bytes) or its prefix, or None."""
        own, prefix = nets.keys(packed)
        return self.addresses.get(own) or self.addresses.get(prefix)


def parse_resolvers(source: str | bytes, file: str, is_public_suffix: PublicSuffixCheck) -> Resolvers:
    """Return the public DNS resolvers of a YAML file.

    Raises:
        PolicyError: the file is invalid; with file, line, key and fix. Also for an entry of ``hosts`` that
            is a whole domain, since that would block other sites as well.
    """
    top = fields.Fields(parse_document(source, file), ("resolvers",))
    reader = _Reader(is_public_suffix)
    for key, place, node in fields.pairs(top.need("resolvers")):
        reader.read(key, place, node)
    return Resolvers(HostMap(reader.names), reader.addresses)


class _Reader:
    """Reads the DNS resolvers of a file one by one, and collects them by host name and by address."""

    def __init__(self, is_public_suffix: PublicSuffixCheck) -> None:
        self.names: dict[str, Resolver] = {}
        self.addresses: dict[str, Resolver] = {}
        self._below: dict[str, Place] = {}  # each parent of a name that was read → the place of that name
        self._is_public_suffix = is_public_suffix

    def read(self, key: str, place: Place, node: Node) -> None:
        if _ID.fullmatch(key) is None:
            place.refuse(f"{shown(key)} is no id", "use a-z, 0-9 and -, two letters at least")
        part = fields.Fields(fields.mapping(node), _KEYS)
        country = fields.text(part.need("country"))
        if _COUNTRY.fullmatch(country) is None:
            part.need("country").place.refuse(f"{shown(country)} is no country", "write two letters, or any")
        domains = [(item, self._domain(item)) for item in _items(part, "domains")]
        hosts = [(item, self._host(item)) for item in _items(part, "hosts")]
        addresses = [
            (item, entry) for item in _items(part, "addresses") for entry in nets.spread(_network(item))
        ]
        if not domains and not hosts:
            place.refuse("has no name", "add a line 'hosts: …'")
        resolver = Resolver(
            id=key,
            name=fields.text(part.need("name")),
            country=country,
            names=tuple(name for _, name in (*domains, *hosts)),
            addresses=tuple(entry for _, entry in addresses),
            seen=part.read("seen", fields.flag, default=False),
        )
        for item, name in (*domains, *hosts):
            self._add_name(item.place, name, resolver)
        for item, entry in addresses:
            if entry in self.addresses:
                item.place.refuse(f"{shown(entry)} is there twice", "keep it once")
            self.addresses[entry] = resolver

    def _domain(self, node: Node) -> str:
        return read_rule_host(node, self._is_public_suffix)

    def _host(self, node: Node) -> str:
        name = self._domain(node)
        if self._is_public_suffix(name.partition(".")[2]):
            fix = "write the resolver's own name, or put it under domains where nothing else is on it"
            node.place.refuse(f"{shown(name)} is a whole domain", fix)
        return name

    def _add_name(self, place: Place, name: str, resolver: Resolver) -> None:
        """Add a DNS resolver's host name.

        Raises PolicyError if another name in the file is equal, above or below it.
        """
        above = next((suffix for suffix in suffixes(name) if suffix in self.names), None)
        if above is not None:
            place.refuse(f"{shown(name)} is included in {shown(above)}", "take it out")
        if name in self._below:
            self._below[name].refuse(f"is included in {shown(name)}", "take it out")
        for parent in suffixes(name):
            self._below.setdefault(parent, place)
        self.names[name] = resolver


def _items(part: fields.Fields, key: str) -> tuple[Node, ...]:
    node = part.node(key)
    return () if node is None else fields.items(node)


def _network(node: Node) -> nets.Network:
    word = fields.text(node)
    try:
        return nets.network(word)
    except nets.NetError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)

"""Looks up the categories, services and resolver of a host or an address, for the command and the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.policy.judge.why import parse_host
from gateway.policy.names import networks as nets
from gateway.policy.names.categories import Categories
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.names.name_words import NameWords
from gateway.policy.names.resolvers import Resolvers
from gateway.policy.names.services import Catalogue


@dataclass(frozen=True, slots=True)
class Match:
    """An entry of the table that contains the host, or the part of its name that has a category's word."""

    name: str
    categories: tuple[str, ...]  # sorted


@dataclass(frozen=True, slots=True)
class Lookup:
    """The table entries, services and resolver that match a host or address.

    If it is blocked for everyone, only that is returned.
    """

    host: str
    refused_for_everyone: bool
    matches: tuple[Match, ...] = ()  # longest first
    services: tuple[str, ...] = ()
    resolver: str | None = None  # that the host belongs to


def look_up(
    written: str,
    table: DomainTable,
    categories: Categories,
    catalogue: Catalogue,
    resolvers: Resolvers,
    sealed: Callable[[str], bool],
    words: NameWords,
) -> Lookup:
    """Return the table entries, services and resolver that match ``written``, a host or an IP address.

    Raises PolicyError if ``written`` is neither.
    """
    packed = nets.address(written)
    host = parse_host(written) if packed is None else nets.keys(packed)[0]
    found = table.matches(host) if packed is None else tuple(_entries(table, packed))
    in_a_set = packed is None and sealed(host)
    if in_a_set or any(not known.isdisjoint(categories.binding) for _, known in found):
        # A sealed entry must look like any other entry that is blocked for everyone: no name, no categories.
        return Lookup(host, refused_for_everyone=True)
    services = () if packed else tuple(catalogue.services_of(host))
    if not found and packed is None and not services:
        found = words.matches(host)
    resolver = resolvers.names.get(host) if packed is None else resolvers.at(packed)
    return Lookup(
        host,
        refused_for_everyone=False,
        matches=tuple(Match(name, tuple(sorted(known))) for name, known in found),
        services=services,
        resolver=None if resolver is None else resolver.name,
    )


def _entries(table: DomainTable, packed: bytes) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the entries that contain an address, longest prefix first, each with its categories."""
    return ((key, known) for key in nets.keys(packed) if (known := table.entry(key)))

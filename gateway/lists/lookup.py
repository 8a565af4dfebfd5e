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
    """A table entry that equals or contains the host or address, or a word in the host name.

    Such a word is typical of a category. ``categories``: those of the entry or word.
    """

    name: str  # the entry, or the part of the host name from the word's label on
    categories: tuple[str, ...]  # sorted


@dataclass(frozen=True, slots=True)
class Lookup:
    """The result of a look-up of a host or address: table entries, services, and its DNS resolver.

    If it is blocked for everyone, only that is returned.
    """

    host: str
    refused_for_everyone: bool
    matches: tuple[Match, ...] = ()  # longest first
    services: tuple[str, ...] = ()  # ids
    resolver: str | None = None  # name of the DNS resolver that the host belongs to; None: it is none


def look_up(
    written: str,
    table: DomainTable,
    categories: Categories,
    catalogue: Catalogue,
    resolvers: Resolvers,
    sealed: Callable[[str], bool],
    words: NameWords,
) -> Lookup:
    """Return the table entries, services and DNS resolver that match ``written``, a host or an IP address.

    For an address, no services are returned. ``sealed`` returns whether a sealed list has the host. For a
    host that is blocked for everyone, nothing else is returned. ``words`` are used only if neither table nor
    catalogue has the host. Raises PolicyError if ``written`` is neither a host nor an address.
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
    """Yield the table's entries that contain a packed address, longest prefix first, with categories."""
    return ((key, known) for key in nets.keys(packed) if (known := table.entry(key)))

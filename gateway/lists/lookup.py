"""Looks up the categories, services and resolver of a host or an address, for the command and the pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.policy.judge.why import parse_host
from gateway.policy.names import networks as nets
from gateway.policy.names.categories import Categories
from gateway.policy.names.domain_table import DomainTable
from gateway.policy.names.resolvers import Resolvers
from gateway.policy.names.services import Catalogue

Found = tuple[tuple[str, frozenset[str]], ...]


def look_up(
    written: str,
    table: DomainTable,
    categories: Categories,
    catalogue: Catalogue,
    resolvers: Resolvers,
    sealed: Callable[[str], bool],
) -> Mapping[str, Any]:
    """Return ``host``, ``refused_for_everyone``, ``matches``, ``services`` and ``resolver`` as a mapping.

    Raises PolicyError if ``written`` is not a host or an address.
    """
    packed = nets.address(written)
    host = parse_host(written) if packed is None else nets.keys(packed)[0]
    found = table.matches(host) if packed is None else _entries(table, packed)
    in_a_set = packed is None and sealed(host)
    if in_a_set or any(not known.isdisjoint(categories.binding) for _, known in found):
        # A sealed entry must look like any other entry that is blocked for everyone: no name, no categories.
        return {"host": host, "refused_for_everyone": True, "matches": [], "services": [], "resolver": None}
    resolver = resolvers.names.get(host) if packed is None else resolvers.at(packed)
    return {
        "host": host,
        "refused_for_everyone": False,
        "matches": [{"name": name, "categories": sorted(known)} for name, known in found],
        "services": [] if packed else list(catalogue.services_of(host)),
        "resolver": None if resolver is None else resolver.name,
    }


def _entries(table: DomainTable, packed: bytes) -> Found:
    """Return the entries that contain an address, longest prefix first, each with its categories."""
    return tuple((key, known) for key in nets.keys(packed) if (known := table.entry(key)))

"""Proposes domains for a service of the catalogue from MIT-licensed data, as YAML for a person to review.

Usage: ``python -m tests.catalogue.propose SERVICE [--nextdns DIR] [--v2fly DIR] [--list NAME] [--date DAY]``

``--nextdns`` is the folder ``services`` of nextdns/services, ``--v2fly`` the folder ``data`` of
v2fly/domain-list-community. ``--list`` is the name of the list there, where it differs from the service's id.
Nothing is written: a person checks each name against the service and copies it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from gateway.household.loading import load_product
from gateway.lists.public_suffixes import public_suffix_check
from gateway.policy.names.hosts import HostError, PublicSuffixCheck, is_under, normalise
from gateway.policy.names.services import Catalogue

_LIST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9!._-]*")
_PATTERNS = ("keyword", "regexp")  # of v2fly; a catalogue entry cannot say them


@dataclass(frozen=True, slots=True)
class ListedName:
    """A domain of a foreign list: as a catalogue entry (``=``: that name alone), and its list."""

    entry: str
    source: str

    @property
    def name(self) -> str:
        return self.entry.removeprefix("=")


@dataclass(slots=True)
class Proposal:
    """What foreign lists add to a service: new domains, and names that need a closer look."""

    new: dict[str, str] = field(default_factory=dict)  # entry → source
    others: dict[str, tuple[str, ...]] = field(default_factory=dict)  # entry → services that own it today
    unusable: list[str] = field(default_factory=list)  # public suffixes, patterns and damaged lines


def nextdns_names(folder: Path, name: str) -> Iterator[ListedName | str]:
    """Yield the domains of a list of nextdns/services: one a line. A damaged line is yielded as text."""
    for line in _lines(folder / name):
        yield from _read(line, f"nextdns/services: {name}", exact=False)


def v2fly_names(folder: Path, name: str, seen: frozenset[str] = frozenset()) -> Iterator[ListedName | str]:
    """Yield the domains of a list of v2fly/domain-list-community, with the lists that it includes.

    Advertising entries (``@ads``) are left out. Patterns and damaged lines are yielded as text.
    """
    for line in _lines(folder / name):
        rule, *attributes = line.split()
        if "@ads" in attributes:
            continue
        kind, colon, value = rule.rpartition(":")
        if kind == "include":
            if value != name and value not in seen and _LIST_NAME.fullmatch(value):
                yield from v2fly_names(folder, value, seen | {name})
        elif kind in _PATTERNS or (colon and kind not in ("domain", "full")):
            yield rule
        else:
            yield from _read(value, f"v2fly/domain-list-community: {name}", exact=kind == "full")


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            yield text


def _read(text: str, source: str, *, exact: bool) -> Iterator[ListedName | str]:
    try:
        name = normalise(text)
    except HostError:
        yield text
        return
    yield ListedName(f"={name}" if exact else name, source)


def propose(
    service: str,
    found: Iterable[ListedName | str],
    catalogue: Catalogue,
    is_public_suffix: PublicSuffixCheck,
) -> Proposal:
    """Return what listed names add to a service. Names that it has already are left out."""
    proposal = Proposal()
    known = catalogue.services[service]
    named = {entry for entry in (*known.companions, *known.shared, *known.update) if "*" not in entry}
    for listed in found:
        if isinstance(listed, str):
            proposal.unusable.append(listed)
            continue
        owners = catalogue.services_of(listed.name)
        if service in owners or any(is_under(listed.name, entry.removeprefix("=")) for entry in named):
            continue
        if owners:
            proposal.others.setdefault(listed.entry, owners)
        elif is_public_suffix(listed.name) and not listed.entry.startswith("="):
            proposal.unusable.append(listed.name)
        else:
            proposal.new.setdefault(listed.entry, listed.source)
    for entry in list(proposal.new):
        parents = (other for other in proposal.new if other != entry and not other.startswith("="))
        if any(is_under(entry.removeprefix("="), other) for other in parents):
            del proposal.new[entry]
    return proposal


def as_yaml(service: str, proposal: Proposal, day: date) -> str:
    """Return a proposal as YAML: entries to copy, each with source and date, and the rest as comments."""
    lines = [f"{service}:"]
    if proposal.new:
        lines.append("  domains:")
        lines += [f'    - "{entry}"  # {source}, {day}' for entry, source in sorted(proposal.new.items())]
    else:
        lines.append("  domains: []")
    lines += [
        f"  # {entry}: belongs to {', '.join(owners)}" for entry, owners in sorted(proposal.others.items())
    ]
    lines += [f"  # not usable: {text}" for text in proposal.unusable]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.catalogue.propose")
    parser.add_argument("service")
    parser.add_argument("--nextdns", type=Path)
    parser.add_argument("--v2fly", type=Path)
    parser.add_argument("--list", help="name of the list there; default: the service's id")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    given = parser.parse_args(arguments)
    catalogue = load_product().catalogue
    if given.service not in catalogue.services:
        parser.error(f"{given.service} is not in the catalogue. Add its entry first.")
    if given.nextdns is None and given.v2fly is None:
        parser.error("give a folder: --nextdns or --v2fly")
    name = given.list or given.service
    found: list[ListedName | str] = []
    if given.nextdns is not None:
        found += nextdns_names(given.nextdns, name)
    if given.v2fly is not None:
        found += v2fly_names(given.v2fly, name)
    proposal = propose(given.service, found, catalogue, public_suffix_check())
    sys.stdout.write(as_yaml(given.service, proposal, given.date))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

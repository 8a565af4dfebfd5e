"""`qalqan check`: a family's own rules that block a site which should be open from the age of ten.

No list may block such a site (`gateway.lists.must_resolve`); a family may, and this check reports it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.check.findings import Finding, note
from gateway.lists.must_resolve import YOUNGEST, MustResolve
from gateway.policy.profile.household import Household
from gateway.policy.profile.rules import Entry, Kind

MOST = 20  # lines per child
FIX = "remove it if this is a mistake"


def must_findings(family: Household, must: MustResolve) -> Iterator[Finding]:
    """Check the rules of children of ten and older; for younger ones the parents' choice is respected."""
    for profile in family.profiles.values():
        if not profile.is_child or profile.band.rank < YOUNGEST.rank:
            continue
        allowed = set(_names(profile.rules.allow))
        closed = [(name, must.site_of_any_list(name)) for name in _names(profile.rules.block)]
        for name, site in [(name, site) for name, site in closed if site and site not in allowed][:MOST]:
            text = (
                f"{profile.id}: block has {name}, which blocks {site}; no list may block that from age 10 on"
            )
            yield note("profile", text, FIX)


def _names(entries: tuple[Entry, ...]) -> list[str]:
    """Return the names; each includes all names under it."""
    return [entry.value for entry in entries if entry.kind is Kind.NAME]

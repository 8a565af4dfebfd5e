"""`qalqan check`: rules of a family's own that close a site which opens from ten years on everywhere else.

No list may close one (`gateway.lists.must_resolve`); a family may, and reads here that it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.check.findings import Finding, note
from gateway.lists.must_resolve import YOUNGEST, MustResolve
from gateway.policy.profile.household import Household
from gateway.policy.profile.rules import Entry, Kind

MOST = 20  # lines of one child
MEND = "take it out where it stands there by mistake"


def must_findings(family: Household, must: MustResolve) -> Iterator[Finding]:
    """Of a child of ten or more; younger ones have what their parents chose."""
    for one in family.profiles.values():
        if not one.is_child or one.band.rank < YOUNGEST.rank:
            continue
        allowed = set(_names(one.rules.allow))
        closed = [(name, must.site_of_any_list(name)) for name in _names(one.rules.block)]
        for name, site in [(name, site) for name, site in closed if site and site not in allowed][:MOST]:
            text = (
                f"{one.id}: block has {name}, and so closes {site}, which no list may close from 10 years on"
            )
            yield note("profile", text, MEND)


def _names(entries: tuple[Entry, ...]) -> list[str]:
    """Each stands for all names under it."""
    return [one.value for one in entries if one.kind is Kind.NAME]

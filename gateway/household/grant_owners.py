"""Extra time as a situation has it: minutes beyond limits, and the owner that a decision names for it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.judge.explanation import GUARDIAN
from gateway.store.tables.grants import Given, GrantKind

BY_GUARDIANS = (GrantKind.GRANT, GrantKind.REQUEST)  # not what a child takes: "Finish my game", a code
CONSOLE = "console"  # changes on the command line, unless a name is given
ROUTER = "router"  # changes on the router's own pages: LuCI


def bonus(given: Iterable[Given]) -> dict[str, int]:
    """Return the minutes beyond today's limits, by gate."""
    found: dict[str, int] = {}
    for grant in given:
        if grant.until is None:
            found[grant.gate] = found.get(grant.gate, 0) + grant.minutes
    return found


def giver(one: Given) -> str:
    """Return the owner of a grant: the guardian who gave it, else the family, as for a code."""
    return owner(one.by) if one.kind in BY_GUARDIANS else "family"


def owner(by: str) -> str:
    """Return the owner that a decision names: a guardian, or the family if no name is known."""
    return "family" if by in (CONSOLE, ROUTER) else f"{GUARDIAN}:{by}"

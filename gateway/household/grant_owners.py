"""What was given, as a situation has it: minutes beyond limits, and whom a decision names for it."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.judge.sentence import GUARDIAN
from gateway.store.tables.grants import Given, GrantKind

BY_GUARDIANS = (
    GrantKind.GRANT,
    GrantKind.REQUEST,
)  # not what a child takes: a landing, a code, the daily amount
CONSOLE = "console"  # who changes something on the command line, unless a name is given
ROUTER = "router"  # …, on the router's own pages: LuCI


def bonus(given: Iterable[Given]) -> dict[str, int]:
    """Minutes beyond the limits of the day, by gate."""
    found: dict[str, int] = {}
    for one in given:
        if one.until is None:
            found[one.gate] = found.get(one.gate, 0) + one.minutes
    return found


def giver(one: Given) -> str:
    """A landing, a code and what is granted by itself are nobody's word of today."""
    return owner(one.by) if one.kind in BY_GUARDIANS else "family"


def owner(by: str) -> str:
    """Who a decision names: a guardian, or the family where nobody gave a name."""
    return "family" if by in (CONSOLE, ROUTER) else f"{GUARDIAN}:{by}"

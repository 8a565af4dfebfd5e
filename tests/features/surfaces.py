"""What a guardian can ask of a child: every verb that could tell of what it does, asked at once."""

from __future__ import annotations

from typing import Any

from gateway.age.bands import AgeBand
from gateway.control.protocol import Role
from gateway.features.backup.contents import collect
from gateway.household.visibility import Visibility
from tests.features.conftest import Make
from tests.features.desk import Desk

MUM = "Mum"
MAXIMA = {"0-5": 3, "6-9": 3, "10-12": 2, "13-15": 1, "16-17": 0, "adult": 0}
CHILDREN = [band.value for band in AgeBand if band is not AgeBand.ADULT]

OF_A_CHILD: dict[str, dict[str, Any]] = {
    "status": {},
    "history": {"id": "daughter", "from": "2026-11-18", "to": "2026-11-24"},
    "ledger": {"who": "daughter"},
    "refusals": {"profile": "daughter"},
    "traffic": {"by": MUM},
    "cards": {},
    "requests": {},
    "lesson": {"id": "daughter"},
    "profile": {"id": "daughter"},
    "why": {"profile": "daughter", "host": "neutral.test"},
    "audit_log": {},
    "changes": {},
    "own_changes": {"id": "daughter"},
    "devices": {},
    "questions": {},
    "rules": {"id": "daughter"},
    "week": {"id": "daughter"},
    "step": {"id": "daughter"},
    "lent": {},
    "alerts": {},
    "family": {},
    "backup": {"by": MUM},
    "tickets": {},
    "filter_test": {"action": "look", "id": "daughter"},
    "filter_test_site": {"id": "daughter", "host": "example.com", "by": MUM},
}
"""Verbs whose answer could tell of what a child does, and how a guardian asks them."""


def answers(desk: Desk) -> dict[str, str]:
    """Each answer as text, as the pages or the console get it."""
    return {verb: repr(_ask(desk, verb, values)) for verb, values in OF_A_CHILD.items()}


def _ask(desk: Desk, verb: str, values: dict[str, Any]) -> object:
    if verb == "backup":  # that it was asked for is written down, a difference of its own
        return collect(
            desk.home, desk.store, Visibility(desk.home, desk.store.devices, desk.store.uses), MUM
        )[0]
    answer = desk.ask(verb, Role.OWNER if verb == "lesson" else Role.WEB, **values)
    if verb == "filter_test":  # the last tested site is the answer of `filter_test_site`
        return [test for test in answer["tests"] if test["method"] != "site"]
    return answer


def others(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The verbs that answer otherwise."""
    return {verb for verb, text in after.items() if text != before[verb]}


def with_(marker: str, told: dict[str, str]) -> set[str]:
    return {verb for verb, text in told.items() if marker in text}


def a_child_of(make: Make, band: str, now: str, **rules: object) -> Desk:
    """The daughter in that band, without times but those of ``rules``; Mum is a guardian."""
    settings = {key: rules.pop(key) for key in ("shared",) if key in rules}
    desk = make(now, daughter={"band": band, "windows": {}, "bedtime": {}, "limits": {}, **rules}, **settings)
    desk.ask("guardian", action="add", name=MUM)
    return desk

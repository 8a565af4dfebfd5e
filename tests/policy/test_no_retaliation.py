"""Asking, being refused and help lines have no way into a decision: the policy has no such input (R-23)."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

from gateway.policy import judge as judge_package
from gateway.policy.profile import age_transitions, bands, profile, rules
from gateway.policy.requests.requests import ChildRequest
from gateway.policy.time import time_rules

POLICY = Path(judge_package.__file__ or "").parents[1]
# A decision is made by the judge, from the rules of the profile and the standing of the clock.
DECIDES = [*sorted((POLICY / "judge").glob("*.py")), Path(time_rules.__file__ or "")]
# What a child asked for, what was blocked, what a child tried.
NEVER = (
    "gateway.policy.requests.requests", "gateway.policy.requests.tickets", "gateway.policy.alerts",
    "gateway.policy.time.ledger", "gateway.features", "gateway.household", "gateway.store",
)  # fmt: skip
WORDS = ("score", "penalt", "strike", "karma", "punish", "trust_level", "reputation", "refusal_count")


def _imported(path: Path) -> set[str]:
    return {
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }


def _all_imported(paths: list[Path]) -> set[str]:
    """Return the modules that are imported, directly and through others of the project."""
    waiting = list(paths)
    found: set[str] = set()
    while waiting:
        for name in _imported(waiting.pop()) - found:
            found.add(name)
            path = POLICY.parents[1] / (name.replace(".", "/") + ".py")
            if path.is_file():
                waiting.append(path)
    return found


def test_what_decides_knows_nothing_of_requests_or_refusals() -> None:
    found = _all_imported(DECIDES)
    assert "gateway.policy.profile.rules" in found
    assert [name for name in sorted(found) if name.startswith(NEVER)] == []


def test_no_value_of_the_policy_counts_against_a_child() -> None:
    kinds = (rules.Rules, profile.Profile, time_rules.Standing, time_rules.Situation, ChildRequest)
    names = {one.name for kind in kinds for one in fields(kind)}
    assert names
    for name in names:
        assert not any(word in name for word in WORDS), name
    for path in sorted(POLICY.rglob("*.py")):  # "score": of how much two devices look alike
        found = [word for word in WORDS[1:] if word in path.read_text().casefold()]
        assert found == [], f"{path.name}: {found}"


def test_the_log_level_and_the_next_step_come_from_the_band_and_the_file_alone() -> None:
    for module in (bands, age_transitions):
        assert module.__file__ is not None
        assert not [name for name in _all_imported([Path(module.__file__)]) if name.startswith(NEVER)]

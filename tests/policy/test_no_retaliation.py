"""Asking, being refused and help lines have no way into a decision: the policy has no such input (R-23)."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

from gateway.policy.profile import bands, growing, profile, rules
from gateway.policy.requests.requests import ChildRequest
from gateway.policy.time import standing

POLICY = Path(rules.__file__).parent.parent
# What a decision is made of: the rules, how things stand, and what the question was.
DECIDES = (
    "judge/decide.py", "judge/conclude.py", "judge/facts.py", "profile/rules.py", "profile/bands.py",
    "profile/growing.py", "profile/profile.py", "time/standing.py", "time/schedule.py", "time/gates.py",
    "time/uses.py",
)  # fmt: skip
NEVER = ("requests", "ledger", "cards", "signs", "traces")  # what was asked, what was refused, what was tried
WORDS = ("score", "penalt", "strike", "karma", "punish", "trust_level", "reputation", "refusal_count")


def _imported(name: str) -> set[str]:
    tree = ast.parse((POLICY / name).read_text())
    return {
        node.module.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }


def test_what_decides_knows_nothing_of_requests_or_refusals() -> None:
    for name in DECIDES:
        assert not _imported(name) & set(NEVER), name


def test_no_value_of_the_policy_counts_against_a_child() -> None:
    kinds = (rules.Rules, profile.Profile, standing.Standing, standing.Situation, ChildRequest)
    names = {one.name for kind in kinds for one in fields(kind)}
    assert names
    for name in names:
        assert not any(word in name for word in WORDS), name
    for path in sorted(POLICY.rglob("*.py")):  # "score": of how much two devices look alike
        found = [word for word in WORDS[1:] if word in path.read_text().casefold()]
        assert found == [], f"{path.name}: {found}"


def test_the_log_level_and_the_next_step_come_from_the_band_and_the_file_alone() -> None:
    for module in (bands, growing):
        assert module.__file__ is not None
        imported = _imported(f"profile/{Path(module.__file__).name}")
        assert not imported & {"requests", "ledger", "sharing", "site_repair"}

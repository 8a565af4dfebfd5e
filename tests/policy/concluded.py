"""What rules come to for a name."""

from __future__ import annotations

from gateway.policy.judge.conclude import Part, conclude
from gateway.policy.judge.study import Student
from gateway.policy.judge.world import World
from tests.policy.homes import a_profile, the_world


def concluded(text: str, host: str, world: World | None = None) -> Part:
    profile = a_profile(text)
    return conclude(Student(profile, world or the_world()).facts(host), profile)


def outcome(text: str, host: str, world: World | None = None) -> tuple[str, str, str]:
    decision = concluded(text, host, world).outcome
    return str(decision.verdict), str(decision.reason), decision.rule

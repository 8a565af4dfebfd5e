"""What rules come to for a name."""

from __future__ import annotations

from gateway.policy.judge.conclude import Conclusion, conclude
from gateway.policy.judge.facts import FactFinder
from gateway.policy.judge.world import World
from tests.policy.homes import a_profile, the_world


def concluded(text: str, host: str, world: World | None = None) -> Conclusion:
    profile = a_profile(text)
    return conclude(FactFinder(profile, world or the_world()).facts(host), profile)


def outcome(text: str, host: str, world: World | None = None) -> tuple[str, str, str]:
    decision = concluded(text, host, world).outcome
    return str(decision.verdict), str(decision.reason), decision.rule

"""What a child may request: a site is requested by its name alone, whatever the time is."""

from __future__ import annotations

from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.judge.conclude import conclude
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.judge.facts import FactFinder
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.values import Decision, Reason


def outcome(host: str, profile: Profile, world: World) -> Decision:
    """Return the decision about a host under a profile without time rules, pauses and grants."""
    part = conclude(FactFinder(profile, world).facts(host), profile)
    if part.help:
        return part.outcome
    return REFUSED_FOR_EVERYONE if part.binding else part.register or part.outcome


def check_askable(host: str, decision: Decision, name: str) -> None:
    """Raise PolicyError if a site cannot be requested. ``decision``: from `outcome`."""
    if decision.allowed:
        problem, fix = f"is not refused for {name}", "ask for time, if it is closed now"
        raise PolicyError(host, problem, fix).coded(Code.NOT_REFUSED, host=host, name=name)
    if decision.reason is Reason.REFUSED_FOR_EVERYONE:
        error = PolicyError(host, "is blocked for everyone", "nobody here can open it")
        raise error.coded(Code.FOR_EVERYONE, host=host)
    if decision.reason is Reason.REGISTER:
        fix = "a guardian can turn the register off for the home"
        raise PolicyError(host, "is on a state's register", fix).coded(Code.ON_REGISTER, host=host)
    if not decision.askable:
        error = PolicyError(host, "is refused by rules that take no request", "talk to a guardian about it")
        raise error.coded(Code.NOT_ASKABLE, host=host)

"""What a guardian's word opens for a while: a site or service that is refused by the family or its band."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.policy.judge.conclude import Part, allowed_part
from gateway.policy.judge.study import Facts
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY
from gateway.policy.values import Reason, Verdict

OPENED = "opened for a while"

# What a guardian's word of today outranks: the family's and the band's own, nothing that binds everyone.
_OPENABLE = frozenset(
    {
        Reason.FAMILY_BLOCK,
        Reason.SERVICE,
        Reason.CATEGORY,
        Reason.NEW_DOMAIN,
        Reason.UNKNOWN_DOMAIN,
        Reason.NOT_ON_LIST,
    }
)


def is_openable(part: Part) -> bool:
    """Whether it is refused by what `opened_part` lifts."""
    return part.outcome.reason in _OPENABLE and part.outcome.verdict is Verdict.BLOCK


def opened_part(facts: Facts, profile: Profile, entry: str, until: datetime) -> Part:
    """What `conclude` says, where a guardian opened ``entry`` for a while: an allow that only time closes."""
    return part_until(facts, profile, f"{OPENED}: {entry}", until)


def part_until(facts: Facts, profile: Profile, rule: str, until: datetime) -> Part:
    """An allow of the family's that holds until then."""
    part = allowed_part(facts, profile.rules, Reason.FAMILY_ALLOW, rule, FAMILY)
    rewrite = None if part.rewrite is None else replace(part.rewrite, until=until)
    return Part(part.gates, replace(part.outcome, until=until), rewrite, services=facts.services)

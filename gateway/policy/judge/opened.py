"""Sites and services that a guardian opened for a while although the family or its band blocks them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.policy.judge.conclude import Conclusion, allowed_conclusion
from gateway.policy.judge.study import Facts
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import FAMILY
from gateway.policy.values import Reason, Verdict

OPENED = "opened for a while"

# A guardian's temporary opening outranks these rules of the family and the band, but none that binds
# everyone.
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


def is_openable(conclusion: Conclusion) -> bool:
    """Return True if `opened_conclusion` can lift the block."""
    return conclusion.outcome.reason in _OPENABLE and conclusion.outcome.verdict is Verdict.BLOCK


def opened_conclusion(facts: Facts, profile: Profile, entry: str, until: datetime) -> Conclusion:
    """Return an allow while a guardian has opened ``entry``: only time rules close it."""
    return conclusion_until(facts, profile, f"{OPENED}: {entry}", until)


def conclusion_until(facts: Facts, profile: Profile, rule: str, until: datetime) -> Conclusion:
    """Return an allow of the family that ends at ``until``."""
    conclusion = allowed_conclusion(facts, profile.rules, Reason.FAMILY_ALLOW, rule, FAMILY)
    rewrite = None if conclusion.rewrite is None else replace(conclusion.rewrite, until=until)
    return Conclusion(
        conclusion.gates, replace(conclusion.outcome, until=until), rewrite, services=facts.services
    )

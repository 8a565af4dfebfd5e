"""What a child may ask for."""

from __future__ import annotations

import pytest

from gateway.core.errors import PolicyError
from gateway.policy.judge.decide import REFUSED_FOR_EVERYONE
from gateway.policy.requests.askable import check_askable
from gateway.policy.values import Decision, Reason, Verdict


def test_what_may_be_asked_for() -> None:
    asks = Decision(Verdict.BLOCK, Reason.CATEGORY, "x", "family", askable=True)
    check_askable("reddit.com", asks, "Son")
    for decision, said in (
        (Decision(Verdict.BLOCK, Reason.CATEGORY, "x", "family"), "take no request"),
        (Decision(Verdict.ALLOW, Reason.OPEN, "x", "product"), "not refused for Son"),
        (REFUSED_FOR_EVERYONE, "nobody here can open it"),
    ):
        with pytest.raises(PolicyError, match=said):
            check_askable("reddit.com", decision, "Son")

"""What the answers in a capture teach; how it is used is in test_engine.py."""

from __future__ import annotations

from gateway.policy.hosts import HostMap
from gateway.policy.values import Decision, Reason, Verdict
from gateway.replay.learned import MAX_ASKED, Learned


def test_questions_that_wait_for_an_answer_are_bounded() -> None:
    learned = Learned(HostMap({}))
    refused = Decision(Verdict.BLOCK, Reason.CATEGORY, "rule", "family")
    for ident in range(MAX_ASKED + 10):
        learned.asked((bytes(4), 1000, ident), refused)
    assert len(learned._asked) == MAX_ASKED

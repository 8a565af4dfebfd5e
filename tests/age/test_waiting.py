"""A challenge is good for one attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.waiting import MOST, OpenChallenges
from tests.age.wallet import NOW

SOON = NOW + timedelta(minutes=5)


def refused(waiting: OpenChallenges, name: str, code: ProofRefusal) -> None:
    with pytest.raises(AgeProofError) as error:
        waiting.take(name, NOW)
    assert error.value.refusal is code


def test_it_is_handed_out_once() -> None:
    waiting = OpenChallenges()
    waiting.add("a", "one", SOON, NOW)
    assert waiting.take("a", NOW) == "one"
    refused(waiting, "a", ProofRefusal.REPLAYED)
    refused(waiting, "never asked", ProofRefusal.REPLAYED)


def test_a_second_question_takes_the_first_ones_place() -> None:
    waiting = OpenChallenges()
    waiting.add("a", "one", SOON, NOW)
    waiting.add("a", "two", SOON, NOW)
    assert len(waiting) == 1
    assert waiting.take("a", NOW) == "two"


def test_late_is_once_too() -> None:
    waiting = OpenChallenges()
    waiting.add("a", "one", NOW, NOW - timedelta(minutes=5))
    refused(waiting, "a", ProofRefusal.LATE)
    refused(waiting, "a", ProofRefusal.REPLAYED)


def test_few_are_kept_and_none_that_has_ended() -> None:
    waiting = OpenChallenges()
    for number in range(MOST + 3):
        waiting.add(str(number), "kept", SOON, NOW)
    assert len(waiting) == MOST
    refused(waiting, "2", ProofRefusal.REPLAYED)
    assert waiting.take("3", NOW)
    waiting.add("later", "kept", SOON + timedelta(hours=1), SOON)
    assert len(waiting) == 1

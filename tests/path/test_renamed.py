from __future__ import annotations

from gateway.path.renamed_questions import (
    MAX_PENDING,
    PENDING_AGE,
    Client,
    RenamedQuestion,
    RenamedQuestions,
)
from gateway.wire.dns.message import DnsQuestion

CLIENT: Client = (1, bytes([192, 168, 77, 10]), 4000)
OTHER: Client = (2, bytes([192, 168, 77, 11]), 4000)
ONE = RenamedQuestion(DnsQuestion("www.google.com", 1, 1, b"", 0), "forcesafesearch.google.com", 512, 0.0)


def test_an_answer_is_to_one_question_of_one_client_and_comes_once() -> None:
    waiting = RenamedQuestions()
    waiting.put(CLIENT, 7, ONE)
    assert waiting.take(OTHER, 7, 1.0) is None
    assert waiting.take(CLIENT, 8, 1.0) is None
    assert waiting.take(CLIENT, 7, 1.0) == ONE
    assert waiting.take(CLIENT, 7, 1.0) is None


def test_one_that_comes_late_is_to_none() -> None:
    waiting = RenamedQuestions()
    waiting.put(CLIENT, 7, ONE)
    assert waiting.take(CLIENT, 7, PENDING_AGE + 1.0) is None


def test_the_oldest_give_way_and_those_of_a_slot_go_with_it() -> None:
    waiting = RenamedQuestions()
    waiting.put(OTHER, 0, ONE)
    for number in range(MAX_PENDING):
        waiting.put(CLIENT, number, ONE)
    assert waiting.take(OTHER, 0, 1.0) is None
    waiting.put(OTHER, 0, ONE)
    waiting.forget(CLIENT[0])
    assert waiting.take(CLIENT, MAX_PENDING - 1, 1.0) is None
    assert waiting.take(OTHER, 0, 1.0) == ONE

"""What the evidence says of the provider's line, look by look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.dataplane.internet import (
    BUSY,
    KEPT,
    PATIENCE,
    PERIOD,
    AnswerBook,
    Evidence,
    InternetJudge,
    InternetState,
)
from gateway.lan.uplink import Traffic, Uplink


class Home:
    """Its counters, and a look at them every PERIOD seconds."""

    def __init__(self, *, one_armed: bool = False) -> None:
        self.line = InternetJudge()
        self.names = frozenset({"wan"})
        self.traffic = None if one_armed else Traffic(0, 0, 0)
        self.evidence = Evidence()
        self.now = 1000.0
        self.look()

    def look(
        self, looks: int = 1, *, sent: int = 0, received: int = 0, size: int = 0, **more: int
    ) -> InternetState:
        """After ``looks`` periods, in each of which this was counted; ``more`` is of Evidence."""
        for _ in range(looks):
            self.now += PERIOD
            if self.traffic is not None:
                was = self.traffic
                self.traffic = Traffic(
                    was.received + received, was.sent + sent, was.received_bytes + (size or 100 * received)
                )
            counted = {key: getattr(self.evidence, key) + number for key, number in more.items()}
            self.evidence = replace(self.evidence, **counted)
            state = self.line.see(Uplink(self.names, self.traffic), self.evidence, self.now)
        return state


QUIET = {"sent": 2, "received": 2}
# The modem lives, and says of everything that it is not reached.
IN_VAIN = {"sent": 20, "received": 15, "questions": 10}


def test_nothing_is_known_of_a_quiet_home() -> None:
    assert Home().look(100, **QUIET) is InternetState.UNKNOWN


def test_without_a_way_out_it_is_down_and_then_not_known_until_somebody_is_answered() -> None:
    home = Home()
    home.names = frozenset()
    assert home.look() is InternetState.DOWN
    home.names = frozenset({"wan"})
    assert home.look(**QUIET) is InternetState.UNKNOWN
    assert home.look(**QUIET, passed=1) is InternetState.WORKS


def test_an_answer_is_good_news_for_five_minutes() -> None:
    home = Home()
    assert home.look(**QUIET, passed=1) is InternetState.WORKS
    assert home.look(int(KEPT / PERIOD), **QUIET) is InternetState.WORKS
    assert home.look(**QUIET) is InternetState.UNKNOWN


def test_only_a_working_line_brings_so_much() -> None:
    assert Home().look(received=100, size=BUSY) is InternetState.WORKS
    assert Home().look(received=100, size=BUSY - 1) is InternetState.UNKNOWN


def test_silence_is_down_until_anything_comes_in() -> None:
    home = Home()
    assert home.look(**QUIET, passed=1) is InternetState.WORKS
    assert home.look(3, sent=10) is InternetState.WORKS
    assert home.look(sent=10) is InternetState.DOWN
    assert home.look(5, sent=30) is InternetState.DOWN
    assert home.look(**QUIET) is InternetState.UNKNOWN
    # A few announcements that nobody answers are no outage.
    assert home.look(10, sent=1) is InternetState.UNKNOWN


def test_asking_in_vain_is_down_however_lively_the_modem_is() -> None:
    home = Home()
    assert home.look(**IN_VAIN, passed=1) is InternetState.WORKS
    assert home.look(int(PATIENCE / PERIOD), **IN_VAIN) is InternetState.WORKS
    assert home.look(**IN_VAIN) is InternetState.DOWN
    # What a resolver kept changes nothing, a server that answers does.
    assert home.look(100, **IN_VAIN, answers=1) is InternetState.DOWN
    assert home.look(**IN_VAIN, answers=5, passed=1) is InternetState.WORKS


def test_when_nobody_asks_any_more_it_is_not_known() -> None:
    home = Home()
    assert home.look(20, **IN_VAIN) is InternetState.DOWN
    assert home.look(int(KEPT / PERIOD), **QUIET) is InternetState.DOWN
    assert home.look(**QUIET) is InternetState.UNKNOWN


@pytest.mark.parametrize("answers", [3, 10])
def test_answers_without_addresses_are_no_outage(answers: int) -> None:
    """A browser asks for A, AAAA and HTTPS, and most names have but the first."""
    assert Home().look(100, sent=20, received=15, questions=10, answers=answers) is InternetState.UNKNOWN


def test_questions_that_came_just_now_are_not_in_vain() -> None:
    home = Home()
    home.look(20, **QUIET)
    assert home.look(sent=50, received=5, questions=50) is InternetState.UNKNOWN


def test_one_arm_has_no_counters_of_its_own() -> None:
    home = Home(one_armed=True)
    assert home.look(100, questions=10) is InternetState.UNKNOWN
    assert home.look(passed=1) is InternetState.WORKS
    home.names = frozenset()
    assert home.look() is InternetState.DOWN


def test_only_answers_to_devices_with_addresses_are_counted() -> None:
    book = AnswerBook()
    book.learn(1, [bytes(4)], 60, 0.0)
    book.learn(1, [], 60, 0.0)
    book.learn("help", [bytes(4)], 60, 0.0)
    assert book.answers == 1
    assert book.knows(1, bytes(4), 10.0)

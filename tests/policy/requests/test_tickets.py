"""Codes on paper: how they read, what a slip of the finger does, and who may use which."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.requests import tickets
from gateway.policy.requests.tickets import ALPHABET, LENGTH, Ticket
from tests.sentences import sentence

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def chosen(seed: int) -> Callable[[str], str]:
    return random.Random(seed).choice


def ticket(code: str, who: str | None = None) -> Ticket:
    return Ticket("aa", tickets.hash_code(code, "aa"), 30, who, NOW, "Mum", NOW + tickets.LIFE)


def test_a_code_is_read_off_paper() -> None:
    code = tickets.new_code(chosen(1))
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    assert not set("01ILOU") & set(ALPHABET)
    assert tickets.printed_code(code) == f"{code[:4]}-{code[4:]}"
    for written in (
        code,
        tickets.printed_code(code),
        tickets.printed_code(code).lower(),
        f" {code[:2]} {code[2:]} ",
    ):
        assert tickets.parse_code(written) == code


@pytest.mark.parametrize(
    "text", ["", "K7QM", "K7QM-3XP0", "K7QM-3XPR-22", "тест-тест", "K7QM_3XPR", "\0" * 8]
)
def test_what_is_no_code(text: str) -> None:
    assert tickets.parse_code(text) is None


@given(st.integers(0, 2**32), st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_every_single_wrong_letter_is_found(seed: int, place: int, letter: str) -> None:
    code = tickets.new_code(chosen(seed))
    wrong = code[:place] + letter + code[place + 1 :]
    assert (tickets.parse_code(wrong) == wrong) is (wrong == code)


def test_nearly_every_swap_is_found() -> None:
    missed = swaps = 0
    for seed in range(500):
        code = tickets.new_code(chosen(seed))
        for place in range(LENGTH - 1):
            wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            swaps += wrong != code
            missed += wrong != code and tickets.parse_code(wrong) is not None
    assert missed < swaps / 100


def test_only_its_hash_is_kept_and_salts_differ() -> None:
    code = tickets.new_code(chosen(2))
    assert code not in repr(ticket(code))
    assert tickets.hash_code(code, "aa") != tickets.hash_code(code, "ab")
    assert tickets.find(code, [ticket("22222222"), ticket(code)]) == ticket(code)
    assert tickets.find("33333333", [ticket(code)]) is None


@pytest.mark.parametrize(
    ("one", "later", "said"),
    [
        (None, 0, sentence(Code.CODE_UNKNOWN)),
        (ticket("x", "son"), 0, sentence(Code.CODE_OF_ANOTHER)),
        (replace(ticket("x"), used=NOW), 0, sentence(Code.CODE_USED)),
        (ticket("x"), 90, sentence(Code.CODE_OLD, days=90)),
    ],
)
def test_what_may_not_be_redeemed(one: Ticket | None, later: int, said: str) -> None:
    with pytest.raises(ControlError, match=said):
        tickets.check(one, "daughter", NOW + timedelta(days=later))


def test_what_may() -> None:
    for one in (ticket("x"), ticket("x", "daughter")):
        assert tickets.check(one, "daughter", NOW + timedelta(days=90) - MINUTE) == one

"""How long an adult's proof holds, and what a jump of the clock does to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.accounts.adult_proof import (
    HOURS,
    LENGTHS,
    LONGEST,
    LONGEST_BY_WALLET,
    MORNING,
    ProofMethod,
    after_jump,
    longest,
    new_proof,
)
from gateway.policy.time.clock_changes import Jump

ALMATY = ZoneInfo("Asia/Almaty")
MAC = "02:00:00:00:00:99"
DAY = timedelta(days=1)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(LENGTHS),
    st.sampled_from([*ProofMethod]),
)
def test_it_ends_when_it_says_and_a_wallet_s_within_a_day(
    at: datetime, length: str, method: ProofMethod
) -> None:
    now = at.replace(tzinfo=ALMATY)
    one = new_proof(MAC, method, length, now, by="", clock_trusted=True)
    assert now < one.until <= now + longest(method) <= now + LONGEST
    if length in HOURS:
        assert one.until - now == HOURS[length]
    elif method is not ProofMethod.WALLET:
        assert (one.until.hour, one.until.date() - now.date()) == (6, DAY)
    if method is ProofMethod.WALLET:
        assert one.until - now <= LONGEST_BY_WALLET


BERLIN = ZoneInfo("Europe/Berlin")
# Before the clock is put back, twice within the hour that it repeats, and before it is put forward.
NIGHTS = [
    datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
    datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
    datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN),
    datetime(2026, 10, 24, 23, 30, tzinfo=BERLIN),
]


@pytest.mark.parametrize("now", NIGHTS)
@pytest.mark.parametrize("length", HOURS)
def test_an_hour_is_an_hour_in_the_night_in_which_clocks_are_set(now: datetime, length: str) -> None:
    one = new_proof(MAC, ProofMethod.PASSWORD, length, now, by="Mum", clock_trusted=True)
    assert one.until.astimezone(UTC) - now.astimezone(UTC) == HOURS[length]


def test_the_morning_is_six_o_clock_after_a_longer_night_and_a_wallet_s_day_has_24_hours() -> None:
    midnight = datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN)
    one = new_proof(MAC, ProofMethod.PASSWORD, MORNING, midnight, by="Mum", clock_trusted=True)
    assert one.until == datetime(2026, 10, 26, 6, 0, tzinfo=BERLIN)
    assert one.until.astimezone(UTC) - midnight.astimezone(UTC) == LONGEST
    wallet = new_proof(MAC, ProofMethod.WALLET, MORNING, midnight, by="", clock_trusted=True)
    assert wallet.until.astimezone(UTC) - midnight.astimezone(UTC) == LONGEST_BY_WALLET


@pytest.mark.parametrize("length", LENGTHS)
def test_one_that_was_given_by_a_clock_ahead_of_the_right_one_opens_nothing(length: str) -> None:
    """The gateway starts anew without a time, and is told the right one: a year before the proof."""
    at = datetime(2027, 11, 24, 21, 30, tzinfo=ALMATY)
    one = new_proof(MAC, ProofMethod.WALLET, length, at, by="", clock_trusted=True)
    start, right = datetime(2026, 1, 1, tzinfo=ALMATY), datetime(2026, 11, 24, 21, 40, tzinfo=ALMATY)
    assert after_jump(one, Jump(start, right, was_known=False, known=True)) is None
    same = Jump(start, at + timedelta(minutes=10), was_known=False, known=True)
    after = after_jump(one, same)
    assert after is not None
    assert after.until == one.until


@given(
    st.sampled_from(LENGTHS),
    st.integers(0, 40 * 3600),
    st.integers(-60 * 86400, 60 * 86400),
    st.booleans(),
    st.booleans(),
)
def test_no_jump_makes_more_of_it_than_was_left(
    length: str, spent: int, size: int, clock_trusted: bool, known: bool
) -> None:
    at = datetime(2026, 11, 24, 21, 30, tzinfo=ALMATY)
    one = new_proof(MAC, ProofMethod.WALLET, length, at, by="", clock_trusted=clock_trusted)
    before = at + timedelta(seconds=spent)
    jump = Jump(before, before + timedelta(seconds=size), known, known)
    after = after_jump(one, jump)
    left = one.until - before
    if after is not None:
        assert timedelta() < after.until - jump.after <= left
    if left <= timedelta():
        assert after is None


@pytest.mark.parametrize("length", ["1h", "4h"])
def test_hours_are_as_many_after_a_jump(length: str) -> None:
    at = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
    one = new_proof(MAC, ProofMethod.PASSWORD, length, at, by="Mum", clock_trusted=True)
    before = at + timedelta(minutes=20)
    for size in (-3 * DAY, timedelta(hours=5), 9 * DAY):
        after = after_jump(one, Jump(before, before + size, True, True))
        assert after is not None
        assert after.until - (before + size) == one.until - before


def test_by_an_unknown_clock_nothing_of_before_holds() -> None:
    at = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
    one = new_proof(MAC, ProofMethod.PASSWORD, "1h", at, by="Mum", clock_trusted=True)
    assert one.holds(at, known=True)
    assert not one.holds(at, known=False)
    assert replace(one, clock_trusted=False).holds(at, known=False), "given by that same clock"
    assert not one.holds(one.until, known=True)

"""How long an adult's proof holds, and what a jump of the clock does to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.adultproof import Method, after_jump, longest, proven
from gateway.policy.jumps import Jump
from gateway.policy.proofspan import HOURS, LENGTHS, LONGEST, LONGEST_BY_WALLET

ALMATY = ZoneInfo("Asia/Almaty")
MAC = "02:00:00:00:00:99"
DAY = timedelta(days=1)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    st.sampled_from(LENGTHS),
    st.sampled_from([*Method]),
)
def test_it_ends_when_it_says_and_a_wallet_s_within_a_day(at: datetime, length: str, method: Method) -> None:
    now = at.replace(tzinfo=ALMATY)
    one = proven(MAC, method, length, now, by="", sure=True)
    assert now < one.until <= now + longest(method) <= now + LONGEST
    if length in HOURS:
        assert one.until - now == HOURS[length]
    elif method is not Method.WALLET:
        assert (one.until.hour, one.until.date() - now.date()) == (6, DAY)
    if method is Method.WALLET:
        assert one.until - now <= LONGEST_BY_WALLET


@given(
    st.sampled_from(LENGTHS),
    st.integers(0, 40 * 3600),
    st.integers(-60 * 86400, 60 * 86400),
    st.booleans(),
    st.booleans(),
)
def test_no_jump_makes_more_of_it_than_was_left(
    length: str, spent: int, size: int, sure: bool, known: bool
) -> None:
    at = datetime(2026, 11, 24, 21, 30, tzinfo=ALMATY)
    one = proven(MAC, Method.WALLET, length, at, by="", sure=sure)
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
    one = proven(MAC, Method.PASSWORD, length, at, by="Mum", sure=True)
    before = at + timedelta(minutes=20)
    for size in (-3 * DAY, timedelta(hours=5), 9 * DAY):
        after = after_jump(one, Jump(before, before + size, True, True))
        assert after is not None
        assert after.until - (before + size) == one.until - before


def test_by_an_unknown_clock_nothing_of_before_holds() -> None:
    at = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
    one = proven(MAC, Method.PASSWORD, "1h", at, by="Mum", sure=True)
    assert one.holds(at, known=True)
    assert not one.holds(at, known=False)
    assert replace(one, sure=False).holds(at, known=False), "given by that same clock"
    assert not one.holds(one.until, known=True)

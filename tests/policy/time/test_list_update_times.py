"""When the next update of the lists is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import PolicyError
from gateway.policy.time.list_update_times import (
    MIN_AGE,
    NIGHT_ENDS,
    NIGHT_STARTS,
    RETRY_DELAYS,
    RETRY_JITTER,
    UpdateHistory,
    UpdateInterval,
    next_update,
)
from tests.policy.config.test_config import config

ALMATY = ZoneInfo("Asia/Almaty")
BERLIN = ZoneInfo("Europe/Berlin")
DAILY, WEEKLY, OFF = UpdateInterval.DAILY, UpdateInterval.WEEKLY, UpdateInterval.OFF
HALF = 0.5


def at(text: str, zone: ZoneInfo = ALMATY) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def due(
    now: datetime,
    interval: UpdateInterval = DAILY,
    *,
    succeeded: datetime | None = None,
    tried: datetime | None = None,
    failures: int = 0,
    fraction: float = HALF,
    zone: ZoneInfo = ALMATY,
) -> str:
    found = next_update(now, interval, UpdateHistory(succeeded, tried, failures), zone, fraction)
    return "never" if found is None else f"{found.astimezone(zone):%Y-%m-%d %H:%M}"


NOW = at("2026-11-24T12:00")


def test_the_first_update_is_due_now() -> None:
    assert due(NOW) == "2026-11-24 12:00"
    assert due(NOW, WEEKLY) == "2026-11-24 12:00"


def test_off_means_never() -> None:
    assert due(NOW, OFF) == "never"
    assert due(NOW, OFF, succeeded=at("2026-11-01T03:00")) == "never"
    assert due(NOW, OFF, tried=NOW, failures=1) == "never"


@pytest.mark.parametrize(
    ("succeeded", "fraction", "expected"),
    [
        ("2026-11-24T03:12", 0.0, "2026-11-25 02:00"),
        ("2026-11-24T03:12", 0.5, "2026-11-25 03:30"),
        ("2026-11-24T03:12", 0.9999, "2026-11-25 04:59"),
        ("2026-11-24T04:59", 0.0, "2026-11-25 02:00"),
        # The first update came by day: the following night has the next one, also after a late evening.
        ("2026-11-24T11:59", 0.0, "2026-11-25 02:00"),
        ("2026-11-24T23:30", 0.0, "2026-11-25 02:30"),
        # A retry succeeded in the morning.
        ("2026-11-24T06:30", 0.0, "2026-11-25 02:00"),
        # Missed nights: the update is due, and runs as soon as it can.
        ("2026-11-20T03:00", 0.5, "2026-11-21 03:30"),
    ],
)
def test_daily_is_a_minute_of_the_following_night(succeeded: str, fraction: float, expected: str) -> None:
    assert due(max(NOW, at(succeeded)), succeeded=at(succeeded), fraction=fraction) == expected


@pytest.mark.parametrize(
    ("succeeded", "expected"),
    [
        ("2026-11-24T03:00", "2026-12-01 03:30"),
        ("2026-11-24T18:00", "2026-12-01 03:30"),
        ("2026-11-10T03:00", "2026-11-17 03:30"),
    ],
)
def test_weekly_is_a_minute_of_the_seventh_night(succeeded: str, expected: str) -> None:
    assert due(max(NOW, at(succeeded)), WEEKLY, succeeded=at(succeeded)) == expected


@pytest.mark.parametrize(
    ("failures", "fraction", "expected"),
    [
        (1, 0.0, "2026-11-24 12:15"),
        (2, 0.0, "2026-11-24 13:00"),
        (3, 0.0, "2026-11-24 16:00"),
        (3, 0.8, "2026-11-24 16:48"),
    ],
)
def test_a_failed_update_is_tried_again_later_each_time(
    failures: int, fraction: float, expected: str
) -> None:
    for succeeded in (None, at("2026-11-23T03:00")):
        found = due(NOW, succeeded=succeeded, tried=NOW, failures=failures, fraction=fraction)
        assert found == expected


def test_after_the_last_retry_the_next_night_is_next() -> None:
    known = at("2026-11-22T03:00")
    assert due(NOW, succeeded=known, tried=NOW, failures=4) == "2026-11-25 03:30"
    night = at("2026-11-25T03:40")
    assert due(night, succeeded=known, tried=night, failures=5) == "2026-11-26 03:30"
    assert due(NOW, tried=NOW, failures=9, fraction=0.0) == "2026-11-24 16:00", "no list is there yet"


def test_a_list_from_the_future_is_fetched_anew() -> None:
    assert due(NOW, succeeded=NOW + timedelta(days=365)) == "2026-11-24 12:00"
    assert due(NOW, succeeded=NOW + timedelta(minutes=5)) == "2026-11-25 03:30", "two clocks that differ"


@pytest.mark.parametrize(
    ("succeeded", "first", "last"),
    [
        ("2026-03-28T03:00", "2026-03-29 03:00", "2026-03-29 04:59"),  # clocks go forward from 2 to 3
        ("2026-10-24T03:00", "2026-10-25 02:00", "2026-10-25 04:59"),  # and back from 3 to 2
    ],
)
def test_nights_in_which_clocks_change(succeeded: str, first: str, last: str) -> None:
    now = at(succeeded, BERLIN) + timedelta(hours=1)
    known = at(succeeded, BERLIN)
    assert due(now, succeeded=known, fraction=0.0, zone=BERLIN) == first
    assert due(now, succeeded=known, fraction=0.9999, zone=BERLIN) == last


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
FRACTIONS = st.floats(0, 1, exclude_max=True)


@given(MOMENTS, FRACTIONS, st.sampled_from([DAILY, WEEKLY]), st.sampled_from([ALMATY, BERLIN]))
def test_every_planned_update_is_at_night_and_late_enough(
    succeeded: datetime, fraction: float, interval: UpdateInterval, zone: ZoneInfo
) -> None:
    now = succeeded + timedelta(minutes=3)
    found = next_update(now, interval, UpdateHistory(succeeded), zone, fraction)
    assert found is not None
    minute = timedelta(minutes=1)
    assert found - succeeded > MIN_AGE - minute
    assert found - succeeded < timedelta(days=7 if interval is WEEKLY else 1, hours=29)
    local = found.astimezone(zone).time()
    # A night without 02:00 to 03:00 starts at 03:00 local time, which is later.
    assert NIGHT_STARTS <= local < NIGHT_ENDS


@given(MOMENTS, FRACTIONS, st.integers(1, 3))
def test_a_retry_is_never_early(tried: datetime, fraction: float, failures: int) -> None:
    found = next_update(tried, DAILY, UpdateHistory(None, tried, failures), ALMATY, fraction)
    assert found is not None
    delay = RETRY_DELAYS[failures - 1]
    assert delay - timedelta(seconds=1) <= found - tried <= delay * (1 + RETRY_JITTER)


def test_the_setting_of_the_household() -> None:
    assert config("country: kz").lists_update is DAILY
    assert config("lists: {}").lists_update is DAILY
    for word in UpdateInterval:
        assert config(f"lists: {{update: {word.value}}}").lists_update is word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lists: {update: dayly}", "qalqan.yaml:1: lists.update: 'dayly' is not known here; did you mean"),
        ("lists: {updates: daily}", "qalqan.yaml:1: lists.updates"),
        ("lists: daily", "qalqan.yaml:1: lists"),
    ],
)
def test_a_wrong_setting_says_where(text: str, expected: str) -> None:
    with pytest.raises(PolicyError) as refused:
        config(text)
    assert str(refused.value).startswith(expected)

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.time.schedule import DAY, Calendar, clock_shift, first_reaching, instants_showing, shows

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",  # midnight is skipped, and the hour before it repeated
    "Asia/Almaty",  # one hour less since 1 March 2024
    "Pacific/Apia",  # had no 30 December 2011
    "Australia/Lord_Howe",  # half an hour
    "America/St_Johns",  # until 2011 at 00:01, back to 23:01 of the day before
    "America/Santiago",
)


@pytest.mark.parametrize(
    ("zone", "day", "shift"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25", "2026-10-25T01:00"),
        ("America/New_York", "2026-03-08", "2026-03-08T07:00"),
        ("Africa/Cairo", "2026-04-23", "2026-04-23T22:00"),  # at its end
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00"),  # and at the start of the next day
        ("Africa/Cairo", "2026-10-29", "2026-10-29T21:00"),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T15:00"),
        ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
        ("Asia/Almaty", "2024-02-29", "2024-02-29T18:00"),
        ("Europe/Berlin", "2026-03-28", None),
        ("Europe/Berlin", "2026-03-30", None),
        ("Asia/Almaty", "2026-03-29", None),
    ],
)
def test_when_a_clock_is_put_forward_or_back(zone: str, day: str, shift: str | None) -> None:
    found = clock_shift(date.fromisoformat(day), ZoneInfo(zone))
    assert found == (shift and datetime.fromisoformat(shift).replace(tzinfo=UTC))


def test_what_is_skipped_is_never_shown_and_what_is_repeated_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert instants_showing(datetime(2026, 3, 29, 2, 30), berlin) == frozenset()
    assert first_reaching(datetime(2026, 3, 29, 2, 30), berlin) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert sorted(instants_showing(datetime(2026, 10, 25, 2, 30), berlin)) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]
    assert first_reaching(datetime(2026, 10, 25, 2, 30), berlin) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    apia = ZoneInfo("Pacific/Apia")
    assert first_reaching(datetime(2011, 12, 30, 4), apia) == datetime(2011, 12, 30, 10, tzinfo=UTC)


def moments() -> st.SearchStrategy[datetime]:
    """In years in which all of these zones do something odd."""
    starts = (
        datetime(2011, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    return st.builds(
        lambda start, seconds: start + timedelta(seconds=seconds),
        st.sampled_from(starts),
        st.integers(0, 367 * 86_400),
    )


@given(st.sampled_from(ZONES), moments(), st.sampled_from([0, 1, 30, 90, 150, 240, 1439]))
@settings(max_examples=400, deadline=None)
def test_each_instant_is_of_one_day_which_turns_when_it_is_said(
    zone: str, now: datetime, starts: int
) -> None:
    calendar = Calendar(ZoneInfo(zone), day_starts=starts)
    day, end = calendar.family_day(now), calendar.day_end(now)
    assert now < end <= now + timedelta(hours=26)
    assert calendar.family_day(end - timedelta(seconds=1)) == day
    assert calendar.family_day(end) == day + DAY
    # As the clock has it, wherever it is not just put back or a day skipped.
    wall = shows(now, calendar.zone) - timedelta(minutes=starts)
    if (
        clock_shift(wall.date(), calendar.zone) is None
        and clock_shift(wall.date() + DAY, calendar.zone) is None
    ):
        assert day == wall.date()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("starts", [0, 150, 240])
def test_a_familys_day_never_goes_back(zone: str, starts: int) -> None:
    calendar = Calendar(ZoneInfo(zone), day_starts=starts)
    for year in (2011, 2024, 2026):
        now, last = datetime(year, 1, 1, tzinfo=UTC), date(year - 1, 12, 1)
        while now.year == year:
            day = calendar.family_day(now)
            assert day >= last
            now, last = now + timedelta(minutes=97), day


def test_the_day_turns_at_four_whatever_the_zone_of_the_argument() -> None:
    calendar = Calendar(ZoneInfo("Asia/Almaty"))
    night = datetime(2026, 11, 25, 3, 59, tzinfo=calendar.zone)
    assert calendar.family_day(night) == calendar.family_day(night.astimezone(UTC)) == date(2026, 11, 24)
    assert calendar.day_end(night) == datetime(2026, 11, 25, 4, tzinfo=calendar.zone)
    assert calendar.family_day(calendar.day_end(night)) == date(2026, 11, 25)

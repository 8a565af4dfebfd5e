"""Every minute of weeks, years and zones has one answer, and changes are where they are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.profile.rules import Bedtime, DateRule, Owned, Windows
from gateway.policy.time.schedule import (
    DAY,
    HORIZON,
    Calendar,
    Timetable,
    bedtime_table,
    clock_shift,
    closure_at,
    next_change,
    windows_table,
)
from gateway.policy.time.time_text import ByDay, Span
from tests.policy.scheduled import NIGHT, local, windows

MINUTE = timedelta(minutes=1)


def by_brute_force(table: Timetable, calendar: Calendar, now: datetime, limit: datetime) -> datetime | None:
    """The next change, minute by minute."""
    closed = closure_at(table, calendar, now) is not None
    at = now.replace(second=0, microsecond=0) + MINUTE
    while at < limit:
        if (closure_at(table, calendar, at) is not None) is not closed:
            return at
        at += MINUTE
    return None


WEEKS = [
    (
        "Europe/Berlin",
        "2026-03-27T00:00",
    ),
    ("Europe/Berlin", "2026-10-23T00:00"),
    ("America/Santiago", "2026-09-04T00:00"),  # midnight is skipped
    ("America/Santiago", "2026-04-03T00:00"),  # the hour before midnight is repeated
    ("Australia/Lord_Howe", "2026-10-02T00:00"),  # half an hour
    ("Asia/Almaty", "2026-11-23T00:00"),
]


@pytest.mark.parametrize(("zone", "start"), WEEKS)
@pytest.mark.parametrize(
    "table_of",
    [
        lambda calendar: bedtime_table(NIGHT, calendar),
        lambda calendar: windows_table(
            windows('{school: ["22:00-02:30"], free: ["02:15-02:45", "23:30-00:30"]}'), calendar
        ),
        lambda calendar: windows_table(windows('["00:00-00:45", "01:30-03:15", "23:15-23:45"]'), calendar),
    ],
)
def test_every_minute_of_a_week_has_one_answer_and_changes_are_where_they_are_said(
    zone: str, start: str, table_of: object
) -> None:
    calendar = Calendar(ZoneInfo(zone))
    assert callable(table_of)
    table: Timetable = table_of(calendar)
    now = local(start, calendar.zone).astimezone(UTC)
    end = now + 5 * DAY
    while now < end:
        said = next_change(table, calendar, now)
        assert said is not None
        assert said == by_brute_force(table, calendar, now, now + 3 * DAY)
        now = said.astimezone(UTC)


@given(
    st.lists(
        st.one_of(st.none(), st.tuples(st.integers(0, 1439), st.integers(0, 1440))), min_size=14, max_size=14
    ),
    st.integers(0, 60 * 24 * 400),
    st.sampled_from(["Europe/Berlin", "Asia/Almaty", "America/Santiago", "Pacific/Apia"]),
)
@settings(max_examples=60, deadline=None)
def test_between_now_and_the_next_change_nothing_changes(
    days: list[tuple[int, int] | None], minutes: int, zone: str
) -> None:
    values = [None if one is None or one[0] == one[1] else Owned(Span(*one), "x") for one in days]
    calendar = Calendar(ZoneInfo(zone))
    table = bedtime_table(ByDay(tuple(values)), calendar)
    now = datetime(2026, 1, 1, tzinfo=UTC) + minutes * MINUTE
    said = next_change(table, calendar, now)
    limit = now + 2 * DAY if said is None else min(said, now + 2 * DAY)
    assert by_brute_force(table, calendar, now, limit) is None
    if said is not None:
        assert (closure_at(table, calendar, said) is None) is not (closure_at(table, calendar, now) is None)
        assert said - now <= (HORIZON + 2) * DAY


ODD_ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Africa/Cairo",
    "Asia/Almaty",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "America/St_Johns",
)
ODD_YEARS = (2011, 2024, 2026)  # in each of them one of these zones does something that it does in no other


def by_hand_asleep(rule: Bedtime, calendar: Calendar, now: datetime) -> bool:
    """Bedtimes once more, of every day and without exceptions, as a person reads them."""
    wall = now.astimezone(calendar.zone)
    minute, day = wall.hour * 60 + wall.minute, wall.date()
    morning = rule.on(day.weekday(), free=calendar.is_free(day))
    evening = rule.on((day + DAY).weekday(), free=calendar.is_free(day + DAY))
    before = morning is not None and (
        minute < morning.value.end
        if morning.value.crosses_midnight
        else morning.value.start <= minute < morning.value.end
    )
    return before or (
        evening is not None and evening.value.crosses_midnight and minute >= evening.value.start
    )


def by_hand_open(rule: Windows, calendar: Calendar, now: datetime) -> bool:
    wall = now.astimezone(calendar.zone)
    minute, day = wall.hour * 60 + wall.minute, wall.date()
    today = rule.on(day.weekday(), free=calendar.is_free(day))
    before = rule.on((day - DAY).weekday(), free=calendar.is_free(day - DAY))
    if today is None:
        return True
    return any(
        minute >= one.start if one.crosses_midnight else one.start <= minute < one.end for one in today.value
    ) or (before is not None and any(minute < one.end for one in before.value if one.crosses_midnight))


SPANS = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda one: one[0] != one[1] % 1440)
WEEK = st.lists(st.one_of(st.none(), SPANS), min_size=14, max_size=14)


def moment(data: st.DataObject, zone: tzinfo) -> datetime:
    """Any instant of a year, and often one near to where the clock is put forward or back."""
    start = datetime(data.draw(st.sampled_from(ODD_YEARS)), 1, 1, tzinfo=UTC)
    near = [
        shift
        for ahead in range(367)
        if (shift := clock_shift((start + ahead * DAY).date(), zone)) is not None
    ]
    odd: bool = data.draw(st.booleans())
    if near and odd:
        seconds = data.draw(st.integers(-2 * 86_400, 2 * 86_400))
        return data.draw(st.sampled_from(near)) + timedelta(seconds=seconds)
    return start + timedelta(seconds=data.draw(st.integers(0, 366 * 86_400)))


@given(st.sampled_from(ODD_ZONES), WEEK, WEEK, st.data())
@settings(max_examples=150, deadline=None)
def test_every_instant_has_one_answer_which_holds_until_it_is_said(
    zone: str, nights: list[tuple[int, int] | None], days: list[tuple[int, int] | None], data: st.DataObject
) -> None:
    calendar = Calendar(ZoneInfo(zone))
    now = moment(data, calendar.zone)
    sleep = ByDay(tuple(None if one is None else Owned(Span(*one), "x") for one in nights))
    play: Windows = ByDay(tuple(None if one is None else Owned((Span(*one),), "x") for one in days))
    bedtimes, opened = bedtime_table(sleep, calendar), windows_table(play, calendar)
    assert (closure_at(bedtimes, calendar, now) is not None) is by_hand_asleep(sleep, calendar, now)
    assert (closure_at(opened, calendar, now) is None) is by_hand_open(play, calendar, now)
    for table in (bedtimes, opened):
        said = next_change(table, calendar, now)
        limit = now + 2 * DAY if said is None else min(said, now + 2 * DAY)
        assert by_brute_force(table, calendar, now, limit) is None
        if said is not None:
            before = closure_at(table, calendar, said - timedelta(microseconds=1)) is not None
            assert before is (closure_at(table, calendar, now) is not None)
            assert before is not (closure_at(table, calendar, said) is not None)


def test_a_day_that_a_zone_skips_has_no_instant() -> None:
    """Samoa went from 29 to 31 December 2011."""
    calendar = Calendar(ZoneInfo("Pacific/Apia"))
    nights: list[Owned[Span] | None] = [None] * 14
    nights[12] = Owned(Span(2, 1), "x")  # the night to a free Saturday
    table = bedtime_table(ByDay(tuple(nights)), calendar)
    begins = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert closure_at(table, calendar, begins) is not None
    assert next_change(table, calendar, begins) == begins + timedelta(minutes=1)


@pytest.mark.parametrize("zone", ODD_ZONES)
def test_a_whole_year_is_cut_into_stretches_without_a_gap(zone: str) -> None:
    calendar = Calendar(ZoneInfo(zone))
    table = windows_table(
        windows('{school: ["22:00-02:30"], free: ["00:30-00:45", "23:30-00:30"]}'), calendar
    )
    for year in ODD_YEARS:
        now, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
        while now < end:
            said = next_change(table, calendar, now)
            assert said is not None
            state = closure_at(table, calendar, now) is not None
            between = {now + (said - now) * part / 16 for part in range(16)} | {said - timedelta(seconds=1)}
            assert {closure_at(table, calendar, one) is not None for one in between} == {state}
            assert (closure_at(table, calendar, said) is not None) is not state
            now = said


EXCEPTIONS = st.dictionaries(st.integers(-3, 4), st.one_of(st.none(), SPANS), max_size=5)


@given(st.sampled_from(ODD_ZONES), WEEK, EXCEPTIONS, st.data())
@settings(max_examples=80, deadline=None)
def test_exceptions_have_one_answer_too(
    zone: str,
    days: list[tuple[int, int] | None],
    exceptions: dict[int, tuple[int, int] | None],
    data: st.DataObject,
) -> None:
    calendar = Calendar(ZoneInfo(zone))
    now = moment(data, calendar.zone)
    today = now.astimezone(calendar.zone).date()
    spanned = {today + n * DAY: None if one is None else Span(*one) for n, one in exceptions.items()}
    dates = {
        day: DateRule(
            bedtime=Owned(one, "x"), windows={"internet": Owned(None if one is None else (one,), "x")}
        )
        for day, one in spanned.items()
    }
    sleep = ByDay(tuple(None if one is None else Owned(Span(*one), "x") for one in days))
    play: Windows = ByDay(tuple(None if one is None else Owned((Span(*one),), "x") for one in days))
    for table in (
        bedtime_table(sleep, calendar, dates),
        windows_table(play, calendar, dates, "internet"),
    ):
        said = next_change(table, calendar, now)
        limit = now + 2 * DAY if said is None else min(said, now + 2 * DAY)
        assert by_brute_force(table, calendar, now, limit) is None
        if said is not None:
            before = closure_at(table, calendar, said - timedelta(microseconds=1))
            assert (before is None) is not (closure_at(table, calendar, said) is None)

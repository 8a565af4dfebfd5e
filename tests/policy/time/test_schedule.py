"""Bedtimes and windows: closures, their changes, local time, timetables and plans of days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.profile.rules import Bedtime, DateRule, Owned, Windows
from gateway.policy.time.gates import BEDTIME
from gateway.policy.time.limit_periods import DAY
from gateway.policy.time.schedule import (
    HORIZON,
    Calendar,
    Schedule,
    Timetable,
    bedtime_table,
    by_the_clock,
    clock_shift,
    closure_at,
    first_reaching,
    instants_showing,
    next_change,
    next_wake,
    plan,
    shows,
    windows_table,
)
from gateway.policy.time.time_text import ByDay, Span, every_day
from tests.policy.homes import ALMATY, CALENDAR, a_profile
from tests.policy.scheduled import NIGHT, bedtime, local, windows

BERLIN = ZoneInfo("Europe/Berlin")


HOLIDAY = frozenset({date(2026, 12, 16)})  # a Wednesday


@pytest.mark.parametrize(
    ("at", "closed", "until"),
    [
        ("2026-11-24T20:44", False, "2026-11-24T20:45"),  # Tuesday
        ("2026-11-24T20:44:59", False, "2026-11-24T20:45"),
        ("2026-11-24T20:45", True, "2026-11-25T07:00"),
        ("2026-11-25T06:59:59", True, "2026-11-25T07:00"),
        ("2026-11-25T07:00", False, "2026-11-25T20:45"),
        ("2026-11-27T21:00", False, "2026-11-27T21:45"),  # Friday evening ends on a free morning
        ("2026-11-28T07:30", True, "2026-11-28T08:00"),
        ("2026-11-28T21:00", False, "2026-11-28T21:45"),  # Saturday evening, too
        ("2026-11-29T20:45", True, "2026-11-30T07:00"),  # Sunday evening is a school night
        ("2026-12-15T21:00", False, "2026-12-15T21:45"),  # the evening before a holiday is not
        ("2026-12-16T20:45", True, "2026-12-17T07:00"),  # the evening of the holiday is
    ],
)
def test_a_bedtime_goes_by_the_morning_on_which_it_ends(at: str, closed: bool, until: str) -> None:
    calendar = Calendar(ALMATY, HOLIDAY)
    table = bedtime_table(NIGHT, calendar)
    closure = closure_at(table, calendar, local(at))
    assert (closure is not None) is closed
    assert next_change(table, calendar, local(at)) == local(until)


def test_a_weekdays_own_bedtime_is_that_of_its_morning() -> None:
    calendar = Calendar(ALMATY)
    table = bedtime_table(bedtime('{school: "20:00-07:00", wed: "23:00-09:00"}'), calendar)
    assert closure_at(table, calendar, local("2026-11-24T22:30")) is None  # Tuesday evening
    assert closure_at(table, calendar, local("2026-11-25T08:59")) is not None  # Wednesday morning
    assert closure_at(table, calendar, local("2026-11-25T20:30")) is not None  # Wednesday evening


def test_a_bedtime_after_midnight_belongs_to_one_day() -> None:
    calendar = Calendar(ALMATY)
    table = bedtime_table(bedtime('{free: "00:30-09:00"}'), calendar)
    assert closure_at(table, calendar, local("2026-11-28T00:29")) is None
    assert closure_at(table, calendar, local("2026-11-28T00:30")) is not None
    assert closure_at(table, calendar, local("2026-11-30T00:30")) is None


def test_a_closure_says_what_is_written_and_by_whom() -> None:
    calendar = Calendar(ALMATY)
    closure = closure_at(bedtime_table(NIGHT, calendar), calendar, local("2026-11-24T23:00"))
    assert closure is not None
    assert (closure.rule, closure.owner) == ("20:45-07:00", "family")
    closed = closure_at(
        windows_table(windows('["10:00-12:00"]'), calendar), calendar, local("2026-11-24T23:00")
    )
    assert closed is not None
    assert closed.rule == "10:00-12:00"


ROBLOX = windows('{school: ["16:00-18:00"], free: ["10:00-12:00", "15:00-19:00"]}')


@pytest.mark.parametrize(
    ("at", "is_open", "until"),
    [
        ("2026-11-24T15:59", False, "2026-11-24T16:00"),
        ("2026-11-24T16:00", True, "2026-11-24T18:00"),
        ("2026-11-24T17:59:59", True, "2026-11-24T18:00"),
        ("2026-11-24T18:00", False, "2026-11-25T16:00"),
        ("2026-11-28T10:00", True, "2026-11-28T12:00"),  # Saturday
        ("2026-11-28T12:00", False, "2026-11-28T15:00"),
        ("2026-12-16T11:00", True, "2026-12-16T12:00"),  # a holiday
    ],
)
def test_windows_go_by_the_day_on_which_they_start(at: str, is_open: bool, until: str) -> None:
    calendar = Calendar(ALMATY, HOLIDAY)
    table = windows_table(ROBLOX, calendar)
    assert (closure_at(table, calendar, local(at)) is None) is is_open
    assert next_change(table, calendar, local(at)) == local(until)


@pytest.mark.parametrize(
    ("text", "at", "is_open"),
    [
        ('{sat: ["22:00-02:00"]}', "2026-11-28T21:59", False),
        ('{sat: ["22:00-02:00"]}', "2026-11-28T22:00", True),
        ('{sat: ["22:00-02:00"]}', "2026-11-29T03:00", True),  # Sunday has no rule
        ('{sat: ["22:00-02:00"], sun: ["10:00-11:00"]}', "2026-11-29T01:59", True),  # Saturday's window
        ('{sat: ["22:00-02:00"], sun: ["10:00-11:00"]}', "2026-11-29T02:00", False),
        ('{sun: ["10:00-11:00"]}', "2026-11-29T00:00", False),
        ("{sun: []}", "2026-11-29T12:00", False),  # never
        ("{sun: []}", "2026-11-28T23:59", True),
        ('["00:00-24:00"]', "2026-11-28T23:59", True),
    ],
)
def test_windows_across_midnight_and_days_without_a_rule(text: str, at: str, is_open: bool) -> None:
    calendar = Calendar(ALMATY)
    table = windows_table(windows(text), calendar)
    assert (closure_at(table, calendar, local(at)) is None) is is_open


def test_what_never_changes_has_no_next_change() -> None:
    calendar = Calendar(ALMATY)
    for text in ('["00:00-24:00"]', "[]", "{}"):
        assert (
            next_change(windows_table(windows(text), calendar), calendar, local("2026-11-24T12:00")) is None
        )


def test_in_autumn_the_repeated_hour_says_the_same_twice() -> None:
    calendar = Calendar(BERLIN)
    table = windows_table(windows('["02:10-02:30"]'), calendar)
    for fold in (0, 1):
        assert closure_at(table, calendar, local("2026-10-25T02:20", BERLIN, fold)) is None
    first = local("2026-10-25T02:20", BERLIN)
    assert next_change(table, calendar, first.astimezone(UTC)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    closed = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert next_change(table, calendar, closed) == datetime(2026, 10, 25, 1, 10, tzinfo=UTC)


def test_in_spring_the_skipped_hour_never_happens() -> None:
    calendar = Calendar(BERLIN)
    inside = windows_table(windows('{sun: ["02:10-02:30"]}'), calendar)
    sunday = local("2026-03-29T00:00", BERLIN)
    assert next_change(inside, calendar, sunday) == local("2026-03-30T00:00", BERLIN)
    across = windows_table(windows('["02:30-05:00"]'), calendar)
    # 01:59 is followed by 03:00, which lies within the window.
    assert next_change(across, calendar, sunday) == local("2026-03-29T03:00", BERLIN)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 9.25), ("2026-10-24", 11.25), ("2026-11-14", 10.25)]
)
def test_a_night_with_a_clock_change_ends_by_the_clock(day: str, hours: float) -> None:
    calendar = Calendar(BERLIN)
    table = bedtime_table(bedtime('"20:45-07:00"'), calendar)
    start = local(f"{day}T20:45", BERLIN).astimezone(UTC)
    end = next_change(table, calendar, start)
    assert end is not None
    assert (end - start) / timedelta(hours=1) == hours
    assert end.astimezone(BERLIN).hour == 7


@pytest.mark.parametrize(
    ("at", "wakes"),
    [
        ("2026-11-24T12:00", "2026-11-25T07:00"),
        ("2026-11-24T23:00", "2026-11-25T07:00"),
        ("2026-11-25T03:00", "2026-11-25T07:00"),
        ("2026-11-27T23:00", "2026-11-28T08:00"),
    ],
)
def test_the_next_wake_time(at: str, wakes: str) -> None:
    assert next_wake(NIGHT, Calendar(ALMATY), local(at)) == local(wakes)


@pytest.mark.parametrize(
    ("rule", "at", "begins"),
    [
        ('{school: "20:45-07:00", free: "21:45-08:00"}', "2026-11-24T12:00", "2026-11-24T20:45"),
        ('{school: "20:45-07:00", free: "21:45-08:00"}', "2026-11-24T23:00", "2026-11-25T20:45"),
        ('{school: "20:45-07:00", free: "21:45-08:00"}', "2026-11-25T06:00", "2026-11-25T20:45"),
        ('{wed: "20:45-07:00"}', "2026-11-24T23:00", "2026-12-01T20:45"),  # once a week
        ('{school: "00:30-07:00", free: "00:30-07:00"}', "2026-11-24T23:00", "2026-11-25T00:30"),
        ("{}", "2026-11-24T23:00", None),
    ],
)
def test_the_next_bedtime_is_not_the_one_that_runs(rule: str, at: str, begins: str | None) -> None:
    child = a_profile(f"band: adult\nbedtime: {rule}")
    expected = None if begins is None else local(begins)
    assert Schedule(child, CALENDAR).next_bedtime(local(at)) == expected


def test_who_has_no_bedtime_wakes_at_seven() -> None:
    assert next_wake(every_day(None), Calendar(ALMATY), local("2026-11-24T12:00")) == local(
        "2026-11-25T07:00"
    )
    assert next_wake(every_day(None), Calendar(ALMATY), local("2026-11-25T06:00")) == local(
        "2026-11-25T07:00"
    )


def test_next_local_time() -> None:
    calendar = Calendar(ALMATY)
    assert calendar.next_local(240, local("2026-11-24T04:00")) == local("2026-11-25T04:00")
    assert calendar.next_local(240, local("2026-11-24T03:59")) == local("2026-11-24T04:00")


@pytest.mark.parametrize(
    ("rule", "moment", "closed"),
    [
        ('{school: "20:45-24:00"}', "2026-11-29T21:00", True),  # Sunday evening, before a school day
        ('{school: "20:45-24:00"}', "2026-11-27T21:00", False),  # Friday evening
        ('{school: "20:45-24:00"}', "2026-11-30T00:00", False),
        ('"18:00-19:00"', "2026-11-29T18:30", True),
        ('{school: "18:00-19:00"}', "2026-11-29T18:30", False),
        ('{school: "18:00-19:00"}', "2026-11-27T18:30", True),
    ],
)
def test_a_bedtime_until_midnight_ends_on_the_next_morning(rule: str, moment: str, closed: bool) -> None:
    calendar = Calendar(ALMATY)
    table = bedtime_table(bedtime(rule), calendar)
    assert (closure_at(table, calendar, local(moment)) is not None) is closed


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


DAUGHTER = "{name: Daughter, band: 10-12, bedtime: {school: '20:45-07:00', free: '21:45-08:00'}}"
TUESDAY = date(2026, 11, 24)


def test_the_same_person_in_the_same_calendar_has_one_timetable() -> None:
    daughter = a_profile(DAUGHTER)
    assert by_the_clock(daughter, CALENDAR) is by_the_clock(daughter, CALENDAR)


def test_other_rules_of_the_same_person_are_seen_at_once() -> None:
    before, after = a_profile(DAUGHTER), a_profile(DAUGHTER.replace("20:45", "19:30"))
    starts = []
    for one in (before, after, before):
        _, tables = by_the_clock(one, CALENDAR)
        starts.append(max(closure.start for closure in tables[BEDTIME](TUESDAY)))
    assert starts == [20 * 60 + 45, 19 * 60 + 30, 20 * 60 + 45]


def test_another_calendar_of_the_home_is_seen_at_once() -> None:
    daughter = a_profile(DAUGHTER)
    free = Calendar(ALMATY, CALENDAR.holidays | {TUESDAY, date(2026, 11, 25)}, CALENDAR.day_starts)
    starts = []
    for calendar in (CALENDAR, free, replace(CALENDAR)):
        own, tables = by_the_clock(daughter, calendar)
        assert own is calendar
        starts.append(max(closure.start for closure in tables[BEDTIME](TUESDAY)))
    assert starts == [20 * 60 + 45, 21 * 60 + 45, 20 * 60 + 45]


HOLIDAYS = {date(2026, 12, 16): "Independence Day", date(2026, 12, 20): "Another"}


def test_each_day_says_what_it_counts_as_and_why() -> None:
    profile = a_profile(
        """
        band: 10-12
        windows: {"service:roblox": {school: ["16:00-18:00"]}}
        dates:
          2026-12-17: free
          2026-12-18: {bedtime: "23:30-09:00", limits: {}}
          2026-12-19: school
        """
    )
    profile = replace(profile, free_days=frozenset({date(2026, 12, 15)}))
    days = list(plan(profile, Calendar(ALMATY, frozenset(HOLIDAYS)), HOLIDAYS, date(2026, 12, 14)))
    assert [(str(one.counts_as), one.because) for one in days] == [
        ("school", None),
        ("free", "calendar"),
        ("free", "holiday"),
        ("free", "exception"),
        ("school", None),
        ("school", "exception"),
        ("free", "holiday"),
    ]
    assert [one.holiday for one in days[2:4]] == ["Independence Day", ""]
    assert [str(one.nights[0].value) for one in days] == [
        "21:45-08:00",  # Monday evening, before a day of the school's calendar
        "21:45-08:00",
        "21:45-08:00",
        "20:45-07:00",
        "23:30-09:00",
        "21:45-08:00",
        "20:45-07:00",
    ]
    assert [len(one.windows) for one in days] == [1, 0, 0, 0, 1, 1, 0]
    assert [len(one.limits) for one in days] == [1, 1, 1, 1, 0, 1, 1]
    assert [one.exception for one in days[3:6]] == [("free",), ("bedtime", "limits"), ("school",)]


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

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.time.schedule import (
    Calendar,
    bedtime_table,
    closure_at,
    next_change,
    next_local,
    next_wake,
    windows_table,
)
from gateway.policy.time.time_text import every_day
from tests.policy.homes import ALMATY
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


def test_who_has_no_bedtime_wakes_at_seven() -> None:
    assert next_wake(every_day(None), Calendar(ALMATY), local("2026-11-24T12:00")) == local(
        "2026-11-25T07:00"
    )
    assert next_wake(every_day(None), Calendar(ALMATY), local("2026-11-25T06:00")) == local(
        "2026-11-25T07:00"
    )


def test_next_local_time() -> None:
    calendar = Calendar(ALMATY)
    assert next_local(240, calendar, local("2026-11-24T04:00")) == local("2026-11-25T04:00")
    assert next_local(240, calendar, local("2026-11-24T03:59")) == local("2026-11-24T04:00")


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

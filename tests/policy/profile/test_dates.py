"""Dated exceptions: what a text means, what is refused, and what they do to bedtimes, windows and limits."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from gateway.policy.profile.rules import DayType, Owned
from gateway.policy.time.gates import DEVICE, state_gates
from gateway.policy.time.schedule import (
    bedtime_table,
    calendar_for,
    closure_at,
    limit_on,
    next_change,
    windows_on,
)
from gateway.policy.time.time_rules import PLAIN, standing
from gateway.policy.time.time_text import Span
from tests.policy.homes import ALMATY, CALENDAR, a_profile, refusal

CHILD = """
band: 10-12
bedtime: {school: "20:45-07:00", free: "21:45-08:00"}
limits: {play: {school: 1h, free: 2h}, "service:youtube": 30m}
windows: {"service:roblox": ["16:00-18:00"]}
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY)


def asleep(dates: str, moment: str) -> bool:
    profile = a_profile(f"{CHILD}dates: {dates}")
    table = bedtime_table(profile.rules.bedtime, calendar_for(profile, CALENDAR), profile.rules.dates)
    return closure_at(table, CALENDAR, at(moment)) is not None


@pytest.mark.parametrize(
    ("dates", "moment", "closed"),
    [
        # 31 December 2026 is a Thursday; "no bedtime on it" is the night that begins on it.
        ("{2026-12-31: {bedtime: {}}}", "2026-12-31T23:00", False),
        ("{2026-12-31: {bedtime: {}}}", "2027-01-01T03:00", False),
        ("{2026-12-31: {bedtime: {}}}", "2026-12-31T06:00", True),
        ("{2026-12-31: {bedtime: {}}}", "2027-01-01T23:00", True),
        ('{2026-12-31: {bedtime: "23:30-09:00"}}', "2026-12-31T23:00", False),
        ('{2026-12-31: {bedtime: "23:30-09:00"}}', "2026-12-31T23:30", True),
        ('{2026-12-31: {bedtime: "23:30-09:00"}}', "2027-01-01T08:59", True),
        ('{2026-12-31: {bedtime: "00:30-09:00"}}', "2026-12-31T23:59", False),
        ('{2026-12-31: {bedtime: "00:30-09:00"}}', "2027-01-01T00:30", True),
        ('{2026-12-31: {bedtime: "00:30-09:00"}}', "2026-12-31T00:45", True),  # of the night before
        ('{2026-12-31: {bedtime: "22:00-24:00"}}', "2026-12-31T23:59", True),
        ('{2026-12-31: {bedtime: "22:00-24:00"}}', "2027-01-01T00:00", False),
        ('{2026-12-31: {bedtime: "18:00-19:00"}}', "2026-12-31T18:30", True),
        ('{2026-12-31: {bedtime: "18:00-19:00"}}', "2026-12-31T22:30", False),
        # What the next day counts as decides about the evening before it.
        ("{2026-12-16: free}", "2026-12-15T21:00", False),
        ("{2026-12-16: free}", "2026-12-16T21:00", True),
        ("{2026-12-19: school}", "2026-12-18T21:00", True),  # a Saturday
        ("{2026-12-19: {day: school}}", "2026-12-18T21:00", True),
        ("{2026-12-14..2026-12-18: free}", "2026-12-15T21:00", False),
    ],
)
def test_a_bedtime_of_a_date_is_of_the_night_that_begins_on_it(dates: str, moment: str, closed: bool) -> None:
    assert asleep(dates, moment) is closed


@pytest.mark.parametrize(
    ("dates", "target", "day", "limit"),
    [
        ("{}", "play", "2026-12-16", "1:00:00"),
        ("{2026-12-16: free}", "play", "2026-12-16", "2:00:00"),
        ("{2026-12-16: {limits: {play: 3h}}}", "play", "2026-12-16", "3:00:00"),
        ("{2026-12-16: {limits: {play: 3h}}}", "service:youtube", "2026-12-16", "0:30:00"),
        ("{2026-12-16: {limits: {play: {}}}}", "play", "2026-12-16", "None"),
        ("{2026-12-16: {limits: {}}}", "play", "2026-12-16", "None"),
        ("{2026-12-16: {limits: {}}}", "service:youtube", "2026-12-16", "None"),
        ("{2026-12-16: {limits: {}}}", "service:youtube", "2026-12-17", "0:30:00"),
        ('{2026-12-16: {limits: {"group:games": 20m}}}', "group:games", "2026-12-16", "0:20:00"),
        ('{2026-12-16: {limits: {"group:games": 20m}}}', "group:games", "2026-12-17", "None"),
    ],
)
def test_limits_of_a_date(dates: str, target: str, day: str, limit: str) -> None:
    profile = a_profile(f"{CHILD}dates: {dates}")
    found = limit_on(profile.rules, target, date.fromisoformat(day), calendar_for(profile, CALENDAR))
    assert str(found and found.value) == limit


def test_windows_of_a_date() -> None:
    profile = a_profile(
        f'{CHILD}dates: {{2026-12-16: {{windows: {{"service:roblox": [], internet: "10:00-20:00"}}}},'
        " 2026-12-17: {windows: {}}}"
    )
    rules = profile.rules

    def on(target: str, day: int) -> Owned[tuple[Span, ...]] | None:
        return windows_on(rules.windows[target], target, date(2026, 12, day), CALENDAR, rules.dates)

    assert on("service:roblox", 16) == Owned((), "family")
    assert on("service:roblox", 17) is None
    assert on("internet", 16) == Owned((Span(600, 1200),), "family")
    assert on("internet", 15) is None
    assert "window:internet" in standing(profile, PLAIN, CALENDAR, at("2026-12-16T09:00")).closed
    assert "window:service:roblox" in standing(profile, PLAIN, CALENDAR, at("2026-12-16T17:00")).closed
    assert "window:service:roblox" not in standing(profile, PLAIN, CALENDAR, at("2026-12-17T09:00")).closed


def test_an_adult_with_one_dated_bedtime_sleeps_that_night_alone() -> None:
    profile = a_profile('{band: adult, dates: {2026-12-16: {bedtime: "22:00-06:00"}}}')
    assert profile.filtered
    assert "bedtime" in standing(profile, PLAIN, CALENDAR, at("2026-12-16T22:30")).closed
    assert not standing(profile, PLAIN, CALENDAR, at("2026-12-17T22:30")).closed
    table = bedtime_table(profile.rules.bedtime, CALENDAR, profile.rules.dates)
    assert next_change(table, CALENDAR, at("2026-12-10T00:00")) == at("2026-12-16T22:00")


def test_a_date_without_a_bedtime_adds_no_bedtime() -> None:
    profile = a_profile("{band: adult, dates: {2026-12-16: {bedtime: {}}}}")
    assert profile.rules.dates[date(2026, 12, 16)].bedtime == Owned(None, "family")
    assert not profile.filtered
    assert state_gates(profile.rules) == (DEVICE,)


def test_a_date_adds_to_the_range_that_it_is_in() -> None:
    dates = a_profile(
        "{band: 10-12, dates: {2026-12-24..2027-01-08: {day: free, limits: {play: 4h}},"
        ' 2026-12-31: {bedtime: {}, limits: {play: 6h, "service:youtube": 1h}}}}'
    ).rules.dates
    assert len(dates) == 16
    new_year = dates[date(2026, 12, 31)]
    assert new_year.counts_as is DayType.FREE
    assert new_year.bedtime == Owned(None, "family")
    assert new_year.limits["play"].value == timedelta(hours=6)
    assert dates[date(2027, 1, 1)].bedtime is None
    assert dates[date(2027, 1, 1)].limits["play"].value == timedelta(hours=4)
    assert list(dates) == sorted(dates)


def test_a_date_goes_before_a_calendar_and_a_holiday() -> None:
    from dataclasses import replace

    profile = a_profile("{band: 10-12, dates: {2026-12-16: school, 2026-12-17: free}}")
    day, other = date(2026, 12, 16), date(2026, 12, 18)
    profile = replace(profile, free_days=frozenset({day, other}))
    calendar = calendar_for(profile, replace(CALENDAR, holidays=frozenset({day})))
    assert [calendar.is_free(date(2026, 12, one)) for one in (16, 17, 18, 19, 21)] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert calendar_for(a_profile("{band: 10-12}"), CALENDAR) is CALENDAR


@pytest.mark.parametrize(
    ("dates", "problem"),
    [
        ("{2026-12-32: free}", "dates.2026-12-32: '2026-12-32' is no date; write it like 2027-03-26"),
        ("{2026-02-29: free}", "is no date"),
        ("{20261231: free}", "is no date"),
        ("{christmas: free}", "'christmas' is no date"),
        ("{2026-12-31..: free}", "'' is no date"),
        ("{2027-01-08..2026-12-24: free}", "ends before it starts; write the earlier date first"),
        ("{2026-01-01..2027-02-05: free}", "has 401 days, more than 400; change the ordinary rules"),
        ("{2026-12-31: holiday}", "'holiday' is not known here; use one of: school, free"),
        ("{2026-12-31: }", "is empty"),
        ("{2026-12-31: {}}", "says nothing; write school, free or a mapping"),
        ("{2026-12-31: {beditme: {}}}", "is not a known key; did you mean 'bedtime'?"),
        ('{2026-12-31: {bedtime: {school: "20:00-07:00"}}}', "names days, but its date is one day"),
        ("{2026-12-31: {bedtime: }}", "is empty"),
        ("{2026-12-31: {bedtime: late}}", "'late' is not a span of time"),
        ("{2026-12-31: {limits: {play: 25h}}}", "'25h' is more than 24 hours; write at most 24h"),
        ("{2026-12-31: {limits: 3h}}", "is a text, not a mapping"),
        (
            '{2026-12-31: {limits: {"service:tiktak": 1h}}}',
            "no service of the catalogue; did you mean 'tiktok'?",
        ),
        ('{2026-12-31: {limits: {"group:game": 1h}}}', "no group of the catalogue; did you mean 'games'?"),
        ("{2026-12-31: {windows: {internet: }}}", "is empty; write [] for never, {} for no window"),
        ('{2026-12-31: {windows: {internet: ["10:00-12:00", "11:00-13:00"]}}}', "overlaps '10:00-12:00'"),
        (
            "{2026-12-24..2026-12-31: free, 2026-12-30..2027-01-08: school}",
            "2026-12-30 is in line 1 too; name each day once",
        ),
        ("[2026-12-31]", "is a list, not a mapping"),
    ],
)
def test_what_is_refused(dates: str, problem: str) -> None:
    said = refusal(lambda: a_profile(f"{{band: 10-12, dates: {dates}}}"))
    assert problem in said
    assert said.startswith("daughter.yaml:1: dates")


def test_so_many_dates_are_a_mistake() -> None:
    years = ", ".join(f"{year}-01-01..{year}-12-31: free" for year in range(2026, 2032))
    assert "more than 2000; remove those that are over" in refusal(
        lambda: a_profile(f"{{band: 10-12, dates: {{{years}}}}}")
    )

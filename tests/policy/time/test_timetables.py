from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.policy.time.gates import BEDTIME
from gateway.policy.time.schedule import Calendar, by_the_clock
from tests.policy.homes import ALMATY, CALENDAR, a_profile

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

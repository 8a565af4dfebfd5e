from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.policy.time.schedule import Calendar, plan
from tests.policy.homes import ALMATY, a_profile

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

"""A plan of days for a parent: what each day counts as and why, its bedtime, windows and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import DayType, Owned, Rules
from gateway.policy.time.schedule import DAY, Calendar, calendar_for, limit_on, nights_of, windows_on
from gateway.policy.time.time_text import Span

WEEKEND, HOLIDAY, CALENDAR, EXCEPTION = "weekend", "holiday", "calendar", "exception"


@dataclass(frozen=True, slots=True)
class PlannedDay:
    day: date
    counts_as: DayType
    because: str | None  # one of the four above; None: an ordinary school day
    holiday: str  # its English name, if it is one; whatever the day counts as
    nights: tuple[Owned[Span], ...]  # of the night that starts on the day
    windows: Mapping[str, Owned[tuple[Span, ...]]]  # by target; other targets are open all day
    limits: Mapping[str, Owned[timedelta]]  # by target
    exception: tuple[str, ...]  # the subjects of the profile's `dates` on the day (DateRule.says)

    @property
    def weekday(self) -> str:
        """Return ``mon`` to ``sun``."""
        return f"{self.day:%a}".lower()

    def in_brief(self) -> dict[str, object]:
        """Return the day and what it counts as, in JSON types."""
        return {
            "date": self.day.isoformat(),
            "weekday": self.weekday,
            "counts_as": self.counts_as.value,
            "because": self.because,
            "holiday": self.holiday or None,
            "exception": list(self.exception),
        }


def plan(
    profile: Profile, calendar: Calendar, holidays: Mapping[date, str], first: date, days: int = 7
) -> Iterator[PlannedDay]:
    """``calendar`` and ``holidays`` are the country's; the person's own days are added."""
    own = calendar_for(profile, calendar)
    for ahead in range(days):
        yield _planned(profile, own, holidays, first + ahead * DAY)


def _planned(profile: Profile, calendar: Calendar, holidays: Mapping[date, str], day: date) -> PlannedDay:
    rules = profile.rules
    windows = {
        target: windows_on(one, target, day, calendar, rules.dates) for target, one in rules.windows.items()
    }
    limits = {target: limit_on(rules, target, day, calendar) for target in rules.limits}
    return PlannedDay(
        day=day,
        counts_as=DayType.FREE if calendar.is_free(day) else DayType.SCHOOL,
        because=_because(profile, holidays, day),
        holiday=holidays.get(day, ""),
        nights=tuple(_nights(rules, day, calendar)),
        windows={target: one for target, one in windows.items() if one is not None},
        limits={target: one for target, one in limits.items() if one is not None},
        exception=rules.dates[day].says if day in rules.dates else (),
    )


def _nights(rules: Rules, day: date, calendar: Calendar) -> Iterator[Owned[Span]]:
    yield from nights_of(rules.bedtime, day, calendar, rules.dates)
    if rules.self_set is not None:
        yield from nights_of(rules.self_set.bedtime, day, calendar)


def _because(profile: Profile, holidays: Mapping[date, str], day: date) -> str | None:
    rule = profile.rules.dates.get(day)
    if rule is not None and rule.counts_as is not None:
        return EXCEPTION
    if day in holidays:
        return HOLIDAY
    if day in profile.free_days:
        return CALENDAR
    return WEEKEND if day.weekday() >= 5 else None

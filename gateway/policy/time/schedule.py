"""When bedtimes and windows close something, and until when. Rules are local times; answers are instants.

A rule follows the local clock minute by minute. In the hour that the clock repeats in autumn it applies
twice; in the hour that is skipped in spring it does not apply. Each instant therefore has exactly one answer.
Instants are in UTC: Python compares two local times of one zone by what the clock shows, which is wrong in
the repeated hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import Bedtime, DateRule, DayType, Owned, Rules, Windows
from gateway.policy.time.grammar import DAY_MINUTES
from gateway.policy.time.time_text import Span
from gateway.policy.time.wall_clock import (
    REMEMBERED,
    clock_shift,
    first_reaching,
    instants_showing,
    shows,
    wall_time,
)

HORIZON = 16  # days to look ahead: every weekday occurs twice, whatever the holidays
DEFAULT_WAKE = 7 * 60  # for a child without a bedtime
DAY = timedelta(days=1)
NO_DATES: Mapping[date, DateRule] = {}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The home's time zone, its free days besides Saturdays and Sundays, and when its day and week begin."""

    zone: tzinfo
    holidays: frozenset[date] = frozenset()
    day_starts: int = 240  # minutes after midnight at which the day for limits and grants starts
    school_days: frozenset[date] = frozenset()  # Saturdays, Sundays and holidays that are no free days
    week_starts: int = 0  # first weekday of the week of limits; 0 is Monday

    def is_free(self, day: date) -> bool:
        return day not in self.school_days and (day.weekday() >= 5 or day in self.holidays)

    def family_day(self, now: datetime) -> date:
        """Return the day for limits and grants at ``now``. It never goes back, unlike a clock."""
        now = now.astimezone(UTC)
        day = now.astimezone(self.zone).date() + DAY
        while self.starts(day) > now:
            day -= DAY
        return day

    def day_end(self, now: datetime) -> datetime:
        """Return the instant (UTC) at which the family's day of ``now`` ends."""
        return self.starts(self.family_day(now) + DAY)

    def starts(self, day: date) -> datetime:
        """Return the instant at which a family's day starts."""
        return _reaching(day, self.day_starts, self.zone)

    def first_of_week(self, day: date) -> date:
        """Return the first family day of the week of ``day``."""
        return day - (day.weekday() - self.week_starts) % 7 * DAY

    def week_end(self, now: datetime) -> datetime:
        """Return the instant (UTC) at which the next week begins."""
        return self.starts(self.first_of_week(self.family_day(now)) + 7 * DAY)


@lru_cache(REMEMBERED)
def _reaching(day: date, minute: int, zone: tzinfo) -> datetime:
    return first_reaching(wall_time(day, minute), zone)


def calendar_for(profile: Profile, calendar: Calendar) -> Calendar:
    """Return ``calendar`` with a person's own free and school days. A date in the profile outranks them."""
    dates = profile.rules.dates
    free = {day for day, rule in dates.items() if rule.counts_as is DayType.FREE}
    school = {day for day, rule in dates.items() if rule.counts_as is DayType.SCHOOL}
    if not (free or school or profile.free_days):
        return calendar
    return replace(
        calendar,
        holidays=calendar.holidays | profile.free_days | free,
        school_days=(calendar.school_days - free) | school,
    )


def limit_on(rules: Rules, target: str, day: date, calendar: Calendar) -> Owned[timedelta] | None:
    """Return the limits of a family's day. A child's own limit applies if it is lower.

    ``calendar``: the person's own (`calendar_for`).
    """
    others = _limit_of_others(rules, target, day, calendar)
    own = None if rules.self_set is None else rules.self_set.limits.get(target)
    mine = None if own is None else own.on(day.weekday(), free=calendar.is_free(day))
    if mine is not None and (others is None or mine.value < others.value):
        return mine
    return others


def week_limit(rules: Rules, target: str) -> Owned[timedelta] | None:
    """Return the limit of a week. A child's own counts where it is less."""
    own = None if rules.self_set is None else rules.self_set.limits.get(target)
    found = [one.week for one in (rules.limits.get(target), own) if one is not None and one.week is not None]
    return min(found, key=lambda one: one.value, default=None)


def week_limits(rules: Rules) -> dict[str, Owned[timedelta]]:
    """Return the limits of a week, by target."""
    found = ((target, week_limit(rules, target)) for target in rules.limits)
    return {target: limit for target, limit in found if limit is not None}


def _limit_of_others(rules: Rules, target: str, day: date, calendar: Calendar) -> Owned[timedelta] | None:
    exception = rules.dates[day].limits.get(target) if day in rules.dates else None
    if exception is not None:
        return None if exception.value is None else Owned(exception.value, exception.owner)
    limit = rules.limits.get(target)
    return None if limit is None else limit.on(day.weekday(), free=calendar.is_free(day))


@dataclass(frozen=True, slots=True)
class Closure:
    """Closed from ``start`` until just before ``end``, minutes of one local day (0 to 1440)."""

    start: int
    end: int
    rule: str  # the rule as written, e.g. "20:45-07:00"
    owner: str


Timetable = Callable[[date], tuple[Closure, ...]]
"""Returns the closures of a local day; they may overlap."""


def nights_of(
    bedtime: Bedtime, evening: date, calendar: Calendar, dates: Mapping[date, DateRule] = NO_DATES
) -> Iterator[Owned[Span]]:
    """Return the bedtimes of the night that starts on a day: usually one or none."""
    exception = dates[evening].bedtime if evening in dates else None
    if exception is not None:
        if exception.value is not None:
            yield Owned(exception.value, exception.owner)
        return
    morning = evening + DAY
    this = bedtime.on(evening.weekday(), free=calendar.is_free(evening))
    if this is not None and not this.value.is_night:
        yield this
    after = bedtime.on(morning.weekday(), free=calendar.is_free(morning))
    if after is not None and after.value.is_night:
        yield after


def bedtime_table(
    bedtime: Bedtime, calendar: Calendar, dates: Mapping[date, DateRule] = NO_DATES
) -> Timetable:
    """Return the bedtime closures of a day.

    A bedtime is looked up by the morning on which it ends: Sunday evening belongs to Monday. The bedtime of a
    date is that of the night that starts on it.
    """

    def closures(day: date) -> tuple[Closure, ...]:
        found = []
        for one in nights_of(bedtime, day - DAY, calendar, dates):
            if one.value.is_night:
                start = 0 if one.value.crosses_midnight else one.value.start
                found.append(Closure(start, one.value.end, str(one.value), one.owner))
        for one in nights_of(bedtime, day, calendar, dates):
            if one.value.crosses_midnight or not one.value.is_night:
                end = DAY_MINUTES if one.value.crosses_midnight else one.value.end
                found.append(Closure(one.value.start, end, str(one.value), one.owner))
        return tuple(found)

    return lru_cache(HORIZON)(closures)


def bedtimes_table(rules: Rules, calendar: Calendar) -> Timetable:
    """Return all bedtime closures of a person: those set by others, and its own."""
    others = bedtime_table(rules.bedtime, calendar, rules.dates)
    if rules.self_set is None or not rules.self_set.bedtime:
        return others
    own = bedtime_table(rules.self_set.bedtime, calendar)

    def closures(day: date) -> tuple[Closure, ...]:
        return (*others(day), *own(day))

    return lru_cache(HORIZON)(closures)


def windows_on(
    windows: Windows, target: str, day: date, calendar: Calendar, dates: Mapping[date, DateRule] = NO_DATES
) -> Owned[tuple[Span, ...]] | None:
    """Return the windows that start on a day; None if nothing restricts it."""
    exception = dates[day].windows.get(target) if day in dates else None
    if exception is not None:
        return None if exception.value is None else Owned(exception.value, exception.owner)
    return windows.on(day.weekday(), free=calendar.is_free(day))


def windows_table(
    windows: Windows, calendar: Calendar, dates: Mapping[date, DateRule] = NO_DATES, target: str = ""
) -> Timetable:
    """Return the closures outside of the day's windows and of yesterday's last one, if it crosses midnight.

    A day without a rule is open. ``target``: a target that ``dates`` may name.
    """

    def closures(day: date) -> tuple[Closure, ...]:
        rule = windows_on(windows, target, day, calendar, dates)
        if rule is None:
            return ()
        before = windows_on(windows, target, day - DAY, calendar, dates)
        return tuple(_complement(_open_spans(rule.value, before), _text(rule), rule.owner))

    return lru_cache(HORIZON)(closures)


def _open_spans(spans: tuple[Span, ...], before: Owned[tuple[Span, ...]] | None) -> list[tuple[int, int]]:
    """Return what is open on a day: its own windows, and the ends of yesterday's that cross midnight."""
    over = [(0, span.end) for span in before.value if span.crosses_midnight] if before is not None else []
    return sorted(over + [(span.start, DAY_MINUTES if span.crosses_midnight else span.end) for span in spans])


def _complement(spans: list[tuple[int, int]], rule: str, owner: str) -> Iterator[Closure]:
    at = 0
    for start, end in spans:
        if start > at:
            yield Closure(at, start, rule, owner)
        at = max(at, end)
    if at < DAY_MINUTES:
        yield Closure(at, DAY_MINUTES, rule, owner)


def _text(rule: Owned[tuple[Span, ...]]) -> str:
    return ", ".join(str(span) for span in rule.value) or "never"


def closure_at(table: Timetable, calendar: Calendar, now: datetime) -> Closure | None:
    """Return what closes at ``now`` (any aware datetime)."""
    local = now.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    return next((one for one in table(local.date()) if one.start <= minute < one.end), None)


def next_change(table: Timetable, calendar: Calendar, now: datetime) -> datetime | None:
    """Return the next instant (UTC) at which open and closed change; None if not within HORIZON days."""
    now = now.astimezone(UTC)
    closed = closure_at(table, calendar, now) is not None
    first = now.astimezone(calendar.zone).date() - DAY

    def change_on(day: date) -> datetime | None:
        for instant in _instants(table, calendar.zone, day):
            if instant > now and (closure_at(table, calendar, instant) is not None) is not closed:
                return instant
        return None

    for ahead in range(HORIZON + 2):
        day = first + ahead * DAY
        found = change_on(day)
        if found is not None:
            # If the clock goes back over midnight, part of the next day comes before the end of this one.
            following = change_on(day + DAY) if clock_shift(day, calendar.zone) is not None else None
            return found if following is None else min(found, following)
    return None


def next_edge(table: Timetable, calendar: Calendar, now: datetime) -> datetime | None:
    """Return the next instant (UTC), within two days, at which a rule starts or stops closing.

    If two rules close the same hours, another one may be the reason from then on.
    """
    now = now.astimezone(UTC)
    first = now.astimezone(calendar.zone).date() - DAY
    days = (first + ahead * DAY for ahead in range(4))
    return min((at for day in days for at in _instants(table, calendar.zone, day) if at > now), default=None)


@lru_cache(REMEMBERED)
def _instants(table: Timetable, zone: tzinfo, day: date) -> tuple[datetime, ...]:
    """Return the instants of a local day at which its closures may change, in order."""
    minutes = {0}.union(*((one.start, one.end) for one in table(day)))
    shift = clock_shift(day, zone)
    if shift is None:
        found = sorted(wall_time(day, minute).replace(tzinfo=zone).astimezone(UTC) for minute in minutes)
        # A day that a zone skips has no instants (Samoa, 30 December 2011).
        return tuple(found) if shows(found[0], zone).date() == day else ()
    shown = (instants_showing(wall_time(day, minute), zone) for minute in minutes)
    return tuple(sorted({shift}.union(*shown)))


def next_wake(
    bedtime: Bedtime, calendar: Calendar, now: datetime, dates: Mapping[date, DateRule] = NO_DATES
) -> datetime:
    """Return the end (UTC) of the current or next bedtime; 07:00 without a bedtime."""
    table = bedtime_table(bedtime, calendar, dates)
    change = next_change(table, calendar, now)
    if change is not None and closure_at(table, calendar, change) is not None:
        change = next_change(table, calendar, change)
    return change if change is not None else next_local(DEFAULT_WAKE, calendar, now)


def next_local(minute: int, calendar: Calendar, now: datetime) -> datetime:
    """Return the next instant (UTC) after ``now`` at which the local clock shows ``minute`` (of the day)."""
    now = now.astimezone(UTC)
    day = now.astimezone(calendar.zone).date()
    for ahead in range(3):
        wall = wall_time(day + ahead * DAY, minute)
        moments = (*instants_showing(wall, calendar.zone), first_reaching(wall, calendar.zone))
        later = [moment for moment in moments if moment > now]
        if later:
            return min(later)
    return now + DAY

"""Computes when bedtimes and allowed hours (windows) block something, and until when.

Rules are local times; answers are instants. A rule follows the local clock minute by minute. In the hour that
the clock repeats in autumn it applies twice; in the hour that is skipped in spring it does not apply. Each
instant therefore has exactly one answer. Instants are in UTC: Python compares two local times of one zone by
what the clock shows, which is wrong in the repeated hour.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.policy.profile.rules import INTERNET, Bedtime, DateRule, DayType, Limit, Owned, Rules, Windows
from gateway.policy.time.gates import BEDTIME, WINDOW
from gateway.policy.time.limit_periods import DAY, LimitPeriod
from gateway.policy.time.time_text import DAY_MINUTES, Span
from gateway.policy.values import Reason

if TYPE_CHECKING:  # the pages import this module, and a profile's module loads the YAML library
    from gateway.policy.profile.profile import Profile

BEDTIME_DAYS = 8  # in which the next bedtime is looked for: until the same weekday
HORIZON = 16  # days to look ahead: every weekday occurs twice, whatever the holidays
DEFAULT_WAKE = 7 * 60  # for a child without a bedtime
NO_DATES: Mapping[date, DateRule] = {}

T = TypeVar("T")
PEOPLE = 32  # cached timetables, 2 kB each: a large family's, its guests' and those of one edit
OPEN = "open"
WEEKEND, HOLIDAY, CALENDAR, EXCEPTION = "weekend", "holiday", "calendar", "exception"
HALF_DAY = timedelta(hours=12)
MINUTE = timedelta(minutes=1)

# Results per function, 200 to 400 bytes each: the status of eight children needs the same dozens again.
REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Calendar:
    """The household's time zone, its free and school days, and when its day and its week begin."""

    zone: tzinfo
    holidays: frozenset[date] = frozenset()
    day_starts: int = 240  # minutes after midnight at which the day for limits and grants starts
    school_days: frozenset[date] = frozenset()  # Saturdays, Sundays and holidays that are no free days
    week_starts: int = 0  # first weekday of the week of limits; 0 is Monday

    def is_free(self, day: date) -> bool:
        """Return True if the day is free: a weekend or holiday that is no school day."""
        return day not in self.school_days and (day.weekday() >= 5 or day in self.holidays)

    def next_local(self, minute: int, now: datetime) -> datetime:
        """Return the next instant (UTC) after ``now`` when the local clock shows ``minute``.

        ``minute``: minutes after midnight. If the clock skips that time, it is the instant of the clock
        change.
        """
        now = now.astimezone(UTC)
        day = now.astimezone(self.zone).date()
        for ahead in range(3):
            wall = wall_time(day + ahead * DAY, minute)
            moments = (*instants_showing(wall, self.zone), first_reaching(wall, self.zone))
            later = [moment for moment in moments if moment > now]
            if later:
                return min(later)
        return now + DAY

    def family_day(self, now: datetime) -> date:
        """Return the date of the family's day at ``now``, for limits and grants.

        That day begins at ``day_starts``. When the local clock is set back, the date does not go back.
        """
        now = now.astimezone(UTC)
        day = now.astimezone(self.zone).date() + DAY
        while self.starts(day) > now:
            day -= DAY
        return day

    def day_end(self, now: datetime) -> datetime:
        """Return the instant (UTC) at which the family's day of ``now`` ends."""
        return self.period_end(LimitPeriod.DAY, now)

    def starts(self, day: date) -> datetime:
        """Return the instant (UTC) at which the family's day with this date starts."""
        return _reaching(day, self.day_starts, self.zone)

    def first_day(self, period: LimitPeriod, day: date) -> date:
        """Return the date on which the family's period of ``day`` begins."""
        return period.first_day(day, self.week_starts)

    def period_end(self, period: LimitPeriod, now: datetime) -> datetime:
        """Return the instant (UTC) at which the family's period of ``now`` ends."""
        first = self.first_day(period, self.family_day(now))
        return self.starts(self.first_day(period, first + period.days * DAY))


@lru_cache(REMEMBERED)
def _reaching(day: date, minute: int, zone: tzinfo) -> datetime:
    return first_reaching(wall_time(day, minute), zone)


def calendar_for(profile: Profile, calendar: Calendar) -> Calendar:
    """Return ``calendar`` with a person's own free and school days; unchanged if the person has none.

    A date in the profile's ``dates`` outranks all others.
    """
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


def limit_on(
    rules: Rules, target: str, day: date, calendar: Calendar, period: LimitPeriod = LimitPeriod.DAY
) -> Owned[timedelta] | None:
    """Return the limit of a target for the period of a family day, the child's own if lower; None without.

    ``target``: ``internet``, ``play``, ``service:ID``, ``category:ID`` or ``group:ID``. ``calendar``: the
    person's own (`calendar_for`). A dated exception changes the limit of its day only.
    """

    def regular(limit: Limit | None) -> Owned[timedelta] | None:
        if limit is None:
            return None
        if period is not LimitPeriod.DAY:
            return limit.longer.get(period)
        return limit.on(day.weekday(), free=calendar.is_free(day))

    others = regular(rules.limits.get(target))
    own = None if rules.self_set is None else regular(rules.self_set.limits.get(target))
    if period is LimitPeriod.DAY and day in rules.dates and target in rules.dates[day].limits:
        exception = rules.dates[day].limits[target]
        others = None if exception.value is None else Owned(exception.value, exception.owner)
    return own if own is not None and (others is None or own.value < others.value) else others


def limits_on(
    rules: Rules, day: date, calendar: Calendar, period: LimitPeriod = LimitPeriod.DAY
) -> dict[str, Owned[timedelta]]:
    """Return the limits for the period of a family day by target, such as ``play``. See `limit_on`."""
    found = ((target, limit_on(rules, target, day, calendar, period)) for target in rules.limits)
    return {target: limit for target, limit in found if limit is not None}


@dataclass(frozen=True, slots=True)
class Closure:
    """A part of a local day in which a rule blocks: from ``start`` until just before ``end``.

    Both are minutes after midnight (0 to 1440).
    """

    start: int
    end: int
    rule: str  # the rule as written, e.g. "20:45-07:00"
    owner: str


Timetable = Callable[[date], tuple[Closure, ...]]
"""Returns the closures of a local day; they may overlap."""


def nights_of(
    bedtime: Bedtime, evening: date, calendar: Calendar, dates: Mapping[date, DateRule] = NO_DATES
) -> Iterator[Owned[Span]]:
    """Yield the bedtimes, with their owners, of the night that begins on ``evening``: usually one or none.

    ``calendar``: the person's own (`calendar_for`). ``dates``: exceptions, which replace the weekly bedtime
    of a night.
    """
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
    """Return a cached function from a date to the parts of that day that a bedtime blocks.

    A weekly bedtime is looked up by the morning on which it ends: Sunday evening belongs to Monday. One that
    starts at noon or later and ends before midnight belongs to its own day. An exception in ``dates`` is the
    bedtime of the night that starts on its date.
    """

    def closures(day: date) -> tuple[Closure, ...]:
        found = []
        for night in nights_of(bedtime, day - DAY, calendar, dates):
            if night.value.is_night:
                start = 0 if night.value.crosses_midnight else night.value.start
                found.append(Closure(start, night.value.end, str(night.value), night.owner))
        for night in nights_of(bedtime, day, calendar, dates):
            if night.value.crosses_midnight or not night.value.is_night:
                end = DAY_MINUTES if night.value.crosses_midnight else night.value.end
                found.append(Closure(night.value.start, end, str(night.value), night.owner))
        return tuple(found)

    return lru_cache(HORIZON)(closures)


def bedtimes_table(rules: Rules, calendar: Calendar) -> Timetable:
    """Return a cached function from a date to the parts of that day that a person's bedtime blocks.

    It includes the bedtime that a child set for itself.
    """
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
    """Return the allowed hours (windows) of a target that start on a day, with the rule's owner.

    None: nothing restricts it on that day. An exception in ``dates`` replaces the weekly hours. ``calendar``:
    the person's own (`calendar_for`).
    """
    exception = dates[day].windows.get(target) if day in dates else None
    if exception is not None:
        return None if exception.value is None else Owned(exception.value, exception.owner)
    return windows.on(day.weekday(), free=calendar.is_free(day))


def windows_table(
    windows: Windows, calendar: Calendar, dates: Mapping[date, DateRule] = NO_DATES, target: str = ""
) -> Timetable:
    """Return a cached function from a date to the parts of that day outside the allowed hours (windows).

    Yesterday's last window counts too, if it crosses midnight. A day without a rule is open. ``target``: the
    target of the windows, for exceptions in ``dates``.
    """

    def closures(day: date) -> tuple[Closure, ...]:
        rule = windows_on(windows, target, day, calendar, dates)
        if rule is None:
            return ()
        before = windows_on(windows, target, day - DAY, calendar, dates)
        return tuple(_complement(_open_spans(rule.value, before), _windows_text(rule), rule.owner))

    return lru_cache(HORIZON)(closures)


def _open_spans(spans: tuple[Span, ...], before: Owned[tuple[Span, ...]] | None) -> list[tuple[int, int]]:
    """Return the allowed parts of a day as (start, end) in minutes after midnight, sorted.

    They are the day's own windows, and the ends of yesterday's (``before``) that cross midnight.
    """
    over = [(0, span.end) for span in before.value if span.crosses_midnight] if before is not None else []
    return sorted(over + [(span.start, DAY_MINUTES if span.crosses_midnight else span.end) for span in spans])


def _complement(spans: list[tuple[int, int]], rule: str, owner: str) -> Iterator[Closure]:
    """Yield the parts of a day in none of the sorted ``spans``, as closures of this rule and owner."""
    at = 0
    for start, end in spans:
        if start > at:
            yield Closure(at, start, rule, owner)
        at = max(at, end)
    if at < DAY_MINUTES:
        yield Closure(at, DAY_MINUTES, rule, owner)


def _windows_text(rule: Owned[tuple[Span, ...]]) -> str:
    return ", ".join(str(span) for span in rule.value) or "never"


def closure_at(table: Timetable, calendar: Calendar, now: datetime) -> Closure | None:
    """Return the closure that applies at ``now`` (any aware datetime); None if it is open."""
    local = now.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    return next((closure for closure in table(local.date()) if closure.start <= minute < closure.end), None)


def next_change(table: Timetable, calendar: Calendar, now: datetime) -> datetime | None:
    """Return the next instant (UTC) at which a timetable begins or stops blocking.

    None if it does not within HORIZON days.
    """
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
    """Return the next instant (UTC) in about two days at which a rule may start or stop blocking; or None.

    If two rules block the same hours, the deciding one may change then. Every local midnight is included.
    """
    now = now.astimezone(UTC)
    first = now.astimezone(calendar.zone).date() - DAY
    days = (first + ahead * DAY for ahead in range(4))
    return min((at for day in days for at in _instants(table, calendar.zone, day) if at > now), default=None)


@lru_cache(REMEMBERED)
def _instants(table: Timetable, zone: tzinfo, day: date) -> tuple[datetime, ...]:
    """Return the instants (UTC) of a local day at which a timetable may begin or stop blocking, in order."""
    minutes = {0}.union(*((closure.start, closure.end) for closure in table(day)))
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
    """Return the end (UTC) of the current or next bedtime; the next 07:00 if there is none.

    ``calendar``: the person's own (`calendar_for`). ``dates``: exceptions, which replace the weekly bedtime.
    """
    table = bedtime_table(bedtime, calendar, dates)
    change = next_change(table, calendar, now)
    if change is not None and closure_at(table, calendar, change) is not None:
        change = next_change(table, calendar, change)
    return change if change is not None else calendar.next_local(DEFAULT_WAKE, now)


def by_the_clock(profile: Profile, calendar: Calendar) -> tuple[Calendar, Mapping[str, Timetable]]:
    """Return a person's own calendar, and the timetables of bedtime and allowed hours by gate.

    A gate is the name of a time rule. Both are cached. The key is the identity of the arguments: changed
    rules are another profile, and changed holidays another calendar.
    """
    return _by_the_clock(_Same(profile), _Same(calendar))


class _Same(Generic[T]):
    """A cache key that holds ``it`` and compares by identity: comparing rules by content is slower."""

    __slots__ = ("it",)

    def __init__(self, it: T) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


@lru_cache(PEOPLE)
def _by_the_clock(person: _Same[Profile], home: _Same[Calendar]) -> tuple[Calendar, Mapping[str, Timetable]]:
    profile = person.it
    rules, calendar = profile.rules, calendar_for(profile, home.it)
    tables = {BEDTIME: bedtimes_table(rules, calendar)} if rules.sleeps else {}
    for target, windows in rules.windows.items():
        tables[WINDOW + target] = windows_table(windows, calendar, rules.dates, target)
    return calendar, tables


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a local day with one state: from ``start`` until just before ``end``.

    Both are minutes after midnight (0 to 1440).
    """

    start: int
    end: int
    state: str  # "open", "bedtime" or "window"
    owner: str  # owner of the rule that closes it; empty while open


@dataclass(frozen=True, slots=True)
class Schedule:
    """The open and blocked hours of one person on any day, for a week view."""

    profile: Profile
    calendar: Calendar  # the country's

    def internet(self, day: date) -> tuple[Stretch, ...]:
        """Return the open and blocked parts of a day for the person's whole internet.

        Where both block, bedtime is the reason, not the allowed hours.
        """
        rules, own = self.profile.rules, calendar_for(self.profile, self.calendar)
        bedtime = bedtimes_table(rules, own)
        return tuple(
            _stretches((Reason.BEDTIME, bedtime(day)), (Reason.WINDOW, self._windows(rules, INTERNET)(day)))
        )

    def next_bedtime(self, now: datetime) -> datetime | None:
        """Return when the next bedtime begins after ``now``, a local time; None if none begins in a week.

        A bedtime that goes on after midnight began in the evening.
        """
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        before = OPEN
        for ahead in range(BEDTIME_DAYS):
            day = midnight + timedelta(days=ahead)
            for span in self.internet(day.date()):
                at = (day + timedelta(minutes=span.start)).replace(tzinfo=now.tzinfo)
                if span.state == Reason.BEDTIME != before and at > now:
                    return at
                before = span.state
        return None

    def targets(self, day: date) -> dict[str, tuple[Stretch, ...]]:
        """Return the open and blocked parts of a day by target, without those for the whole internet.

        The targets are the services, categories and groups, and play, with blocked hours on that day.
        """
        rules = self.profile.rules
        tables = {target: self._windows(rules, target)(day) for target in rules.windows if target != INTERNET}
        return {
            target: tuple(_stretches((Reason.WINDOW, found))) for target, found in tables.items() if found
        }

    def _windows(self, rules: Rules, target: str) -> Timetable:
        windows = rules.windows.get(target)
        if windows is None:
            return _never
        own = calendar_for(self.profile, self.calendar)
        return windows_table(windows, own, rules.dates, target)


def _never(day: date) -> tuple[Closure, ...]:  # noqa: ARG001
    return ()


def _stretches(*layers: tuple[Reason, tuple[Closure, ...]]) -> Iterator[Stretch]:
    """Yield the parts of a day with their state. Of several closures of a minute, the first layer's counts.

    Adjacent parts with the same state and owner are joined.
    """
    edges = {0, DAY_MINUTES}.union(
        *((closure.start, closure.end) for _, found in layers for closure in found)
    )
    cuts = sorted(edges)
    last: Stretch | None = None
    for start, end in itertools.pairwise(cuts):
        state, owner = _state_at(start, layers)
        if last is not None and (last.state, last.owner) == (state, owner):
            last = Stretch(last.start, end, state, owner)
            continue
        if last is not None:
            yield last
        last = Stretch(start, end, state, owner)
    if last is not None:
        yield last


def _state_at(minute: int, layers: tuple[tuple[Reason, tuple[Closure, ...]], ...]) -> tuple[str, str]:
    """Return the state of a minute of the day, and the owner of the rule that closes it ("" while open)."""
    for reason, found in layers:
        for closure in found:
            if closure.start <= minute < closure.end:
                return reason.value, closure.owner
    return OPEN, ""


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """The rules of one person for one day, and why it counts as a school day or a free day."""

    day: date
    counts_as: DayType
    because: str | None  # WEEKEND, HOLIDAY, CALENDAR or EXCEPTION; None: an ordinary school day
    holiday: str  # its English name, if it is one; whatever the day counts as
    nights: tuple[Owned[Span], ...]  # of the night that starts on the day
    windows: Mapping[str, Owned[tuple[Span, ...]]]  # by target; other targets are open all day
    limits: Mapping[str, Owned[timedelta]]  # of the day, by target; without those of longer periods
    exception: tuple[str, ...]  # the subjects of the profile's `dates` on the day (DateRule.says)

    @property
    def weekday(self) -> str:
        """The day of the week: ``mon`` to ``sun``."""
        return f"{self.day:%a}".lower()

    def in_brief(self) -> dict[str, object]:
        """Return the date, weekday, day type and its reason, holiday and exceptions, in JSON types."""
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
    """Yield the rules of a person for each of ``days`` days from ``first`` on.

    ``calendar`` and ``holidays`` (names by date) are the country's; the person's own days are added.
    """
    own = calendar_for(profile, calendar)
    for ahead in range(days):
        yield _planned(profile, own, holidays, first + ahead * DAY)


def _planned(profile: Profile, calendar: Calendar, holidays: Mapping[date, str], day: date) -> PlannedDay:
    rules = profile.rules
    windows = {
        target: windows_on(rule, target, day, calendar, rules.dates) for target, rule in rules.windows.items()
    }
    return PlannedDay(
        day=day,
        counts_as=DayType.FREE if calendar.is_free(day) else DayType.SCHOOL,
        because=_because(profile, holidays, day),
        holiday=holidays.get(day, ""),
        nights=tuple(_nights(rules, day, calendar)),
        windows={target: rule for target, rule in windows.items() if rule is not None},
        limits=limits_on(rules, day, calendar),
        exception=rules.dates[day].says if day in rules.dates else (),
    )


def _nights(rules: Rules, day: date, calendar: Calendar) -> Iterator[Owned[Span]]:
    yield from nights_of(rules.bedtime, day, calendar, rules.dates)
    if rules.self_set is not None:
        yield from nights_of(rules.self_set.bedtime, day, calendar)


def _because(profile: Profile, holidays: Mapping[date, str], day: date) -> str | None:
    """Return why a day is no ordinary school day, such as HOLIDAY; None if it is one."""
    rule = profile.rules.dates.get(day)
    if rule is not None and rule.counts_as is not None:
        return EXCEPTION
    if day in holidays:
        return HOLIDAY
    if day in profile.free_days:
        return CALENDAR
    return WEEKEND if day.weekday() >= 5 else None


def wall_time(day: date, minute: int) -> datetime:
    """Return the naive local time of a minute (0 to 1440) of a day."""
    return datetime.combine(day, time()) + minute * MINUTE


def shows(instant: datetime, zone: tzinfo) -> datetime:
    """Return the naive local time that a zone's clocks show at an instant."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def _possible(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the two instants (UTC) that a naive local time may be, in order.

    They are equal unless the clock repeats or skips that time.
    """
    both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    first, second = sorted(both)
    return first, second


def instants_showing(wall: datetime, zone: tzinfo) -> frozenset[datetime]:
    """Return the instants (UTC) at which clocks show ``wall`` (naive).

    They are two if the clock repeats it, none if it skips it.
    """
    return frozenset(instant for instant in _possible(wall, zone) if shows(instant, zone) == wall)


@lru_cache(REMEMBERED)
def first_reaching(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant (UTC) at which a zone's clock shows ``wall`` (naive local time) or later."""
    found = instants_showing(wall, zone)
    if found:
        return min(found)
    # The clock skips it. The offset before the change gives a later instant, the one after it an earlier
    # instant.
    return _first_change(*_possible(wall, zone), zone)


@lru_cache(REMEMBERED)
def clock_shift(day: date, zone: tzinfo) -> datetime | None:
    """Return the instant (UTC) at which a zone's clocks change on a day; None if they do not.

    It also returns it if ``day`` is the date one minute before the change.
    """
    midnight = wall_time(day, 0)
    around = (midnight - HALF_DAY, midnight + 3 * HALF_DAY)
    if len({wall.replace(tzinfo=zone, fold=fold).utcoffset() for wall in around for fold in (0, 1)}) == 1:
        return None  # the case on nearly every day; the rest is slower
    early, late = _possible(around[0], zone)[0], _possible(around[1], zone)[1]
    if early.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset():
        return None
    shift = _first_change(early, late, zone)
    return shift if day in (shows(shift, zone).date(), shows(shift - MINUTE, zone).date()) else None


def _first_change(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """Return the instant in (``early``, ``late``] at which the offset changes; always a whole minute."""
    before = early.astimezone(zone).utcoffset()
    while late - early > MINUTE:
        middle = early + MINUTE * ((late - early) // MINUTE // 2)
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late

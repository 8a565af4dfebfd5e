"""When bedtimes and windows close something, and until when. Times are local; answers are instants.

A rule is looked at as the local clock shows it, minute by minute: in the hour that a clock repeats in autumn
it says the same twice, and what lies in the hour that is skipped in spring never happens. So each instant has
exactly one answer. Instants are given in UTC: two local times of one zone compare by what the clock shows,
which is wrong in the repeated hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gateway.policy.rules import Bedtime, Owned, Windows
from gateway.policy.timetext import DAY_MINUTES, Span

HORIZON = 16  # days to look ahead: every weekday occurs twice, whatever holidays lie between
DEFAULT_WAKE = 7 * 60  # of a child without a bedtime
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where the home is, and which days are free beside Saturdays and Sundays."""

    zone: tzinfo
    holidays: frozenset[date] = frozenset()

    def is_free(self, day: date) -> bool:
        return day.weekday() >= 5 or day in self.holidays


@dataclass(frozen=True, slots=True)
class Closure:
    """Closed from ``start`` until just before ``end``, minutes of one local day (0 to 1440)."""

    start: int
    end: int
    rule: str  # the rule as written, e.g. "20:45-07:00"
    owner: str


Timetable = Callable[[date], tuple[Closure, ...]]
"""The closures of a local day; they may overlap."""


def bedtime_table(bedtime: Bedtime, calendar: Calendar) -> Timetable:
    """A bedtime goes by the morning on which it ends: Sunday evening belongs to Monday."""

    def closures(day: date) -> tuple[Closure, ...]:
        found = []
        this = bedtime.on(day.weekday(), free=calendar.is_free(day))
        if this is not None:
            start = 0 if this.value.crosses_midnight else this.value.start
            found.append(Closure(start, this.value.end, str(this.value), this.owner))
        tomorrow = day + DAY
        after = bedtime.on(tomorrow.weekday(), free=calendar.is_free(tomorrow))
        if after is not None and after.value.crosses_midnight:
            found.append(Closure(after.value.start, DAY_MINUTES, str(after.value), after.owner))
        return tuple(found)

    return closures


def windows_table(windows: Windows, calendar: Calendar) -> Timetable:
    """Closed outside of the day's windows and of what yesterday's last one reaches into it; a day without a
    rule is open.
    """

    def closures(day: date) -> tuple[Closure, ...]:
        rule = windows.on(day.weekday(), free=calendar.is_free(day))
        if rule is None:
            return ()
        yesterday = day - DAY
        before = windows.on(yesterday.weekday(), free=calendar.is_free(yesterday))
        return tuple(_complement(_open_spans(rule.value, before), _text(rule), rule.owner))

    return closures


def _open_spans(spans: tuple[Span, ...], before: Owned[tuple[Span, ...]] | None) -> list[tuple[int, int]]:
    """What is open on a day: its own windows, and the ends of yesterday's that cross midnight."""
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
    """What closes at ``now`` (any aware datetime)."""
    local = now.astimezone(calendar.zone)
    minute = local.hour * 60 + local.minute
    return next((one for one in table(local.date()) if one.start <= minute < one.end), None)


def next_change(table: Timetable, calendar: Calendar, now: datetime) -> datetime | None:
    """The first instant (UTC) after ``now`` at which open turns to closed or back; None where that does not
    happen within HORIZON days.
    """
    now = now.astimezone(UTC)
    closed = closure_at(table, calendar, now) is not None
    first = now.astimezone(calendar.zone).date() - DAY
    for ahead in range(HORIZON + 2):
        for instant in _instants(table, calendar, first + ahead * DAY):
            if instant > now and (closure_at(table, calendar, instant) is not None) is not closed:
                return instant
    return None


def _instants(table: Timetable, calendar: Calendar, day: date) -> list[datetime]:
    """The instants of a local day at which its table may change, in order."""
    minutes = {0}.union(*((one.start, one.end) for one in table(day)))
    found = {instant for minute in minutes for instant in _at_minute(day, minute, calendar.zone)}
    shift = _clock_shift(day, calendar.zone)
    if shift is not None:
        found.add(shift)
    return sorted(found)


def _at_minute(day: date, minute: int, zone: tzinfo) -> tuple[datetime, ...]:
    """The instants at which the local clock may show a minute of a day: two where the clock repeats it."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    return tuple({wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})


def _clock_shift(day: date, zone: tzinfo) -> datetime | None:
    """The instant of a local day at which the clock is put forward or back, if there is one."""
    low = datetime.combine(day, time(), zone).astimezone(UTC)
    high = datetime.combine(day + DAY, time(), zone).astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    if before == high.astimezone(zone).utcoffset():
        return None
    while high - low > MINUTE:
        middle = low + MINUTE * ((high - low) // MINUTE // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def next_wake(bedtime: Bedtime, calendar: Calendar, now: datetime) -> datetime:
    """The end (UTC) of the bedtime that holds or comes next; 07:00 for who has none."""
    table = bedtime_table(bedtime, calendar)
    change = next_change(table, calendar, now)
    if change is not None and closure_at(table, calendar, change) is not None:
        change = next_change(table, calendar, change)
    return change if change is not None else next_local(DEFAULT_WAKE, calendar, now)


def next_local(minute: int, calendar: Calendar, now: datetime) -> datetime:
    """The next instant (UTC) after ``now`` at which the local clock shows ``minute`` (of the day)."""
    now = now.astimezone(UTC)
    day = now.astimezone(calendar.zone).date()
    moments = (moment for ahead in (0, 1) for moment in _at_minute(day + ahead * DAY, minute, calendar.zone))
    return min(moment for moment in moments if moment > now)

"""The form of a week: converts a schedule to fields and pictures, and back. Pure functions.

Each day has one row: its state (``how``) and its time ranges. The grid in which a user paints hours writes to
the same fields, so the form always sends the list of times.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from gateway.policy.time.time_text import DAYS, WEEKDAYS
from webui.rules.hours import (
    DAY,
    FREE,
    NOON,
    SCHOOL,
    Plan,
    Span,
    clock,
    read_night,
    read_plan,
    read_spans,
    typed_span,
    write_plan,
    write_span,
    write_spans,
)

T = TypeVar("T")

TIMES, NEVER, NONE, SAME = "times", "never", "none", "same"
SPARE = 1  # empty pairs of fields after the last time range
MOST = 24  # pairs of fields a day; the daemon's limit
HALF = 30  # minutes of one cell of the grid
HALVES = DAY // HALF
DAYS_OF_TYPE = {SCHOOL: WEEKDAYS[:5], FREE: WEEKDAYS[5:]}  # in a week without holidays
TYPE_OF_DAY = {day: day_type for day_type, days in DAYS_OF_TYPE.items() for day in days}


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    day: str
    how: str
    hours: tuple[tuple[str, str], ...]  # of the time fields; then an empty pair, except after a bedtime
    spans: tuple[Span, ...]  # for the picture


class NoHoursError(ValueError):
    """Raised for a day that is set to hours but has none, unreadable ones, or several for a bedtime.

    ``day``: its key, a weekday or a day type.
    """

    def __init__(self, day: str) -> None:
        super().__init__(day)
        self.day = day


def rows(value: object, *, night: bool) -> tuple[ScheduleRow, ...]:
    """Return the rows of the form of a week for a schedule or bedtime of the rule file.

    They are one for school days, one for free days, and one for each weekday. ``night``: ``value``
    is a bedtime. Raises Unreadable.
    """
    if night:
        plan: Plan[tuple[Span, ...]] = {
            day: None if span is None else (span,) for day, span in read_plan(value, read_night).items()
        }
    else:
        plan = read_plan(value, read_spans)
    return tuple(_row(day, plan, night=night) for day in DAYS)


def _row(day: str, plan: Plan[tuple[Span, ...]], *, night: bool) -> ScheduleRow:
    spans = plan.get(day)
    if day not in plan and day not in (SCHOOL, FREE):
        how = SAME
    else:
        how = NONE if spans is None else TIMES if spans else NEVER
    hours = tuple((clock(start), clock(end)) for start, end in spans or ())
    spare = 0 if night and hours else SPARE
    return ScheduleRow(day, how, (*hours, *(("", ""),) * spare), spans or ())


def typed_rows(
    one: Callable[[str], str | None],
    many: Callable[[str], list[str]],
    held: Iterable[ScheduleRow],
    *,
    night: bool,
) -> tuple[ScheduleRow, ...]:
    """Return the rows of the form of a week as the user sent them.

    ``one`` and ``many`` return a form field's value or values. ``held``: the rows that the form showed. If
    times were entered in a row with an unchanged choice (``how``), the row is set to times. Pairs after the
    first MOST of a day are ignored.
    """
    shown = {row.day: row.how for row in held}
    found = []
    for day in DAYS:
        pairs = zip(many(f"{day}-from")[:MOST], many(f"{day}-to")[:MOST], strict=False)
        filled = tuple((start, end) for start, end in pairs if start or end)
        how = one(f"{day}-how") or SAME
        if filled and how == shown.get(day):
            how = TIMES
        spans = [span for start, end in filled if (span := typed_span(start, end)) is not None]
        placed = tuple(read_night(write_span(span)) if night else span for span in spans)
        found.append(ScheduleRow(day, how, (*filled, ("", "")), placed if how == TIMES else ()))
    return tuple(found)


def value_of(sent: Iterable[ScheduleRow], *, night: bool, painted: Collection[str] = ()) -> object:
    """Return the rows of the form of a week as a value for the rule file.

    ``painted``: the weekdays painted in the grid (`folded`). Raises NoHoursError for a row without usable
    times, or with several for a bedtime.
    """
    plan: dict[str, tuple[Span, ...] | None] = {}
    for row in sent:
        if row.how == SAME and row.day not in (SCHOOL, FREE):
            continue
        if row.how == TIMES:
            whole = [hours for hours in row.hours if any(hours)]
            if not row.spans or len(row.spans) != len(whole) or (night and len(whole) > 1):
                raise NoHoursError(row.day)
            plan[row.day] = row.spans
        else:
            plan[row.day] = () if row.how == NEVER else None
    plan = folded(plan, painted)
    if night:
        return write_plan(plan, lambda spans: write_span(spans[0]))
    return write_plan(plan, write_spans)


def week_of(plan: Plan[T]) -> dict[str, T | None]:
    """Return the value of each weekday in a week without holidays: its own, or that of its day type."""
    return {day: plan.get(day, plan.get(TYPE_OF_DAY[day])) for day in WEEKDAYS}


def folded(plan: Mapping[str, T | None], painted: Collection[str]) -> dict[str, T | None]:
    """Return values by day, with painted weekdays joined into school days or free days where they are alike.

    If all weekdays of a day type have the same value and one was painted, the day type gets it. A painted day
    with its day type's value is left out: a single day would outrank its day type on holidays too.
    ``painted``: the weekdays that were painted in the grid.
    """
    found, week = dict(plan), week_of(plan)
    for day_type, days in DAYS_OF_TYPE.items():
        own = [day for day in days if day in painted]
        if own and all(week[day] == week[days[0]] for day in days):
            found[day_type], own = week[days[0]], list(days)
        for day in own:
            if week[day] == found.get(day_type):
                found.pop(day, None)
    return found


def sleeping(value: object) -> tuple[tuple[bool, ...], ...]:
    """Return, for each day from Monday, a tuple of 48 half hours: True where a bedtime covers part of it.

    Raises Unreadable.
    """
    nights = list(week_of(read_plan(value, read_night)).values())
    found = [[False] * HALVES for _night in nights]
    for number, night in enumerate(nights):
        if night is None:
            continue
        # The minutes of a night count from the day before the morning on which it ends.
        for half in range(night[0] // HALF, -(-night[1] // HALF)):
            days_on, place = divmod(half, HALVES)
            found[(number - 1 + days_on) % 7][place] = True
    return tuple(map(tuple, found))


def same(one: object, other: object, *, night: bool) -> bool:
    """Return whether two values of a rule file mean the same week. Raises Unreadable."""
    return [(row.day, row.how, row.spans) for row in rows(one, night=night)] == [
        (row.day, row.how, row.spans) for row in rows(other, night=night)
    ]


def axis(*, night: bool) -> int:
    """Return the minute of the day at which the picture of a day begins: 0, or noon for a night."""
    return NOON if night else 0


def hours_of(start: int) -> list[int]:
    """Return the five hours to write below a picture of 24 hours that begins at minute ``start``."""
    return [(start // 60 + hour) % (DAY // 60) for hour in (0, 6, 12, 18)] + [start // 60 or 24]

"""The form of a week: converts a schedule to fields and pictures, and back. Pure functions.

Each day has one row: its state (``how``) and its time ranges. The picture in which a user paints hours writes
to the same fields, so the form always sends the list of times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.policy.time.time_text import DAYS
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

TIMES, NEVER, NONE, SAME = "times", "never", "none", "same"
SPARE = 1  # empty pairs of fields after the last time range
MOST = 24  # pairs of fields a day; the daemon's limit


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    day: str
    how: str
    hours: tuple[tuple[str, str], ...]  # values of the time fields, with an empty pair at the end
    spans: tuple[Span, ...]  # for the picture


class NoHoursError(ValueError):
    """Raised for a row that is set to hours but has none. ``day``: its day."""

    def __init__(self, day: str) -> None:
        super().__init__(day)
        self.day = day


def rows(value: object, *, night: bool) -> tuple[ScheduleRow, ...]:
    """Return the form's rows, one a day, for a schedule or bedtime of the rule file. Raises: Unreadable."""
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
    """Return the form's rows as they were sent.

    ``one`` and ``many`` read the form's fields; ``held``: the rows that the form showed. Times entered into a
    row that had none apply even if its ``how`` was not changed.
    """
    shown = {row.day: row.how for row in held}
    found = []
    for day in DAYS:
        pairs = zip(many(f"{day}-from")[:MOST], many(f"{day}-to")[:MOST], strict=False)
        filled = tuple((start[:5], end[:5]) for start, end in pairs if start or end)
        how = one(f"{day}-how") or SAME
        if filled and how == shown.get(day):
            how = TIMES
        spans = [span for start, end in filled if (span := typed_span(start, end)) is not None]
        placed = tuple(read_night(write_span(span)) if night else span for span in spans)
        found.append(ScheduleRow(day, how, (*filled, ("", "")), placed if how == TIMES else ()))
    return tuple(found)


def value_of(sent: Iterable[ScheduleRow], *, night: bool) -> object:
    """Return the rows as a value for the rule file. Raises: NoHoursError."""
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
    if night:
        return write_plan(plan, lambda spans: write_span(spans[0]))
    return write_plan(plan, write_spans)


def same(one: object, other: object, *, night: bool) -> bool:
    """Return whether two values of a rule file mean the same week."""
    return [(row.day, row.how, row.spans) for row in rows(one, night=night)] == [
        (row.day, row.how, row.spans) for row in rows(other, night=night)
    ]


def axis(*, night: bool) -> int:
    """Return the minute of the day at which a row's picture begins.

    For a night it is noon, so that the night is not split.
    """
    return NOON if night else 0


def hours_of(start: int) -> list[int]:
    """Return the five hours on the scale below a picture that begins at minute ``start``."""
    return [(start // 60 + hour) % (DAY // 60) for hour in (0, 6, 12, 18)] + [start // 60 or 24]

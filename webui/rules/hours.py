"""Converts days, hours and durations of a rule file to values for forms and charts, and back.

Pure functions. The grammar is `gateway.policy.time.time_text`, as for rule files and the command line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from gateway.policy.time.limit_periods import LONGER_PERIODS
from gateway.policy.time.time_text import (
    DAY_MINUTES,
    DAY_TYPES,
    LIMIT_KEYS,
    TimeTextError,
    clock_span,
    day_names,
    duration_minutes,
    duration_text,
    minute_of_day,
    written_minutes,
)

T = TypeVar("T")

SCHOOL, FREE = DAY_TYPES
DAY = DAY_MINUTES
NOON = 12 * 60

Span = tuple[int, int]
"""From minute to minute of the day on which it starts. An end past ``DAY`` is on the next day."""

Plan = Mapping[str, T | None]
"""The value of each of ``LIMIT_KEYS``; None: nothing applies.

A weekday that is missing has its day type's value.
"""

_SECONDS = re.compile(r"(?<=\d:\d\d):\d\d", re.ASCII)  # which a browser may add to a time


class Unreadable(ValueError):
    """Raised for a value that is valid in the rule file, but that the pages cannot show as a form."""


def read_plan(value: object, read: Callable[[object], T]) -> dict[str, T | None]:
    """Return the values by day of a rule: from one value for all days, or from a mapping.

    The mapping's keys are day types, weekdays or ranges of them, and longer periods. ``{}`` means
    that nothing applies on that day, or on any day; it is None in the result. ``read`` converts one
    value. An empty result for None. Raises Unreadable.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return dict.fromkeys((SCHOOL, FREE), read(value))
    if not value:
        return dict.fromkeys((SCHOOL, FREE))
    plan: dict[str, T | None] = {}
    for key, item in value.items():
        found = None if isinstance(item, Mapping) and not item else read(item)
        days = (str(key),) if key in LONGER_PERIODS else _read(day_names, str(key))
        plan.update(dict.fromkeys(days, found))
    return {key: plan[key] for key in LIMIT_KEYS if key in plan}


def _read(grammar: Callable[[str], T], value: object) -> T:
    if not isinstance(value, str):
        raise Unreadable(value)
    try:
        return grammar(value.strip())
    except TimeTextError as error:
        raise Unreadable(value) from error


def write_plan(plan: Plan[T], write: Callable[[T], object]) -> object:
    """Return values by day as the shortest value for the rule file. ``write`` converts one day's value."""

    def written(item: T | None) -> object:
        return {} if item is None else write(item)

    if set(plan) == {SCHOOL, FREE} and plan[SCHOOL] == plan[FREE]:
        return written(plan[SCHOOL])
    return {key: written(plan[key]) for key in LIMIT_KEYS if key in plan}


def read_span(value: object) -> Span:
    start, end = _read(clock_span, value)
    return start, end if end > start else end + DAY


def read_spans(value: object) -> tuple[Span, ...]:
    """Return the sorted spans, in minutes from midnight, of one time range or a list of them.

    An empty list means never. Raises Unreadable.
    """
    if isinstance(value, list):
        return tuple(sorted(read_span(item) for item in value))
    return (read_span(value),)


def read_night(value: object) -> Span:
    """Return the span of a bedtime, in minutes from midnight before the evening. Raises Unreadable.

    A bedtime that starts after midnight still belongs to that evening: it begins at minute 1440 or later.
    """
    start, end = read_span(value)
    return (start + DAY, end + DAY) if start < NOON and end <= DAY else (start, end)


def write_span(span: Span) -> str:
    start, end = span
    return f"{clock(start)}-{'24:00' if end == DAY else clock(end)}"


def write_spans(spans: Iterable[Span]) -> list[str]:
    return [write_span(span) for span in sorted(spans)]


def clock(minute: int) -> str:
    """Return a minute of the day as ``HH:MM``. Midnight is ``00:00`` at either end of a day."""
    minute %= DAY
    return f"{minute // 60:02}:{minute % 60:02}"


def typed_span(start: str, end: str) -> Span | None:
    """Return the span, in minutes from midnight, of two time fields; the end may be on the next day.

    None if one has no time of day, or if both have the same time other than 00:00.
    """
    try:
        first, last = (minute_of_day(_SECONDS.sub("", text.strip())) for text in (start, end))
    except TimeTextError:
        return None
    if first == last and first:
        return None
    return first, last if last > first else last + DAY


def typed_minutes(text: str, most: int) -> int | None:
    """Return the minutes of a typed duration; None if the text is no duration, or above ``most`` minutes."""
    try:
        minutes = written_minutes(text)
    except TimeTextError:
        return None
    return minutes if minutes <= most else None


def read_minutes(value: object) -> int:
    """Return the minutes of a duration such as ``2h``, ``90m`` or ``1h30m``.

    Raises Unreadable.
    """
    return _read(duration_minutes, value)


write_minutes = duration_text


def drawn(spans: Iterable[Span], start: int) -> list[Span]:
    """Return spans in the form of `charts.strip`, for 24 hours that begin at minute ``start``.

    A span is a start and an end in minutes from midnight; the end becomes the last minute, included. Spans
    are cut at the end of the 24 hours, and left out if they begin after it.
    """
    return [(first, min(last, start + DAY) - 1) for first, last in spans if first < start + DAY]

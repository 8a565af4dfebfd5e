"""Days, hours and durations as a profile's file has them ⇄ values for a form and a drawing. Pure.

The file's own reader (`gateway.policy.timetext`) knows files and lines, and costs this process 2 MB of YAML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")

SCHOOL, FREE = "school", "free"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS = (SCHOOL, FREE, *WEEKDAYS)
DAY = 24 * 60  # minutes
NOON = 12 * 60

Span = tuple[int, int]
"""From minute to minute of the day it belongs to; an end past ``DAY`` is of the day after."""

Plan = Mapping[str, T | None]
"""What holds on each of ``DAYS``; None: nothing. A weekday that is not in it is as its day type."""

_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2})(?::\d{2})?", re.ASCII)
_DURATION = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,4})m)?", re.ASCII)


class Unreadable(ValueError):
    """A value that these pages cannot show as a form; the file says it all the same."""


def read_plan(value: object, read: Callable[[object], T]) -> dict[str, T | None]:
    """One value for all days, or a mapping by day types and weekdays; ``{}`` is nothing on any day."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return dict.fromkeys((SCHOOL, FREE), read(value))
    if not value:
        return dict.fromkeys((SCHOOL, FREE))
    plan: dict[str, T | None] = {}
    for key, one in value.items():
        found = None if isinstance(one, Mapping) and not one else read(one)
        plan.update(dict.fromkeys((_day(part) for part in str(key).split(",")), found))
    return {day: plan[day] for day in DAYS if day in plan}


def _day(text: str) -> str:
    day = text.strip().lower()
    if day not in DAYS:
        raise Unreadable(text)
    return day


def write_plan(plan: Plan[T], write: Callable[[T], object]) -> object:
    """As short as it can be said."""

    def written(one: T | None) -> object:
        return {} if one is None else write(one)

    if set(plan) == {SCHOOL, FREE} and plan[SCHOOL] == plan[FREE]:
        return written(plan[SCHOOL])
    return {day: written(plan[day]) for day in DAYS if day in plan}


def read_span(value: object) -> Span:
    match = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise Unreadable(value)
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if start >= DAY or end > DAY or start == end:
        raise Unreadable(value)
    return start, end if end > start else end + DAY


def read_spans(value: object) -> tuple[Span, ...]:
    """One window or a list of them, sorted; an empty list is never."""
    if isinstance(value, list):
        return tuple(sorted(read_span(one) for one in value))
    return (read_span(value),)


def read_night(value: object) -> Span:
    """Of the evening on which it begins; one that begins after midnight is still of that evening."""
    start, end = read_span(value)
    return (start + DAY, end + DAY) if start < NOON and end <= DAY else (start, end)


def write_span(span: Span) -> str:
    start, end = span
    return f"{clock(start)}-{'24:00' if end == DAY else clock(end)}"


def write_spans(spans: Iterable[Span]) -> list[str]:
    return [write_span(one) for one in sorted(spans)]


def clock(minute: int) -> str:
    """As a time field has it; midnight is ``00:00`` at either end of a day."""
    minute %= DAY
    return f"{minute // 60:02}:{minute % 60:02}"


def typed_span(start: str, end: str) -> Span | None:
    """Of two time fields; None where one of them is empty, or both are the same."""
    times = [_TIME.fullmatch(one.strip()) for one in (start, end)]
    first, last = (None if one is None else int(one[1]) * 60 + int(one[2]) for one in times)
    if first is None or last is None or max(first, last) >= DAY or (first == last and first):
        return None
    return first, last if last > first else last + DAY


def read_minutes(value: object) -> int:
    """``2h``, ``90m`` or ``1h30m``."""
    match = _DURATION.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if match is None or not match.group():
        raise Unreadable(value)
    return int(match[1] or 0) * 60 + int(match[2] or 0)


def write_minutes(minutes: int) -> str:
    return f"{minutes // 60}h" if minutes and minutes % 60 == 0 else f"{minutes}m"


def drawn(spans: Iterable[Span], start: int) -> list[Span]:
    """For `charts.strip`, whose 24 hours begin at minute ``start``: first and last minute."""
    return [(first, min(last, start + DAY) - 1) for first, last in spans if first < start + DAY]

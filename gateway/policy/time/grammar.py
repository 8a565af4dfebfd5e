"""The grammar of times as people write them: durations, times of day, spans, days. The one implementation.

Rule files, the pages and the command line read by these functions. They know no file and no line: a reader of
located YAML adds those (`gateway.policy.time.time_text`).
"""

from __future__ import annotations

import re

DAY_MINUTES = 1440
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_TYPES = ("school", "free")
DAYS = (*DAY_TYPES, *WEEKDAYS)
WEEK = "week"
LIMIT_KEYS = (*DAYS, WEEK)  # of a limit: minutes a day, and minutes a week

_DURATION = re.compile(r"(?:([0-9]{1,3})d)?(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?", re.ASCII)
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


class TimeTextError(ValueError):
    """``problem`` and ``fix`` are halves of one line for a person; the reader puts the place before them."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem, self.fix = problem, fix
        super().__init__(f"{problem}; {fix}")


class UnknownDayError(TimeTextError):
    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__("is not a day", f"use one of: {', '.join(DAYS)}")


def duration_minutes(text: str, *, days: bool = False) -> int:
    """Return ``2h``, ``90m`` or ``1h30m`` in minutes; 0 is allowed. With ``days``, also ``1d12h``.

    Raises TimeTextError.
    """
    match = _DURATION.fullmatch(text.replace(" ", ""))
    if match is None or not match.group() or (match[1] and not days):
        msg = "is not a duration"
        raise TimeTextError(msg, "write it like 30m, 2h or 1h30m")
    return (int(match[1] or 0) * 24 + int(match[2] or 0)) * 60 + int(match[3] or 0)


def duration_text(minutes: int) -> str:
    """Return the shortest text that `duration_minutes` reads: ``2h``, ``90m``."""
    return f"{minutes // 60}h" if minutes and minutes % 60 == 0 else f"{minutes}m"


def minute_of_day(text: str) -> int:
    """Return ``07:00`` in minutes after midnight, up to 23:59. Raises TimeTextError."""
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        msg = "is not a time of day"
        raise TimeTextError(msg, "write it like 07:00")
    return int(match[1]) * 60 + int(match[2])


def clock_text(minute: int) -> str:
    """Return minutes after midnight as ``07:00``; 1440 is ``24:00``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def clock_span(text: str) -> tuple[int, int]:
    """Return ``20:45-07:00`` as start (0 to 1439) and end (0 to 1440), in minutes after midnight.

    The end may be before the start: the span crosses midnight. Raises TimeTextError.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        msg = "is not a span of time"
        raise TimeTextError(msg, 'write it like "20:45-07:00"')
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if int(match[2]) > 59 or int(match[4]) > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        msg = "has a time that no clock shows"
        raise TimeTextError(msg, "use 00:00 to 23:59, or 24:00 as the end")
    if start == end:
        msg = "starts and ends at the same time"
        raise TimeTextError(msg, 'for a whole day write "00:00-24:00"')
    return start, end


def day_names(text: str) -> tuple[str, ...]:
    """Return the days of a key: a day type, a weekday, or a list such as ``sat,sun``.

    Raises UnknownDayError.
    """
    if text in DAY_TYPES:
        return (text,)
    words = [word.strip() for word in text.split(",")]
    unknown = next((word for word in words if word.lower() not in WEEKDAYS), None)
    if unknown is not None:
        raise UnknownDayError(unknown)
    return tuple(word.lower() for word in words)

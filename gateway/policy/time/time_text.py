"""Reads and writes times as people write them: durations, times of day, spans and days.

No other module parses them. The first functions read text that comes from anywhere: rule files, the pages or
the command line. They raise TimeTextError, which knows no file and no line. The functions that take a Node
read rule files and raise PolicyError with the place.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Generic, TypeVar

from gateway.policy.time.limit_periods import LONGER_PERIODS, LimitPeriod
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Mapping as Located
from gateway.policy.yaml.fields import Node, Place, Scalar, shown

DAY_MINUTES = 1440
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_TYPES = ("school", "free")
DAYS = (*DAY_TYPES, *WEEKDAYS)
LIMIT_KEYS = (*DAYS, *LONGER_PERIODS)  # of a limit: minutes a day, and in each longer period

_DURATION = re.compile(r"(?:([0-9]{1,3})d)?(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?", re.ASCII)
# Hours and minutes as people write them in English, Russian and Kazakh.
_HOUR = r"(?:h|hrs?|hours?|ч|час(?:а|ов)?|сағ(?:ат)?)"
_MINUTE = r"(?:m|mins?|minutes?|мин|минут[аы]?|минут)"
_WRITTEN = re.compile(
    rf"(?:([0-9]{{1,4}}) *{_HOUR}\.?(?![a-zа-яғ]))? *(?:([0-9]{{1,5}}) *(?:{_MINUTE}\.?)?)?", re.IGNORECASE
)
_CLOCKLIKE = re.compile(r"([0-9]{1,3}):([0-5][0-9])")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)

T = TypeVar("T")
U = TypeVar("U")
NO_PERIODS: Mapping[LimitPeriod, Callable[[Node], Any]] = {}
MAX_WINDOWS = 24  # windows per day; more than one an hour is a mistake
NOON = 12 * 60
DAWN = 4 * 60  # a bedtime that starts between this and noon is a mistake
_DATE = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)


class TimeTextError(ValueError):
    """Raised for a text that is no valid time.

    ``problem`` and ``fix`` together make one line for a person; the caller puts the file and line before it.
    """

    def __init__(self, problem: str, fix: str) -> None:
        self.problem, self.fix = problem, fix
        super().__init__(f"{problem}; {fix}")


class UnknownDayError(TimeTextError):
    """Raised for a ``word`` that is no day type and no weekday."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__("is not a day", f"use one of: {', '.join(DAYS)}")


def duration_minutes(text: str, *, days: bool = False) -> int:
    """Return the minutes of a duration such as ``2h``, ``90m`` or ``1h30m``; zero is allowed.

    ``days``: also accept days, such as ``1d12h``. Raises TimeTextError for other text.
    """
    match = _DURATION.fullmatch(text.replace(" ", ""))
    if match is None or not match.group() or (match[1] and not days):
        msg = "is not a duration"
        raise TimeTextError(msg, "write it like 30m, 2h or 1h30m")
    return (int(match[1] or 0) * 24 + int(match[2] or 0)) * 60 + int(match[3] or 0)


def written_minutes(text: str) -> int:
    """Return the minutes of a duration as people type it: ``90``, ``1:30``, ``1 h 30``, ``1 ч 30 мин``.

    A number without a unit is minutes. Also reads what `duration_minutes` reads without ``days``, but no
    spaces within a number. Raises TimeTextError for other text.
    """
    text = " ".join(text.split())
    match = _CLOCKLIKE.fullmatch(text) or _WRITTEN.fullmatch(text)
    if match is None or not match.group():
        msg = "is not a duration"
        raise TimeTextError(msg, "write it like 90, 1:30 or 1h30m")
    return int(match[1] or 0) * 60 + int(match[2] or 0)


def duration_text(minutes: int) -> str:
    """Return minutes as text that `duration_minutes` reads: ``2h`` for whole hours, else ``90m``."""
    return f"{minutes // 60}h" if minutes and minutes % 60 == 0 else f"{minutes}m"


def minute_of_day(text: str) -> int:
    """Return a time of day such as ``07:00`` (up to 23:59) in minutes after midnight.

    Raises TimeTextError for other text.
    """
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

    The end may be before the start: the span crosses midnight. Raises TimeTextError for other text, and for
    two equal times.
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
    """Return the days that a key names, in lower case: one day type, or weekdays such as ``sat,sun``.

    Raises UnknownDayError for another word.
    """
    if text in DAY_TYPES:
        return (text,)
    words = [word.strip() for word in text.split(",")]
    unknown = next((word for word in words if word.lower() not in WEEKDAYS), None)
    if unknown is not None:
        raise UnknownDayError(unknown)
    return tuple(word.lower() for word in words)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of local time: from ``start`` until just before ``end``, in minutes after midnight.

    It crosses midnight if ``end`` is before ``start``.
    """

    start: int  # 0 to 1439
    end: int  # 0 to 1440, never equal to start

    @property
    def crosses_midnight(self) -> bool:
        return self.end < self.start

    @property
    def is_night(self) -> bool:
        """True if a bedtime crosses midnight or starts before noon.

        Such a bedtime belongs to the night before the day on which it ends. Any other one belongs to the
        evening of its own day.
        """
        return self.crosses_midnight or self.start < NOON

    def __str__(self) -> str:
        return f"{clock_text(self.start)}-{clock_text(self.end)}"


@dataclass(frozen=True, slots=True)
class ByDay(Generic[T]):
    """One value, or None, for each weekday as a school day and as a free day, and by longer period.

    Only a limit has values for longer periods.
    """

    values: tuple[T | None, ...]  # 14: Monday to Sunday as school days, then as free days
    longer: Mapping[LimitPeriod, T] = field(default_factory=dict)

    def on(self, weekday: int, *, free: bool) -> T | None:
        """Return the value for a weekday (0: Monday) that is a school day or a free day; None without one."""
        return self.values[weekday + 7 if free else weekday]

    def __bool__(self) -> bool:
        return bool(self.longer) or any(value is not None for value in self.values)

    def map(self, change: Callable[[T], U]) -> ByDay[U]:
        """Return a ByDay with each value replaced by the result of ``change``; None stays None."""
        days = (None if value is None else change(value) for value in self.values)
        return ByDay(tuple(days), {period: change(value) for period, value in self.longer.items()})


def every_day(value: T | None) -> ByDay[T]:
    """Return a ByDay with this value on every day and none for longer periods; None: no value at all."""
    return ByDay((value,) * 14)


def _located(node: Node, read: Callable[[str], U]) -> U:
    """Return the result of ``read`` for a node's text.

    Raises PolicyError with the file and line if ``read`` raises TimeTextError, or if the node is no text.
    """
    word = fields.text(node)
    try:
        return read(word)
    except TimeTextError as error:
        node.place.refuse(f"{shown(word)} {error.problem}", error.fix)


def duration(node: Node, *, longest: timedelta = timedelta(hours=24)) -> timedelta:
    """Return the duration in a node, such as ``2h``, ``90m`` or ``1h30m``; zero is allowed.

    Raises PolicyError for other text, or if it is longer than ``longest``.
    """
    value, word = timedelta(minutes=_located(node, duration_minutes)), fields.text(node)
    if value > longest:
        hours, minutes = divmod(longest // timedelta(minutes=1), 60)
        most = (f"{hours} hours", f"{hours}h") if hours else (f"{minutes} minutes", f"{minutes}m")
        node.place.refuse(f"{shown(word)} is more than {most[0]}", f"write at most {most[1]}")
    return value


def up_to(longest: timedelta) -> Callable[[Node], timedelta]:
    """Return a function that reads a duration; it raises PolicyError for one above ``longest``."""
    return lambda node: duration(node, longest=longest)


def calendar_date(word: str, place: Place) -> date:
    """Return the date in a word such as ``2027-03-26``, of the years 2000 to 2099.

    Raises PolicyError at ``place`` for another word.
    """
    try:
        # Python 3.11 and later also parse 20270326 and 2027-W12-5, which people misread.
        return date.fromisoformat(word if _DATE.fullmatch(word) else "")
    except ValueError:
        place.refuse(f"{shown(word)} is no date", "write it like 2027-03-26")


def time_of_day(node: Node) -> int:
    """Return the time of day in a node, such as ``07:00``, in minutes after midnight.

    Raises PolicyError for other text.
    """
    return _located(node, minute_of_day)


def span(node: Node) -> Span:
    """Return the span of time in a node, such as ``20:45-07:00``; its end may be 24:00.

    Raises PolicyError for other text.
    """
    return Span(*_located(node, clock_span))


def night(node: Node) -> Span:
    """Return the bedtime in a node, such as ``20:45-07:00``. An end at 24:00 is returned as 00:00.

    Raises PolicyError for other text, and for what must be a mistake: a bedtime from morning (04:00 to noon)
    to afternoon, or of a whole day.
    """
    read = span(node)
    if DAWN <= read.start < NOON < read.end:
        day, turned = f"'{read}'", Span(read.end % DAY_MINUTES, read.start)
        node.place.refuse(f"{day} is a day, not a night", f'write the evening first: "{turned}"')
    if read.end < DAY_MINUTES:
        return read
    if read.start == 0:
        node.place.refuse("a bedtime of a whole day has no morning", "write windows: {internet: []} instead")
    return Span(read.start, 0)


def window(node: Node) -> Span:
    """Return the allowed hours (a window) in a node, such as ``16:00-18:00``.

    Raises PolicyError for other text, and for a window across midnight that ends after noon.
    """
    read = span(node)
    if read.crosses_midnight and read.end > NOON:
        node.place.refuse(
            f"'{read}' ends before it starts", "write the earlier time first, or split it at 24:00"
        )
    return read


def spans(node: Node) -> tuple[Span, ...]:
    """Return the allowed hours (windows) in a node with one or a list of them, sorted.

    An empty list means never. Raises PolicyError if one is invalid, if they overlap, or for more than
    MAX_WINDOWS.
    """
    if isinstance(node, Scalar):
        if node.is_null:
            node.place.refuse("is empty", "write [] for never, {} for no window")
        return (window(node),)
    items = fields.items(node)
    if len(items) > MAX_WINDOWS:
        node.place.refuse(f"has {len(items)} windows", f"use at most {MAX_WINDOWS} a day")
    read = sorted(((window(item), item.place) for item in items), key=lambda pair: pair[0].start)
    for (before, _), (after, place) in itertools.pairwise(read):
        if before.crosses_midnight or before.end > after.start:
            place.refuse(f"'{after}' overlaps '{before}'", "join them or move one")
    if len(read) > 1 and read[-1][0].crosses_midnight and read[-1][0].end > read[0][0].start:
        last, place = read[-1]
        # Every day of this type may be followed by another like it.
        place.refuse(f"'{last}' overlaps '{read[0][0]}' of the next day", "join them or move one")
    return tuple(found for found, _ in read)


def by_day(
    node: Node,
    read: Callable[[Node], T],
    base: ByDay[T],
    read_longer: Mapping[LimitPeriod, Callable[[Node], T]] = NO_PERIODS,
) -> ByDay[T]:
    """Return the values by day in a node: one for all days, or a mapping by day type, weekday or period.

    One value replaces all days of ``base``, but no longer period; a mapping adds to ``base``. A weekday's
    own value wins over that of its day type, also on a holiday. The value ``{}`` of a key removes that of
    its days or period; as the node it gives no value for any day or period. ``read`` reads one value;
    ``read_longer`` those of periods longer than a day, the only ones that the mapping may have as keys.
    Raises PolicyError for invalid values, and unknown or duplicate days.
    """
    if not isinstance(node, Located):
        return replace(base, values=every_day(read(node)).values)
    if not node.entries:
        return every_day(None)
    values, longer = list(base.values), dict(base.longer)
    seen: dict[tuple[bool, int], Place] = {}
    days = []
    for key, place, value in fields.pairs(node):
        if key not in read_longer:
            days.append((key, place, value))
        elif _is_empty(value):
            longer.pop(LimitPeriod(key), None)
        else:
            period = LimitPeriod(key)
            longer[period] = read_longer[period](value)
    known = (*DAYS, *read_longer)
    entries = [(key in DAY_TYPES, key, place, value) for key, place, value in days]
    for is_type, key, place, value in sorted(entries, key=lambda entry: not entry[0]):
        day_value = None if _is_empty(value) else read(value)
        for slot in _slots(key, place, known):
            if (is_type, slot) in seen:
                first = seen[is_type, slot].line
                place.refuse(f"names a day that line {first} names too", "name each day once")
            seen[is_type, slot] = place
            values[slot] = day_value
    return ByDay(tuple(values), longer)


def _is_empty(node: Node) -> bool:
    return isinstance(node, Located) and not node.entries


def _slots(key: str, place: Place, known: tuple[str, ...]) -> Iterator[int]:
    """Yield the indexes in ``ByDay.values`` of a day type, a weekday or a list of weekdays.

    ``known``: the keys that an error suggests. Raises PolicyError at ``place`` for another word.
    """
    try:
        days = day_names(key)
    except UnknownDayError as error:
        place.refuse(f"{shown(error.word)} {error.problem}", fields.suggestion(error.word.lower(), known))
    for day in days:
        if day in DAY_TYPES:
            first = 7 * DAY_TYPES.index(day)
            yield from range(first, first + 7)
            continue
        yield WEEKDAYS.index(day)
        yield WEEKDAYS.index(day) + 7

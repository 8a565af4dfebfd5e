"""Parses an iCalendar file (RFC 5545) in a child process with limits: ``calendar_parser FIRST LAST``.

It is a process of its own because the libraries need much memory and the file is not trusted. The child reads
a calendar from stdin and prints JSON objects, one a line: ``{"days": [...]}`` with ISO 8601 dates of all-day
events, or ``{"problem": "..."}`` if the calendar cannot be used. It prints nothing if there are no such days.
FIRST and LAST are the days to look at, in ISO 8601.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any

MAX_EVENTS = 2_000  # per file; a busy school has that many in ten years
CPU_SECONDS = 2.0  # of the parser; importing the libraries is not counted: a slow router needs 3 s for it
# Bytes of private writable memory (RLIMIT_DATA); the libraries take 15 MB of it, a calendar of 1 MB 40 MB.
# RLIMIT_AS would count the mapped files too, which differ between systems by more than that.
MEMORY = 50 << 20
DATING = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
RULES = ("RRULE", "EXRULE")
BELOW_DAILY = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
TIME_PARTS = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})
DAYS_PER_LINE = 200
DAY = timedelta(days=1)


class NoCalendarError(Exception):
    """Raised if a file is not a usable calendar. The message is shown to the user."""


def days_of_events(source: bytes, first: date, last: date) -> frozenset[date]:
    """Return the days from ``first`` to ``last`` that have an all-day event which is not cancelled.

    Raises:
        NoCalendarError: the file is not a usable calendar, or a library is not installed.

    For damaged values the libraries raise other errors.
    """
    try:
        import recurring_ical_events
        from icalendar import Calendar
    except ImportError as error:
        why = f"cannot be read while the package {error.name} is not installed"
        raise NoCalendarError(why) from None
    try:
        whole: Any = Calendar.from_ical(source)
    except ValueError:
        why = "is no calendar"
        raise NoCalendarError(why) from None
    events = list(whole.walk("VEVENT"))
    if len(events) > MAX_EVENTS:
        why = f"has {len(events)} events, more than {MAX_EVENTS}"
        raise NoCalendarError(why)
    if any(name in DATING for event in events for name, _ in event.errors):
        why = "has an event whose dates cannot be read"
        raise NoCalendarError(why)
    # Leave timed events out: they may repeat every second. Those that change an occurrence of an all-day
    # event (the same UID) stay.
    uids = {str(event["UID"]) for event in events if _is_all_day(event) and "UID" in event}
    kept = Calendar()
    for event in events:
        if _is_all_day(event) or str(event.get("UID", "")) in uids:
            if _repeats_within_a_day(event):
                why = "has an event that repeats more often than daily"
                raise NoCalendarError(why)
            kept.add_component(event)
    found: set[date] = set()
    for event in recurring_ical_events.of(kept).between(first, last + DAY):
        found.update(_days(event, first, last))
    return frozenset(found)


def _is_all_day(event: Any) -> bool:
    start = event.get("DTSTART")
    return start is not None and _is_date(getattr(start, "dt", None))


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _repeats_within_a_day(event: Any) -> bool:
    """Return whether a recurrence rule may give several times a day.

    One line can then stand for a hundred million times.
    """
    rules = [rule for name in RULES if name in event for rule in _as_list(event[name])]
    return any(
        not TIME_PARTS.isdisjoint(map(str.upper, rule))
        or not BELOW_DAILY.isdisjoint(str(word).upper() for word in _as_list(rule.get("FREQ", [])))
        for rule in rules
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _days(event: Any, first: date, last: date) -> Iterator[date]:
    if not _is_all_day(event) or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start + DAY
    day, last = max(start, first), min(max(end - DAY, start), last)
    while day <= last:
        yield day
        day += DAY


def _say_nothing(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print nothing, in place of the traceback of an unexpected error.

    A traceback may have text of the calendar, and the daemon logs standard error.
    """


def main(arguments: list[str]) -> int:
    """Parse the calendar on stdin and print its free days or its problem. Return the exit status, 0.

    ``arguments``: the first and the last day, in ISO 8601. It runs in the child process, which SIGPROF ends
    after CPU_SECONDS.
    """
    sys.excepthook = _say_nothing
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    first, last = (date.fromisoformat(argument) for argument in arguments)
    try:
        days_of_events(b"BEGIN:VCALENDAR\nEND:VCALENDAR\n", first, last)  # imports the libraries
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process
        days = days_of_events(sys.stdin.buffer.read(), first, last)
    except NoCalendarError as error:
        return _answer(problem=str(error))
    except MemoryError:
        return _answer(problem=f"needs more than {MEMORY >> 20} MB of memory to read")
    found = sorted(map(str, days))
    for start in range(0, len(found), DAYS_PER_LINE):
        _answer(days=found[start : start + DAYS_PER_LINE])
    return 0


def _answer(**values: object) -> int:
    """Print one JSON object. Return the exit status of success."""
    sys.stdout.write(json.dumps(values) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

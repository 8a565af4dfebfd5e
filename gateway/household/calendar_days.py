"""`python -m gateway.household.calendar_days FIRST LAST`: reads a calendar from stdin, prints the days of its
all-day events.

A separate process for `gateway.household.calendars`, with limited time and memory, since the file is not
trusted. Exit status 1 and one line on stdout: why the calendar cannot be used.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

MAX_EVENTS = 2_000  # in the file; a busy school has that many in ten years
CPU_SECONDS = 8
DATING = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
MEMORY = 512 << 20  # bytes of address space; Python and the libraries take some 80 MB of it
DAY = timedelta(days=1)


class NoCalendarError(Exception):
    """Why a file cannot be used, as a sentence for a person."""


def free_days(source: bytes, first: date, last: date) -> frozenset[date]:
    """Return the days from ``first`` to ``last`` with all-day events, without timed and cancelled events.

    Raises NoCalendarError, and whatever the libraries raise for damaged values.
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
    # Skip timed events: they may repeat every second.
    uids = {str(event["UID"]) for event in events if _is_all_day(event) and "UID" in event}
    kept = Calendar()
    for event in events:
        if _is_all_day(event) or str(event.get("UID", "")) in uids:
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


def _days(event: Any, first: date, last: date) -> Iterator[date]:
    if not _is_all_day(event) or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start + DAY
    day, last = max(start, first), min(max(end - DAY, start), last)
    while day <= last:
        yield day
        day += DAY


def main(arguments: list[str]) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    first, last = (date.fromisoformat(argument) for argument in arguments)
    try:
        days = free_days(sys.stdin.buffer.read(), first, last)
    except NoCalendarError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(sorted(day.isoformat() for day in days)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

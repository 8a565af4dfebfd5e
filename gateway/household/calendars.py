"""Reads free days of schools and families from iCalendar files (RFC 5545).

The libraries take 9 MB and the file is not trusted. Therefore a short-lived child process with limited time
and memory parses it: `python -m gateway.household.calendars FIRST LAST`. The child reads a calendar from
stdin and prints the days of its all-day events. If the calendar cannot be used, it prints the reason on one
line and exits with status 1. Results are cached by the content of the file.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded

if TYPE_CHECKING:
    from gateway.policy.profile.profile import DaysOf  # not at run time: the child process needs no rules

MAX_BYTES = 1_000_000  # bytes; the calendar of a school year has about 20 kB
YEARS_BACK, YEARS_AHEAD = 2, 3
TIMEOUT = 10  # seconds; the daemon waits for the child. A slow router needs 3 s for a typical file
MAX_CACHED = 64
FIX = "export the free days alone as iCalendar (.ics), or take the line out"
MAX_EVENTS = 2_000  # per file; a busy school has that many in ten years
CPU_SECONDS = 8  # limit of the child process
DATING = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"})
MEMORY = 512 << 20  # bytes of the child's address space; Python and the libraries take about 80 MB
DAY = timedelta(days=1)

_cache: dict[tuple[bytes, date, date], frozenset[date]] = {}


class NoCalendarError(Exception):
    """Raised if a file is not a usable calendar. The message is shown to the user."""


def calendar_reader(profile: Path) -> DaysOf:
    """Return a function that returns the free days of a calendar named in the file ``profile``.

    Relative paths start at the folder of the profile.
    """

    def days_of(calendar: str) -> frozenset[date]:
        return free_days(profile.parent / calendar)

    return days_of


def free_days(path: Path) -> frozenset[date]:
    """Return the days with all-day events in an iCalendar file, from two years ago to three years ahead.

    Raises:
        PolicyError: the file cannot be read, or is not a usable calendar.
    """
    data = read_bounded(path, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise PolicyError(str(path), f"has more than {MAX_BYTES} bytes", FIX)
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().upper().startswith(b"BEGIN:VCALENDAR"):
        raise PolicyError(str(path), "is no calendar", FIX)
    year = datetime.now(UTC).year
    first, last = date(year - YEARS_BACK, 1, 1), date(year + YEARS_AHEAD, 12, 31)
    key = (_digest(data), first, last)
    if key not in _cache:
        found = _read(path, data, first, last)
        if len(_cache) >= MAX_CACHED:
            _cache.clear()
        _cache[key] = found
    return _cache[key]


def _digest(data: bytes) -> bytes:
    import hashlib  # late: the daemon has to choose the OpenSSL library first (process_memory.one_openssl)

    return hashlib.blake2b(data).digest()


def _read(path: Path, data: bytes, first: date, last: date) -> frozenset[date]:
    import subprocess

    command = (
        sys.executable,
        "-P",
        "-m",
        "gateway.household.calendars",
        first.isoformat(),
        last.isoformat(),
    )
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise PolicyError(str(path), f"takes longer than {TIMEOUT} s to read", FIX) from None
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read ({error.strerror})", "start again") from error
    if done.returncode == 0:
        return frozenset(date.fromisoformat(day) for day in done.stdout.decode("ascii").split())
    # The reason printed by the child, or nothing after a crash. It never contains text of the file.
    message = done.stdout.decode("utf-8", "replace").strip()
    raise PolicyError(str(path), message or "is a calendar that cannot be read", FIX)


def days_of_events(source: bytes, first: date, last: date) -> frozenset[date]:
    """Return the days from ``first`` to ``last`` that have an all-day event which is not cancelled.

    Raises:
        NoCalendarError: the file is not a usable calendar.

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
    # Leave timed events out: they may repeat every second.
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
    """Parse the calendar on stdin and print its free days. Return the exit status.

    ``arguments``: the first and the last day, in ISO 8601. It runs in the child process.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    first, last = (date.fromisoformat(argument) for argument in arguments)
    try:
        days = days_of_events(sys.stdin.buffer.read(), first, last)
    except NoCalendarError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(sorted(day.isoformat() for day in days)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

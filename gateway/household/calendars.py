"""Calendars of schools and families: an iCalendar file → its free days.

The libraries for it cost 9 MB, so they run in a process of their own, `gateway.household.calendar_days`,
which ends at once. What it found is kept for as long as the file stays as it is: a reload does not read it
again.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.policy.profile.profile import DaysOf

MAX_BYTES = 1_000_000  # a school's year has some 20 kB
YEARS_BACK, YEARS_AHEAD = 2, 3
TIMEOUT = 10  # seconds in which the daemon decides nothing; a slow router needs 3 for a usual file
MAX_KEPT = 64
FIX = "export the free days alone as iCalendar (.ics), or take the line out"

_kept: dict[tuple[bytes, date, date], frozenset[date]] = {}


def calendars_beside(profile: Path) -> DaysOf:
    """Reads what a profile's file calls its calendars: paths from the folder that it is in, or absolute."""

    def days_of(calendar: str) -> frozenset[date]:
        return free_days(profile.parent / calendar)

    return days_of


def free_days(path: Path) -> frozenset[date]:
    """The days of all-day events, from two years back to three ahead. Raises PolicyError for no calendar."""
    data = read_bounded(path, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise PolicyError(str(path), f"has more than {MAX_BYTES} bytes", FIX)
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().upper().startswith(b"BEGIN:VCALENDAR"):
        raise PolicyError(str(path), "is no calendar", FIX)
    year = datetime.now(UTC).year
    first, last = date(year - YEARS_BACK, 1, 1), date(year + YEARS_AHEAD, 12, 31)
    key = (_digest(data), first, last)
    if key not in _kept:
        found = _read(path, data, first, last)
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        _kept[key] = found
    return _kept[key]


def _digest(data: bytes) -> bytes:
    import hashlib  # after the daemon has chosen which one (memory.one_openssl)

    return hashlib.blake2b(data).digest()


def _read(path: Path, data: bytes, first: date, last: date) -> frozenset[date]:
    import subprocess

    command = (
        sys.executable,
        "-P",
        "-m",
        "gateway.household.calendar_days",
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
    # One line of ours, or the end of a traceback: of what is in the file it repeats nothing.
    message = done.stdout.decode("utf-8", "replace").strip()
    raise PolicyError(str(path), message or "is a calendar that cannot be read", FIX)

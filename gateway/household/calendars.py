"""Reads the free days of schools and families from iCalendar files.

The libraries take 9 MB, so they run in a short-lived process of their own, `gateway.household.calendar_days`.
Its result is cached until the file changes; a reload does not read the file again.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.policy.profile.profile import DaysOf

MAX_BYTES = 1_000_000  # bytes; a school year has some 20 kB
YEARS_BACK, YEARS_AHEAD = 2, 3
TIMEOUT = 10  # seconds in which the daemon decides nothing; a slow router takes 3 for a usual file
MAX_KEPT = 64
FIX = "export the free days alone as iCalendar (.ics), or take the line out"

_kept: dict[tuple[bytes, date, date], frozenset[date]] = {}


def calendars_beside(profile: Path) -> DaysOf:
    """Return a reader of the calendars that a profile names, by absolute path or relative to its folder."""

    def days_of(calendar: str) -> frozenset[date]:
        return free_days(profile.parent / calendar)

    return days_of


def free_days(path: Path) -> frozenset[date]:
    """Return the days of all-day events, from two years back to three years ahead. Raises PolicyError."""
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
    import hashlib  # only after the daemon has chosen one (memory.one_openssl)

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
    # A sentence of the reader, or the end of a traceback. It has no content of the file.
    message = done.stdout.decode("utf-8", "replace").strip()
    raise PolicyError(str(path), message or "is a calendar that cannot be read", FIX)

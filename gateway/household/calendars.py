"""The free days of schools and families from iCalendar files (RFC 5545).

A child process with limits parses each file (`calendar_parser`). Results and failures are cached by the
content of the file and the years, so an unchanged file is parsed once a year. After a failure that the
content may not explain, the daemon tries again after RETRY seconds. It never waits for the child: see
`CalendarReader`.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gateway.core.errors import PolicyError
from gateway.core.files import read_bounded
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Loop

MAX_BYTES = 1_000_000  # bytes; the calendar of a school year has about 20 kB
YEARS_BACK, YEARS_AHEAD = 2, 3
TIMEOUT = 20.0  # seconds of the child, with the import of its libraries on a slow and busy router
NICE = 10  # of the child: packets and pages go first
MAX_CACHED = 512  # files: 64 profiles with 8 calendars
MAX_WAITING = 4 << 20  # bytes of files that wait to be parsed; the rest follows after them
RETRY = 600.0  # seconds until a new start, also after a failure that the content may not explain
PARSER = "gateway.household.calendar_parser"
TOO_SLOW = -signal.SIGPROF  # exit status of the parser after its processor time: the content explains it
FIX = "export the free days alone as iCalendar (.ics), or take the line out"

CalendarDays = Callable[[Path], frozenset[date] | None]
"""Returns the free days of a calendar; None: not known yet. Raises PolicyError for an unusable file."""

_Key = tuple[bytes, date, date]  # digest of the content, first and last day
_Result = frozenset[date] | str  # the free days, or the problem

_log = logging.getLogger(__name__)
_cache: dict[_Key, _Result] = {}


def free_days(path: Path) -> frozenset[date]:
    """Return the days with all-day events in an iCalendar file, of this year, the two before and three after.

    Cancelled events do not count. It waits for the parser. For commands; the daemon uses `CalendarReader`.

    Raises:
        PolicyError: the file cannot be read, or is not a usable calendar.
    """
    data = _calendar(path)
    key = _key(data)
    if key not in _cache:
        result = _parse(path, data, key)
        _remember(_cache, key, result)
    return _days_or_error(path, _cache[key])


class CalendarReader:
    """Reads the free days in calendar files for the daemon without waiting for the parser.

    One child process after the other parses the files with new contents. ``changed`` is called after the last
    one, and when a file has to be read again after a failure. It calls `days` for each file in use.
    """

    def __init__(self, loop: Loop, changed: Callable[[], None]) -> None:
        self._loop, self._changed = loop, changed
        self._results: dict[_Key, _Result] = {}
        self._waiting: dict[_Key, bytes] = {}
        self._running: _Key | None = None
        self._found: list[Mapping[str, Any]] = []
        self._process = HelperProcess(loop, self._found_line, self._ended, TIMEOUT, NICE)
        self.close = self._process.close

    def days(self, path: Path) -> frozenset[date] | None:
        """Return the free days of a calendar; None until it is parsed, which begins then.

        If too many files wait, it begins at a later call.

        Raises:
            PolicyError: the file cannot be read, or is not a usable calendar.
        """
        data = _calendar(path)
        key = _key(data)
        if (result := self._results.pop(key, None)) is not None:
            self._results[key] = result  # the last one used is the last to be dropped
            return _days_or_error(path, result)
        if key != self._running and key not in self._waiting:
            self._wait_for(key, data)
        return None

    def _wait_for(self, key: _Key, data: bytes) -> None:
        if sum(map(len, self._waiting.values())) + len(data) > MAX_WAITING:
            return
        self._waiting[key] = data
        self._loop.call_later(0.0, self._next)

    def _next(self) -> None:
        """Start the parser with the next file, unless it runs."""
        if self._running is not None or not self._waiting:
            return
        key = next(iter(self._waiting))
        try:
            self._process.start([PARSER, *_arguments(key)], self._waiting[key])
        except OSError as error:
            _log.warning("Starting the calendar parser failed: %s. Keeping the previous free days.", error)
            self._loop.call_later(RETRY, self._next)
            return
        del self._waiting[key]
        self._running, self._found = key, []

    def _found_line(self, line: Mapping[str, Any]) -> None:
        self._found.append(line)

    def _ended(self, status: int, _words: str) -> None:
        key, self._running = self._running, None
        if key is not None:
            _remember(self._results, key, _result(status, self._found))
            if status not in (0, TOO_SLOW):
                self._loop.call_later(RETRY, partial(self._retry, key))
        if self._waiting:
            self._loop.call_later(0.0, self._next)
        else:
            self._changed()

    def _retry(self, key: _Key) -> None:
        """Forget a failure, so that the file is parsed again if a profile still names it."""
        self._results.pop(key, None)
        if self._running is None and not self._waiting:  # else it is called after the last file
            self._changed()


def _calendar(path: Path) -> bytes:
    """Return the content of a file. Raises PolicyError if it is unreadable, too large or no calendar."""
    data = read_bounded(path, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise PolicyError(str(path), f"has more than {MAX_BYTES} bytes", FIX)
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().upper().startswith(b"BEGIN:VCALENDAR"):
        raise PolicyError(str(path), "is no calendar", FIX)
    return data


def _key(data: bytes) -> _Key:
    import hashlib  # late: the daemon has to choose the OpenSSL library first (process_memory.one_openssl)

    year = datetime.now(UTC).year
    return hashlib.blake2b(data).digest(), date(year - YEARS_BACK, 1, 1), date(year + YEARS_AHEAD, 12, 31)


def _arguments(key: _Key) -> tuple[str, str]:
    return key[1].isoformat(), key[2].isoformat()


def _parse(path: Path, data: bytes, key: _Key) -> _Result:
    """Run the parser and return its result. Raises PolicyError if it cannot start, or exceeds TIMEOUT."""
    import subprocess

    command = (sys.executable, "-P", "-m", PARSER, *_arguments(key))
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise PolicyError(str(path), f"takes longer than {TIMEOUT:g} s to read", FIX) from None
    except OSError as error:
        raise PolicyError(str(path), f"cannot be read ({error.strerror})", "start again") from error
    return _result(done.returncode, (json.loads(line) for line in done.stdout.splitlines()))


def _result(status: int, lines: Iterable[Mapping[str, Any]]) -> _Result:
    """Return the free days or the problem that the parser printed. ``status``: its exit status."""
    if status == TOO_SLOW:
        return "takes more than 2 s to read"
    if status:
        return "is a calendar that cannot be read"
    days: set[date] = set()
    for line in lines:
        if "problem" in line:
            return str(line["problem"])
        days.update(map(date.fromisoformat, line.get("days", ())))
    return frozenset(days)


def _remember(cache: dict[_Key, _Result], key: _Key, result: _Result) -> None:
    if len(cache) >= MAX_CACHED:
        del cache[next(iter(cache))]
    cache[key] = result


def _days_or_error(path: Path, result: _Result) -> frozenset[date]:
    if isinstance(result, str):
        raise PolicyError(str(path), result, FIX)
    return result

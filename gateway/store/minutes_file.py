"""Appends counted minutes to one file for each family day.

A killed process loses nothing that was appended; a power cut loses what was not synced. When the day is over,
its totals are written to the database. The file stays for a week as the details of the day.
"""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from gateway.core.files import write_atomically
from gateway.store.database import StoreError
from gateway.store.flash_wear import OFTEN
from gateway.store.minute_records import (
    SIZE,
    ClockRecord,
    MinuteRecord,
    Record,
    UseRecord,
    Why,
    Words,
    gap,
    last_clock,
    pack,
    unpack,
)
from gateway.store.tables.history import SERVICE

FOLDER = "minutes"
DETAIL_DAYS = 7
DAY_LIMIT = 1 << 20  # bytes of a day's file: three children use 60 kB
DETAILS_LIMIT = DAY_LIMIT * 7 // 8  # beyond this size only counted minutes are written
USES_LIMIT = (
    DAY_LIMIT // 2
)  # beyond this size no use records are written, to leave room for the minutes that limits need
WAITING_LIMIT = 4096  # unwritten records in memory; the oldest are dropped
TICK = 10.0  # longest time between two calls of `append`, in seconds
_END = ".minutes"
_DAY, _NOON = 86_400, 43_200  # seconds
_EPOCH = date(1970, 1, 1).toordinal()

Spent = Mapping[tuple[str, str], int]
"""Minutes by profile and gate."""

log = logging.getLogger(__name__)


class MinutesFile:
    """The file of the current day. Disk errors are not raised, but logged once and shown in `problems`."""

    def __init__(
        self,
        folder: Path,
        fold: Callable[[date, Sequence[Record]], None],
        *,
        sync_every: float = OFTEN.sync_every,
    ) -> None:
        """``fold`` stores the records of a past day. It may get a day twice and raises StoreError.

        A day whose ``fold`` failed is passed to it again later.
        """
        self._folder = folder
        self._fold = fold
        self._sync_every = sync_every
        self._day: date | None = None
        self._file: int | None = None
        self._words = Words()
        self._size = 0
        self._gap = b""
        self._unsynced: float | None = None  # since when
        self._trouble: str | None = None
        self._folded: set[date] = set()
        self._waiting: deque[Record] = deque(maxlen=WAITING_LIMIT)

    @property
    def day(self) -> date | None:
        return self._day

    def open(self, day: date) -> tuple[Record, ...]:
        """Open or create the file of a day and return its records. The previous file is synced."""
        self._let_go()
        self._waiting.clear()
        self._day, self._words = day, Words()
        self._folded.discard(day)  # after the clock was set back, a past day continues
        data = self._read(day)
        self._size, self._gap = len(data), gap(data)
        return tuple(unpack(data, self._words))

    def append(self, records: Iterable[Record], now: float) -> None:
        """Append records, and sync within ``sync_every``. ``now`` is the loop's clock in seconds.

        If the disk fails, counted minutes wait in memory, up to WAITING_LIMIT.
        """
        self._waiting.extend(record for record in records if self._has_room(record))
        if self._waiting:
            data = self._gap + b"".join(pack(record, self._words) for record in self._waiting)
            try:
                self._write(data)
            except OSError as error:
                self._fails(error)
                self._words = Words()  # words may be truncated: write them again with the next record
                self._gap = bytes(SIZE)
                kept = [record for record in self._waiting if _must_stay(record)]
                self._waiting = deque(kept, maxlen=WAITING_LIMIT)
            else:
                self._waiting.clear()
                self._gap = b""
                self._unsynced = now if self._unsynced is None else self._unsynced
        self.sync(now)

    def _has_room(self, record: Record) -> bool:
        if isinstance(record, UseRecord):
            return self._size < USES_LIMIT
        return self._size < DETAILS_LIMIT or _must_stay(record)

    def _write(self, data: bytes) -> None:
        """Write all of ``data``, or raise OSError."""
        if self._size + len(data) > DAY_LIMIT:
            raise OSError(errno.EFBIG, f"the day's file has {DAY_LIMIT >> 20} MiB, its limit")
        if self._file is None:
            self._file = self._made()
        written = os.write(self._file, data)
        self._size += written
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._trouble is not None:
            log.warning("%s: minutes are written again", self._folder)
            self._trouble = None

    def _made(self) -> int:
        """Return the descriptor of the day's file, opened for appending."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._path(self._day or date.min), flags, 0o600)

    def sync(self, now: float, *, force: bool = False) -> None:
        """Sync data that is due. Call it at least every 10 seconds."""
        if self._file is None or self._unsynced is None:
            return
        # The next call may be a whole tick away: sync now what would be late by then.
        if force or now - self._unsynced + TICK >= self._sync_every:
            try:
                os.fdatasync(self._file)
            except OSError as error:
                self._fails(error)
            self._unsynced = None

    def details(self, day: date) -> tuple[Record, ...]:
        """Return the records of a day of the last week."""
        return tuple(unpack(self._read(day), Words()))

    def last_clock(self) -> ClockRecord | None:
        """Return the clock record of the last written minute, of any day.

        It has the highest minute number. After the clock was set back, another file may have it.
        """
        found = (last_clock(self._read(day)) for day in self._days())
        return max(filter(None, found), key=lambda record: record.minute, default=None)

    def tidy(self, today: date) -> None:
        """Fold past days, and delete details older than a week.

        The last past day stays until the day changes again, since a clock that was far ahead may be set back.
        """
        # Keep files of future days: the clock was wrong, and may be wrong again.
        over = sorted(day for day in self._days() if day not in (today, self._day) and day <= today)
        for day in over:
            if not self._is_folded(day):
                return
            if day < today - timedelta(days=DETAIL_DAYS) and (day != over[-1] or self._was_late(day, today)):
                self._path(day).unlink(missing_ok=True)
                self._folded.discard(day)

    def _was_late(self, day: date, today: date) -> bool:
        """Return whether a day before today found this file old. Otherwise set its time to today."""
        path = self._path(day)
        at = (today.toordinal() - _EPOCH) * _DAY + _NOON
        try:
            days, rest = divmod(at - int(path.stat().st_mtime), _DAY)
            noted = today - timedelta(days=days) if not rest and 0 <= days < (today - day).days else day
            if noted > day + timedelta(days=DETAIL_DAYS):
                return noted < today
            os.utime(path, (at, at))
        except OSError as error:
            self._fails(error)
        return False

    def _is_folded(self, day: date) -> bool:
        if day not in self._folded:
            try:
                self._fold(day, self.details(day))
            except StoreError as error:
                log.error("%s. The minutes of %s stay in their file until it can be written", error, day)
                return False
            self._folded.add(day)
        return True

    def erase(self, profile: str, *, past: bool = False, running: bool = False) -> None:
        """Erase services and bytes of a profile. Counted minutes stay.

        With ``past``, only the counted minutes of the current day stay, since its limits need them, and no
        use records stay. With ``running`` too, nothing stays.
        """
        for day in self._days():
            words = Words()
            found = self.details(day)
            if past and (running or day != self._day):
                found = _of_others(found, profile)
            kept = _bare(found, profile, kinds=not past)
            data = b"".join(pack(record, words) for record in kept)
            try:
                write_atomically(self._path(day), data)
            except OSError as error:
                self._fails(error)
                return
        if self._day is not None:
            others = _of_others(self._waiting, profile) if running else self._waiting
            waiting = list(_bare(others, profile, kinds=not past))
            self.open(self._day)
            self._waiting.extend(waiting)

    def problems(self) -> list[str]:
        """Return problems as sentences for `status`."""
        if self._trouble is None:
            return []
        return [f"Minutes cannot be written ({self._trouble}): they count, but a restart would lose them."]

    def close(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        if self._file is not None:
            self.sync(0.0, force=True)
            os.close(self._file)
            self._file = None

    def _fails(self, error: OSError) -> None:
        text = error.strerror or str(error)
        if self._trouble is None:
            log.error("%s: %s. Minutes count, but a restart would lose them", self._folder, text)
        self._trouble = text

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}{_END}"

    def _read(self, day: date) -> bytes:
        try:
            with self._path(day).open("rb") as file:
                return file.read(DAY_LIMIT)
        except FileNotFoundError:
            return b""
        except OSError as error:
            self._fails(error)
            return b""

    def _days(self) -> Iterator[date]:
        for path in self._folder.glob(f"????-??-??{_END}"):
            try:
                yield date.fromisoformat(path.name.removesuffix(_END))
            except ValueError:
                continue


def spent(records: Iterable[Record]) -> Spent:
    """Return counted minutes by profile and gate. A minute on several devices counts once."""
    minutes: dict[tuple[str, str], set[int]] = {}
    for record in records:
        if isinstance(record, MinuteRecord) and record.why & Why.COUNTED:
            minutes.setdefault((record.profile, record.gate), set()).add(record.minute)
    return {key: len(found) for key, found in minutes.items()}


def _must_stay(record: Record) -> bool:
    if isinstance(record, UseRecord):
        return False
    return isinstance(record, ClockRecord) or bool(record.why & Why.COUNTED)


def _of_others(records: Iterable[Record], profile: str) -> tuple[Record, ...]:
    return tuple(record for record in records if isinstance(record, ClockRecord) or record.profile != profile)


def _bare(records: Iterable[Record], profile: str, *, kinds: bool) -> Iterator[Record]:
    """Yield records without services and bytes of a profile. ``kinds``: keep its minutes by category."""
    for record in records:
        if isinstance(record, ClockRecord) or record.profile != profile:
            yield record
        elif isinstance(record, MinuteRecord):
            yield MinuteRecord(record.minute, profile, record.device, record.gate, 0, None, record.why)
        elif kinds and not record.use.startswith(SERVICE):
            yield record

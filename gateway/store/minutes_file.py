"""Counted minutes on their way to the disk: short appends to one file a family day.

A process that is killed loses nothing that was appended; a power cut loses what was not yet synced. When the
day is over the minutes go into the database, and the file stays as the day's details for a week.
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
DETAILS_LIMIT = DAY_LIMIT * 7 // 8  # from there on counted minutes alone are written
USES_LIMIT = DAY_LIMIT // 2  # from there on nothing by kind: what limits go by has its room
WAITING_LIMIT = 4096  # records that the disk did not take; the oldest give way
TICK = 10.0  # seconds between two calls of `append` at most
_END = ".minutes"
_DAY, _NOON = 86_400, 43_200  # seconds
_EPOCH = date(1970, 1, 1).toordinal()

Spent = Mapping[tuple[str, str], int]
"""Minutes by profile and gate."""

log = logging.getLogger(__name__)


class MinutesFile:
    """The running day's file. Trouble of the disk is never raised: it is said once, and `problems` has it."""

    def __init__(
        self,
        folder: Path,
        fold: Callable[[date, Sequence[Record]], None],
        *,
        sync_every: float = OFTEN.sync_every,
    ) -> None:
        """``fold`` takes the records of a day that is over, and may be told them again. It raises StoreError
        where that cannot be; then they are offered again.
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
        """Go on with this day's file, or begin it; what stands in it. The one before is synced."""
        self._let_go()
        self._waiting.clear()
        self._day, self._words = day, Words()
        self._folded.discard(day)  # a clock that was put back goes on with a day that was over
        data = self._read(day)
        self._size, self._gap = len(data), gap(data)
        return tuple(unpack(data, self._words))

    def append(self, records: Iterable[Record], now: float) -> None:
        """``now``: seconds of the loop's clock. Synced within the time that was agreed on.

        What finds no room on the disk waits for it: minutes that count, up to a limit.
        """
        self._waiting.extend(one for one in records if self._has_room(one))
        if self._waiting:
            data = self._gap + b"".join(pack(one, self._words) for one in self._waiting)
            try:
                self._write(data)
            except OSError as error:
                self._fails(error)
                self._words = Words()  # part of them may be torn: they are written again with the next
                self._gap = bytes(SIZE)
                kept = [one for one in self._waiting if _must_stay(one)]
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
        """Raises OSError unless all of it was written."""
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
        """The day's file, open for appending."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self._path(self._day or date.min), flags, 0o600)

    def sync(self, now: float, *, force: bool = False) -> None:
        """Bring to the disk what waits long enough; call it at least every 10 seconds."""
        if self._file is None or self._unsynced is None:
            return
        # The next call may come as late as a tick: what would be too late by then is synced now.
        if force or now - self._unsynced + TICK >= self._sync_every:
            try:
                os.fdatasync(self._file)
            except OSError as error:
                self._fails(error)
            self._unsynced = None

    def details(self, day: date) -> tuple[Record, ...]:
        """What is known of a day of the last week, minute by minute."""
        return tuple(unpack(self._read(day), Words()))

    def last_clock(self) -> ClockRecord | None:
        """When the last minute began that anything was written of, whichever day it was of.

        That is the highest number's: where the clock was set back, the latest date has not the last minute.
        """
        found = (last_clock(self._read(day)) for day in self._days())
        return max(filter(None, found), key=lambda one: one.minute, default=None)

    def tidy(self, today: date) -> None:
        """Fold the days that are over, and erase details that are older than a week.

        The last one that is over stays until another day has turned: a clock that was set far ahead may be
        put back, and goes on with it then.
        """
        # A day to come is left alone: the clock was wrong, and may be again.
        over = sorted(day for day in self._days() if day not in (today, self._day) and day <= today)
        for day in over:
            if not self._is_folded(day):
                return
            if day < today - timedelta(days=DETAIL_DAYS) and (day != over[-1] or self._was_late(day, today)):
                self._path(day).unlink(missing_ok=True)
                self._folded.discard(day)

    def _was_late(self, day: date, today: date) -> bool:
        """Whether a day before today found this one old; else today is noted in the time of its file."""
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
                log.error("%s; the minutes of %s stay in their file until then", error, day)
                return False
            self._folded.add(day)
        return True

    def erase(self, profile: str, *, past: bool = False, running: bool = False) -> None:
        """Forget which services and how much one person used; the counted minutes stay: with ``past``
        those of the running day alone, by which its limits go, and with ``running`` none. Minutes by kind go
        all with it.
        """
        for day in self._days():
            words = Words()
            found = self.details(day)
            if past and (running or day != self._day):
                found = _of_others(found, profile)
            kept = _bare(found, profile, kinds=not past)
            data = b"".join(pack(one, words) for one in kept)
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
        """Sentences for `status`; empty when all is well."""
        if self._trouble is None:
            return []
        return [f"Minutes cannot be written ({self._trouble}): they count, but not over a restart."]

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
            log.error("%s: %s; minutes count, but would not survive a restart", self._folder, text)
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
    """Counted minutes by profile and gate: one that several devices share is one."""
    minutes: dict[tuple[str, str], set[int]] = {}
    for one in records:
        if isinstance(one, MinuteRecord) and one.why & Why.COUNTED:
            minutes.setdefault((one.profile, one.gate), set()).add(one.minute)
    return {key: len(found) for key, found in minutes.items()}


def _must_stay(record: Record) -> bool:
    if isinstance(record, UseRecord):
        return False
    return isinstance(record, ClockRecord) or bool(record.why & Why.COUNTED)


def _of_others(records: Iterable[Record], profile: str) -> tuple[Record, ...]:
    return tuple(one for one in records if isinstance(one, ClockRecord) or one.profile != profile)


def _bare(records: Iterable[Record], profile: str, *, kinds: bool) -> Iterator[Record]:
    """Without one person's services and bytes; ``kinds``: whether minutes by kind stay."""
    for one in records:
        if isinstance(one, ClockRecord) or one.profile != profile:
            yield one
        elif isinstance(one, MinuteRecord):
            yield MinuteRecord(one.minute, profile, one.device, one.gate, 0, None, one.why)
        elif kinds and not one.use.startswith(SERVICE):
            yield one

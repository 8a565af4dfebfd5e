"""Appends counted minutes to one file for each family day.

A killed process loses nothing that was appended; a power cut loses what was not synced. When the day is over,
its totals are written to the database. The file stays for a week as the details of the day.

A record has 28 bytes, with a CRC-32 checksum; record types may be mixed. Truncated, damaged and unknown
records are skipped.
"""

from __future__ import annotations

import errno
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntFlag
from pathlib import Path
from struct import Struct
from zlib import crc32

from gateway.core.files import write_atomically, write_error_text
from gateway.policy.profile.rules import SERVICE
from gateway.store.database import StoreError
from gateway.store.flash_wear import OFTEN

FOLDER = "minutes"
DETAIL_DAYS = 7
DAY_LIMIT = 1 << 20  # bytes of a day's file: three children use 60 kB
DETAILS_LIMIT = DAY_LIMIT * 7 // 8  # beyond this size only counted minutes and clock records are written
# Beyond this size no use records are written, to leave room for the minutes that limits need.
USES_LIMIT = DAY_LIMIT // 2
WAITING_LIMIT = 4096  # unwritten records in memory; the oldest are dropped
TICK = 10.0  # longest time between two calls of `append`, in seconds
_END = ".minutes"
_DAY, _NOON = 86_400, 43_200  # seconds
_EPOCH = date(1970, 1, 1).toordinal()

SIZE = 28  # bytes of a record
_HEAD = Struct("<BB")
_CHECK = Struct("<I")
_WORD, _MINUTE, _CLOCK, _USE = 0xA1, 0xA2, 0xA3, 0xA4
_FORMS = {
    _WORD: Struct("<H20s"),
    _MINUTE: Struct("<IHHHHI6x"),
    _CLOCK: Struct("<IQI6s"),
    _USE: Struct("<IHH14x"),
}
_TEXT = 20  # bytes of a word in one record
MAX_WORDS = 0xFFFF
MAX_BYTES = 0xFFFFFFFF  # limit of the byte count of one minute
_MAX_PARTS = 8

Spent = Mapping[tuple[str, str], int]
"""Minutes by profile id and time rule (gate)."""

log = logging.getLogger(__name__)


class MinuteFlag(IntFlag):
    """Flags of a minute's record: whether and why it counts, and whether it is complete."""

    NOTHING = 0
    COUNTED = 1  # counts towards the limit of the gate
    LINGER = 2  # no traffic, but counted because it follows a counted minute
    OPEN = 4  # the minute is not over; a later record of the same minute, device and gate replaces this


@dataclass(frozen=True, slots=True)
class MinuteRecord:
    """The traffic of one device in one minute, under one time rule (gate), such as ``internet``.

    ``internet`` is the limit of all use; others are for play, a service or a category.
    """

    minute: int  # a number of gateway.metering.meter.MinuteClock, which only increases
    profile: str
    device: str
    gate: str
    bytes: int
    service: str | None = None  # the service with the most bytes; None: not known
    why: MinuteFlag = MinuteFlag.COUNTED


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """When a numbered minute began, by the loop's clock and in Unix time."""

    minute: int  # its number, as in MinuteRecord
    started: float  # seconds of the loop's clock
    wall: int  # whole minutes of Unix time, as the family's clock had it
    boot: bytes  # identifies the boot that ``started`` counts from, 6 bytes


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One minute in which a profile used a service or category. It is stored for activity, not for limits."""

    minute: int  # its number, as in MinuteRecord
    profile: str
    use: str  # `service:x` or `category:x`, or another as in `tables.history`


Record = MinuteRecord | ClockRecord | UseRecord


class MinutesFile:
    """Appends minute records to the file of the current day, and reads and deletes the files of past days.

    Disk errors are logged once and returned by `problems`. Only `erase` raises them.
    """

    def __init__(
        self,
        folder: Path,
        fold: Callable[[date, Sequence[Record]], None],
        *,
        sync_every: float = OFTEN.sync_every,
    ) -> None:
        """Prepare for files in ``folder``; `open` chooses the current day.

        ``fold`` gets the records of a past day and stores their totals. It may get a day twice. A day for
        which it raises StoreError is passed to it again later. ``sync_every`` is in seconds.
        """
        self._folder = folder
        self._fold = fold
        self._sync_every = sync_every
        self._day: date | None = None
        self._file: int | None = None
        self._words = TextNumbers()
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
        """Make ``day`` the current day and return the records in its file.

        The file of the day before is synced and closed. Records that the disk did not take are
        dropped.
        """
        self._let_go()
        self._waiting.clear()
        self._day, self._words = day, TextNumbers()
        self._folded.discard(day)  # after the clock was set back, a past day continues
        data = self._read(day)
        self._size, self._gap = len(data), gap(data)
        return tuple(unpack(data, self._words))

    def append(self, records: Iterable[Record], now: float) -> None:
        """Append records to the file of the current day, and sync it to disk within ``sync_every`` seconds.

        ``now`` is the loop's clock in seconds. If the disk fails or the file is full, counted minutes
        and clock records wait in memory, up to WAITING_LIMIT records, and all others are dropped. In
        a large file, records that limits do not need are dropped.
        """
        self._waiting.extend(record for record in records if self._has_room(record))
        if self._waiting:
            data = self._gap + b"".join(pack(record, self._words) for record in self._waiting)
            try:
                self._write(data)
            except OSError as error:
                self._fails(error)
                self._words = TextNumbers()  # words may be truncated: write them again with the next record
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
        """Append ``data`` to the file. Raises OSError beyond DAY_LIMIT, or if the disk takes only a part."""
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
        """Sync appended records to disk if the next call would be too late for ``sync_every``, or ``force``.

        ``now`` is the loop's clock in seconds. Call it at least every 10 seconds.
        """
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
        """Return the records in the file of ``day``; empty if there is none or it cannot be read.

        Files are deleted after a week.
        """
        return tuple(unpack(self._read(day), TextNumbers()))

    def last_clock(self) -> ClockRecord | None:
        """Return the clock record with the highest minute number in the files of all days; None without one.

        After the clock was set back, another file than that of the newest day may have it.
        """
        found = (last_clock(self._read(day)) for day in self._days())
        return max(filter(None, found), key=lambda record: record.minute, default=None)

    def tidy(self, today: date) -> None:
        """Store the totals of past days by the function ``fold``; delete the files of days older than a week.

        If ``fold`` fails for a day, it and the later days wait for the next call. The file of the last
        past day stays until the day changes again, since a clock that was far ahead may be set back.
        """
        # Keep files of future days: the clock was wrong, and may be wrong again.
        over = sorted(day for day in self._days() if day not in (today, self._day) and day <= today)
        for day in over:
            if not self._is_folded(day):
                return
            if day < today - timedelta(days=DETAIL_DAYS) and (day != over[-1] or self._was_late(day, today)):
                try:
                    self._path(day).unlink(missing_ok=True)
                except OSError as error:
                    self._fails(error)
                    return
                self._folded.discard(day)

    def _was_late(self, day: date, today: date) -> bool:
        """Return True if a call on an earlier day already found this file older than a week.

        Otherwise, record today in the file's modification time, and return False.
        """
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
        """Erase the services and byte counts of a profile from all files. Its other minutes stay.

        With ``past``, only those by time rule of the current day stay, since its limits need them.
        With ``running`` too, nothing stays. Raises StoreError, after all files, if one of them could not
        be read or written; such a file stays as it is.
        """
        failed = None
        for day in self._days():
            words = TextNumbers()
            try:
                found = tuple(unpack(self._load(day), TextNumbers()))
                if past and (running or day != self._day):
                    found = _of_others(found, profile)
                kept = _bare(found, profile, kinds=not past)
                write_atomically(self._path(day), b"".join(pack(record, words) for record in kept))
            except OSError as error:
                self._fails(error)
                failed = error
        if self._day is not None:
            others = _of_others(self._waiting, profile) if running else self._waiting
            waiting = list(_bare(others, profile, kinds=not past))
            self.open(self._day)
            self._waiting.extend(waiting)
        if failed is not None:
            msg = f"{self._folder}: minutes cannot be erased ({write_error_text(failed)}); try again"
            raise StoreError(msg) from failed

    def problems(self) -> list[str]:
        """Return one sentence for `status` if minutes cannot be written to disk; otherwise an empty list."""
        if self._trouble is None:
            return []
        what = f"Minutes cannot be written to {self._folder} ({self._trouble})"
        return [f"{what}: they count, but a restart would lose them."]

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
        """Return the content of a day's file; empty if there is none or it cannot be read."""
        try:
            return self._load(day)
        except OSError as error:
            self._fails(error)
            return b""

    def _load(self, day: date) -> bytes:
        """Return the content of a day's file; empty if there is none. Raises OSError."""
        try:
            with self._path(day).open("rb") as file:
                return file.read(DAY_LIMIT)
        except FileNotFoundError:
            return b""

    def _days(self) -> Iterator[date]:
        for path in self._folder.glob(f"????-??-??{_END}"):
            try:
                yield date.fromisoformat(path.name.removesuffix(_END))
            except ValueError:
                continue


def spent(records: Iterable[Record]) -> Spent:
    """Return the counted minutes by profile and time rule. A minute on several devices counts once."""
    minutes: dict[tuple[str, str], set[int]] = {}
    for record in records:
        if isinstance(record, MinuteRecord) and record.why & MinuteFlag.COUNTED:
            minutes.setdefault((record.profile, record.gate), set()).add(record.minute)
    return {key: len(found) for key, found in minutes.items()}


def _must_stay(record: Record) -> bool:
    if isinstance(record, UseRecord):
        return False
    return isinstance(record, ClockRecord) or bool(record.why & MinuteFlag.COUNTED)


def _of_others(records: Iterable[Record], profile: str) -> tuple[Record, ...]:
    return tuple(record for record in records if isinstance(record, ClockRecord) or record.profile != profile)


def _bare(records: Iterable[Record], profile: str, *, kinds: bool) -> Iterator[Record]:
    """Yield ``records`` without the services and byte counts of a profile. Other profiles' stay as they are.

    ``kinds``: keep the profile's minutes by category; otherwise these are left out too.
    """
    for record in records:
        if isinstance(record, ClockRecord) or record.profile != profile:
            yield record
        elif isinstance(record, MinuteRecord):
            yield MinuteRecord(record.minute, profile, record.device, record.gate, 0, None, record.why)
        elif kinds and not record.use.startswith(SERVICE):
            yield record


class TextNumbers:
    """The numbers that stand for texts (profiles, devices, time rules, services) in one file's records."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}
        self._texts: dict[int, str] = {0: ""}
        self._parts: dict[int, list[bytes]] = {}

    def number(self, text: str) -> tuple[int, bytes]:
        """Return the number of a text, and the word records to write before its first use.

        The number is 0 if the text is longer than 160 bytes (UTF-8) or the file has no free number.
        """
        known = self._numbers.get(text)
        if known is not None:
            return known, b""
        number = max(self._texts) + 1
        raw = text.encode()
        parts = [raw[start : start + _TEXT] for start in range(0, len(raw), _TEXT)]
        if number > MAX_WORDS or len(parts) > _MAX_PARTS:
            return 0, b""
        self._numbers[text], self._texts[number] = number, text
        last = len(parts) - 1
        return number, b"".join(
            _pack(_WORD, index | (0x80 if index == last else 0), number, part)
            for index, part in enumerate(parts)
        )

    def learn(self, flags: int, number: int, part: bytes) -> None:
        """Add one part of a text from a word record; the last part completes the text of ``number``.

        ``flags`` is the index of the part, plus 0x80 for the last one. Parts come in order. A number that is
        defined again means the new text.
        """
        index = flags & 0x7F
        parts = self._parts.setdefault(number, [])
        if index == 0:
            parts.clear()
        if index != len(parts) or index >= _MAX_PARTS or not number:
            return
        parts.append(part)
        if flags & 0x80:
            text = b"".join(parts).rstrip(b"\0").decode("utf-8", "replace")
            self._texts[number], self._numbers[text] = text, number

    def text(self, number: int) -> str | None:
        return self._texts.get(number)


def pack(record: Record, words: TextNumbers) -> bytes:
    """Return a record as bytes, preceded by word records for texts that are new in the file."""
    if isinstance(record, ClockRecord):
        started = max(0, round(record.started * 1000))
        return _pack(_CLOCK, 0, record.minute, started, record.wall, record.boot)
    if isinstance(record, UseRecord):
        (profile, first), (use, second) = words.number(record.profile), words.number(record.use)
        return first + second + _pack(_USE, 0, record.minute, profile, use)
    texts = (record.profile, record.device, record.gate, record.service or "")
    numbers, before = zip(*(words.number(text) for text in texts), strict=True)
    size = min(record.bytes, MAX_BYTES)
    return b"".join(before) + _pack(_MINUTE, int(record.why), record.minute, *numbers, size)


def _pack(kind: int, flags: int, *values: object) -> bytes:
    body = _HEAD.pack(kind, flags) + _FORMS[kind].pack(*values)
    return body + _CHECK.pack(crc32(body))


def unpack(data: bytes, words: TextNumbers) -> Iterator[Record]:
    """Yield the minute, clock and use records in ``data``. Add its texts to ``words``; skip damaged bytes."""
    at = 0
    while at + SIZE <= len(data):
        if not _sound(data, at):
            at += 1
            continue
        record = _read(data, at, words)
        at += SIZE
        if record is not None:
            yield record


def last_clock(data: bytes) -> ClockRecord | None:
    """Return the last clock record in ``data``, searched from the end; None if there is none."""
    for at in range(len(data) - SIZE, -1, -1):
        if data[at] == _CLOCK and _sound(data, at):
            record = _read(data, at, TextNumbers())
            return record if isinstance(record, ClockRecord) else None
    return None


def gap(data: bytes) -> bytes:
    """Return zero bytes to append if ``data`` ends with a truncated record; otherwise nothing.

    Without them, the truncated record would overlap the next one.
    """
    whole = not data or (len(data) >= SIZE and _sound(data, len(data) - SIZE))
    return b"" if whole else bytes(SIZE)


def _sound(data: bytes, at: int) -> bool:
    end = at + SIZE - _CHECK.size
    return data[at] & 0xF0 == 0xA0 and bool(_CHECK.unpack_from(data, end)[0] == crc32(data[at:end]))


def _read(data: bytes, at: int, words: TextNumbers) -> Record | None:
    kind, flags = _HEAD.unpack_from(data, at)
    form = _FORMS.get(kind)
    if form is None:
        return None
    values = form.unpack_from(data, at + _HEAD.size)
    if kind == _WORD:
        words.learn(flags, *values)
        return None
    if kind == _CLOCK:
        minute, started, wall, boot = values
        return ClockRecord(minute, started / 1000, wall, boot)
    if kind == _USE:
        minute, *numbers = values
        who, use = map(words.text, numbers)
        return UseRecord(minute, who, use) if who and use else None
    minute, *numbers, size = values
    profile, device, gate, service = map(words.text, numbers)
    if not profile or not device or not gate:
        return None  # a word record is missing
    return MinuteRecord(minute, profile, device, gate, size, service or None, MinuteFlag(flags & 0x7))

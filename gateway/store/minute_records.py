"""Records of the minutes file: 28 bytes each, with a CRC-32 checksum; record types may be mixed.

Pure: bytes to values and back. Truncated, damaged and unknown records are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from struct import Struct
from zlib import crc32

SIZE = 28
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


class Why(IntFlag):
    """Why a minute has a record."""

    NOTHING = 0
    COUNTED = 1  # counts towards the limit of the gate
    LINGER = 2  # no traffic, but counted because it follows a counted minute
    OPEN = 4  # the minute is not over; a later record of the same minute, device and gate replaces this


@dataclass(frozen=True, slots=True)
class MinuteRecord:
    """The traffic of one device through one gate in one minute."""

    minute: int  # of the running sequence
    profile: str
    device: str
    gate: str
    bytes: int
    service: str | None = None  # the service with the most bytes; None: not known
    why: Why = Why.COUNTED


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """When a minute of the running sequence began."""

    minute: int
    started: float  # seconds of the loop's clock
    wall: int  # whole minutes of Unix time, as the family's clock had it
    boot: bytes  # identifies the boot that ``started`` counts from, 6 bytes


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One minute of use of a service or category, without device and bytes. No limit counts it."""

    minute: int
    profile: str
    use: str  # as `store.history` has them


Record = MinuteRecord | ClockRecord | UseRecord


class Words:
    """The texts of one file and their numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}
        self._texts: dict[int, str] = {0: ""}
        self._parts: dict[int, list[bytes]] = {}

    def number(self, text: str) -> tuple[int, bytes]:
        """Return the number of a text, and the records to write before its first use; 0: file full."""
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
        """Read one part of a word; parts come in order. A number that is defined again means the new text."""
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


def pack(record: Record, words: Words) -> bytes:
    """Return the bytes of a record, after the word records that it needs first."""
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


def unpack(data: bytes, words: Words) -> Iterator[Record]:
    """Yield the records in ``data``. Bytes between them are skipped."""
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
    """Return the last clock record, searched from the end."""
    for at in range(len(data) - SIZE, -1, -1):
        if data[at] == _CLOCK and _sound(data, at):
            record = _read(data, at, Words())
            return record if isinstance(record, ClockRecord) else None
    return None


def gap(data: bytes) -> bytes:
    """Return padding to write before the next record, so that a truncated record does not overlap it."""
    whole = not data or (len(data) >= SIZE and _sound(data, len(data) - SIZE))
    return b"" if whole else bytes(SIZE)


def _sound(data: bytes, at: int) -> bool:
    end = at + SIZE - _CHECK.size
    return data[at] & 0xF0 == 0xA0 and bool(_CHECK.unpack_from(data, end)[0] == crc32(data[at:end]))


def _read(data: bytes, at: int, words: Words) -> Record | None:
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
    return MinuteRecord(minute, profile, device, gate, size, service or None, Why(flags & 0x7))

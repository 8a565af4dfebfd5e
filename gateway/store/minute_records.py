"""Records of the minutes' file: 28 bytes each, with a checksum, in any order of kinds.

Pure: bytes to values and back. What is torn, spoilt or of a kind that a later version writes is skipped.
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
MAX_BYTES = 0xFFFFFFFF  # more in a minute counts as this much
_MAX_PARTS = 8


class Why(IntFlag):
    """What a record says of its minute."""

    NOTHING = 0
    COUNTED = 1  # it spends the gate's limit
    LINGER = 2  # silent, but counted for following a counted one
    OPEN = 4  # the minute is not over; a later record of the same minute, device and gate replaces this


@dataclass(frozen=True, slots=True)
class MinuteRecord:
    """What one device moved in one minute through one gate."""

    minute: int  # of the running sequence
    profile: str
    device: str
    gate: str
    bytes: int
    service: str | None = None  # which moved most of them; None: not known
    why: Why = Why.COUNTED


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """When a minute of the running sequence began."""

    minute: int
    started: float  # seconds of the loop's clock
    wall: int  # whole minutes of Unix time, as the family's clock had it
    boot: bytes  # which start of the machine ``started`` counts from, 6 bytes


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One minute in which somebody used what is kept by kind: no device, no bytes, and no limit spends it."""

    minute: int
    profile: str
    use: str  # as `store.history` has them


Record = MinuteRecord | ClockRecord | UseRecord


class Words:
    """Texts and the numbers that stand for them in one file."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": 0}
        self._texts: dict[int, str] = {0: ""}
        self._parts: dict[int, list[bytes]] = {}

    def number(self, text: str) -> tuple[int, bytes]:
        """The text's number, and the records that must stand before it is used. 0 where there is no room."""
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
        """One record of a word; its parts come in order. A number that is given anew means the new text."""
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
    """A record, after those of words that it is the first to use."""
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
    """The records in ``data``, whatever lies between them."""
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
    """The last record of a clock, sought from the end: the only one that is read."""
    for at in range(len(data) - SIZE, -1, -1):
        if data[at] == _CLOCK and _sound(data, at):
            record = _read(data, at, Words())
            return record if isinstance(record, ClockRecord) else None
    return None


def gap(data: bytes) -> bytes:
    """What to write before the next record, so that a torn one before it does not reach into it."""
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
        return None  # the record of a word is lost
    return MinuteRecord(minute, profile, device, gate, size, service or None, Why(flags & 0x7))

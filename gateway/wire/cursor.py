"""A bounded reader of bytes: a read past the end raises WireError, never IndexError."""

from __future__ import annotations

from gateway.core.errors import WireError


class Cursor:
    """Reads big-endian integers and byte strings from ``data[start:end]``, one after another.

    ``pos`` (the next byte) and ``end`` are offsets into ``data`` itself, so that a field's position can be
    reported or its bytes replaced. A parser of a stream calls ``has(n)`` first and returns None; a parser of
    a whole message just reads. Reads past ``end`` raise WireError, and so does a range outside of ``data``.
    """

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes | memoryview, start: int = 0, end: int | None = None) -> None:
        limit = len(data)
        self.data = data
        self.end = limit if end is None else end
        self.pos = start
        if not 0 <= start <= self.end <= limit:
            msg = f"range {start}..{self.end} outside of {limit} bytes"
            raise WireError(msg)

    @property
    def remaining(self) -> int:
        return self.end - self.pos

    @property
    def at_end(self) -> bool:
        return self.pos >= self.end

    def has(self, count: int) -> bool:
        """Return whether ``count`` more bytes can be read."""
        return self.end - self.pos >= count

    def _advance(self, count: int) -> int:
        start = self.pos
        if count < 0 or self.end - start < count:
            msg = f"{count} bytes wanted at offset {start}, {self.end - start} left"
            raise WireError(msg)
        self.pos = start + count
        return start

    def u8(self) -> int:
        return self.data[self._advance(1)]

    def u16(self) -> int:
        start = self._advance(2)
        data = self.data
        return data[start] << 8 | data[start + 1]

    def u24(self) -> int:
        start = self._advance(3)
        return int.from_bytes(self.data[start : start + 3], "big")

    def u32(self) -> int:
        start = self._advance(4)
        return int.from_bytes(self.data[start : start + 4], "big")

    def varint(self) -> int:
        """Read and return a QUIC variable-length integer (RFC 9000 §16): 1, 2, 4 or 8 bytes, 0 to 2**62-1."""
        size = 1 << (self.data[self._advance(1)] >> 6)
        self._advance(size - 1)
        raw = self.data[self.pos - size : self.pos]
        return int.from_bytes(raw, "big") & ((1 << (8 * size - 2)) - 1)

    def take(self, count: int) -> bytes:
        """Return a copy of the next ``count`` bytes, and move past them."""
        start = self._advance(count)
        return bytes(self.data[start : start + count])

    def skip(self, count: int) -> None:
        self._advance(count)

    def rest(self) -> bytes:
        """Return all remaining bytes, and move to the end."""
        return self.take(self.end - self.pos)

    def counted8(self) -> bytes:
        """Read a length of one byte; return that many bytes after it."""
        return self.take(self.u8())

    def counted16(self) -> bytes:
        """Read a length of two bytes; return that many bytes after it."""
        return self.take(self.u16())

    def block(self, count: int) -> Cursor:
        """Return a cursor over the next ``count`` bytes (same data and offsets), and skip them here."""
        start = self._advance(count)
        return Cursor(self.data, start, start + count)

    def expect_end(self) -> None:
        """Raise WireError unless everything up to ``end`` has been read."""
        if self.pos != self.end:
            msg = f"{self.end - self.pos} bytes too many at offset {self.pos}"
            raise WireError(msg)

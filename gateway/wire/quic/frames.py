"""Parses the frames of Initial packets (RFC 9000 §12.4 and §19) and joins their handshake bytes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from operator import itemgetter

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor
from gateway.wire.tls.records import MAX_HELLO

_PADDING = 0x00
_PING = 0x01
_ACK = 0x02
_ACK_ECN = 0x03
_CRYPTO = 0x06
_CONNECTION_CLOSE = 0x1C

_NOT_PADDING = re.compile(rb"[^\0]")
_start, _end = itemgetter(0), itemgetter(1)

# Bytes of a hello, and of a second one after a HelloRetryRequest: Initials carry nothing else.
MAX_CRYPTO = 2 * (4 + MAX_HELLO)
# Runs of bytes with gaps between them. Chromium cuts a hello into about ten frames; a hello in frames of 5
# bytes, in any order, is below this; quic-go, the strictest known server, stops at 1,000.
MAX_RUNS = 256


def crypto_frames(payload: bytes) -> list[tuple[int, bytes]]:
    """Return the CRYPTO frames of an Initial packet's payload: offset in the handshake stream, and bytes.

    Other frames that Initials may contain are skipped. Raises WireError for the rest (RFC 9000 table 3) and
    for a frame that is cut: the payload is authenticated, so its sender produced this.
    """
    frames = []
    cursor = Cursor(payload)
    while not cursor.at_end:
        kind = cursor.varint()
        if kind == _CRYPTO:
            offset = cursor.varint()
            frames.append((offset, cursor.take(cursor.varint())))
        elif kind == _PADDING:
            ahead = _NOT_PADDING.search(payload, cursor.pos)
            cursor.pos = cursor.end if ahead is None else ahead.start()
        elif kind in (_ACK, _ACK_ECN):
            _skip_ack(cursor, ecn=kind == _ACK_ECN)
        elif kind == _CONNECTION_CLOSE:
            cursor.varint()
            cursor.varint()
            cursor.skip(cursor.varint())
        elif kind != _PING:
            msg = f"frame type {kind:#x} in an Initial packet"
            raise WireError(msg)
    return frames


def _skip_ack(cursor: Cursor, *, ecn: bool) -> None:
    cursor.varint()
    cursor.varint()
    ranges = cursor.varint()
    cursor.varint()
    for _ in range(ranges):
        cursor.varint()
        cursor.varint()
    if ecn:
        for _ in range(3):
            cursor.varint()


class CryptoStream:
    """Joins the handshake messages that one side's CRYPTO frames carry, in any order.

    ``first`` is the type of every message in it: CLIENT_HELLO or SERVER_HELLO. The bytes read are stored and
    compared. Two different bytes for one offset raise WireError: one is for the server, the other for the
    filter.
    """

    __slots__ = ("_buffer", "_first", "_read", "_runs")

    def __init__(self, first: int) -> None:
        self._first = first
        self._buffer = bytearray()  # at most MAX_CRYPTO
        self._runs: list[tuple[int, int]] = []  # filled parts of the buffer, ascending, not touching
        self._read = 0

    @property
    def has_partial(self) -> bool:
        """Whether there are bytes after the complete messages."""
        return len(self._buffer) > self._read

    def feed(self, frames: list[tuple[int, bytes]]) -> list[bytes]:
        """Return the messages that these frames complete, in order, with their four-byte headers."""
        for offset, data in frames:
            if data:
                self._add(offset, data)
        return self._messages() if frames else []

    def _add(self, start: int, data: bytes) -> None:
        end = start + len(data)
        if end > MAX_CRYPTO:
            msg = f"CRYPTO bytes up to {end}, no hello takes more than {MAX_CRYPTO}"
            raise WireError(msg)
        if end > len(self._buffer):
            self._buffer.extend(bytes(end - len(self._buffer)))
        first = bisect_left(self._runs, start, key=_end)
        last = bisect_right(self._runs, end, lo=first, key=_start)
        touched = self._runs[first:last]
        for run in touched:
            self._compare(run, start, data)
        self._buffer[start:end] = data
        if touched:
            start, end = min(start, touched[0][0]), max(end, touched[-1][1])
        self._runs[first:last] = [(start, end)]
        if len(self._runs) > MAX_RUNS:
            msg = f"a hello in more than {MAX_RUNS} pieces"
            raise WireError(msg)

    def _compare(self, run: tuple[int, int], start: int, data: bytes) -> None:
        low, high = max(run[0], start), min(run[1], start + len(data))
        if low < high and self._buffer[low:high] != data[low - start : high - start]:
            msg = f"CRYPTO bytes {low}..{high} were sent twice and differ"
            raise WireError(msg)

    def _messages(self) -> list[bytes]:
        messages: list[bytes] = []
        if not self._runs or self._runs[0][0] > 0:
            return messages
        cursor = Cursor(bytes(self._buffer[self._read : self._runs[0][1]]))
        while cursor.has(4):
            kind, size = cursor.u8(), cursor.u24()
            if kind != self._first or size > MAX_HELLO:
                msg = f"handshake type {kind} of {size} bytes in an Initial packet"
                raise WireError(msg)
            if not cursor.has(size):
                break
            cursor.pos -= 4
            messages.append(cursor.take(4 + size))
            self._read += 4 + size
        return messages

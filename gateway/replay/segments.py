"""Orders one direction of a TCP connection to port 53.

The daemon terminates such connections itself, so there is only one reading: that of an ordinary TCP.
"""

from __future__ import annotations

from gateway.core.errors import WireError
from gateway.wire.dns.message import TcpStream

MAX_EARLY = 1 << 16  # bytes after a gap: the largest message

_HALF, _WHOLE = 1 << 31, 1 << 32


class Segments:
    """Returns the DNS messages that each segment completes.

    ``first`` is the first byte's sequence number; None if the capture begins later. After a gap that is never
    filled, and after bytes that are no DNS, nothing more is returned: the position in the stream is unknown.
    """

    __slots__ = ("_early", "_held", "_messages", "_next", "first")

    def __init__(self, first: int | None = None) -> None:
        self.first = first
        self._next = first
        self._messages: TcpStream | None = TcpStream()
        self._early: dict[int, bytes] = {}  # by sequence number
        self._held = 0

    def feed(self, seq: int, data: bytes) -> list[bytes]:
        if self._messages is None:
            return []
        if self._next is None:
            self._next = seq
        if _distance(self._next, seq) > 0:
            self._keep(seq, data)
            return []
        found: list[bytes] = []
        try:
            found += self._take(self._messages, seq, data)
            while self._early:
                seq = min(self._early, key=lambda start: _distance(self._next or 0, start))
                if _distance(self._next, seq) > 0:
                    break
                data = self._early.pop(seq)
                self._held -= len(data)
                found += self._take(self._messages, seq, data)
        except WireError:
            self._give_up()
        return found

    def _take(self, messages: TcpStream, seq: int, data: bytes) -> list[bytes]:
        at = self._next or 0
        fresh = data[-_distance(at, seq) :] if seq != at else data
        self._next = (at + len(fresh)) % _WHOLE
        return messages.feed(fresh)

    def _keep(self, seq: int, data: bytes) -> None:
        known = len(self._early.get(seq, b""))
        if len(data) > known:
            self._early[seq] = data
            self._held += len(data) - known
            if self._held > MAX_EARLY:
                self._give_up()

    def _give_up(self) -> None:
        self._messages = None
        self._early.clear()


def _distance(at: int, seq: int) -> int:
    """Return how far ``seq`` is after ``at`` (RFC 9293 §3.4)."""
    return (seq - at + _HALF) % _WHOLE - _HALF

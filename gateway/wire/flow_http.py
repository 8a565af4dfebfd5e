"""Plain HTTP after its first answer: every further request of the connection is judged.

What was read is kept for a while, since a request that was judged may be sent again with other bytes by a
client that let the first copy die on the way. A correct client never does: contradictions are refused.
"""

from __future__ import annotations

from gateway.errors import WireError
from gateway.wire.actions import Action
from gateway.wire.http import Request
from gateway.wire.http_stream import RequestStream
from gateway.wire.limits import Limits
from gateway.wire.streams import Island

_STEP = 4096  # bytes; what was held before is read in pieces, so that each head ends in a piece that is kept


class Contradiction(WireError):
    """Bytes sent again that differ, or that nobody can compare any more."""


class HttpFlow:
    """The LAN side of one connection from its first requests on, in every way to read it.

    There is one way, unless there were decoys or the start of the stream is not certain. What one of them
    cannot read is refused, since that one may be the server's.
    """

    __slots__ = ("_readings", "answered")

    def __init__(self, starts: list[tuple[int, bytes]], limits: Limits) -> None:
        """``starts``: the offset of a first request, and the bytes from there on, which were judged before;
        WireError when they are no HTTP.
        """
        self._readings = [_Reading(start, data, limits) for start, data in starts]
        self.answered = False

    @property
    def inside(self) -> list[Request]:
        """What the bodies of the first requests ask for, should the server not read them as bodies."""
        return [request for reading in self._readings for request in reading.inside]

    def has_read(self, offset: int) -> bool:
        """Whether all before a stream offset was read, by one reading at least."""
        return any(reading.next >= offset for reading in self._readings)

    @property
    def size(self) -> int:
        return sum([reading.size for reading in self._readings])

    @property
    def waiting(self) -> Action:
        return Action.ASKS if self.answered else Action.UPLOAD

    def feed(self, start: int, payload: bytes) -> list[Request] | None:
        """The requests that this segment completes; None when it must be sent again later.

        WireError for what is no HTTP, Contradiction for other bytes than before.
        """
        found: list[Request] = []
        for reading in self._readings:
            requests = reading.feed(start, payload)
            if requests is None:
                return None
            found += [request for request in requests if len(self._readings) == 1 or request not in found]
        return found


class _Reading:
    """Requests that follow each other, in order; offsets are those of the flow's Stream."""

    __slots__ = (
        "_chunked",
        "_early",
        "_early_bytes",
        "_head",
        "_limits",
        "_stream",
        "_tail",
        "inside",
        "next",
    )

    def __init__(self, start: int, data: bytes, limits: Limits) -> None:
        self._limits = limits
        self._stream = RequestStream()
        self.next = start
        self._tail = self._head = Island(start, b"")  # the newest bytes; those about the last request's head
        self._chunked = False
        self._early: dict[int, bytes] = {}  # segments after a gap, by offset
        self._early_bytes = 0
        self.inside: list[Request] = []
        for position in range(0, len(data), _STEP):
            self._take(data[position : position + _STEP])
            self.inside += self._stream.inside

    @property
    def size(self) -> int:
        return len(self._head.data) + len(self._tail.data) + self._early_bytes + self._stream.held

    def feed(self, start: int, payload: bytes) -> list[Request] | None:
        if self._stream.opaque:
            return []
        if start > self.next:
            return self._keep(start, payload)
        found = self._take(self._fresh(start, payload))
        while self._early:
            first = min(self._early)
            if first > self.next:
                break
            piece = self._early.pop(first)
            self._early_bytes -= len(piece)
            found += self._take(self._fresh(first, piece))
        return found

    def _keep(self, start: int, payload: bytes) -> list[Request] | None:
        known = self._early.get(start, b"")
        shared = min(len(known), len(payload))
        if known[:shared] != payload[:shared]:
            msg = f"{shared} bytes sent twice that differ"
            raise Contradiction(msg)
        more = len(payload) - len(known)
        if more > 0:
            if self._early_bytes + more > self._limits.stream_bytes:
                return None  # an upload that lost a segment: TCP sends the rest again
            self._early[start] = payload
            self._early_bytes += more
        return []

    def _fresh(self, start: int, payload: bytes) -> bytes:
        """What of ``payload`` was not read before; the rest must be what was read."""
        old = self.next - start
        if old == 1 == len(payload):
            return b""  # a keep-alive probe may carry one byte of garbage (RFC 9293 3.8.4)
        if old > 0:
            self._compare(start, payload[:old])
        return payload[old:]

    def _compare(self, start: int, again: bytes) -> None:
        for kept in (self._head, self._tail):
            low, high = max(start, kept.start), min(start + len(again), kept.end)
            if (
                low < high
                and kept.data[low - kept.start : high - kept.start] != again[low - start : high - start]
            ):
                msg = f"bytes {low}..{high} sent twice that differ"
                raise Contradiction(msg)
        # Between the two lies body alone, whose bytes frame nothing unless it is chunked.
        gap = start < self._tail.start and start + len(again) > self._head.end
        if start < self._head.start or (gap and self._chunked):
            msg = f"bytes sent again from {self.next - start} back"
            raise Contradiction(msg)

    def _take(self, data: bytes) -> list[Request]:
        if not data:
            return []
        found = self._stream.feed(data)
        self.next += len(data)
        newest = (self._tail.data + data)[-self._limits.http_history :]
        self._tail = Island(self.next - len(newest), newest)
        if found:
            self._head = self._tail
            self._chunked = found[-1].chunked
        if self._stream.opaque:
            self._head = self._tail = Island(self.next, b"")
            self._early.clear()
            self._early_bytes = 0
        return [*found, *self._stream.inside]

"""Reads the requests of one client stream in order, and checks that resent bytes are the same.

An evading client may let a judged request be lost on the path and resend it with other bytes. A correct
client never does, so contradictions are refused. Heads and chunk lines decide where the next request begins.
They are stored longer than the rest: an upload may resend what it sent a megabyte ago. Bytes that can no
longer be compared are not forwarded; if only their acknowledgement was late, the server already has them.
"""

from __future__ import annotations

from bisect import bisect_right

from gateway.core.errors import WireError
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.streams import Island
from gateway.wire.http.head import HttpRequest
from gateway.wire.http.stream import RequestStream

_STEP = 4096  # bytes; earlier bytes are read in steps, so that each head ends in a stored piece
_PIECE_BYTES = 160  # of memory for each stored piece, plus its data
_PIECES = 4  # stored pieces that are compared or sorted in about one step of work


class Contradiction(WireError):
    """Resent bytes that differ, or that can no longer be compared."""


class RequestReading:
    """Consecutive requests of one client; offsets are those of the flow's Stream."""

    __slots__ = (
        "_early", "_early_bytes", "_frame_bytes", "_frames", "_frames_from", "_limits", "_start", "_tail",
        "_work", "inside", "next", "stream",
    )  # fmt: skip

    def __init__(self, start: int, data: bytes, limits: Limits, *, turned_down: bool) -> None:
        """``data`` is the bytes from offset ``start`` on. ``turned_down``: see RequestStream.

        Raises WireError if they are not HTTP.
        """
        self._limits = limits
        self.stream = RequestStream(turned_down=turned_down, bodies=limits.bodies)
        self._start = self.next = start
        self._tail = Island(start, b"")  # the newest bytes
        self._frames: list[Island] = []  # heads and lines of chunked bodies, ascending
        self._frames_from = start  # all frames that begin here or later are stored
        self._frame_bytes = 0
        self._early: dict[int, bytes] = {}  # segments after a gap, by offset
        self._early_bytes = 0
        self._work = 0
        self.inside: list[HttpRequest] = []  # requests found in bodies of ``data``
        for position in range(0, len(data), _STEP):
            self._take(data[position : position + _STEP])
            self.inside += self.stream.inside

    @property
    def size(self) -> int:
        """The approximate memory, in bytes."""
        pieces = len(self._frames) + len(self._early)
        held = len(self._tail.data) + self._frame_bytes + self._early_bytes + self.stream.held
        return held + pieces * _PIECE_BYTES

    @property
    def _oldest(self) -> int:
        """The offset from which everything that frames requests can be compared."""
        return min(self._frames_from, self._tail.start)

    @property
    def work(self) -> int:
        """Steps taken so far, see Effort."""
        return self._work + self.stream.work

    def free_buffers(self) -> None:
        """Free the stored bytes. The position of the next request remains."""
        self._tail = Island(self.next, b"")
        self._frames.clear()
        self._early.clear()
        self._frame_bytes = self._early_bytes = 0
        self._frames_from = self.next - len(self.stream.unfinished)

    def feed(self, start: int, payload: bytes) -> list[HttpRequest] | None:
        """Return the requests that this segment completes; None if it must be resent later.

        Raises WireError if the bytes are not HTTP, Contradiction if they differ from earlier ones.
        """
        if start > self.next:
            return self._keep(start, payload)
        if start < self._oldest and not self._is_probe(start, payload):
            return None
        found = self._take(self._fresh(start, payload))
        if self._early:
            self._work += len(self._early) // _PIECES
            for first in sorted(self._early):
                if first > self.next:
                    break
                piece = self._early.pop(first)
                self._early_bytes -= len(piece)
                found += self._take(self._fresh(first, piece))
        return found

    def _keep(self, start: int, payload: bytes) -> list[HttpRequest] | None:
        known = self._early.get(start, b"")
        shared = min(len(known), len(payload))
        if known[:shared] != payload[:shared]:
            msg = f"{shared} bytes sent twice that differ"
            raise Contradiction(msg)
        more = len(payload) - len(known)
        if more > 0:
            too_many = not known and len(self._early) >= self._limits.pieces
            if too_many or self._early_bytes + more > self._limits.stream_bytes:
                return None  # an upload that lost a segment: TCP resends the rest
            self._early[start] = payload
            self._early_bytes += more
        return []

    def _is_probe(self, start: int, payload: bytes) -> bool:
        """Whether this is a keep-alive probe, which may carry one byte of garbage (RFC 9293 §3.8.4)."""
        return self.next - start == 1 == len(payload)

    def _fresh(self, start: int, payload: bytes) -> bytes:
        """Return the bytes of ``payload`` that are new. Raises Contradiction if the rest differs."""
        old = self.next - start
        if self._is_probe(start, payload):
            return b""
        if old > 0:
            self._compare(start, payload[:old])
        return payload[old:]

    def _compare(self, start: int, again: bytes) -> None:
        """Compare resent bytes. Bodies frame nothing, so those no longer stored are not compared."""
        if start < self._oldest:
            msg = f"bytes sent again from {self.next - start} back"
            raise Contradiction(msg)
        end = start + len(again)
        unfinished = self.stream.unfinished
        kept = [self._tail, Island(self.next - len(unfinished), unfinished)]
        first = max(0, bisect_right(self._frames, (start + 1,)) - 1)
        while first < len(self._frames) and self._frames[first].start < end:
            kept.append(self._frames[first])
            first += 1
        self._work += len(kept) // _PIECES
        for island in kept:
            low, high = max(start, island.start), min(end, island.end)
            if (
                low < high
                and island.data[low - island.start : high - island.start] != again[low - start : high - start]
            ):
                msg = f"bytes {low}..{high} sent twice that differ"
                raise Contradiction(msg)

    def _take(self, data: bytes) -> list[HttpRequest]:
        if not data:
            return []
        found = self.stream.feed(data)
        self.next += len(data)
        newest = (self._tail.data + data)[-self._limits.http_history :]
        self._tail = Island(self.next - len(newest), newest)
        for offset, frame in self.stream.frames:
            self._keep_frame(Island(self._start + offset, frame))
        return [*found, *self.stream.inside]

    def _keep_frame(self, frame: Island) -> None:
        frames = self._frames
        if frames and frames[-1].end == frame.start and len(frames[-1].data) < _STEP:
            before = frames.pop()
            self._frame_bytes -= len(before.data)
            frame = Island(before.start, before.data + frame.data)
        frames.append(frame)
        self._frame_bytes += len(frame.data)
        while len(frames) > self._limits.http_frames or self._frame_bytes > self._limits.http_history:
            oldest = frames.pop(0)
            self._frame_bytes -= len(oldest.data)
            self._frames_from = oldest.end

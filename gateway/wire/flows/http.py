"""Reads plain HTTP/1 and HTTP/2 after the first request: every further request of the connection is judged.

An evading client may let a judged request be lost on the path and resend it with other bytes. A correct
client never does, so contradictions are refused. Heads and chunk lines decide where the next request begins.
They are stored longer than the rest: an upload may resend what it sent a megabyte ago. Bytes that can no
longer be compared are not forwarded; if only their acknowledgement was late, the server already has them.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import DROP, FlowAction, Judge, Ruling
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer
from gateway.wire.flows.server_side import SWITCHING_PROTOCOLS, ServerProtocol, ServerSide
from gateway.wire.flows.streams import Island
from gateway.wire.http.head import HttpRequest
from gateway.wire.http.stream import RequestStream

_FAR = 1 << 20  # bytes
# Bytes of the objects themselves, measured. They exist as long as the connection, so they count.
_OBJECTS = 4096
_STEP = 4096  # bytes; earlier bytes are read in steps, so that each head ends in a stored piece
_PIECE_BYTES = 160  # of memory for each stored piece, plus its data
_PIECES = 4  # stored pieces that are compared or sorted in about one step of work
# One whole head and nothing after it (RFC 9110 §15.2), except that of a change of protocol.
_INTERIM = re.compile(rb"HTTP/1\.[0-9] 1(?!01)[0-9]{2}[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n\Z")
_new = tuple.__new__  # builds a NamedTuple in half the time


class LongBody:
    """The state of a long request body with a Content-Length, most of which the kernel may forward alone.

    The kernel forwards segments that begin within a range of sequence numbers, whatever they contain. Three
    kinds of servers would not read them as a body. One that reads no bodies fails at the bytes before the
    range, which are many and contain no request. One that has seen only the rest of a decoy acknowledges more
    than was read here. One that answers before the end of the body may read the rest as requests: its answer
    is queued, and refuses the flow once a part was forwarded. Offsets are those of the flow's Stream.
    """

    __slots__ = ("acked", "answered", "end", "forwarded", "start", "watched")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.acked: int | None = None  # an offset up to which the server had read, and not farther
        self.answered = False  # the server answered too early: every byte is read here
        self.forwarded = False  # the kernel forwards a part of it, or did
        self.watched: bool | None = None  # whether that was requested after the connection's first answer

    def is_early(self, acked: int, payload: bytes) -> bool:
        """Return whether the server's segment is part of a final answer before the end of the body.

        ``acked``: the offset up to which the server has read. An interim answer (status 1xx) does not count.
        """
        return self.start <= acked < self.end and _INTERIM.match(payload) is None


class HttpFlow:
    """Judges all requests of one plain HTTP connection.

    The bytes are parsed in every way that the server may read them. There is one such way, unless there were
    decoys or the start of the stream is uncertain. A flow whose bytes cannot be parsed in one of these ways
    is refused, since the server may read them so.
    """

    __slots__ = ("_done", "_limits", "_observer", "_readings", "_server", "answered", "body", "last")

    def __init__(
        self,
        observer: Observer,
        starts: list[tuple[int, bytes]],
        limits: Limits,
        *,
        server: ServerSide | None = None,
        turned_down: bool = False,
    ) -> None:
        """Parse the bytes up to now.

        ``starts``: for each way to read the stream, the offset of a first request, and the bytes from there
        on, which were judged before. ``server``: the server's side so far, None once it has answered.
        ``turned_down``: it rejected the change of protocol that the first request asks for. Raises WireError
        if the bytes are not HTTP.
        """
        self._observer = observer
        self._limits = limits
        self._readings = [
            RequestReading(start, data, limits, turned_down=turned_down, answered=server is None)
            for start, data in starts
        ]
        self._server = server
        self.answered = server is None
        self._done = 0  # steps for the server's bytes before its answer
        self.last: Observation | None = None  # judged here
        self.body: LongBody | None = None  # the present one
        self._find_body()

    @property
    def size(self) -> int:
        """The approximate memory of this object with its stored bytes, in bytes."""
        held = _OBJECTS if self._server is None else _OBJECTS + self._server.size
        for reading in self._readings:
            held += reading.size
        return held

    @property
    def work(self) -> int:
        """The parsing work spent so far, in steps. It is charged to the device's work limit (`Effort`)."""
        work = self._done if self._server is None else self._server.work
        for reading in self._readings:
            work += reading.work
        return work

    @property
    def has_switched(self) -> bool:
        """Whether the client's next bytes may be of another protocol than HTTP.

        False after the preface of HTTP/2, since its frames are read.
        """
        return any(reading.stream.has_switched for reading in self._readings)

    @property
    def position(self) -> int:
        """The stream offset of the client's next byte to be read."""
        return self._readings[0].next

    @property
    def forwardable(self) -> tuple[int, int] | None:
        """The first and last stream offset of body segments that the kernel may forward unread.

        The offset of a segment is that of its first byte. None while it may forward none.
        """
        body, limits, first = self.body, self._limits, self.position
        if body is None or body.answered or body.acked is None:
            return None
        last = min(body.end - limits.body_tail, first + limits.forwarded) - 1
        clean = min(self._readings[0].stream.clean, first - body.acked)
        return (first, last) if clean >= limits.clean_body <= last - first else None

    def forward(self) -> None:
        """Record that the kernel now forwards the segments of ``forwardable``: they are not read here."""
        if self.body is not None:
            self.body.forwarded = True
            self._readings[0].expect_jump(self.body.end)

    def _find_body(self) -> None:
        """Set ``body`` to the long body that is being sent, if there is only one way to read the bytes.

        Remove an earlier one that has ended.
        """
        (reading, *others), body = self._readings, self.body
        if body is not None and reading.next >= body.end:
            self.body = body = None
        left = reading.stream.body_left
        if body is None and left >= self._limits.long_body and not others:
            self.body = LongBody(reading.next - reading.stream.body_read, reading.next + left)
            self.body.acked = self.body.start if self.answered else None

    def acknowledge(self, acked: int) -> None:
        """Record that the server has acknowledged the bytes before offset ``acked``, and none after it.

        Only the first such offset during a long body is stored; otherwise nothing changes.
        """
        body = self.body
        if body is not None and body.acked is None and self.has_read(acked):
            body.acked = acked

    def answer(self, payload: bytes) -> None:
        """Check, not store, the server's first bytes, for a flow that was created with its answer.

        If they are a final answer (no status 1xx) while a long body is being sent, every later byte
        of that body is read here, and the kernel forwards none of it.
        """
        if self.body is not None and _INTERIM.match(payload) is None:
            self.body.answered = True

    def has_read(self, offset: int) -> bool:
        """Return whether all bytes of the client before a stream offset were read.

        The bytes are parsed in each way in which the server may read them; one of these is enough.
        """
        return any(reading.next >= offset for reading in self._readings)

    def is_far(self, offset: int) -> bool:
        """Return whether a stream offset is more than 1 MiB from the bytes read: beyond usual TCP windows."""
        return self.has_read(offset + _FAR) or not self.has_read(offset - _FAR)

    def free_buffers(self) -> None:
        """Free the stored bytes. Only the position of the next request remains.

        Bytes that are resent later cannot be compared then.
        """
        for reading in self._readings:
            reading.free_buffers()

    def begin(self, judge: Judge) -> Ruling:
        """Judge requests inside the bodies of the first requests, for servers that do not read bodies.

        Returns the action for the current packet: REFUSED, or that of `waiting`.
        """
        return self._judged([request for reading in self._readings for request in reading.inside], judge)

    def from_lan(self, offset: int, payload: bytes, judge: Judge) -> Ruling:
        """Judge the requests that a client's segment completes; return the action for the segment.

        ``offset``: the stream offset of its first byte. DROP if the segment must be sent again later. REFUSED
        also for bytes that are not HTTP, for a malformed head, for resent bytes that differ, and for CONNECT.
        HOLD for a segment after a gap, once the server has answered.
        """
        try:
            found = self._feed(offset, payload)
        except WireError:
            return self.refuse(Fault.MALFORMED, judge)
        if found is None:
            return DROP
        self._find_body()
        ruling = self._judged(found, judge)
        if ruling.action is FlowAction.REFUSED:
            return ruling
        if any(request.method == "CONNECT" or request.fault is Fault.MALFORMED for request in found):
            # A tunnel would not be read: clients of proxies open a connection for each. After a malformed
            # head the start of the next one is unknown.
            return self.refuse(Fault.MALFORMED, judge)
        if ruling.action is FlowAction.ASKS and not self.has_read(offset + len(payload)):
            # Do not return ASKS for a segment that cannot be read yet. It may be of another connection on the
            # same ports, which the kernel does not know either.
            return ruling._replace(action=FlowAction.HOLD)
        return ruling

    def from_server(self, acked: int, seq: int, payload: bytes, judge: Judge) -> Ruling:
        """Return the action for a server's segment, which may answer the first request.

        ``acked`` is the offset up to which the server has read. REFUSED if it answers bytes that were not
        seen, and for an answer before the end of a long body if the kernel has forwarded bytes after
        ``acked``.
        """
        body = self.body
        forwarded = body is not None and body.forwarded
        if not self.has_read(acked) and not (forwarded and body is not None and acked < body.end):
            return self.refuse(Fault.OVERFLOW, judge, Proto.TCP)  # it answers bytes that were not seen here
        if body is not None and body.is_early(acked, payload):
            if forwarded and acked < self._readings[0].joined:
                # It may read the rest as requests (RFC 9112 §9.6 forbids it), and the rest is not read here.
                return self.refuse(Fault.OVERFLOW, judge, Proto.TCP)
            body.answered = True
        self.acknowledge(acked)
        if self._server is not None:
            self._server.add(seq, payload)
            return self._answer(self._server, judge)
        return self.waiting()

    def _answer(self, server: ServerSide, judge: Judge) -> Ruling:
        """Return the action for the server's bytes up to and with its first answer.

        REFUSED for other protocols than the client's; PASSES if the server accepts another protocol (status
        101).
        """
        if any(reading.stream.begins_http2 for reading in self._readings):
            if server.speaks_http2 is None:
                return self.waiting()
            if not server.speaks_http2 or len(self._readings) > 1:
                return self.refuse(Fault.OVERFLOW, judge, Proto.TCP)
            return self._take_answer(server)
        if server.protocol is ServerProtocol.UNCLEAR:
            return self.waiting()
        if server.protocol is not ServerProtocol.HTTP:
            return self.refuse(Fault.OVERFLOW, judge, Proto.TCP)
        if any(reading.stream.first_switches for reading in self._readings):
            if server.status is None:
                return self.waiting()
            stream = self._readings[0].stream
            alone = len(self._readings) == 1 and stream.count == 1 and not stream.http2
            if server.switched and alone:
                return _new(Ruling, (FlowAction.PASSES, self.last))
            if server.status != SWITCHING_PROTOCOLS:
                try:
                    for reading in self._readings:
                        reading.stream.turn_down()
                except WireError:
                    return self.refuse(Fault.MALFORMED, judge)
        return self._take_answer(server)

    def _take_answer(self, server: ServerSide) -> Ruling:
        self._done = server.work
        self._server = None
        self.answered = True
        for reading in self._readings:
            reading.settle()
        return self.waiting()

    def waiting(self) -> Ruling:
        """Return the ruling while nothing is refused: ASKS after the server's first answer, else UPLOAD.

        Both forward the packet; later packets of the client are still read.
        """
        return _new(Ruling, (FlowAction.ASKS if self.answered else FlowAction.UPLOAD, self.last))

    def refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.HTTP) -> Ruling:
        """Return the ruling that refuses the flow, for a ``fault``.

        The judge is notified; its answer is ignored.
        """
        observation = self._observer.nameless(proto, fault)
        judge(observation)
        return _new(Ruling, (FlowAction.REFUSED, observation))

    def _judged(self, found: list[HttpRequest], judge: Judge) -> Ruling:
        for observation in self._observer.requests(found):
            self.last = observation
            if not judge(observation):
                return _new(Ruling, (FlowAction.REFUSED, observation))
        return self.waiting()

    def _feed(self, start: int, payload: bytes) -> list[HttpRequest] | None:
        """Return the requests that this segment completes; None if it must be resent later.

        Raises WireError.
        """
        if len(self._readings) == 1:
            return self._readings[0].feed(start, payload)
        found: list[HttpRequest] = []
        for reading in self._readings:
            requests = reading.feed(start, payload)
            if requests is None:
                return None
            found += [request for request in requests if request not in found]
        return found


class Contradiction(WireError):
    """Raised if a client resent bytes that differ, or that can no longer be compared."""


class RequestReading:
    """Reads one client's requests in order, in one of the ways that the server may read them.

    Also checks that resent bytes are the same. Offsets are those of the flow's Stream.
    """

    __slots__ = (
        "_ahead", "_early", "_early_bytes", "_frame_bytes", "_frames", "_frames_from", "_history", "_limits",
        "_newest", "_start", "_work", "inside", "joined", "next", "stream",
    )  # fmt: skip

    def __init__(
        self, start: int, data: bytes, limits: Limits, *, turned_down: bool, answered: bool = True
    ) -> None:
        """Parse ``data``, the client's bytes from stream offset ``start`` on.

        ``turned_down``: the server rejected the first request's change of protocol. ``answered``: it has sent
        its first answer; see `settle`. Raises WireError if the bytes are not HTTP.
        """
        self._limits = limits
        self._history = limits.http_history if answered else limits.first_history
        self.stream = RequestStream(turned_down=turned_down, bodies=limits.bodies)
        self._start = self.next = start
        self._ahead = start  # up to this offset the kernel may have forwarded bytes that were not read here
        self.joined = start  # all bytes from this offset to the next one were read
        self._newest = bytearray()  # the newest bytes: the history, and up to a step more
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
        """The approximate memory of the stored bytes, in bytes."""
        pieces = len(self._frames) + len(self._early)
        held = len(self._newest) + self._frame_bytes + self._early_bytes + self.stream.held
        return held + pieces * _PIECE_BYTES

    @property
    def _oldest(self) -> int:
        """The offset from which on all bytes that decide where requests begin can be compared."""
        return min(self._frames_from, self.next - min(len(self._newest), self._history))

    @property
    def _tail(self) -> tuple[int, bytearray]:
        """The newest stored bytes, with which resent ones are compared, and the offset of their first one."""
        newest = self._newest[-self._history :]
        return self.next - len(newest), newest

    @property
    def work(self) -> int:
        """The parsing work spent so far, in steps. It is charged to the device's work limit (`Effort`)."""
        return self._work + self.stream.work

    def free_buffers(self) -> None:
        """Free the stored bytes. Only the position of the next request remains.

        Resent bytes cannot be compared then.
        """
        self._newest.clear()
        self._frames.clear()
        self._early.clear()
        self._frame_bytes = self._early_bytes = 0
        self._frames_from = self.next - len(self.stream.unfinished)

    def settle(self) -> None:
        """Record that the server has answered: from now on, fewer of the client's newest bytes are stored.

        Bytes that the client sends again are compared with them.
        """
        self._history = self._limits.http_history
        del self._newest[: -self._history]

    def feed(self, start: int, payload: bytes) -> list[HttpRequest] | None:
        """Return the requests that this segment completes; None if it must be resent later.

        ``start``: the offset of ``payload``. A segment after a gap is stored. Raises WireError if the bytes
        are not HTTP, Contradiction if they differ from earlier ones.
        """
        if self.next < start < self._ahead:
            self._jump(start)
        if start > self.next:
            return self._keep(start, payload)
        if self.next - start == 1 == len(payload):
            return [] if self._is_probe(payload) else None
        if start < self._oldest:
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

    def expect_jump(self, end: int) -> None:
        """Accept later segments at any place in the request body that is being sent.

        The kernel forwards the bytes between them unread. ``end``: the stream offset of the body's
        end.
        """
        self._ahead = self.joined = end
        self.stream.jump(0)

    def _jump(self, start: int) -> None:
        """Continue at offset ``start`` in the present body: the kernel has forwarded the bytes before it."""
        self.stream.jump(start - self.next)
        self.next = self.joined = start
        self._newest.clear()

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

    def _is_probe(self, payload: bytes) -> bool:
        """Return whether one resent byte may be forwarded: it is the same, or harmless garbage.

        A keep-alive probe may have garbage (RFC 9293 §3.8.4), and the server may lack that byte. Garbage is
        harmless only if the byte is no part of a name: not in an unfinished head, nor in HTTP/2, where a name
        may end with it.
        """
        unfinished = self.stream.unfinished
        if payload == (unfinished or self._newest)[-1:]:
            return True
        return not unfinished and not self.stream.http2

    def _fresh(self, start: int, payload: bytes) -> bytes:
        """Return the bytes of ``payload`` that were not read yet. ``start``: the offset of its first byte.

        Raises Contradiction if the others differ from those that were read.
        """
        old = self.next - start
        if old > 0:
            self._compare(start, payload[:old])
        return payload[old:]

    def _compare(self, start: int, again: bytes) -> None:
        """Raise Contradiction if resent bytes differ from those stored, or are too old to compare.

        ``start``: their offset. Bodies do not decide where a request begins, so those no longer stored are
        not compared.
        """
        if start < self._oldest:
            msg = f"bytes sent again from {self.next - start} back"
            raise Contradiction(msg)
        end = start + len(again)
        unfinished = self.stream.unfinished
        kept: list[tuple[int, bytes | bytearray]] = [
            self._tail,
            (self.next - len(unfinished), unfinished),
        ]
        first = max(0, bisect_right(self._frames, (start + 1,)) - 1)
        while first < len(self._frames) and self._frames[first].start < end:
            kept.append(self._frames[first])
            first += 1
        self._work += len(kept) // _PIECES
        for at, data in kept:
            low, high = max(start, at), min(end, at + len(data))
            if low < high and data[low - at : high - at] != again[low - start : high - start]:
                msg = f"bytes {low}..{high} sent twice that differ"
                raise Contradiction(msg)

    def _take(self, data: bytes) -> list[HttpRequest]:
        if not data:
            return []
        found = self.stream.feed(data)
        self.next += len(data)
        self._newest += data
        if len(self._newest) > self._history + _STEP:
            del self._newest[: -self._history]
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

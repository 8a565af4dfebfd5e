"""Reads plain HTTP after the first request: every further request of the connection is judged."""

from __future__ import annotations

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import DROP, FlowAction, Judge, Ruling
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer
from gateway.wire.flows.server_side import SWITCHING_PROTOCOLS, ServerProtocol, ServerSide
from gateway.wire.http.head import HttpRequest
from gateway.wire.http.reading import RequestReading

_FAR = 1 << 20  # bytes
# Bytes of the objects themselves, measured. They exist as long as the connection, so they count.
_OBJECTS = 4096
_new = tuple.__new__  # builds a NamedTuple in half the time


class HttpFlow:
    """One connection from its first request on, in every way to read it.

    There is one reading, unless there were decoys or the start of the stream is uncertain. A flow that one
    reading cannot parse is refused, since that reading may be the server's.
    """

    __slots__ = ("_done", "_limits", "_observer", "_readings", "_server", "answered", "last")

    def __init__(
        self,
        observer: Observer,
        starts: list[tuple[int, bytes]],
        limits: Limits,
        *,
        server: ServerSide | None = None,
        turned_down: bool = False,
    ) -> None:
        """``starts``: the offset of a first request, and the bytes from there on, which were judged before.
        ``server``: its bytes so far, None once it has answered. ``turned_down``: it rejected the protocol
        that the first request asks for. Raises WireError if the bytes are not HTTP.
        """
        self._observer = observer
        self._limits = limits
        self._readings = [
            RequestReading(start, data, limits, turned_down=turned_down) for start, data in starts
        ]
        self._server = server
        self.answered = server is None
        self._done = 0  # steps for the server's bytes before its answer
        self.last: Observation | None = None  # judged here

    @property
    def size(self) -> int:
        """The approximate memory, in bytes."""
        held = _OBJECTS if self._server is None else _OBJECTS + self._server.size
        for reading in self._readings:
            held += reading.size
        return held

    @property
    def work(self) -> int:
        """Steps taken so far, see Effort."""
        work = self._done if self._server is None else self._server.work
        for reading in self._readings:
            work += reading.work
        return work

    @property
    def has_switched(self) -> bool:
        """Whether another protocol may follow, in any reading."""
        return any(reading.stream.has_switched for reading in self._readings)

    def has_read(self, offset: int) -> bool:
        """Whether at least one reading contains all bytes before a stream offset."""
        return any(reading.next >= offset for reading in self._readings)

    def is_far(self, offset: int) -> bool:
        """Whether a stream offset is farther from the bytes read than any TCP window."""
        return self.has_read(offset + _FAR) or not self.has_read(offset - _FAR)

    def free_buffers(self) -> None:
        """Store only the position of the next request."""
        for reading in self._readings:
            reading.free_buffers()

    def begin(self, judge: Judge) -> Ruling:
        """Judge requests in the bodies of the first requests, for servers that do not read bodies."""
        return self._judged([request for reading in self._readings for request in reading.inside], judge)

    def from_lan(self, offset: int, payload: bytes, judge: Judge) -> Ruling:
        try:
            found = self._feed(offset, payload)
        except WireError:
            return self.refuse(Fault.MALFORMED, judge)
        if found is None:
            return DROP
        ruling = self._judged(found, judge)
        if ruling.action is FlowAction.REFUSED:
            return ruling
        if any(request.method == "CONNECT" or request.fault is Fault.MALFORMED for request in found):
            # A tunnel would not be read: clients of proxies open a connection for each. And after a malformed
            # head the start of the next one is unknown.
            return self.refuse(Fault.MALFORMED, judge)
        if ruling.action is FlowAction.ASKS and not self.has_read(offset + len(payload)):
            # Do not return ASKS for a segment that cannot be read yet. It may be of another connection on the
            # same ports, which the kernel does not know either.
            return ruling._replace(action=FlowAction.HOLD)
        return ruling

    def from_server(self, acked: int, seq: int, payload: bytes, judge: Judge) -> Ruling:
        """``acked`` is the offset up to which the server has read."""
        if not self.has_read(acked):
            return self.refuse(Fault.OVERFLOW, judge, Proto.TCP)  # it answers bytes that were not seen here
        if self._server is not None:
            self._server.add(seq, payload)
            return self._answer(self._server, judge)
        return self.waiting()

    def _answer(self, server: ServerSide, judge: Judge) -> Ruling:
        """Handle the first answer."""
        if server.protocol is ServerProtocol.UNCLEAR:
            return self.waiting()
        if server.protocol is not ServerProtocol.HTTP:
            return self.refuse(Fault.OVERFLOW, judge, Proto.TCP)
        if any(reading.stream.first_switches for reading in self._readings):
            if server.status is None:
                return self.waiting()
            if server.switched and len(self._readings) == 1 and self._readings[0].stream.count == 1:
                return _new(Ruling, (FlowAction.PASSES, self.last))
            if server.status != SWITCHING_PROTOCOLS:
                try:
                    for reading in self._readings:
                        reading.stream.turn_down()
                except WireError:
                    return self.refuse(Fault.MALFORMED, judge)
        self._done = server.work
        self._server = None
        self.answered = True
        return self.waiting()

    def waiting(self) -> Ruling:
        return _new(Ruling, (FlowAction.ASKS if self.answered else FlowAction.UPLOAD, self.last))

    def refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.HTTP) -> Ruling:
        """Refuse the flow. The judge is notified, but its answer is ignored."""
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
        """Return the requests that this segment completes; None if it must be resent later."""
        if len(self._readings) == 1:
            return self._readings[0].feed(start, payload)
        found: list[HttpRequest] = []
        for reading in self._readings:
            requests = reading.feed(start, payload)
            if requests is None:
                return None
            found += [request for request in requests if request not in found]
        return found

"""Reads on in a plain-text dialogue in which TLS may begin at any time (tls/starttls.py).

The client's bytes are read in order, and each TLS hello in them is judged, wherever it begins. As in plain
HTTP, the client may let bytes be lost on the path and resend others, so contradictions are refused.
"""

from __future__ import annotations

from gateway.core.errors import WireError
from gateway.policy.values import Fault, Observation, Proto
from gateway.wire.flows.actions import DROP, FlowAction, Judge, Ruling
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer

_FAR = 1 << 20  # bytes; farther than usual TCP windows
_OBJECTS = 1024  # bytes of the objects themselves
_HANDSHAKE = b"\x16"  # the first byte of every hello; no text has it


class DialogueFlow:
    """Judges the TLS hellos in one plain-text dialogue in which TLS may begin (STARTTLS).

    Offsets are those of the flow's Stream.
    """

    __slots__ = ("_first", "_limits", "_next", "_observer", "_rest", "_tail", "last", "work")

    answered = True  # as HttpFlow: the connection may be silent for any time

    def __init__(self, observer: Observer, start: int, data: bytes, limits: Limits) -> None:
        """Read ``data``, the client's bytes so far from offset ``start`` on, which were judged before."""
        self._observer = observer
        self._limits = limits
        self._next = start
        self._tail = b""  # the newest bytes, to compare with resent ones
        self._rest = b""  # from the first place on at which a hello may have begun
        self._first: int | None = None  # the offset of the first byte that may begin a hello
        self.work = 0  # steps so far (Effort)
        self.last: Observation | None = None
        self._take(data)

    @property
    def size(self) -> int:
        """The approximate memory of this object with its stored bytes, in bytes."""
        return _OBJECTS + len(self._tail) + len(self._rest)

    @property
    def position(self) -> int:
        """The stream offset of the next byte of the client to be read."""
        return self._next

    def has_read(self, offset: int) -> bool:
        """Return whether all bytes of the client before a stream offset were read."""
        return self._next >= offset

    def is_far(self, offset: int) -> bool:
        """Return whether a stream offset is more than 1 MiB from the bytes read: beyond usual TCP windows."""
        return abs(self._next - offset) > _FAR

    def free_buffers(self) -> None:
        """Free the stored bytes that are only needed to compare resent ones."""
        self._tail = b""

    def from_lan(self, offset: int, payload: bytes, judge: Judge) -> Ruling:
        """Judge the hellos that a client's segment completes; return the action for the segment.

        DROP after a gap, and for resent bytes that cannot be compared and may be of a hello. REFUSED for a
        refused name, resent bytes that differ, and above the limits. Otherwise ASKS.
        """
        old = self._next - offset
        if old < 0:
            return DROP  # after a gap: TCP resends it
        if old == 1 == len(payload) and payload != self._tail[-1:]:
            # A keep-alive probe may have garbage (RFC 9293 §3.8.4). A server without this byte reads it.
            harmless = self._first is None and payload != _HANDSHAKE
            return self.waiting() if harmless else DROP
        same = self._is_same(offset, payload[:old])
        if same is None:
            return DROP
        try:
            found = self._take(payload[old:]) if same else None
        except WireError:
            found = None
        if found is None:
            return self.refuse(Fault.MALFORMED, judge)
        for observation in found:
            self.last = observation
            if not judge(observation):
                return Ruling(FlowAction.REFUSED, observation)
        return self.waiting()

    def from_server(self, acked: int, _seq: int, _payload: bytes, judge: Judge) -> Ruling:
        """Return the action for a server's segment: REFUSED if it acknowledges bytes that were not seen.

        Otherwise ASKS. A server's segment arrives here only if it was queued before the kernel began to
        forward the server's side.
        """
        return self.waiting() if self.has_read(acked) else self.refuse(Fault.OVERFLOW, judge)

    def waiting(self) -> Ruling:
        """Return the ruling while nothing is refused: ASKS, so that the client's packets are still queued."""
        return Ruling(FlowAction.ASKS, self.last)

    def refuse(self, fault: Fault, judge: Judge, proto: Proto = Proto.TCP) -> Ruling:
        """Return the ruling that refuses the flow, for a ``fault``.

        The judge is notified; its answer is ignored.
        """
        observation = self._observer.nameless(proto, fault)
        judge(observation)
        return Ruling(FlowAction.REFUSED, observation)

    def _is_same(self, offset: int, again: bytes) -> bool | None:
        """Return whether resent bytes are those that were read; None if they may not be forwarded.

        ``offset``: that of ``again``, the resent bytes. Bytes that are no longer stored cannot be compared.
        They pass if they cannot be part of a hello.
        """
        behind = self._next - len(self._tail) - offset  # bytes that are not stored
        if behind > 0:
            later = self._first is not None and self._first < offset + behind
            if later or _HANDSHAKE in again[:behind]:
                return None
            again, offset = again[behind:], offset + behind
        at = offset - (self._next - len(self._tail))
        return self._tail.startswith(again, at)

    def _take(self, data: bytes) -> list[Observation]:
        """Read the next bytes; return the hellos that they complete. Raises WireError at the limits."""
        if self._first is None and (place := data.find(_HANDSHAKE)) >= 0:
            self._first = self._next + place
        self._next += len(data)
        self._tail = (self._tail + data)[-self._limits.http_history :]
        known, data = len(self._rest), self._rest + data
        self.work += 1 + (len(data) >> 12)
        found, rest = self._observer.hellos(data, known)
        self._rest = data[rest:]
        if len(self._rest) > self._limits.stream_bytes:
            msg = f"{len(self._rest)} bytes of a hello"
            raise WireError(msg)
        return found

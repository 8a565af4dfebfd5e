"""Reads the requests in the frames of an HTTP/2 client in clear text (RFC 9113).

Only HEADERS and CONTINUATION frames matter. Each header block is decoded, since every one changes the state
of the decoder, and its names are those of a request. What a correct client never sends is refused: what a
server would read then is unknown.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.http.head import ABSOLUTE, HttpRequest, hosts_of
from gateway.wire.http.hpack import Field, HpackDecoder

FRAME_HEADER = 9  # bytes
MAX_BLOCK = 32 << 10  # bytes of a header block, as of a lenient head of HTTP/1
MAX_CONTINUATIONS = 16  # frames after HEADERS; a block of 32 KiB in frames of the default size needs one
# Payloads up to this size, in bytes, are stored with their frame's header, to compare resent bytes. Many
# small frames in a row, such as PING on an idle connection, are then one stored piece: a tenth of the memory.
_SMALL = 64

_HEADERS, _SETTINGS, _PUSH_PROMISE, _CONTINUATION = 1, 4, 5, 9
_ACK = 0x1
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20
_PRIORITY_BYTES = 5
_METHOD, _AUTHORITY, _HOST, _PATH = b":method", b":authority", b"host", b":path"


class ClientFrame(NamedTuple):
    """The part of an HTTP/2 frame that was read, and the request that it completes."""

    size: int  # bytes of the header, and of a header block or small payload
    skip: int  # bytes after it that are neither
    request: HttpRequest | None  # that this frame completes


class Http2Frames:
    """Reads the HTTP/2 frames that one client sends after the preface, in order."""

    __slots__ = ("_begun", "_block", "_continuations", "_hpack", "_length", "_stream")

    def __init__(self) -> None:
        self._hpack = HpackDecoder()
        self._begun = False  # the first frame was read
        self._block = b""  # of an incomplete header block: at most MAX_BLOCK
        self._stream = 0  # of that block; 0 if there is none
        self._continuations = 0  # frames of that block
        self._length = 0  # bytes of the frames of that block

    @property
    def held(self) -> int:
        """The number of bytes stored of an incomplete header block and in the HPACK table."""
        return len(self._block) + self._hpack.size

    @property
    def work(self) -> int:
        """The parsing work spent on header blocks so far, in steps (Effort)."""
        return self._hpack.work

    def read(self, data: bytes) -> ClientFrame | None:
        """Read the frame with which ``data`` begins; None if more bytes are needed.

        Of other frames than HEADERS and CONTINUATION only the header is read, with a payload of at most 64
        bytes. Raises WireError for frames that no correct client sends there, and at the limits.
        """
        if len(data) < FRAME_HEADER:
            return None
        length, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
        stream = int.from_bytes(data[5:FRAME_HEADER], "big") & 0x7FFFFFFF
        self._check_order(kind, flags, stream)
        if kind not in (_HEADERS, _CONTINUATION):
            if length <= _SMALL and len(data) < FRAME_HEADER + length:
                return None
            self._begun = True
            known = length if length <= _SMALL else 0
            return ClientFrame(FRAME_HEADER + known, length - known, None)
        if length + len(self._block) > MAX_BLOCK:
            msg = f"header block of more than {MAX_BLOCK} bytes"
            raise WireError(msg)
        size = FRAME_HEADER + length
        if len(data) < size:
            return None
        payload = data[FRAME_HEADER:size]
        if kind == _HEADERS:
            self._stream, self._length, self._continuations = stream, 0, 0
            payload = _without_padding(payload, flags)
        else:
            self._continuations += 1
        self._block += payload
        self._length += size
        return ClientFrame(size, 0, self._end_block() if flags & _END_HEADERS else None)

    def _check_order(self, kind: int, flags: int, stream: int) -> None:
        """Raise WireError if a client may not send this frame here (RFC 9113 §6)."""
        if not self._begun:
            expected = kind == _SETTINGS and not flags & _ACK and not stream
        elif self._stream:
            expected = kind == _CONTINUATION and stream == self._stream
            expected = expected and self._continuations < MAX_CONTINUATIONS
        elif kind == _HEADERS:
            expected = stream % 2 == 1
        else:
            expected = kind not in (_CONTINUATION, _PUSH_PROMISE)
        if not expected:
            msg = f"HTTP/2 frame of type {kind} on stream {stream} where none is expected"
            raise WireError(msg)

    def _end_block(self) -> HttpRequest | None:
        fields = self._hpack.decode(self._block)
        self._block, self._stream = b"", 0
        return _request(fields, self._length)


def _without_padding(payload: bytes, flags: int) -> bytes:
    """Return the header block in the payload of a HEADERS frame (RFC 9113 §6.2).

    Raises WireError if the padding is longer than the payload.
    """
    start, end = 0, len(payload)
    if flags & _PADDED:
        start, end = 1, end - payload[0] if payload else -1
    if flags & _PRIORITY:
        start += _PRIORITY_BYTES
    if start > end:
        msg = f"HEADERS of {len(payload)} bytes with more padding"
        raise WireError(msg)
    return payload[start:end]


def _request(fields: list[Field], size: int) -> HttpRequest | None:
    """Return the request of a header block; None for trailers (without method, path and host names).

    ``size``: the bytes of the block's frames. Servers differ in whether :authority or Host counts, so both
    do.
    """
    methods = [value for name, value in fields if name == _METHOD]
    paths = [value for name, value in fields if name == _PATH]
    # As in HTTP/1, also the name of a target in absolute form.
    targets = [found[1] for path in paths if (found := ABSOLUTE.match(path)) is not None]
    names = [value for name, value in fields if name == _AUTHORITY or name.lower() == _HOST]
    hosts, bad = hosts_of([*targets, *names])
    if not (methods or paths or names):
        return None
    fault = Fault.BAD_NAME if bad or len(hosts) > 1 else None if hosts else Fault.NO_NAME
    connects = b"CONNECT" in methods
    method = "CONNECT" if connects else methods[0].decode("latin-1") if methods else "GET"
    return HttpRequest(
        method,
        paths[0] if paths else b"",
        tuple(hosts),
        fault,
        size,
        0,
        chunked=False,
        switches=connects,
        http2=True,
    )

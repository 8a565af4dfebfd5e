"""The requests of one HTTP/1 connection, one after the other (RFC 9112 sections 6, 7 and 9.3)."""

from __future__ import annotations

import re
from enum import Enum, auto

from gateway.errors import WireError
from gateway.wire.http import Request, looks_like_http, parse_request
from gateway.wire.http_scan import HeadScanner

MAX_CHUNK_LINE = 4096  # a chunk's size and extensions, or a trailer field; Go's net/http stops here, too

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class _State(Enum):
    HEAD = auto()
    AFTER_SWITCH = auto()
    CHUNK_SIZE = auto()
    CHUNK_END = auto()
    TRAILER = auto()


class RequestStream:
    """Finds each request of a client's stream, pipelined or on a kept connection; bodies are passed over.

    A request that asks for another protocol may be turned down, and more requests follow. So what comes after
    it is still read when it looks like HTTP; when not, the protocol has changed: ``opaque`` is then True and
    nothing more is read. After the preface of HTTP/2 that is certain at once.

    Some servers never read the body of a GET, or of a request that they turn down: to them it is the next
    request. And of bytes ahead of the first answer it is not known where the server begins to read. So each
    head that stands anywhere else than where a request is due is read, too: what it asks for is ``inside``.
    """

    __slots__ = (
        "_fed", "_found", "_next", "_rest", "_scanner", "_skip", "_state", "ends", "inside", "opaque",
    )  # fmt: skip

    def __init__(self) -> None:
        self._scanner = HeadScanner()  # of all but the lines of requests
        self.inside: list[Request] = []  # by the feed under way
        self._fed = 0  # bytes
        self.ends: list[int] = []  # of the heads that the last feed completed: bytes from the stream's start
        self._rest = b""  # of a head or a line: at most MAX_HEAD plus what one feed brings
        self._skip = 0  # bytes of body or chunk still to come
        self._state = _State.HEAD
        self._next = _State.HEAD  # after the body
        self._found: list[Request] = []  # by the feed under way
        self.opaque = False

    @property
    def held(self) -> int:
        """Bytes kept."""
        return len(self._rest) + self._scanner.held

    def feed(self, data: bytes) -> list[Request]:
        """The requests whose heads ``data``, the next bytes of the stream, completes. Raises WireError as
        parse_request does, for chunks that are none, and for bytes between requests that are none.
        """
        self._found, self.inside, self.ends = [], [], []
        self._fed += len(data)
        rest = self._rest + data if self._rest else data
        while rest and not self.opaque:
            if self._skip:
                skipped = min(self._skip, len(rest))
                self._skip -= skipped
                self._scan(rest[:skipped])
                rest = rest[skipped:]
                continue
            after = self._step(rest)
            if after is None:
                break
            rest = after
        self._rest = b"" if self.opaque else rest
        return self._found

    def _step(self, data: bytes) -> bytes | None:
        """Take the next element off ``data`` and return what follows it; None while it is not complete."""
        if self._state is _State.HEAD:
            return self._head(data)
        if self._state is _State.AFTER_SWITCH:
            return self._after_switch(data)
        line, rest = _line(data)
        if rest is not None:
            self._scan(data[: len(data) - len(rest)])
            self._chunk_line(line)
        return rest

    def _head(self, data: bytes) -> bytes | None:
        if looks_like_http(data) is False:
            msg = f"no HTTP request where one should begin: {data[:40]!r}"
            raise WireError(msg)
        request = parse_request(data)
        if request is None:
            return None
        self._found.append(request)
        self.ends.append(self._fed - len(data) + request.head_length)
        self.opaque = request.method == "PRI"
        self._skip = request.content_length
        self._scan(self._scanned_of(data[: request.head_length]))
        self._next = _State.AFTER_SWITCH if request.switches else _State.HEAD
        self._state = _State.CHUNK_SIZE if request.chunked else self._next
        return data[request.head_length :]

    def _scanned_of(self, head: bytes) -> bytes:
        """A head without its own line, unless that may be the end of a line that begins before it."""
        return head if self._scanner.held else head.lstrip(b"\r\n").partition(b"\n")[2]

    def _scan(self, data: bytes) -> None:
        for request in self._scanner.feed(data):
            if not any(request.hosts == known.hosts for known in self._found):
                self.inside.append(request)

    def _after_switch(self, data: bytes) -> bytes | None:
        looks = looks_like_http(data)
        if looks is None:
            return None
        self.opaque = not looks
        self._state = _State.HEAD
        return data

    def _chunk_line(self, line: bytes) -> None:
        if self._state is _State.CHUNK_SIZE:
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                msg = f"no chunk size: {line[:40]!r}"
                raise WireError(msg)
            self._skip = int(size[1], 16)
            self._state = _State.CHUNK_END if self._skip else _State.TRAILER
        elif self._state is _State.CHUNK_END:
            if line:
                msg = f"bytes after the end of a chunk: {line[:40]!r}"
                raise WireError(msg)
            self._state = _State.CHUNK_SIZE
        elif not line:
            self._state = self._next


def _line(data: bytes) -> tuple[bytes, bytes | None]:
    """A line of a chunked body without its CRLF, and what follows it: None while the line is not complete.

    A lone CR or LF is refused here: servers differ in whether it ends the line, and so in what comes next.
    """
    end = data.find(b"\n", 0, MAX_CHUNK_LINE)
    if end < 0:
        if len(data) >= MAX_CHUNK_LINE:
            msg = f"line of more than {MAX_CHUNK_LINE} bytes in a chunked body"
            raise WireError(msg)
        return data, None
    if not end or data.find(b"\r", 0, end) != end - 1:
        msg = f"a line of a chunked body without CRLF at its end: {data[:40]!r}"
        raise WireError(msg)
    return data[: end - 1], data[end + 1 :]

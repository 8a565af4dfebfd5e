"""Finds the requests in the client's bytes of one HTTP/1 connection (RFC 9112 §6, §7 and §9.3).

RequestStream splits the bytes into consecutive requests. HeadScanner finds request heads anywhere else: it is
not always known where a server begins to read, and some servers never read the body of a request that they
reject. So text in a body, a chunk line, a trailer or a field's value may be a request to a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

from gateway.core.errors import WireError
from gateway.policy.values import Fault
from gateway.wire.http.head import (
    HEAD_END,
    MAX_HEAD,
    HttpRequest,
    embedded_request,
    looks_like_http,
    parse_request,
)
from gateway.wire.http.http2 import Http2Frames

MAX_CHUNK_LINE = 4096  # bytes of a chunk's size and extensions, or a trailer field; as Go's net/http

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")

_VERSION = b"HTTP/"
_LOOK_BACK = len(_VERSION) - 1  # bytes of a version that may be split over two segments
# The end of a request line, as far as it has arrived. In text such as a log, other words follow the version.
_LINE_REST = re.compile(rb"(?:[0-9]+(?:\.[0-9]*)?)?[\s\0]*?(\n|\Z)")
_AS_SPACE = bytes.maketrans(b"\t\v\f\r", b"    ")
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}\Z")
_MAX_METHOD = 32  # bytes of a method that are checked: the end of a longer one is a method too
_CONNECT = b"CONNECT"
_CONNECTS = re.compile(rb"CONNECT(?= )")
_BEFORE_ABSOLUTE = re.compile(rb"(?<! ) +(?=[a-z][a-z0-9+.-]{0,31}://)", re.IGNORECASE)
_CHEAP = 8  # versions that do not end a line, as in a log, for one step of work
_MAX_LINE = 8 << 10  # bytes, as nginx and Apache; the target of a longer line is not read
_SLACK = 4 << 10  # bytes by which a line may exceed this before it is cut
_FOLD = 4096  # bytes stored of a head without an end, so that no field with a host is cut


class _State(Enum):
    HEAD = auto()
    AFTER_SWITCH = auto()
    CHUNK_SIZE = auto()
    CHUNK_END = auto()
    TRAILER = auto()
    LOST = auto()  # after a head whose end differs between servers
    FRAME = auto()  # of HTTP/2


Frame = tuple[int, bytes]
"""Offset and bytes of a head, a line of a chunked body or a frame's header: these decide what follows."""


class RequestStream:
    """Finds each HTTP request of a client's stream, pipelined or on a persistent connection.

    ``inside``: those found at other places (bodies, headers), since some servers begin to read
    there. ``opaque``: it changed to another protocol. ``http2``: to HTTP/2, whose requests are
    found too.
    """

    __slots__ = (
        "_bodies", "_clean_from", "_fed", "_found", "_http2", "_length", "_next", "_rest", "_scanner",
        "_skip", "_state", "_steps", "_switching", "_turned_down", "begins_http2", "bodies", "count", "ends",
        "first_switches", "frames", "inside", "opaque",
    )  # fmt: skip

    def __init__(self, *, turned_down: bool = False, bodies: bool = True) -> None:
        """Create a stream that starts at the first byte of a request.

        ``turned_down``: the server rejected the first request's change of protocol. ``bodies``: search bodies
        for requests (Limits).
        """
        self._bodies = bodies
        self.bodies: list[tuple[int, int]] = []  # skipped by the last feed, if bodies are not scanned
        self._scanner = HeadScanner()  # of all bytes but request lines
        self.inside: list[HttpRequest] = []  # found by the current feed
        self._fed = 0  # bytes
        self._steps = 0
        self._http2: Http2Frames | None = None  # after the preface
        self.begins_http2 = False  # the stream begins with the preface
        self.count = 0  # requests of HTTP/1 so far
        self.first_switches = False  # the first request asks for another protocol
        self.ends: list[int] = []  # ends of the heads that the last feed completed, from the stream's start
        self.frames: list[Frame] = []  # that the last feed completed
        self._rest = b""  # of a head or a line: at most MAX_LENIENT_HEAD plus one feed
        self._skip = 0  # bytes of body or chunk still to come
        self._length = 0  # of the body
        self._clean_from = 0  # bytes before this do not count as clean
        self._state = _State.HEAD
        self._next = _State.HEAD  # after the body
        self._found: list[HttpRequest] = []  # by the current feed
        self._turned_down = turned_down
        self._switching = False  # the next bytes follow a request for another protocol
        self.opaque = False

    @property
    def held(self) -> int:
        """The number of bytes that are stored, because their element is incomplete or is still searched."""
        held = len(self._rest) + self._scanner.held
        return held if self._http2 is None else held + self._http2.held

    @property
    def http2(self) -> bool:
        """Whether the preface of HTTP/2 was read, and only its frames may follow."""
        return self._http2 is not None

    @property
    def unfinished(self) -> bytes:
        """The last bytes of the stream if their element is incomplete, so that they are not parsed yet.

        Empty otherwise. An element is a request head, an HTTP/2 frame, or a line of a chunked body.
        """
        return self._rest

    @property
    def work(self) -> int:
        """The parsing work spent so far, in steps. It is charged to the device's work limit (`Effort`)."""
        return (self._steps >> 1) + self._scanner.work + self.http2_work

    @property
    def http2_work(self) -> int:
        """The part of the work that was spent on header blocks of HTTP/2, in steps."""
        return 0 if self._http2 is None else self._http2.work

    @property
    def body_left(self) -> int:
        """The bytes still to come of a body with a Content-Length, if another HTTP/1 request must follow it.

        Else 0. None need follow if the request asks for another protocol. Always 0 for a chunked
        body and in HTTP/2.
        """
        return self._skip if self._state is _State.HEAD and not self.opaque else 0

    @property
    def body_read(self) -> int:
        """The number of bytes of the present body that were fed or skipped so far.

        Only for a body with a Content-Length.
        """
        return self._length - self._skip

    @property
    def clean(self) -> int:
        """The number of newest bytes of the present body in which no HTTP version was found (``HTTP/``)."""
        return min(self._scanner.clean, self._fed - self._clean_from)

    def jump(self, count: int) -> None:
        """Skip the next ``count`` bytes, which are of the present body and are not fed.

        None of the body so far counts as clean (`clean`) any more.
        """
        self._fed += count
        self._skip -= count
        self._clean_from = self._fed
        if count:
            self._scanner.restart()

    @property
    def has_switched(self) -> bool:
        """Whether the next bytes are, or may be, of another protocol than HTTP.

        False after the preface of HTTP/2, since its frames are read.
        """
        return self.opaque or (self._state is _State.AFTER_SWITCH and not self._skip)

    def turn_down(self) -> None:
        """Record that the server rejected the first request's change of protocol.

        Raises WireError if the bytes after it were of another protocol than HTTP/1.
        """
        self._turned_down = True
        if self.count == 1:
            if self.opaque or self._http2 is not None:
                msg = "another protocol behind a request that was turned down"
                raise WireError(msg)
            if self._state is _State.AFTER_SWITCH:
                self._state = _State.HEAD
            self._next = _State.HEAD

    def feed(self, data: bytes) -> list[HttpRequest]:
        """Return the requests whose heads ``data``, the next bytes of the stream, completes.

        Requests found at other places are in ``inside``. Raises WireError as parse_request does, for invalid
        chunks or frames, for other bytes between requests, for bytes after a malformed head, and for a
        preface of HTTP/2 to which the server has not agreed.
        """
        self._found, self.inside, self.ends, self.frames, self.bodies = [], [], [], [], []
        self._fed += len(data)
        rest = self._rest + data if self._rest else data
        while rest and not self.opaque:
            if self._skip:
                skipped = min(self._skip, len(rest))
                self._skip -= skipped
                if self._bodies:
                    self._scan(rest[:skipped])
                else:
                    start = self._fed - len(rest)
                    self.bodies.append((start, start + skipped))
                rest = rest[skipped:]
                continue
            self._steps += 1
            after = self._step(rest)
            if after is None:
                break
            rest = after
        if self.opaque and rest:
            self._scan(rest)
            rest = b""
        self._rest = rest
        return self._found

    def _step(self, data: bytes) -> bytes | None:
        """Read the next element (head, frame or line) of ``data`` and return the bytes after it.

        None if the element is incomplete. Raises WireError if it is invalid.
        """
        if self._state is _State.HEAD:
            return self._head(data)
        if self._state is _State.AFTER_SWITCH:
            return self._after_switch(data)
        if self._state is _State.FRAME:
            return self._frame(data)
        if self._state is _State.LOST:
            msg = f"bytes behind a malformed head: {data[:40]!r}"
            raise WireError(msg)
        line, rest = _line(data)
        if rest is not None:
            whole = data[: len(data) - len(rest)]
            self.frames.append((self._fed - len(data), whole))
            self._scan(whole)
            self._chunk_line(line)
        return rest

    def _head(self, data: bytes) -> bytes | None:
        if looks_like_http(data) is False:
            msg = f"no HTTP request where one should begin: {data[:40]!r}"
            raise WireError(msg)
        request = parse_request(data)
        if request is None:
            return None
        if request.http2 and self.count and not self._switching:
            msg = "the preface of HTTP/2 where the server has not agreed to it"
            raise WireError(msg)
        self._switching = False
        if request.http2:
            return self._preface(data, request.head_length)
        self.count += 1
        self.first_switches |= self.count == 1 and request.switches
        self._found.append(request)
        self.ends.append(self._fed - len(data) + request.head_length)
        head = data[: request.head_length]
        self.frames.append((self._fed - len(data), head))
        self._skip = request.content_length
        self._length = request.content_length
        self._clean_from = self.ends[-1]
        self._scan(self._scanned_of(head))
        refused = self._turned_down and self.count == 1
        self._next = _State.AFTER_SWITCH if request.switches and not refused else _State.HEAD
        self._state = _State.CHUNK_SIZE if request.chunked else self._next
        if request.fault is Fault.MALFORMED:
            self._state = _State.LOST
        return data[request.head_length :]

    def _preface(self, data: bytes, size: int) -> bytes:
        """Change to reading the frames of HTTP/2; return the bytes after the preface of ``size`` bytes.

        The frames are also searched for requests of HTTP/1, for servers that do not speak HTTP/2.
        """
        self._http2 = Http2Frames()
        self.begins_http2 = not self.count
        self._state = self._next = _State.FRAME
        self.frames.append((self._fed - len(data), data[:size]))
        return data[size:]

    def _frame(self, data: bytes) -> bytes | None:
        """Read an HTTP/2 frame, with its header block if it has one; return the bytes after that.

        None if it is incomplete.
        """
        frame = self._http2.read(data) if self._http2 is not None else None
        if frame is None:
            return None
        rest = data[frame.size :]
        self.frames.append((self._fed - len(data), data[: frame.size]))
        self._scan(data[: frame.size])
        self._skip = frame.skip
        if frame.request is not None:
            self._found.append(frame.request)
            self.ends.append(self._fed - len(rest))
        return rest

    def _scanned_of(self, head: bytes) -> bytes:
        """Return the part of a head to search for other requests: without its request line.

        The line is included if it may end a line that began before it.
        """
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
        self._switching = True
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
    """Return a line of a chunked body without its CRLF, and the bytes after it: None if it is incomplete.

    Raises WireError for a line over MAX_CHUNK_LINE bytes, and for a lone CR or LF: servers differ in whether
    it ends the line.
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


def request_starts(data: bytes) -> Iterator[int]:
    """Yield each offset at which an HTTP request line with a host in it may begin; its end may be missing.

    Some servers accept any token as a method, and the bytes before it may be part of the token. The longest
    one is used, since only the method CONNECT changes a request's meaning.
    """
    version = data.find(_VERSION)
    begin = 0
    while version >= 0:
        if _LINE_REST.match(data, version + len(_VERSION)):
            begin = max(begin, data.rfind(b"\n", begin, version) + 1)
            yield from _methods(data, begin, version)
        version = data.find(_VERSION, version + 1)


def _methods(data: bytes, begin: int, version: int) -> Iterator[int]:
    """Yield the offset of each possible method in ``data[begin:version]``, a line without its HTTP version.

    A method is the last word but one, or a word before a target with a host (``scheme://`` or after CONNECT):
    servers differ in whether a target may contain blanks.
    """
    line = data[begin:version].translate(_AS_SPACE)
    words = line.rstrip(b" ")
    last = words.rfind(b" ")
    if last < 0 or len(words) == len(line):
        return
    words = words[:last].rstrip(b" ")  # all but the last one
    ends = {len(words)}
    ends.update(found.start() for found in _BEFORE_ABSOLUTE.finditer(line, 0, len(words)))
    if _CONNECT in words:
        ends.update(found.end() for found in _CONNECTS.finditer(line, 0, len(words) + 1))
    for end in sorted(ends):
        word = line[max(0, end - _MAX_METHOD) : end]
        method = _METHOD.search(word)
        if method is None:
            continue
        yield begin + end - len(_CONNECT if word.endswith(_CONNECT) else method[0])


class HeadScanner:
    """Finds HTTP requests with a host or DNS at any place in bytes that arrive piece by piece."""

    __slots__ = ("_cheap", "_look_from", "_rest", "_within", "clean", "work")

    def __init__(self) -> None:
        self.work = 0  # parsing work so far, in steps (Effort)
        self.clean = 0  # bytes since the last piece with an HTTP version, or part of a head
        self._cheap = 0
        self._rest = bytearray()  # the current line; after a request line, the head so far
        self._look_from = 0  # offset in it at which an incomplete version may begin
        self._within = False

    @property
    def held(self) -> int:
        """The number of stored bytes of an unfinished line or head, up to MAX_HEAD."""
        return len(self._rest)

    def restart(self) -> None:
        """Forget an unfinished line or head: the next bytes that are fed do not follow it."""
        self._rest.clear()
        self._look_from = self.clean = 0
        self._within = False

    def feed(self, data: bytes) -> list[HttpRequest]:
        """Return the requests with a host, or with DNS, whose heads ``data`` (the next bytes) completes."""
        rest = self._rest
        if self._within or (bytes(rest[self._look_from :]) + data if rest else data).find(_VERSION) >= 0:
            self.clean = 0
            return self._read(bytes(rest) + data, self._look_from)
        self.clean += len(data)
        line = data.rfind(b"\n") + 1
        if line:
            self._rest = bytearray(data[line:])
        else:
            rest += data
            if len(rest) > _MAX_LINE + _SLACK:
                del rest[:-_MAX_LINE]
        self._look_from = max(0, len(self._rest) - _LOOK_BACK)
        return []

    def _read(self, data: bytes, look_from: int) -> list[HttpRequest]:
        found: list[HttpRequest] = []
        begin = 0
        self.work += 1 + (len(data) >> 14)
        while True:
            if not self._within:
                line = self._request_line(data, begin, look_from)
                if line is None:
                    self._keep_line(data, begin)
                    return found
                begin, look_from = line
                self._within = True
            end = HEAD_END.search(data, max(begin, look_from - 2))
            piece = data[begin:] if end is None else data[begin : end.end()]
            if end is not None or len(piece) > MAX_HEAD:
                starts = list(request_starts(piece))
                self.work += len(starts)
                request = embedded_request(piece, starts)
                if request is not None:
                    found.append(request)
            if end is None:
                if len(piece) > MAX_HEAD:
                    piece = piece[piece.find(b"\n", -_FOLD) :]
                self._rest = bytearray(piece)
                self._look_from = len(piece)
                return found
            self._within = False
            begin = look_from = end.end()

    def _keep_line(self, data: bytes, begin: int) -> None:
        line = max(begin, data.rfind(b"\n", begin) + 1, len(data) - _MAX_LINE)
        self._rest = bytearray(data[line:])
        version = data.rfind(_VERSION, line)
        open_at = version if version >= 0 and _LINE_REST.match(data, version + len(_VERSION)) else len(data)
        self._look_from = max(0, min(open_at, len(data) - _LOOK_BACK) - line)

    def _request_line(self, data: bytes, begin: int, look_from: int) -> tuple[int, int] | None:
        """Return the offsets of the start and LF of the first whole request line from ``begin`` on.

        None if there is none. Its HTTP version is at ``look_from`` or later.
        """
        version = data.find(_VERSION, look_from)
        while version >= 0:
            rest = _LINE_REST.match(data, version + len(_VERSION))
            if rest is not None and rest[1]:
                self.work += 1
                start = max(begin, data.rfind(b"\n", begin, version) + 1)
                # The method of a long line may be cut off.
                is_cut = version - start > _MAX_LINE // 2 and data[version - 1] in b" \t"
                if is_cut or any(True for _ in _methods(data, start, version)):
                    return start, rest.end() - 1
            else:
                self._cheap += 1
                if not self._cheap % _CHEAP:
                    self.work += 1
            version = data.find(_VERSION, version + 1)
        return None

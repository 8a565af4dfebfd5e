"""Finds HTTP/1 request heads anywhere in other bytes.

It is not always known where a server begins to read, and some servers never read the body of a request that
they reject. So text in a body, a chunk line, a trailer or a field's value may be a request to a server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.wire.http.head import HEAD_END, MAX_HEAD, HttpRequest, embedded_request

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


def request_starts(data: bytes) -> Iterator[int]:
    """Yield each offset at which a request line with a host of its own may begin; its end may be missing.

    Some servers accept any token as a method, and the bytes before it may be part of the token. The longest
    one is used, since only the method CONNECT changes a request's meaning.
    """
    version = data.find(_VERSION)
    begin = 0
    while version >= 0:
        begin = max(begin, data.rfind(b"\n", begin, version) + 1)
        if _LINE_REST.match(data, version + len(_VERSION)):
            yield from _methods(data, begin, version)
        version = data.find(_VERSION, version + 1)


def _methods(data: bytes, begin: int, version: int) -> Iterator[int]:
    """Yield the methods in the line ``data[begin:version]``: the last word but one, and the words before an
    authority. Servers differ in whether a target may contain blanks.
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
    """Finds the hosts of such heads in bytes that arrive piece by piece."""

    __slots__ = ("_cheap", "_look_from", "_rest", "_within", "work")

    def __init__(self) -> None:
        self.work = 0  # steps taken so far, see Effort
        self._cheap = 0
        self._rest = bytearray()  # the current line; after a request line, the head so far
        self._look_from = 0  # offset in it at which an incomplete version may begin
        self._within = False

    @property
    def held(self) -> int:
        """Stored bytes: up to MAX_HEAD."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[HttpRequest]:
        """Return the requests with a host whose heads ``data`` completes."""
        rest = self._rest
        if self._within or (bytes(rest[self._look_from :]) + data if rest else data).find(_VERSION) >= 0:
            return self._read(bytes(rest) + data, self._look_from)
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
        """Return the start and the LF of the first whole request line from ``begin`` on, with its version at
        ``look_from`` or later.
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

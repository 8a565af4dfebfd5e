"""What a server has said so far on an undecided TCP flow: only as much as tells whether it has answered."""

from __future__ import annotations

from enum import Enum, auto

from gateway.errors import WireError
from gateway.wire.limits import Limits
from gateway.wire.streams import Stream
from gateway.wire.tls import ServerHello, read_server_hellos
from gateway.wire.tls_records import SERVER_HELLO, looks_like_tls

_TLS_PREFIX = 16  # bytes by which looks_like_tls always knows
_RECORD = b"\x16\x03"
_HTTP = b"HTTP/"
_ICY = b"ICY "  # what old radio stations answer instead


class Speaks(Enum):
    """The protocol of a server's first bytes."""

    UNCLEAR = auto()  # too few to tell
    TLS = auto()
    HTTP = auto()
    OTHER = auto()


class ServerSide:
    """A server's bytes, and the ServerHellos among them."""

    __slots__ = ("_stream", "hellos", "start")

    def __init__(self, limits: Limits) -> None:
        self._stream = Stream(limits)
        self.hellos: list[ServerHello] = []
        self.start = b""  # the first bytes seen, without gaps

    @property
    def size(self) -> int:
        return self._stream.size

    def add(self, seq: int, payload: bytes) -> None:
        """Raises StreamOverflow past the limits of a stream."""
        if not self._stream.add(seq, payload):
            return
        views = self._stream.views()
        self.start = views[0].data
        self.hellos = max([_hellos(view.data) for view in views], key=len)

    @property
    def speaks(self) -> Speaks:
        tls = looks_like_tls(self.start[:_TLS_PREFIX])
        if self.hellos or (tls and not _is_broken(self.start)):
            return Speaks.TLS
        if self.start.startswith((_HTTP, _ICY)):
            return Speaks.HTTP
        begun = _HTTP.startswith(self.start) or _ICY.startswith(self.start)
        return Speaks.UNCLEAR if tls is None or begun else Speaks.OTHER

    @property
    def switched(self) -> bool:
        """Whether the answer is 101 to another protocol than HTTP/2, whose requests would go unread."""
        head, end, _ = self.start.partition(b"\r\n\r\n")
        return bool(end) and head[:13].upper() == b"HTTP/1.1 101 " and b"h2c" not in head.lower()


def _hellos(data: bytes) -> list[ServerHello]:
    """The ServerHellos from the start on, or from the first place inside where one begins: after a greeting
    and STARTTLS, or a proxy's answer to CONNECT.
    """
    position = 0
    while position >= 0:
        if position == 0 or data[position + 5 : position + 6] == bytes((SERVER_HELLO,)):
            try:
                if found := read_server_hellos(data[position:] if position else data):
                    return found
            except WireError:
                pass
        position = data.find(_RECORD, position + 1)
    return []


def _is_broken(data: bytes) -> bool:
    try:
        read_server_hellos(data)
    except WireError:
        return True
    return False

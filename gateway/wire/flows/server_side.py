"""Collects a server's bytes on an undecided TCP flow: enough to recognise its answer."""

from __future__ import annotations

import re
from enum import Enum, auto

from gateway.core.errors import WireError
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.streams import Stream
from gateway.wire.tls.hello import ServerHello, read_server_hellos
from gateway.wire.tls.records import SERVER_HELLO, looks_like_tls
from gateway.wire.tunnels import More, TunnelSign, look_server

_TLS_PREFIX = 16  # bytes that are always enough for looks_like_tls
_RECORD = b"\x16\x03"
_HTTP = b"HTTP/"
_ICY = b"ICY "  # the answer of old radio stations
_STATUS = re.compile(rb"(?:HTTP/[0-9.]+|ICY)[ \t]+([1-9][0-9]{2})")
_TUNNEL = re.compile(rb"(?:\A|\n)HTTP/1\.[01][ \t]+2[0-9]{2}")
_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = 64  # bytes that must contain a status
SWITCHING_PROTOCOLS = 101
_FINAL = 200  # and above
_SUCCESS = range(200, 300)
_ASK_FOR_PASSWORD = (401, 407)
# The first frame of an HTTP/2 server (RFC 9113 §3.4): SETTINGS of stream 0; its length is a multiple of 6.
_SETTINGS = re.compile(rb"\x00[\x00-\x3f](.)\x04\x00\x00\x00\x00\x00", re.DOTALL)
_FRAME_HEADER = 9  # bytes
_SETTING = 6
_BANNER_BYTES = 4096  # of lines before an SSH server's banner; all other tunnels begin with the first byte
_TRIES = 32  # positions that look like a ServerHello; a greeting and STARTTLS have one


class ServerProtocol(Enum):
    """The possible protocols of a server's first bytes on a TCP flow."""

    UNCLEAR = auto()  # more bytes are needed
    TLS = auto()
    HTTP = auto()
    OTHER = auto()


class ServerSide:
    """Collects a server's first bytes on one TCP flow, and recognises what they are.

    That is its protocol, its ServerHellos, an HTTP status, or a tunnel.
    """

    __slots__ = ("_stream", "_work", "hellos", "start")

    def __init__(self, limits: Limits) -> None:
        self._stream = Stream(limits)
        self.hellos: list[ServerHello] = []
        self.start = b""  # the first bytes seen, without gaps
        self._work = 0

    @property
    def size(self) -> int:
        """The approximate memory of the stored bytes, in bytes."""
        return self._stream.held

    @property
    def work(self) -> int:
        """The parsing work spent so far, in steps. It is charged to the device's work limit (`Effort`)."""
        return self._work + self._stream.work

    def add(self, seq: int, payload: bytes) -> None:
        """Add a segment at sequence number ``seq``, and read the ServerHellos into ``hellos``.

        Raises StreamOverflow at the limits of a stream.
        """
        if not self._stream.add(seq, payload):
            return
        views = self._stream.views()
        self.start = views[0].data
        self.hellos = max([self._hellos(view.data) for view in views], key=len)

    @property
    def protocol(self) -> ServerProtocol:
        """The protocol of the server's first bytes; UNCLEAR if more are needed."""
        tls = looks_like_tls(self.start[:_TLS_PREFIX])
        if self.hellos or (tls and not _is_broken(self.start)):
            return ServerProtocol.TLS
        if self.start.startswith((_HTTP, _ICY)):
            return ServerProtocol.HTTP
        begun = _HTTP.startswith(self.start) or _ICY.startswith(self.start)
        return ServerProtocol.UNCLEAR if tls is None or begun else ServerProtocol.OTHER

    @property
    def tunnel(self) -> TunnelSign | More | None:
        """The tunnel or foreign DNS that the server's bytes begin with; None if there is none.

        MORE if more bytes are needed to know.
        """
        if self.hellos or self.start.startswith((_HTTP, _ICY)):
            return None
        return look_server(self.start[:_BANNER_BYTES])

    @property
    def status(self) -> int | None:
        """The status of the first final HTTP answer; None if more bytes are needed, 0 if it is not HTTP.

        Status 101 is returned once its head is complete; other interim answers (1xx) are skipped.
        """
        data = self.start
        while True:
            found = _STATUS.match(data)
            if found is None:
                return None if len(data) < _STATUS_LINE else 0
            status = int(found[1])
            if status >= _FINAL:
                return status
            end = _HEAD_END.search(data)
            if end is None:
                return None
            if status == SWITCHING_PROTOCOLS:
                return status
            data = data[end.end() :]

    @property
    def switched(self) -> bool:
        """Whether the answer is status 101 (Switching Protocols) to another protocol than HTTP/2 (``h2c``).

        After a change to HTTP/2 the requests could not be read.
        """
        return self.status == SWITCHING_PROTOCOLS and b"h2c" not in self.start.lower()

    @property
    def connected(self) -> bool:
        """Whether the answer accepts a CONNECT (status 2xx), also after the proxy asked for a password."""
        status = self.status or 0
        return status in _SUCCESS or (status in _ASK_FOR_PASSWORD and _TUNNEL.search(self.start) is not None)

    @property
    def speaks_http2(self) -> bool | None:
        """Whether the server's first frame is one of HTTP/2 (SETTINGS); None if more bytes are needed."""
        start = self.start[:_FRAME_HEADER]
        if len(start) < _FRAME_HEADER:
            return None if start[:1] in (b"", b"\x00") else False
        found = _SETTINGS.match(start)
        return found is not None and (start[1] << 8 | start[2]) % _SETTING == 0

    def _hellos(self, data: bytes) -> list[ServerHello]:
        """Return the ServerHellos in ``data``, from its start or from the first position that has one.

        They are not at the start after a greeting and STARTTLS, or after a proxy's answer to CONNECT.
        """
        position = tries = looks = 0
        while position >= 0 and tries < _TRIES:
            looks += 1
            if position == 0 or data[position + 5 : position + 6] == bytes((SERVER_HELLO,)):
                tries += 1
                try:
                    if found := read_server_hellos(data[position:] if position else data):
                        return found
                except WireError:
                    pass
            position = data.find(_RECORD, position + 1)
        self._work += tries + (looks >> 4) + (len(data) >> 12)
        return []


def _is_broken(data: bytes) -> bool:
    try:
        read_server_hellos(data)
    except WireError:
        return True
    return False

"""Extracts handshake messages from the TLS records of one direction (RFC 8446 §5)."""

from __future__ import annotations

from struct import Struct

from gateway.core.errors import WireError

CLIENT_HELLO = 1
SERVER_HELLO = 2

HEADER = 5  # type, version, length
_RECORD_HEADER = Struct("!BHH")
MAX_RECORD = (1 << 14) + 2048  # bytes, the maximum of any version (RFC 5246 §6.2.3)
# Current hellos are 0.2 to 2.0 kB. One with large key shares or session tickets may fill its extensions, the
# length of which has 16 bits. BoringSSL accepts 16 kB, OpenSSL 131,396 bytes.
MAX_HELLO = 1 << 16
MAX_SERVER_HELLO = 1 << 14
# What OpenSSL accepts: longer hellos than correct clients send are read for names.
_MAX_LENIENT = {CLIENT_HELLO: 1 << 17, SERVER_HELLO: MAX_SERVER_HELLO}
# Empty records, alerts, ChangeCipherSpec and heartbeats around a hello. OpenSSL accepts 32 empty records and
# 5 warning alerts.
MAX_IDLE_RECORDS = 32
# OpenSSL checks only the major version, Go's crypto/tls accepts any version below this one. What a server
# accepts must be judged, so the record version is not limited to 0x0300-0x0304.
_VERSION_LIMIT = 0x1000

_CHANGE_CIPHER_SPEC = 20
_ALERT = 21
_HANDSHAKE = 22
_APPLICATION_DATA = 23
_HEARTBEAT = 24
_IDLE = frozenset({_CHANGE_CIPHER_SPEC, _ALERT, _HEARTBEAT})


def looks_like_tls(prefix: bytes | memoryview) -> bool | None:
    """Return whether a client's stream that begins with ``prefix`` is TLS; None if more bytes are needed.

    11 bytes are always enough. True for a hello record and for an alert, ChangeCipherSpec or heartbeat that
    some clients send first; also for an SSLv2-compatible hello (RFC 5246 §E.2), which HandshakeReader then
    refuses.
    """
    if not prefix:
        return None
    kind = prefix[0]
    if kind & 0x80:
        return _looks_like_sslv2(prefix)
    if kind != _HANDSHAKE and kind not in _IDLE:
        return False
    if len(prefix) > 1 and prefix[1] << 8 >= _VERSION_LIMIT:
        return False
    if len(prefix) < HEADER:
        return None
    size = prefix[3] << 8 | prefix[4]
    if size > MAX_RECORD:
        return False
    if prefix[1] == 3:
        return kind == _HANDSHAKE or 0 < size <= (2 if kind != _HEARTBEAT else MAX_RECORD)
    return _looks_like_first_message(prefix, kind, size)


def _looks_like_first_message(prefix: bytes | memoryview, kind: int, size: int) -> bool | None:
    """Return whether a first record of an unusual version has the content of TLS; None if unknown yet.

    ``kind`` and ``size`` are from the record's header. The version alone does not distinguish TLS from
    another protocol.
    """
    if kind == _HANDSHAKE:
        expected, floor = b"\x01\x00", 4
    elif kind == _CHANGE_CIPHER_SPEC:
        expected, floor = b"\x01", 1
    elif kind == _ALERT:
        expected, floor = b"\x01", 2
    else:
        return False
    content = bytes(prefix[HEADER : HEADER + len(expected)])
    if size < floor or not expected.startswith(content):
        return False
    return True if content == expected else None


def _looks_like_sslv2(prefix: bytes | memoryview) -> bool | None:
    """Return whether a stream begins with an SSLv2-compatible hello; None if more bytes are needed.

    Its fields: length, type 1, version, then three lengths with a sum that matches the first (RFC 5246 §E.2).
    """
    if (len(prefix) > 2 and prefix[2] != CLIENT_HELLO) or (len(prefix) > 3 and prefix[3] not in (0, 3)):
        return False
    if len(prefix) < 11:
        return None
    size = (prefix[0] & 0x7F) << 8 | prefix[1]
    ciphers = prefix[5] << 8 | prefix[6]
    session = prefix[7] << 8 | prefix[8]
    challenge = prefix[9] << 8 | prefix[10]
    return (
        ciphers > 0
        and ciphers % 3 == 0
        and session in (0, 16)
        and 16 <= challenge <= 32
        and size == 9 + ciphers + session + challenge
    )


def read_handshakes(stream: bytes, first: int) -> list[tuple[bytes, int]]:
    """Return the handshake messages in a TLS ``stream``, with the offset at which each ends.

    ``first``: the type of the first message. The result is that of a new HandshakeReader, and so are the
    errors (WireError). Nearly every hello is one message in one record, whole or cut; this takes a fast path.
    """
    if len(stream) > HEADER:
        kind, version, size = _RECORD_HEADER.unpack_from(stream)
        if kind == _HANDSHAKE and version < _VERSION_LIMIT and size <= MAX_RECORD:
            missing = HEADER + size - len(stream)
            if missing > 0:
                return []
            if not missing and stream[HEADER] == first and 4 <= size <= 4 + MAX_HELLO:
                message = stream[HEADER:]
                if int.from_bytes(message[1:4], "big") == size - 4:
                    return [(message, len(stream))]
    reader = HandshakeReader(first)
    return list(zip(reader.feed(stream), reader.ends, strict=True))


class HandshakeReader:
    """Joins the handshake messages of one direction of a connection, over any number of records.

    ``first`` is the type of the message that must come first: CLIENT_HELLO or SERVER_HELLO. Alerts,
    ChangeCipherSpec and heartbeats before, between and inside messages are skipped; so is application data
    after the first message (0-RTT before a second ClientHello). A later message of another type, or over the
    limit, ends the reading: ``opaque`` is then True and nothing more is stored.
    """

    __slots__ = ("_fed", "_first", "_idle", "_message", "_rest", "_started", "ends", "opaque")

    def __init__(self, first: int) -> None:
        self._first = first
        self._idle = 0
        self._message = b""  # at most _MAX_LENIENT + one record
        self._rest = b""  # of an incomplete record: at most HEADER + MAX_RECORD
        self._started = False
        self._fed = 0  # bytes
        self.ends: list[int] = []  # of the returned messages: bytes from the stream's start
        self.opaque = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the handshake messages that ``data``, the next bytes of the stream, completes.

        They are in order, each with its four-byte header. Raises WireError if the stream is not TLS or
        exceeds a limit.
        """
        # Every hello is read here several times, so this unpacks directly: 4 us, with a Cursor 11.
        messages: list[bytes] = []
        self._fed += len(data)
        if self._rest:
            data = self._rest + data
        pos, end = 0, len(data)
        while end - pos >= HEADER and not self.opaque:
            kind, version, size = _RECORD_HEADER.unpack_from(data, pos)
            known = _CHANGE_CIPHER_SPEC <= kind <= _HEARTBEAT
            if not known or version >= _VERSION_LIMIT or size > MAX_RECORD:
                msg = f"no TLS record: type {kind}, version {version:#06x}, {size} bytes"
                raise WireError(msg)
            start = pos + HEADER
            if end - start < size:
                break
            pos = start + size
            if kind == _HANDSHAKE and size:
                self._message += data[start:pos]
                self._split(messages, self._fed - (end - pos))
            elif kind != _APPLICATION_DATA or not self._started:
                self._pass_over(kind)
        self._rest = b"" if self.opaque else data[pos:]
        return messages

    def _pass_over(self, kind: int) -> None:
        if kind == _APPLICATION_DATA:
            msg = "TLS application data before any hello"
            raise WireError(msg)
        self._idle += 1
        if self._idle > MAX_IDLE_RECORDS:
            msg = f"more than {MAX_IDLE_RECORDS} empty records and alerts about a hello"
            raise WireError(msg)

    def _split(self, messages: list[bytes], fed: int) -> None:
        """Move the complete messages at the start of the joined bytes to ``messages``; store their ends.

        ``fed``: the stream offset at which the joined bytes end. Raises WireError if the first message has a
        wrong type or is too long.
        """
        joined = self._message
        pos, end = 0, len(joined)
        while end - pos >= 4:
            kind, size = joined[pos], int.from_bytes(joined[pos + 1 : pos + 4], "big")
            if kind != self._first or size > _MAX_LENIENT[kind]:
                if not self._started:
                    msg = f"TLS handshake begins with type {kind} of {size} bytes"
                    raise WireError(msg)
                self.opaque = True
                self._message = b""
                return
            after = pos + 4 + size
            if after > end:
                break
            messages.append(joined[pos:after])
            self.ends.append(fed - (end - after))
            self._started = True
            pos = after
        self._message = joined[pos:]

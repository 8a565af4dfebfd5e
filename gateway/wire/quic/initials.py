"""Reads the hellos of client and server in the Initial packets of one UDP flow.

Datagrams are classified by their unprotected part (RFC 8999, RFC 9000 §17, RFC 9369 §3.2). The CRYPTO frames
of decrypted packets (RFC 9000 §12.4, §19) are joined to handshake messages.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from enum import Enum
from operator import itemgetter
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor
from gateway.wire.quic.crypto import VERSION_1, VERSION_2, InitialKeys, initial_keys
from gateway.wire.tls.hello import ClientHello, ServerHello, parse_client_hello, parse_server_hello
from gateway.wire.tls.records import CLIENT_HELLO, SERVER_HELLO

# One flow has one connection, two after a Retry. The rest is for decoys: an evasion tool sends one or two
# next to the real one, and each is judged. Some apps connect repeatedly from one port, so judged connections
# are evicted.
MAX_CONNECTIONS = 8
_MAX_NUMBERS = 256  # packets of one side of a connection: four in each datagram before a decision
_MAX_HELLOS = 2  # the second follows a HelloRetryRequest, at most one of which is valid (RFC 8446 §4.1.4)

MAX_CONNECTION_ID = 20  # bytes, in v1 and v2 (RFC 9000 §17.2)
MIN_CLIENT_DATAGRAM = 1200  # bytes of a datagram with a client's Initial (RFC 9000 §14.1)
_MIN_SHORT = 21  # bytes; a smaller packet cannot be protected (RFC 9001 §5.4.2, RFC 9000 §10.3)

_LONG = 0x80
_FIXED = 0x40

_PADDING = 0x00
_PING = 0x01
_ACK = 0x02
_ACK_ECN = 0x03
_CRYPTO = 0x06
_CONNECTION_CLOSE = 0x1C

# "QUIC Wire Layout Specification" of Chromium: the flag, and the sizes of connection ids up to Q043.
_PUBLIC_VERSION, _PUBLIC_IDS = 0x01, (8, 0, 4, 1)
_GOOGLE = re.compile(rb"[QT]0[0-9]{2}")

_NOT_PADDING = re.compile(rb"[^\0]")
_start, _end = itemgetter(0), itemgetter(1)

# Bytes of a hello. Servers store a few kilobytes of CRYPTO before the handshake (RFC 9000 §7.5).
MAX_HELLO = 1 << 14
# Bytes of a hello, and of a second one after a HelloRetryRequest: Initials carry nothing else.
MAX_CRYPTO = 2 * (4 + MAX_HELLO)
# Runs of bytes with gaps between them. Chromium cuts a hello into about ten frames; a hello in frames of 5
# bytes, in any order, is below this; quic-go, the strictest known server, stops at 1,000.
MAX_RUNS = 256


class HelloAnswer(NamedTuple):
    """A server's ServerHello, and the ClientHello that it answers."""

    hello: ServerHello
    asked: ClientHello


class _Connection:
    """One QUIC connection of a flow: its Initial keys, and the handshake bytes of both sides."""

    __slots__ = ("_keys", "_numbers", "answered", "asked", "client", "dcid", "server")

    def __init__(self, dcid: bytes) -> None:
        self.dcid = dcid
        self._keys: dict[tuple[int, bool], InitialKeys] = {}
        # The decrypted packet numbers of client and server, at most _MAX_NUMBERS of each.
        self._numbers: dict[bool, set[int]] = {False: set(), True: set()}
        self.client = CryptoStream(CLIENT_HELLO)
        self.server = CryptoStream(SERVER_HELLO)
        self.asked: list[ClientHello] = []  # at most _MAX_HELLOS
        self.answered = 0

    def open(self, datagram: bytes, packet: LongPacket, *, server: bool) -> bytes | None:
        """Return the decrypted payload of a packet; None if it is not of this connection.

        ``server``: the server sent it. A side that changes the version keeps the connection id that the keys
        depend on (RFC 9369 §4.1). Raises WireError for too many packets.
        """
        which = (packet.version, server)
        keys = self._keys.get(which)
        if keys is None:
            keys = self._keys[which] = initial_keys(packet.version, self.dcid, server=server)
        numbers = self._numbers[server]
        whole = datagram[packet.start : packet.end]
        opened = keys.open(whole, packet.number - packet.start, max(numbers, default=-1), numbers)
        if opened is None:
            return None
        numbers.add(opened.number)
        if len(numbers) > _MAX_NUMBERS:
            msg = f"more than {_MAX_NUMBERS} Initial packets of one side of a QUIC connection"
            raise WireError(msg)
        return opened.payload

    def feed_client(self, frames: list[tuple[int, bytes]]) -> list[ClientHello]:
        """Return the ClientHellos that the client's CRYPTO ``frames`` (offset and bytes) complete.

        Raises WireError for an invalid hello, for bytes that differ from earlier ones, at the limits of a
        CryptoStream, and for more than two hellos.
        """
        messages = self.client.feed(frames)
        hellos = [hello for message in messages if (hello := parse_client_hello(message)) is not None]
        self.asked += hellos
        if len(self.asked) > _MAX_HELLOS:
            msg = f"more than {_MAX_HELLOS} ClientHellos on one QUIC connection"
            raise WireError(msg)
        return hellos

    @property
    def half_read(self) -> bool:
        """Whether part of an incomplete ClientHello was read."""
        return self.client.has_partial

    def feed_server(self, payload: bytes) -> list[HelloAnswer]:
        """Return the ServerHellos that ``payload`` completes, each with the ClientHello that it answers.

        ``payload``: of a decrypted Initial. A ServerHello without an unanswered ClientHello is ignored.
        Raises WireError for an invalid frame or hello, and as `feed_client` for its bytes.
        """
        answers = []
        for message in self.server.feed(crypto_frames(payload)):
            hello = parse_server_hello(message)
            if hello is not None and self.answered < len(self.asked):
                answers.append(HelloAnswer(hello, self.asked[self.answered]))
                self.answered += 1
        return answers


class Initials:
    """Collects the QUIC Initial packets of one UDP flow and finds the hellos in them, until it is decided.

    Feed it every datagram of both directions. Packets that do not decrypt with Initial keys are ignored:
    anyone can send random data. Raises WireError for a packet that decrypts but is malformed, contradicts
    earlier ones or exceeds a limit.
    """

    __slots__ = ("_connections", "frames", "opened", "unopened")

    def __init__(self) -> None:
        self._connections: list[_Connection] = []  # at most MAX_CONNECTIONS
        self.opened = 0  # Initials of the client that decrypted
        self.unopened = 0  # Initials of the client that did not decrypt
        self.frames = 0  # CRYPTO frames of the client

    def from_client(self, datagram: bytes) -> list[ClientHello]:
        """Return the ClientHellos that a client's datagram completes; more than one only with decoys.

        Raises WireError for a packet that decrypts but is malformed, contradicts earlier ones or exceeds a
        limit.
        """
        hellos = []
        for packet in long_packets(datagram):
            if packet.kind is not DatagramKind.INITIAL:
                continue
            found = self._open_client(datagram, packet)
            if found:
                self.opened += 1
            else:
                self.unopened += 1
            for connection, payload in found:
                frames = crypto_frames(payload)
                self.frames += len(frames)
                hellos += connection.feed_client(frames)
        return hellos

    def count_anew(self) -> None:
        """Count each stored connection as one Initial that decrypted, instead of its packets so far."""
        self.opened = len(self._connections)

    def half_read(self) -> Initials | None:
        """Return a new object with only the connections that have an incomplete hello; None without any.

        For a flow of which another connection was decided.
        """
        halves = [connection for connection in self._connections if connection.half_read]
        if not halves:
            return None
        rest = Initials()
        rest._connections = halves
        rest.opened = len(halves)
        return rest

    def from_server(self, datagram: bytes) -> list[HelloAnswer]:
        """Return the ServerHellos that a server's datagram completes, each with the ClientHello it answers.

        Only a ClientHello that was returned earlier is answered; a second one after a HelloRetryRequest. So a
        ServerHello here means that all hellos of the client on that connection were judged. Raises WireError
        for a packet that decrypts but is malformed, contradicts earlier ones or exceeds a limit.
        """
        answers = []
        for packet in long_packets(datagram):
            if packet.kind is not DatagramKind.INITIAL:
                continue
            for connection in self._connections:
                payload = connection.open(datagram, packet, server=True)
                if payload is not None:
                    answers += connection.feed_server(payload)
        return answers

    def _open_client(self, datagram: bytes, packet: LongPacket) -> list[tuple[_Connection, bytes]]:
        """Return every connection that a client's packet can belong to, with the decrypted payload.

        A new connection is stored. Raises WireError if there are too many.
        """
        for connection in self._connections:
            if connection.dcid == packet.dcid:
                payload = connection.open(datagram, packet, server=False)
                return [] if payload is None else [(connection, payload)]
        # Either a new connection, or one to which the server gave another id. One packet can be made to
        # decrypt under two keys (GCM is not key-committing), so a match does not end the search.
        fresh = _Connection(packet.dcid)
        found = [
            (connection, payload)
            for connection in [*self._connections, fresh]
            if (payload := connection.open(datagram, packet, server=False)) is not None
        ]
        if found and found[-1][0] is fresh:
            self._make_room()
            self._connections.append(fresh)
        return found

    def _make_room(self) -> None:
        """Remove the oldest judged connection if there are MAX_CONNECTIONS.

        Its packets would only be judged again. Raises WireError if none is judged.
        """
        if len(self._connections) < MAX_CONNECTIONS:
            return
        judged = next((known for known in self._connections if known.asked and not known.half_read), None)
        if judged is None:
            msg = f"more than {MAX_CONNECTIONS} QUIC connections on one flow, none of them judged"
            raise WireError(msg)
        self._connections.remove(judged)


class DatagramKind(Enum):
    """The type of a UDP datagram as QUIC, by its first packet; INITIAL if any packet in it is one."""

    INITIAL = "initial"
    ZERO_RTT = "0-rtt"
    HANDSHAKE = "handshake"
    RETRY = "retry"
    VERSION_NEGOTIATION = "version negotiation"
    UNKNOWN_VERSION = "unknown version"  # QUIC of another version: drafts, Google's own, future ones
    SHORT = "short"  # has a short header's form, as a quarter of random data does: check the port too
    OTHER = "other"


_V1_KINDS = (DatagramKind.INITIAL, DatagramKind.ZERO_RTT, DatagramKind.HANDSHAKE, DatagramKind.RETRY)
_KINDS = {VERSION_1: _V1_KINDS, VERSION_2: (_V1_KINDS[3], *_V1_KINDS[:3])}


class LongPacket(NamedTuple):
    """One QUIC packet of version 1 or 2 with a long header; offsets are into its datagram."""

    kind: DatagramKind
    version: int
    dcid: bytes
    scid: bytes
    start: int
    number: int  # offset of the packet number; for a Retry, the end of the packet
    end: int


def classify(datagram: bytes) -> DatagramKind:
    """Return the QUIC type of a UDP payload. Never raises: random data is OTHER, or SHORT by chance."""
    if not datagram:
        return DatagramKind.OTHER
    first = datagram[0]
    if is_google(datagram):
        return DatagramKind.UNKNOWN_VERSION
    if not first & _LONG:
        return DatagramKind.SHORT if first & _FIXED and len(datagram) >= _MIN_SHORT else DatagramKind.OTHER
    found = long_packets(datagram)
    if found:
        return DatagramKind.INITIAL if any(p.kind is DatagramKind.INITIAL for p in found) else found[0].kind
    return _other_version(datagram)


def is_google(datagram: bytes) -> bool:
    """Return whether a datagram is a client's packet of Google's own QUIC versions, with the version in it.

    ``datagram`` is not empty. Up to Q043, connection id and version follow a byte of flags; later versions
    have a long header, which differs up to Q049. One random datagram in 2**24 matches.
    """
    first = datagram[0]
    if first & _LONG:
        return _GOOGLE.match(datagram, 1) is not None
    return first & _PUBLIC_VERSION != 0 and any(_GOOGLE.match(datagram, 1 + size) for size in _PUBLIC_IDS)


def long_packets(datagram: bytes) -> list[LongPacket]:
    """Return the QUIC packets of v1 and v2 with long headers in a datagram (RFC 9000 §12.2).

    It ends at the first bytes that are none. Never raises. The fixed bit is ignored: a client that may grease
    it also does so in Initials (RFC 9287 §3).
    """
    found = []
    cursor = Cursor(datagram)
    try:
        while not cursor.at_end:
            packet = _long_packet(cursor)
            if packet is None:
                break
            found.append(packet)
    except WireError:
        return found  # cut or random: receivers drop the rest of the datagram
    return found


def _long_packet(cursor: Cursor) -> LongPacket | None:
    start = cursor.pos
    first = cursor.u8()
    if not first & _LONG:
        return None
    version = cursor.u32()
    kinds = _KINDS.get(version)
    if kinds is None:
        return None
    kind = kinds[first >> 4 & 0x03]
    dcid = cursor.counted8()
    scid = cursor.counted8()
    if len(dcid) > MAX_CONNECTION_ID or len(scid) > MAX_CONNECTION_ID:
        return None
    if kind is DatagramKind.RETRY:
        cursor.skip(cursor.remaining)
        return LongPacket(kind, version, dcid, scid, start, cursor.end, cursor.end)
    if kind is DatagramKind.INITIAL:
        cursor.skip(cursor.varint())
    size = cursor.varint()
    number = cursor.pos
    cursor.skip(size)
    return LongPacket(kind, version, dcid, scid, start, number, cursor.pos)


def _other_version(datagram: bytes) -> DatagramKind:
    """Return the type of a datagram whose long QUIC header is neither v1 nor v2, or is cut."""
    cursor = Cursor(datagram)
    try:
        first, version = cursor.u8(), cursor.u32()
        dcid, scid = cursor.counted8(), cursor.counted8()
    except WireError:
        return DatagramKind.OTHER
    if version in _KINDS:
        return DatagramKind.OTHER
    if version == 0:
        versions = cursor.remaining
        return DatagramKind.VERSION_NEGOTIATION if versions and versions % 4 == 0 else DatagramKind.OTHER
    if not first & _FIXED or max(len(dcid), len(scid)) > MAX_CONNECTION_ID:
        return DatagramKind.OTHER
    named = version >> 8 == 0xFF0000 or version & 0x0F0F0F0F == 0x0A0A0A0A
    return (
        DatagramKind.UNKNOWN_VERSION if named or len(datagram) >= MIN_CLIENT_DATAGRAM else DatagramKind.OTHER
    )


def crypto_frames(payload: bytes) -> list[tuple[int, bytes]]:
    """Return the CRYPTO frames of an Initial packet's payload: offset in the handshake stream, and bytes.

    Other frames that Initials may contain are skipped. Raises WireError for the rest (RFC 9000 table 3) and
    for a frame that is cut: the payload is authenticated, so its sender produced this.
    """
    frames = []
    cursor = Cursor(payload)
    while not cursor.at_end:
        kind = cursor.varint()
        if kind == _CRYPTO:
            offset = cursor.varint()
            frames.append((offset, cursor.take(cursor.varint())))
        elif kind == _PADDING:
            ahead = _NOT_PADDING.search(payload, cursor.pos)
            cursor.pos = cursor.end if ahead is None else ahead.start()
        elif kind in (_ACK, _ACK_ECN):
            _skip_ack(cursor, ecn=kind == _ACK_ECN)
        elif kind == _CONNECTION_CLOSE:
            cursor.varint()
            cursor.varint()
            cursor.skip(cursor.varint())
        elif kind != _PING:
            msg = f"frame type {kind:#x} in an Initial packet"
            raise WireError(msg)
    return frames


def _skip_ack(cursor: Cursor, *, ecn: bool) -> None:
    cursor.varint()
    cursor.varint()
    ranges = cursor.varint()
    cursor.varint()
    for _ in range(ranges):
        cursor.varint()
        cursor.varint()
    if ecn:
        for _ in range(3):
            cursor.varint()


class CryptoStream:
    """Joins the handshake messages that one side's CRYPTO frames carry, in any order.

    ``first`` is the type of every message in it: CLIENT_HELLO or SERVER_HELLO. The bytes read are stored and
    compared. Two different bytes for one offset raise WireError: one is for the server, the other for the
    filter.
    """

    __slots__ = ("_buffer", "_first", "_read", "_runs")

    def __init__(self, first: int) -> None:
        self._first = first
        self._buffer = bytearray()  # at most MAX_CRYPTO
        self._runs: list[tuple[int, int]] = []  # filled parts of the buffer, ascending, not touching
        self._read = 0

    @property
    def has_partial(self) -> bool:
        """Whether bytes of an incomplete message were read."""
        return len(self._buffer) > self._read

    def feed(self, frames: list[tuple[int, bytes]]) -> list[bytes]:
        """Return the handshake messages that these CRYPTO frames complete, in order, with their headers.

        ``frames``: offset and bytes. A header has four bytes. Raises WireError for bytes that differ from
        earlier ones, for a message of another type, and at the limits.
        """
        for offset, data in frames:
            if data:
                self._add(offset, data)
        return self._messages() if frames else []

    def _add(self, start: int, data: bytes) -> None:
        end = start + len(data)
        if end > MAX_CRYPTO:
            msg = f"CRYPTO bytes up to {end}, no hello takes more than {MAX_CRYPTO}"
            raise WireError(msg)
        if end > len(self._buffer):
            self._buffer.extend(bytes(end - len(self._buffer)))
        first = bisect_left(self._runs, start, key=_end)
        last = bisect_right(self._runs, end, lo=first, key=_start)
        touched = self._runs[first:last]
        for run in touched:
            self._compare(run, start, data)
        self._buffer[start:end] = data
        if touched:
            start, end = min(start, touched[0][0]), max(end, touched[-1][1])
        self._runs[first:last] = [(start, end)]
        if len(self._runs) > MAX_RUNS:
            msg = f"a hello in more than {MAX_RUNS} pieces"
            raise WireError(msg)

    def _compare(self, run: tuple[int, int], start: int, data: bytes) -> None:
        low, high = max(run[0], start), min(run[1], start + len(data))
        if low < high and self._buffer[low:high] != data[low - start : high - start]:
            msg = f"CRYPTO bytes {low}..{high} were sent twice and differ"
            raise WireError(msg)

    def _messages(self) -> list[bytes]:
        messages: list[bytes] = []
        if not self._runs or self._runs[0][0] > 0:
            return messages
        cursor = Cursor(bytes(self._buffer[self._read : self._runs[0][1]]))
        while cursor.has(4):
            kind, size = cursor.u8(), cursor.u24()
            if kind != self._first or size > MAX_HELLO:
                msg = f"handshake type {kind} of {size} bytes in an Initial packet"
                raise WireError(msg)
            if not cursor.has(size):
                break
            cursor.pos -= 4
            messages.append(cursor.take(4 + size))
            self._read += 4 + size
        return messages

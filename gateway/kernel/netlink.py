"""Sends netlink requests to netfilter and reads the responses, for conntrack, usage, watch and fallback.

The header of `gateway.core.netlink` is followed by netfilter's own (family, version, resource) and by
attributes. The header is in host byte order; netfilter's values are big-endian.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

from gateway.core.netlink import (
    ACK,
    DONE,
    DUMP,
    DUMP_INTERRUPTED,
    ERROR,
    HEADER,
    REQUEST,
    error_number,
    frames,
    raise_for,
)

NETLINK_NETFILTER = 12
SOL_NETLINK = 270
ADD_MEMBERSHIP = 1

GENERIC = struct.Struct(">BBH")
BE16, BE32, BE64 = struct.Struct(">H"), struct.Struct(">I"), struct.Struct(">Q")

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
SUBSYSTEM_NFTABLES = 10
NFPROTO_INET = 1

NESTED = 0x8000
RECEIVE = 32768  # bytes: the kernel's largest dump message (net/netlink/af_netlink.c)
_PATIENCE = 5.0  # seconds; the kernel responds within milliseconds or never

Message = tuple[int, int, int, memoryview]
"""A message from netfilter: type, flags, sequence number, and the attributes after its header."""


def request(kind: int, flags: int, sequence: int, family: int, body: bytes, *, resource: int = 0) -> bytes:
    """Return the bytes of a netlink request to netfilter; ``body`` is its attributes.

    ``kind``: the message's type, with its subsystem.
    """
    length = HEADER.size + GENERIC.size + len(body)
    return HEADER.pack(length, kind, flags | REQUEST, sequence, 0) + GENERIC.pack(family, 0, resource) + body


def messages(data: memoryview) -> Iterator[Message]:
    """Yield netfilter's messages in one datagram: type, flags, sequence number, attributes.

    ERROR and DONE messages have no header of netfilter: in place of the attributes they begin with
    an errno.
    """
    for kind, flags, sequence, body in frames(data):
        own = 0 if kind in (ERROR, DONE) else GENERIC.size
        yield kind, flags, sequence, body[own:]


def _connect() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    made.settimeout(_PATIENCE)
    made.bind((0, 0))
    return made


class Netlink:
    """Sends requests to netfilter and waits for the kernel's response, which is immediate.

    Dumps use a socket of their own, so that other requests are possible while a dump is read. Methods raise
    OSError with the kernel's errno, or TimeoutError; only `change` returns the errnos of refused requests.
    """

    def __init__(self) -> None:
        self._socket, self._dumps = _connect(), _connect()
        self._sequence = 0
        self._dumping = False

    def close(self) -> None:
        self._socket.close()
        self._dumps.close()

    def dump(self, kind: int, family: int, body: bytes = b"") -> Iterator[memoryview]:
        """Request all objects of a type, and yield the attributes of each. One dump runs at a time.

        ``kind``: the request's type; ``body``: its attributes, as a filter. What is yielded is valid until
        the next iteration. Raises InterruptedError at the end if the list changed meanwhile: objects may be
        missing or repeated. Raises OSError.
        """
        for part in self.dump_in_parts(kind, family, body):
            yield from part

    def dump_in_parts(self, kind: int, family: int, body: bytes = b"") -> Iterator[list[memoryview]]:
        """Request all objects as `dump` does; yield lists of their attributes, one for each socket read.

        The kernel fills at most RECEIVE bytes for one, in about a millisecond.
        """
        for _ in self._dumped():  # the rest of a dump that was not read completely
            continue
        self._dumps.send(request(kind, DUMP, 1, family, body))
        self._dumping = True
        interrupted = False
        for received in self._dumped():
            part = []
            for what, flags, _, data in received:
                interrupted |= bool(flags & DUMP_INTERRUPTED)
                if what in (DONE, ERROR):
                    raise_for(error_number(data))
                else:
                    part.append(data)
            yield part
        if interrupted:
            raise InterruptedError(errno.EINTR, "the kernel's list changed while it was read")

    def _dumped(self) -> Iterator[list[Message]]:
        """Yield the remaining messages of the current dump, one list for each read of the socket.

        The dump's last message is included.
        """
        buffer = memoryview(bytearray(RECEIVE))
        while self._dumping:
            received = list(messages(buffer[: self._dumps.recv_into(buffer)]))
            self._dumping = not any(kind in (DONE, ERROR) for kind, *_ in received)
            yield received

    def ask(self, kind: int, family: int, body: bytes) -> list[bytes]:
        """Send one request; return the attributes of each object in the response. Raises OSError."""
        sequence = self._next_sequence()
        self._socket.send(request(kind, ACK, sequence, family, body))
        answers: list[bytes] = []
        while True:
            for what, _, number, data in messages(memoryview(self._socket.recv(RECEIVE))):
                if number != sequence:
                    continue
                if what == ERROR:
                    raise_for(error_number(data))
                    return answers
                answers.append(bytes(data))

    def transaction(self, requests: list[tuple[int, int, int, bytes]]) -> None:
        """Send requests to nftables as one transaction: all take effect, or none does.

        A request is type, flags, family and attributes. Raises OSError if the kernel refuses one.
        """
        if not requests:
            return
        first = self._next_sequence()
        parts = [request(_BATCH_BEGIN, 0, first, 0, b"", resource=SUBSYSTEM_NFTABLES)]
        for kind, flags, family, body in requests:
            parts.append(request(kind, flags | ACK, self._next_sequence(), family, body))
        parts.append(request(_BATCH_END, 0, self._next_sequence(), 0, b"", resource=SUBSYSTEM_NFTABLES))
        self._socket.send(b"".join(parts))
        answered = 0
        while answered < len(requests):
            for what, _, number, data in messages(memoryview(self._socket.recv(RECEIVE))):
                if what == ERROR and (number - first & 0xFFFFFFFF) <= len(requests):
                    raise_for(error_number(data))
                    answered += 1

    def change(self, requests: list[tuple[int, int, bytes]]) -> list[int]:
        """Send requests (type, family, attributes) in one datagram; return each errno (0: success).

        Their acknowledgements must fit into the socket's buffer: send few, such as 64. Raises OSError.
        """
        if not requests:
            return []
        first = self._sequence + 1 & 0xFFFFFFFF
        parts = [request(kind, ACK, self._next_sequence(), family, body) for kind, family, body in requests]
        self._socket.send(b"".join(parts))
        results: dict[int, int] = {}
        while len(results) < len(requests):
            for what, _, number, data in messages(memoryview(self._socket.recv(RECEIVE))):
                if what == ERROR and first <= number < first + len(requests):
                    results[number] = error_number(data)
        return [results[first + index] for index in range(len(requests))]

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        return self._sequence

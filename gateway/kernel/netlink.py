"""Netfilter's netlink: requests and dumps. What conntrack, usage and watch have in common.

Behind the header of `gateway.core.netlink` comes netfilter's own (family, version, resource), then
attributes. The header is in host order, netfilter's values are big-endian.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

from gateway.core.netlink import ACK, DONE, DUMP, ERROR, HEADER, REQUEST, frames

NETLINK_NETFILTER = 12
SOL_NETLINK = 270
ADD_MEMBERSHIP = 1

DUMP_INTERRUPTED = 0x10
GENERIC = struct.Struct(">BBH")
BE16, BE32, BE64 = struct.Struct(">H"), struct.Struct(">I"), struct.Struct(">Q")
_ERRNO = struct.Struct("=i")

_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
SUBSYSTEM_NFTABLES = 10
NFPROTO_INET = 1

NESTED = 0x8000
RECEIVE = 32768  # bytes: the kernel fills no larger message of a dump (net/netlink/af_netlink.c)
_PATIENCE = 5.0  # seconds; the kernel answers within milliseconds or never

Message = tuple[int, int, int, memoryview]
"""Type, flags, sequence number, and the attributes behind netfilter's header."""


def request(kind: int, flags: int, sequence: int, family: int, body: bytes, *, resource: int = 0) -> bytes:
    """One whole message to netfilter."""
    length = HEADER.size + GENERIC.size + len(body)
    return HEADER.pack(length, kind, flags | REQUEST, sequence, 0) + GENERIC.pack(family, 0, resource) + body


def messages(data: memoryview) -> Iterator[Message]:
    """The messages of one datagram. Of ERROR and DONE the last member is the error number's bytes."""
    for kind, flags, sequence, body in frames(data):
        own = 0 if kind in (ERROR, DONE) else GENERIC.size
        yield kind, flags, sequence, body[own:]


def error_number(body: memoryview) -> int:
    """The errno of an ERROR or DONE message; 0 is success."""
    return -int(_ERRNO.unpack_from(body)[0]) if len(body) >= _ERRNO.size else 0


def _connect() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
    made.settimeout(_PATIENCE)
    made.bind((0, 0))
    return made


class Netlink:
    """Requests to netfilter, which wait for the kernel's answer; it comes at once.

    Two sockets, so that the kernel can be asked something while a dump is read. Methods raise OSError with
    the kernel's errno, or TimeoutError.
    """

    def __init__(self) -> None:
        self._socket, self._dumps = _connect(), _connect()
        self._sequence = 0
        self._dumping = False

    def close(self) -> None:
        self._socket.close()
        self._dumps.close()

    def dump(self, kind: int, family: int, body: bytes = b"") -> Iterator[memoryview]:
        """The attributes of each object, one dump at a time. They are valid until the next one is asked for.

        Raises InterruptedError at the end when what was listed changed meanwhile, so that some may be missing
        or there twice.
        """
        for _ in self._dumped():  # the rest of one that nobody read to its end
            continue
        self._dumps.send(request(kind, DUMP, 1, family, body))
        self._dumping = True
        interrupted = False
        for what, flags, _, data in self._dumped():
            interrupted |= bool(flags & DUMP_INTERRUPTED)
            if what in (DONE, ERROR):
                _raise_for(error_number(data))
            else:
                yield data
        if interrupted:
            raise InterruptedError(errno.EINTR, "the kernel's list changed while it was read")

    def _dumped(self) -> Iterator[Message]:
        """The messages of the dump under way, its last one included."""
        buffer = memoryview(bytearray(RECEIVE))
        while self._dumping:
            received = list(messages(buffer[: self._dumps.recv_into(buffer)]))
            self._dumping = not any(kind in (DONE, ERROR) for kind, *_ in received)
            yield from received

    def ask(self, kind: int, family: int, body: bytes) -> list[bytes]:
        """One request; the attributes of each object that answers it."""
        sequence = self._next_sequence()
        self._socket.send(request(kind, ACK, sequence, family, body))
        answers: list[bytes] = []
        while True:
            for what, _, number, data in messages(memoryview(self._socket.recv(RECEIVE))):
                if number != sequence:
                    continue
                if what == ERROR:
                    _raise_for(error_number(data))
                    return answers
                answers.append(bytes(data))

    def transaction(self, requests: list[tuple[int, int, int, bytes]]) -> None:
        """Requests (type, flags, family, attributes) to nftables at once: all take effect, or none."""
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
                    _raise_for(error_number(data))
                    answered += 1

    def change(self, requests: list[tuple[int, int, bytes]]) -> list[int]:
        """Several requests (type, family, attributes) in one datagram; the errno of each, 0 for success."""
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


def _raise_for(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))

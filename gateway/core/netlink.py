"""Encodes and decodes netlink messages, for netfilter (`kernel`) and rtnetlink (`lan`), and reads dumps.

A message has a header (length, type, flags, sequence, port) and a body. The body has a head of the subsystem,
then attributes (length, type, value, padded to 4 bytes). All numbers are in host byte order.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
DUMP_INTERRUPTED = 0x10
ERROR, DONE = 2, 3
RECEIVE = 65536  # bytes at a time
_ROUTE = 0  # NETLINK_ROUTE
_PATIENCE = 2.0  # seconds; the kernel responds to a dump immediately
_ATTEMPTS = 3  # readings of a table that changes meanwhile

HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")
_unpack_attribute = ATTRIBUTE.unpack_from
TYPE_MASK = 0x3FFF  # removes the nested and byte-order flags

Frame = tuple[int, int, int, memoryview]
"""A netlink message: type, flags, sequence number, body."""


def frames(data: memoryview) -> Iterator[Frame]:
    """Yield each netlink message of one datagram: type, flags, sequence number, body.

    Stops at a message with an invalid length.
    """
    start = 0
    while len(data) - start >= HEADER.size:
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, start)
        if not HEADER.size <= length <= len(data) - start:
            return
        yield kind, flags, sequence, data[start + HEADER.size : start + length]
        start += length + 3 & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """Return an encoded netlink attribute of type ``kind``, padded to a multiple of 4 bytes."""
    length = ATTRIBUTE.size + len(value)
    return ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def attributes(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield type and value of each netlink attribute in ``data``. Stops at one with an invalid length."""
    start, end = 0, len(data)
    while end - start >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if not ATTRIBUTE.size <= length <= end - start:
            return
        yield kind & TYPE_MASK, data[start + ATTRIBUTE.size : start + length]
        start += length + 3 & ~3


def fields(data: memoryview) -> dict[int, memoryview]:
    """Return the values of the netlink attributes in ``data``, by type; of a repeated type, the last value.

    Stops at an attribute with an invalid length. Takes a third of the time of ``dict(attributes(data))``.
    """
    found: dict[int, memoryview] = {}
    start, end = 0, len(data)
    while end - start >= 4:
        length, kind = _unpack_attribute(data, start)
        if not 4 <= length <= end - start:
            break
        found[kind & TYPE_MASK] = data[start + 4 : start + length]
        start += length + 3 & ~3
    return found


def route_socket() -> socket.socket:
    """Return a blocking netlink socket for rtnetlink(7) requests, with a timeout of two seconds."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE)
    made.settimeout(_PATIENCE)
    return made


def error_number(body: memoryview) -> int:
    """Return the errno of a netlink ERROR or DONE message; 0 is success. ``body``: after the header."""
    return -int(_ERRNO.unpack_from(body)[0]) if len(body) >= _ERRNO.size else 0


def raise_for(number: int) -> None:
    """Raise OSError for an errno of the kernel; do nothing for 0, which is success."""
    if number:
        raise OSError(number, os.strerror(number))


def dump_route(kind: int, head: int) -> list[memoryview]:
    """Request all objects of one type from the kernel by rtnetlink, and return the body of each.

    ``kind``: an RTM_GET… type. ``head`` is the size in bytes of the structure at the start of the request
    and of each body. Raises OSError, also if the kernel refuses the request. A table that changed while it
    was read is read again; after _ATTEMPTS readings, InterruptedError is raised.
    """
    for _ in range(_ATTEMPTS):
        with route_socket() as sock:
            sock.send(HEADER.pack(HEADER.size + head, kind, REQUEST | DUMP, 1, 0) + bytes(head))
            found = read_dump(sock)
        if found is not None:
            return found
    raise InterruptedError(errno.EINTR, "the kernel's table changed while it was read")


def read_dump(sock: socket.socket) -> list[memoryview] | None:
    """Return the body of each message of a requested dump; None if the table changed while it was read.

    Then messages may be missing or repeated. Raises OSError, also for an error response of the kernel.
    """
    found: list[memoryview] = []
    interrupted = False
    while True:
        for answer, flags, _, body in frames(memoryview(sock.recv(RECEIVE))):
            interrupted |= bool(flags & DUMP_INTERRUPTED)
            if answer in (DONE, ERROR):
                raise_for(error_number(body))
                return None if interrupted else found
            found.append(body)


class PendingDatagrams:
    """Iterates over the datagrams that wait in a non-blocking netlink socket; never blocks.

    ``lost`` is True if the kernel dropped some (ENOBUFS). ``size``: bytes to read at a time.
    """

    def __init__(self, sock: socket.socket, size: int) -> None:
        self._socket = sock
        self._size = size
        self.lost = False

    def __iter__(self) -> Iterator[memoryview]:
        while True:
            try:
                data = self._socket.recv(self._size)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.lost = True
                continue
            yield memoryview(data)

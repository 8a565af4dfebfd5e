"""Tests of rtnetlink dumps: the kernel's own, and datagrams that a peer sends in its place."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from gateway.core.netlink import DONE, DUMP_INTERRUPTED, ERROR, HEADER, dump_route, read_dump

GET_LINK, NEW_LINK, LINK_HEAD = 18, 16, 16
UNKNOWN = 1022  # a number that no RTM_GET… type has


def message(kind: int, body: bytes, flags: int = 0) -> bytes:
    return HEADER.pack(HEADER.size + len(body), kind, flags, 1, 0) + body


def result(number: int) -> bytes:
    return struct.pack("=i", -number)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The sockets of a kernel and of a reader, which keep datagrams apart."""
    kernel, reader = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, reader:
        reader.settimeout(5.0)
        yield kernel, reader


def test_the_kernel_lists_its_links() -> None:
    assert dump_route(GET_LINK, LINK_HEAD)


def test_a_request_that_the_kernel_refuses_is_no_empty_table() -> None:
    with pytest.raises(OSError, match="not supported") as refused:
        dump_route(UNKNOWN, LINK_HEAD)
    assert refused.value.errno == errno.EOPNOTSUPP


def test_a_dump_ends_with_its_last_message(ends: tuple[socket.socket, socket.socket]) -> None:
    kernel, reader = ends
    kernel.send(message(NEW_LINK, b"lo01") + message(NEW_LINK, b"eth0"))
    kernel.send(message(NEW_LINK, b"eth1") + message(DONE, result(0)))
    found = read_dump(reader)
    assert found is not None
    assert [bytes(body) for body in found] == [b"lo01", b"eth0", b"eth1"]


@pytest.mark.parametrize("last", [DONE, ERROR])
def test_an_error_in_the_middle_of_a_dump_is_raised(
    ends: tuple[socket.socket, socket.socket], last: int
) -> None:
    kernel, reader = ends
    kernel.send(message(NEW_LINK, b"lo01") + message(last, result(errno.ENOMEM)))
    with pytest.raises(OSError, match="memory") as failed:
        read_dump(reader)
    assert failed.value.errno == errno.ENOMEM


def test_a_dump_that_the_kernel_calls_inconsistent_is_not_used(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    kernel, reader = ends
    kernel.send(message(NEW_LINK, b"lo01"))
    kernel.send(message(NEW_LINK, b"eth1", DUMP_INTERRUPTED) + message(DONE, result(0)))
    assert read_dump(reader) is None

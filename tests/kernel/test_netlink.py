from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.netlink import DONE, DUMP_INTERRUPTED, ERROR, attribute, attributes, error_number
from gateway.kernel import conntrack, usage
from gateway.kernel.netlink import Netlink, messages, request
from tests.kernel.home import Namespace


def test_attributes_are_padded_and_read_back() -> None:
    data = attribute(1, b"") + attribute(0x8002, b"abcde") + attribute(3, b"12345678")
    assert len(data) % 4 == 0
    assert [(kind, bytes(value)) for kind, value in attributes(memoryview(data))] == [
        (1, b""),
        (2, b"abcde"),
        (3, b"12345678"),
    ]


def test_messages_are_read_back() -> None:
    error = struct.pack("=IHHIIi", 20, ERROR, 0, 8, 0, -2)
    data = request(0x101, 0x4, 7, 2, attribute(1, b"x")) + error
    found = [(kind, flags, sequence) for kind, flags, sequence, _ in messages(memoryview(data))]
    assert found == [(0x101, 0x5, 7), (ERROR, 0, 8)]
    bodies = [body for *_, body in messages(memoryview(data))]
    assert [(kind, bytes(value)) for kind, value in attributes(bodies[0])] == [(1, b"x")]
    assert error_number(bodies[1]) == 2


def nest(values: list[bytes]) -> bytes:
    return b"".join(attribute(kind + 1, value) for kind, value in enumerate(values))


@given(st.binary(max_size=200))
def test_no_bytes_break_a_reader(data: bytes) -> None:
    for kind, _, _, body in messages(memoryview(data)):
        assert 0 <= kind < 0x10000
        error_number(body)
    assert sum(len(value) + 4 for _, value in attributes(memoryview(data))) <= len(data)
    conntrack.parse_entry(memoryview(data))
    list(usage.parse_elements(memoryview(data)))


@given(
    st.recursive(st.binary(max_size=9), lambda inner: st.lists(inner, max_size=4).map(nest), max_leaves=30)
)
def test_no_attributes_break_a_parser(data: bytes) -> None:
    conntrack.parse_entry(memoryview(data))
    list(usage.parse_elements(memoryview(data)))


def test_connections_that_were_read_before_the_table_changed_count() -> None:
    kernel, reader = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    table = conntrack.Conntrack()
    table._netlink._dumps.close()
    table._netlink._dumps = reader
    kernel.send(request(0x100, 0, 1, 2, attribute(1, b"first")))
    kernel.send(request(0x100, DUMP_INTERRUPTED, 1, 2, attribute(1, b"second")))
    kernel.send(struct.pack("=IHHIIi", 20, DONE, 0, 1, 0, 0))
    read = [[bytes(value) for _, value in attributes(entry)] for entry in table.raw_entries()]
    assert read == [[b"first"], [b"second"]]
    table.close()
    kernel.close()


@pytest.mark.lab
def test_kernels_refusal_is_an_oserror_and_the_socket_stays_usable() -> None:
    namespace = Namespace()
    with namespace.inside():
        netlink = Netlink()
    with pytest.raises(FileNotFoundError):
        netlink.ask(0xA01, 1, attribute(1, b"nothing\0"))  # NFT_MSG_GETTABLE
    assert list(netlink.dump(0xA01, 0)) == []
    assert netlink.change([(0xA01, 1, attribute(1, b"a\0")), (0xA01, 1, attribute(1, b"b\0"))]) == [2, 2]
    assert netlink.change([]) == []
    netlink.close()
    namespace.close()

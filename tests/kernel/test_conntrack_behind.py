"""The lookup of a packet's connection, in a connection table that counts how often it is walked."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest

from gateway.core.netlink import attribute
from gateway.kernel import conntrack
from gateway.kernel.conntrack import Conntrack, FlowTuple
from gateway.kernel.netlink import BE16, NESTED

DEVICE, ROUTER = bytes((192, 168, 1, 10)), bytes((203, 0, 113, 5))
ASKED, REACHED = bytes((8, 8, 8, 8)), bytes((9, 9, 9, 9))
QUERY = FlowTuple(DEVICE, ASKED, 17, 4000, 53)


def raw(side: int, flow: FlowTuple) -> bytes:
    """Return a tuple attribute of ctnetlink; ``side``: 1 original, 2 reply."""
    addresses = attribute(1, flow.src) + attribute(2, flow.dst)
    ports = attribute(2, BE16.pack(flow.sport)) + attribute(3, BE16.pack(flow.dport))
    proto = attribute(1, bytes([flow.proto])) + ports
    return attribute(side | NESTED, attribute(1 | NESTED, addresses) + attribute(2 | NESTED, proto))


class Kernel:
    """A connection table with one connection."""

    def __init__(self) -> None:
        self.original = self.reply = QUERY
        self.walks = 0

    def close(self) -> None:
        pass

    def ask(self, kind: int, family: int, body: bytes) -> list[bytes]:
        entry = raw(1, self.original) + raw(2, self.reply)
        if body not in (raw(1, self.original), raw(2, self.reply)):
            raise OSError(errno.ENOENT, "no such connection")
        return [entry]

    def dump(self, kind: int, family: int, body: bytes) -> Iterator[memoryview]:
        self.walks += 1
        yield memoryview(raw(1, self.original) + raw(2, self.reply))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(conntrack, "Netlink", lambda: made)
    return made


def test_a_masqueraded_query_is_found_without_a_walk(kernel: Kernel) -> None:
    kernel.reply = FlowTuple(ASKED, ROUTER, 17, 53, 61000)
    table = Conntrack()
    for _ in range(100):
        entry = table.behind(QUERY)
        assert entry is not None
        assert entry.original == QUERY
    assert kernel.walks == 0


def test_each_query_with_both_addresses_translated_is_found(kernel: Kernel) -> None:
    kernel.reply = FlowTuple(REACHED, ROUTER, 17, 53, 61000)
    table, reached = Conntrack(), FlowTuple(DEVICE, REACHED, 17, 4000, 53)
    for _ in range(3):
        entry = table.behind(reached)
        assert entry is not None
        assert entry.original == QUERY


def test_a_connection_from_the_same_port_to_elsewhere_is_another(kernel: Kernel) -> None:
    """Its destination was translated: the packet goes to the address that it had before."""
    kernel.reply = FlowTuple(REACHED, ROUTER, 17, 53, 61000)
    assert Conntrack().behind(QUERY) is None

"""Limits of the proxy for DNS over TCP: real connections, redirected by a stand-in for the kernel's table."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path as FilePath

import pytest

from gateway.core.loop import Loop
from gateway.dataplane.dns_proxy import MAX_PER_DEVICE, MAX_PER_GUEST, DnsProxy
from gateway.household.members import EVERYONE, Family
from gateway.household.rule_book import RuleBook
from gateway.kernel.conntrack import Conntrack, ConntrackEntry, FlowTuple
from gateway.kernel.marks import MarkLayout
from gateway.path.addresses import AddressBook, ServiceBook
from gateway.path.dns import PORT
from gateway.store.store import Store
from tests.household.household_files import DAUGHTER, write
from tests.path.asked import AT, RESOLVER, Path

TABLET = "02:00:00:00:00:0a"
FIRST, SECOND = "127.0.0.2", "127.0.0.3"


class Redirected(Conntrack):
    """Each connection was to a resolver, and is of a device with the number ``slot``."""

    def __init__(self) -> None:
        self.slot = EVERYONE

    def answered_by(self, reply: FlowTuple) -> ConntrackEntry:
        original = FlowTuple(reply.dst, RESOLVER, reply.proto, reply.dport, PORT)
        mark = self.slot << MarkLayout().slot_shift
        return ConntrackEntry(original, reply, mark, 0, None, None, b"")


class Proxy:
    def __init__(self, things: ExitStack, folder: FilePath) -> None:
        rules = RuleBook(write(folder, {"daughter": {**DAUGHTER, "devices": [TABLET]}}))
        store = Store(folder / "qalqan.db")
        things.callback(store.close)
        self.family = Family(
            store, AddressBook(), ServiceBook(lambda _: (), lambda: 0.0), lambda: 0.0, lambda *_: 1
        )
        self.family.rebuild(rules.household, rules.world, rules.calendar, datetime.now(UTC))
        self.loop = Loop()
        things.callback(self.loop.close)
        self.kernel = Redirected()
        self.proxy = DnsProxy(
            self.loop, Path().dns, self.family.subjects, self.kernel, MarkLayout(), lambda: AT
        )
        things.callback(self.proxy.close)
        self.things = things

    def connect(self, address: str, times: int) -> int:
        """Connect from a device's address; return how many of these connections the proxy keeps."""
        before = len(self.proxy)
        for _ in range(times):
            sock = self.things.enter_context(socket.socket())
            sock.bind((address, 0))
            sock.connect(("127.0.0.1", self.proxy.port))
            self.loop.run_once(1.0)
        return len(self.proxy) - before


@pytest.fixture
def proxy(tmp_path: FilePath) -> Iterator[Proxy]:
    with ExitStack() as things:
        yield Proxy(things, tmp_path)


@pytest.mark.parametrize(
    ("slot_of", "most", "others"),
    [
        pytest.param(lambda _: EVERYONE, MAX_PER_DEVICE, 1, id="unfiltered"),
        pytest.param(lambda family: family.unknown, MAX_PER_GUEST, 1, id="guests"),
        pytest.param(lambda family: family.slot_of(TABLET), MAX_PER_DEVICE, 0, id="one child's device"),
    ],
)
def test_no_address_takes_the_connections_of_another_device(
    proxy: Proxy, slot_of: Callable[[Family], int], most: int, others: int
) -> None:
    """``others``: connections that are left for another address of the same slot."""
    proxy.kernel.slot = slot_of(proxy.family)
    assert proxy.connect(FIRST, MAX_PER_DEVICE + 4) == most
    assert proxy.connect(SECOND, 1) == others

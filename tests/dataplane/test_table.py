"""The table's totals on a real router: nothing that passed is lost, whatever becomes of the elements."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gateway.core.loop import Loop
from gateway.dataplane.handover import HandedOver
from gateway.dataplane.kernel_table import MANY, REPAIR_DELAY, KernelTable
from gateway.kernel.marks import CUT, FlowState, verdict_byte
from gateway.kernel.nft import Nft
from gateway.kernel.snapshot import Offload, PassElement, Slot, Snapshot
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.wire.ip.packet import TCP
from tests.kernel.home import CHILD_MAC, SITE4, Home, receive
from tests.kernel.listener import Listener
from tests.pace import longest

pytestmark = pytest.mark.lab

SLOT, CLASS = 3, 9
ELEMENT = PassElement(SLOT, CLASS, 60)
BARE = Snapshot(lan=("br-lan",), slots=(Slot(SLOT, (CHILD_MAC,), closed=True),), passes=(ELEMENT,))
PIECE = 100_000


class Stream:
    """A connection through the router that passes in one class, and what the router counted of it."""

    def __init__(self, home: Home, table: KernelTable) -> None:
        server = home.internet.open(socket.AF_INET, socket.SOCK_STREAM)
        server.bind((SITE4, 443))
        server.listen()
        self.client = home.child.open(socket.AF_INET, socket.SOCK_STREAM)
        self.client.connect((SITE4, 443))
        self.peer = home.internet.accept(server)
        self.client.send(b"hello")
        self.peer.recv(100)
        self._table = table
        self.before = self.counted() - table.used().get((SLOT, CLASS), 0)

    def move(self) -> None:
        self.peer.sendall(b"x" * PIECE)
        assert len(receive(self.client, PIECE)) == PIECE

    def counted(self) -> int:
        """What the kernel counted of this connection, by itself."""
        (entry,) = [one for one in self._table.conntrack.entries() if one.original.dport == 443]
        assert entry.counters is not None
        return sum(side.bytes for side in entry.counters)

    @property
    def missing(self) -> int:
        return self.counted() - self.before - self._table.used()[SLOT, CLASS]


@pytest.fixture
def router(home: Home) -> Iterator[Callable[[], KernelTable]]:
    made: list[KernelTable] = []

    def begin() -> KernelTable:
        with home.router.inside():
            table = KernelTable(Loop(), BARE, dict)
            table.install(BARE)
            table.start_alive()
        made.append(table)
        return table

    yield begin
    with home.router.inside():
        for table in made:
            table.close()


@pytest.fixture
def table(home: Home, router: Callable[[], KernelTable]) -> Iterator[KernelTable]:
    made = router()
    home.expect_tracking()
    byte = verdict_byte(FlowState.PASSES, CLASS)
    listener = Listener(home.router, BARE.queue_base, lambda seen: byte, BARE.layout)
    yield made
    listener.close()


def test_renewals_lose_not_one_packet(home: Home, table: KernelTable) -> None:
    stream = Stream(home, table)
    with home.router.inside():
        for turn in range(40):
            stream.peer.sendall(b"x" * PIECE)  # under way while the element is replaced
            table.renew([ELEMENT])
            assert len(receive(stream.client, PIECE)) == PIECE
            if turn % 3 == 0:
                table.used()
        assert stream.missing == 0
        assert table.used()[SLOT, CLASS] > 40 * PIECE


def test_no_packet_of_a_connection_that_continues_misses_the_rules_of_the_next_daemon(
    home: Home, table: KernelTable
) -> None:
    stream = Stream(home, table)
    (entry,) = [entry for entry in table.conntrack.entries() if entry.original.dport == 443]
    sent, layout, live = entry.original, BARE.layout, LiveFlows()
    live.put(FlowId(SLOT, TCP, sent.src, sent.sport, sent.dst, sent.dport), LiveFlow((), CLASS, asks=False))
    ended = threading.Event()
    with ThreadPoolExecutor(2) as threads, home.router.inside():
        sender = threads.submit(_send_until, ended, stream.peer)
        reader = threads.submit(_read_until_end, stream.client)
        for _ in range(20):
            following = KernelTable(Loop(), BARE, lambda: {sent.src: SLOT}, stays=True)
            following.install(BARE, HandedOver(layout, live))
            following.start_alive()
            following.close()
        ended.set()
        assert reader.result() == sender.result()


def _send_until(ended: threading.Event, connection: socket.socket) -> int:
    """Send small pieces, so that many acknowledgements pass the rules; return how many bytes were sent."""
    sent = 0
    while not ended.is_set():
        connection.sendall(b"x" * 1000)
        sent += 1000
    connection.shutdown(socket.SHUT_WR)
    return sent


def _read_until_end(connection: socket.socket) -> int:
    received = 0
    while data := connection.recv(1000):
        received += len(data)
    return received


def test_updates_and_mends_lose_nothing(home: Home, table: KernelTable) -> None:
    stream = Stream(home, table)
    with home.router.inside():
        stream.move()
        table.update(replace(table.snapshot, passes=(replace(ELEMENT, lease=30),)))
        stream.move()
        table.update(replace(table.snapshot, dns_for_everyone=True, passes=(ELEMENT,)))
        stream.move()
        many = tuple(PassElement(SLOT, number, 60) for number in range(1, 64))
        table.update(replace(table.snapshot, passes=many))
        stream.move()
        table._repair()
        stream.move()
        before = table.used()[SLOT, CLASS]
        assert stream.missing == 0
        nft = Nft()
        nft.apply("flush ruleset")  # with it goes what nobody read, and no more
        nft.close()
        assert table.used()[SLOT, CLASS] == before
        table._repair()
        assert table.used()[SLOT, CLASS] == before


@pytest.mark.parametrize(
    "reads",
    [
        lambda table: table.used(),
        lambda table: table.start_alive(),
        lambda table: table.renew([ELEMENT]),
        lambda table: table.update(replace(table.snapshot, passes=())),
    ],
    ids=["used", "alive", "renew", "update"],
)
def test_damage_is_mended_though_something_else_read_of_it(
    home: Home, table: KernelTable, reads: Callable[[KernelTable], object]
) -> None:
    """A timer may run before the loop looks at the watch; then nothing more comes to wake it."""
    with home.router.inside():
        nft = Nft()
        nft.apply("flush chain inet qalqan ask")
        nft.close()
        reads(table)
        deadline = time.monotonic() + longest(1.0)
        while not table.repairs:
            table._loop.run_once(REPAIR_DELAY)
            assert time.monotonic() < deadline
        for _ in range(5):
            table._loop.run_once(REPAIR_DELAY)
    assert table.repairs == 1, "its own repair needs no repair"


def test_so_many_elements_that_the_kernel_cannot_tell_of_all(home: Home, table: KernelTable) -> None:
    slots = tuple(Slot(number, (), closed=True) for number in range(4, 31))
    others = tuple(PassElement(slot.number, number, 60) for slot in slots for number in range(1, 64))
    assert len(others) > 3 * MANY
    stream = Stream(home, table)
    with home.router.inside():
        table.update(replace(table.snapshot, slots=(*BARE.slots, *slots), passes=(ELEMENT, *others)))
        stream.move()
        table.renew(table.snapshot.passes)
        stream.move()
        assert stream.missing == 0


def test_what_a_killed_daemons_table_had_counted_is_known(
    home: Home, table: KernelTable, router: Callable[[], KernelTable]
) -> None:
    stream = Stream(home, table)
    stream.move()
    with home.router.inside():
        counted = table.used()[SLOT, CLASS]
    again = router()
    assert again.found[SLOT, CLASS] == counted
    with home.router.inside():
        assert again.used() == {}


@pytest.mark.parametrize("heir", [7, 0])
def test_what_a_slot_ran_is_its_heir_s_and_begins_anew(home: Home, table: KernelTable, heir: int) -> None:
    stream = Stream(home, table)
    with home.router.inside():
        table.hand_over(SLOT, heir)
        layout = table.snapshot.layout
        assert not list(table.conntrack.of_slot(layout, SLOT))
        (entry,) = [one for one in table.conntrack.entries() if one.original.dport == 443]
    wanted = layout.ct_mark(heir, CUT) if heir else 0
    assert entry.mark & layout.ct_ours == wanted
    stream.client.close()  # it was there until now


@pytest.mark.parametrize("hardware", [False, True])
def test_a_flow_tables_device_that_is_gone_keeps_nothing_else_from_being_loaded(
    home: Home, hardware: bool
) -> None:
    gone = Offload(("gone0",), hardware)
    with home.router.inside():
        table = KernelTable(Loop(), BARE, dict)
        table.install(replace(BARE, offload=gone))
        assert table.snapshot.offload is None
        table.start_alive()
        table.update(replace(table.snapshot, offload=gone, dns_for_everyone=True))
        table._repair()  # refused as well, and told
        assert table.snapshot.offload is None
        table._repair()
        listed = home.router.run("nft", "list", "table", "inet", "qalqan")
        table.close()
    assert "chain plainquestion" in listed
    assert "flowtable" not in listed

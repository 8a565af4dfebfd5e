from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.core.errors import KernelError
from gateway.kernel.marks import FlowState, MarkLayout, valid_slot, verdict_byte
from gateway.kernel.nft import Nft
from gateway.kernel.ruleset.table import render, render_passes
from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from gateway.kernel.usage import ClassTraffic, PassCounters, Totals
from gateway.kernel.watch import TableWatch
from tests.kernel.conftest import Gateway
from tests.kernel.home import CHILD_MAC, SITE4, Home, Namespace, receive

pytestmark = pytest.mark.lab

SLOTS = tuple(Slot(number, (), closed=True) for number in range(1, 51))
EVERYTHING = Snapshot(
    lan=("br-lan",),
    slots=SLOTS,
    native=False,
    passes=tuple(PassElement(slot.number, number, lease=90) for slot in SLOTS for number in range(1, 64)),
)


@pytest.fixture
def nft(namespace: Namespace) -> Iterator[Nft]:
    made = Nft()
    yield made
    made.close()


@pytest.mark.parametrize(
    "layout",
    [MarkLayout(), MarkLayout(packet=0xFF000000, ct=0x0000FF00, slot=0x000000FF)],
    ids=["usual", "other"],
)
def test_every_class_of_every_slot_is_read(nft: Nft, layout: MarkLayout) -> None:
    assert all(valid_slot(slot.number) for slot in SLOTS)
    nft.apply(render(replace(EVERYTHING, layout=layout)))
    counters = PassCounters(layout)
    found = counters.read()
    counters.close()
    assert found.keys() == {(element.slot, element.class_number) for element in EVERYTHING.passes}
    assert all(usage.expires is not None and 80 < usage.expires <= 90 for usage in found.values())


def test_both_elements_of_a_class_count_together_and_a_renewal_begins_anew(nft: Nft) -> None:
    snapshot = replace(EVERYTHING, passes=(PassElement(1, 1),))
    nft.apply(render(replace(snapshot, passes=())))
    nft.apply(
        "add element inet qalqan pass { 0x00010005 counter packets 3 bytes 300 : accept,"
        " 0x00010007 counter packets 4 bytes 5000000000 timeout 60s : accept }"
    )
    counters = PassCounters(snapshot.layout)
    usage = counters.read()[1, 1]
    assert (usage.packets, usage.bytes) == (7, 5_000_000_300)
    assert usage.expires is not None
    assert 55 < usage.expires <= 60
    nft.apply(render_passes(snapshot, removed=snapshot.passes, added=snapshot.passes))
    assert counters.read() == {(1, 1): ClassTraffic(0, 0, None)}
    counters.close()


def test_missing_table_is_one_clear_line(namespace: Namespace) -> None:
    counters = PassCounters(MarkLayout())
    with pytest.raises(KernelError, match="the table is not loaded"):
        counters.read()
    counters.close()


@pytest.mark.parametrize(("state", "class_number"), [(FlowState.PASSES, 9), (FlowState.ASKS, 9)])
def test_real_traffic_of_both_directions_is_counted(
    gateway: Gateway, home: Home, blank: Snapshot, state: FlowState, class_number: int
) -> None:
    gateway.load(
        replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=True),), passes=(PassElement(3, class_number),))
    )
    gateway.listen(lambda seen: verdict_byte(state, class_number))
    server = home.internet.open(socket.AF_INET, socket.SOCK_STREAM)
    server.bind((SITE4, 443))
    server.listen()
    client = home.child.open(socket.AF_INET, socket.SOCK_STREAM)
    client.connect((SITE4, 443))
    peer = home.internet.accept(server)
    client.send(b"hello")
    peer.recv(100)
    peer.sendall(b"x" * 100_000)
    receive(client, 100_000)
    client.sendall(b"y" * 50_000)
    receive(peer, 50_000)
    with home.router.inside():
        counters = PassCounters(blank.layout)
    usage = counters.read()[3, class_number]
    counters.close()
    assert 150_000 < usage.bytes < 170_000
    assert usage.packets > 2


@pytest.fixture
def totals(nft: Nft) -> Iterator[tuple[Totals, TableWatch]]:
    """One class of one slot, which has used 300 bytes."""
    nft.apply(render(replace(EVERYTHING, passes=())))
    counters = PassCounters(EVERYTHING.layout)
    made = Totals(counters)
    watch = TableWatch(frozenset({("inet", "qalqan")}), made.ended)
    nft.apply("add element inet qalqan pass { 0x00010005 counter packets 3 bytes 300 : accept }")
    yield made, watch
    watch.close()
    counters.close()


@pytest.mark.parametrize("read_before", [True, False])
def test_what_was_counted_between_a_reading_and_a_renewal_is_kept(
    nft: Nft, totals: tuple[Totals, TableWatch], read_before: bool
) -> None:
    total, watch = totals
    if read_before:
        assert total.read() == {(1, 1): 300}
    with watch.ours():
        nft.apply(render_passes(EVERYTHING, removed=[PassElement(1, 1)], added=[PassElement(1, 1, 90)]))
    assert total.read() == {(1, 1): 300}
    nft.apply("add element inet qalqan pass { 0x00010007 counter packets 1 bytes 50 : accept }")
    nft.apply(render_passes(EVERYTHING, removed=[PassElement(1, 1)], added=[]))
    watch.catch_up()
    assert total.read() == {(1, 1): 300}, "the element was there already, and counted nothing"


def test_totals_never_fall_when_something_else_takes_the_table_away(
    nft: Nft, totals: tuple[Totals, TableWatch]
) -> None:
    total, watch = totals
    assert total.read() == {(1, 1): 300}
    nft.apply("flush ruleset")
    nft.apply(render(replace(EVERYTHING, passes=())))
    nft.apply("add element inet qalqan pass { 0x00010005 counter packets 9 bytes 400 : accept }")
    watch.catch_up()
    assert total.read() == {(1, 1): 700}
    nft.apply("flush map inet qalqan pass")
    watch.catch_up()
    assert total.read() == {(1, 1): 700}
    assert watch.changed()

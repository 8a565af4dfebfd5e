"""The connection table of a real router, with connections of both families through it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import TCP_ESTABLISHED, Conntrack, FlowTuple
from gateway.kernel.marks import FlowState, MarkLayout, verdict_byte
from gateway.kernel.snapshot import Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    CHILD4,
    CHILD6,
    CHILD_MAC,
    OTHER_MAC,
    ROUTER4,
    ROUTER6,
    SECOND4,
    SECOND6,
    SITE4,
    SITE6,
    Home,
    Namespace,
    receive,
)

pytestmark = pytest.mark.lab

LAYOUT = MarkLayout()
FOREIGN = 0x5000_3F00  # bits of others, which must survive everything


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


@pytest.fixture
def table(gateway: Gateway, home: Home, blank: Snapshot) -> Iterator[Conntrack]:
    """Both devices have a slot, and every connection carries bits of others."""
    slots = (Slot(3, (CHILD_MAC,), closed=False), Slot(5, (OTHER_MAC,), closed=False))
    home.router.run(
        "nft",
        "add table inet others; add chain inet others tag { type filter hook prerouting priority -170; };"
        f"add rule inet others tag ct mark set ct mark or {FOREIGN:#x}",
    )
    gateway.load(replace(blank, slots=slots), alive=0)
    with home.router.inside():
        conntrack = Conntrack()
    yield conntrack
    conntrack.close()


def udp(device: Namespace, site: str, port: int = 9, source: int = 0) -> None:
    with device.open(socket.AF_INET6 if ":" in site else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        if source:
            sender.bind(("", source))
        sender.sendto(b"x" * 72, (site, port))


def test_connections_are_listed_with_all_that_is_known(table: Conntrack, home: Home) -> None:
    for site, device in ((SITE4, CHILD4), (SITE6, CHILD6)):
        family = socket.AF_INET6 if ":" in site else socket.AF_INET
        server = home.internet.open(family, socket.SOCK_STREAM)
        server.bind((site, 443))
        server.listen()
        client = home.child.open(family, socket.SOCK_STREAM)
        client.connect((site, 443))
        peer = home.internet.accept(server)
        peer.send(b"x" * 1000)
        receive(client, 1000)
        entry = next(e for e in table.entries() if e.original.dst == packed(site) and e.original.proto == 6)
        port = client.getsockname()[1]
        assert entry.original == FlowTuple(packed(device), packed(site), 6, port, 443)
        assert entry.reply == FlowTuple(packed(site), packed(device), 6, 443, port)
        assert entry.tcp_state == TCP_ESTABLISHED
        assert entry.mark == FOREIGN | LAYOUT.ct_mark(3)
        assert entry.counters is not None
        assert entry.counters[1].bytes > 1000


def test_list_is_narrowed_to_a_slot(table: Conntrack, home: Home) -> None:
    udp(home.child, SITE4)
    udp(home.other, SITE6)
    assert [e.original.dst for e in table.of_slot(LAYOUT, 3)] == [packed(SITE4)]
    assert [e.original.dst for e in table.of_slot(LAYOUT, 5)] == [packed(SITE6)]
    assert list(table.of_slot(LAYOUT, 7)) == []


def test_mark_is_set_under_its_mask_alone(table: Conntrack, home: Home) -> None:
    udp(home.child, SITE4)
    udp(home.other, SITE4)
    refused = LAYOUT.ct_mark(3, verdict_byte(FlowState.REFUSED))
    assert table.set_mark(table.of_slot(LAYOUT, 3), refused, LAYOUT.ct_ours) == 1
    marks = sorted(e.mark for e in table.entries() if e.original.proto == 17)
    assert marks == [FOREIGN | refused, FOREIGN | LAYOUT.ct_mark(5)]


def test_our_bits_are_cleared_everywhere_and_others_kept(table: Conntrack, home: Home) -> None:
    for port in range(1, 301):
        udp(home.child, SITE4, port)
        udp(home.other, SITE6, port)
    assert table.clear(LAYOUT, slot=5) == 300
    assert table.clear(LAYOUT) == 300
    assert table.clear(LAYOUT) == 0
    assert {e.mark for e in table.entries() if e.original.proto == 17} == {FOREIGN}


def test_entries_that_ended_meanwhile_are_not_counted(table: Conntrack, home: Home) -> None:
    udp(home.child, SITE4)
    udp(home.child, SITE6)
    listed = list(table.of_slot(LAYOUT, 3))
    assert table.delete(listed[:1]) == 1
    assert table.delete(listed) == 1
    assert table.set_mark(listed, 0, LAYOUT.ct_ours) == 0
    assert list(table.of_slot(LAYOUT, 3)) == []


def test_one_connection_is_found_by_how_it_began(table: Conntrack, home: Home) -> None:
    udp(home.child, SITE6, port=99, source=4000)
    entry = table.find(FlowTuple(packed(CHILD6), packed(SITE6), 17, 4000, 99))
    assert entry is not None
    assert LAYOUT.ct_slot(entry.mark) == 3
    assert table.find(FlowTuple(packed(CHILD6), packed(SITE6), 17, 4000, 98)) is None
    assert table.find(FlowTuple(packed(CHILD4), packed(SITE4), 17, 4000, 99)) is None


@pytest.mark.parametrize("site", [SITE4, SITE6], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize(
    ("rules", "to"),
    [
        ((), ("", 99)),
        (("away udp dport 99 redirect to :1099",), ("router", 1099)),
        (
            ("away udp dport 99 dnat ip to 198.51.100.2", "away udp dport 99 dnat ip6 to 2001:db8:1::2"),
            ("second", 99),
        ),
        (
            (
                "away udp dport 99 dnat ip to 198.51.100.2",
                "away udp dport 99 dnat ip6 to 2001:db8:1::2",
                "out masquerade",
            ),
            ("second", 99),
        ),
    ],
    ids=["straight", "redirect", "dnat", "dnat and masquerade"],
)
def test_a_translated_packet_leads_to_its_connection(
    table: Conntrack, home: Home, site: str, rules: tuple[str, ...], to: tuple[str, int]
) -> None:
    home.router.run(
        "nft",
        "add chain inet others away { type nat hook prerouting priority -100; };"
        "add chain inet others out { type nat hook postrouting priority 100; };"
        + ";".join(f"add rule inet others {rule}" for rule in rules),
    )
    version = 0 if site == SITE4 else 1
    for source in (4000, 4001):
        udp(home.child, site, port=99, source=source)
    reached = {"": site, "router": (ROUTER4, ROUTER6)[version], "second": (SECOND4, SECOND6)[version]}[to[0]]
    client = packed((CHILD4, CHILD6)[version])
    entry = table.behind(FlowTuple(client, packed(reached), 17, 4001, to[1]))
    assert entry is not None
    assert entry.original == FlowTuple(client, packed(site), 17, 4001, 99)
    assert table.behind(FlowTuple(client, packed(reached), 17, 4002, to[1])) is None


@pytest.mark.parametrize("length", [3, 300])
def test_unread_list_does_not_spoil_the_next(table: Conntrack, home: Home, length: int) -> None:
    for port in range(1, length + 1):
        udp(home.child, SITE4, port)
    next(table.entries())
    assert len(list(table.of_slot(LAYOUT, 3))) == length


def test_connections_of_addresses(table: Conntrack, home: Home) -> None:
    """Those that an end of these began or answers, and no others."""
    for device in (home.child, home.other):
        for site in (SITE4, SITE6):
            udp(device, site)
    of_child = {packed(CHILD4), packed(CHILD6)}
    found = list(table.of_addresses(of_child))
    assert {one.original.src for one in found} == of_child
    assert {one.original.dst for one in found if one.original.dport == 9} == {packed(SITE4), packed(SITE6)}
    answering = {one.original.src for one in table.of_addresses({packed(SITE4)})}
    assert len(answering) == 2
    assert packed(CHILD4) in answering
    assert list(table.of_addresses({packed("192.0.2.1")})) == []


def test_one_connection_is_found_by_its_replies(table: Conntrack, home: Home) -> None:
    udp(home.child, SITE6, port=99, source=4000)
    entry = table.answered_by(FlowTuple(packed(SITE6), packed(CHILD6), 17, 99, 4000))
    assert entry is not None
    assert entry.original == FlowTuple(packed(CHILD6), packed(SITE6), 17, 4000, 99)
    assert table.answered_by(FlowTuple(packed(SITE6), packed(CHILD6), 17, 99, 4001)) is None

"""What single connections through a real router moved, by slot and class."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.errors import KernelError
from gateway.kernel import conntrack
from gateway.kernel.conntrack import FlowBytes, Moved, enable_accounting
from gateway.kernel.marks import FlowState, verdict_byte
from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    CHILD4,
    CHILD6,
    CHILD_MAC,
    OTHER4,
    OTHER_MAC,
    SITE4,
    SITE6,
    Home,
    Namespace,
    receive,
)

pytestmark = pytest.mark.lab
CLASS = 9


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


@pytest.fixture
def looks(gateway: Gateway, home: Home, blank: Snapshot) -> Iterator[FlowBytes]:
    slots = (Slot(3, (CHILD_MAC,), closed=True), Slot(5, (OTHER_MAC,), closed=True))
    passes = (PassElement(3, CLASS), PassElement(5, CLASS))
    gateway.load(replace(blank, slots=slots, passes=passes))
    gateway.listen(lambda seen: verdict_byte(FlowState.PASSES, CLASS))
    with home.router.inside():
        made = FlowBytes(blank.layout)
    yield made
    made.close()


def connect(home: Home, device: Namespace, site: str, port: int) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in site else socket.AF_INET
    server = home.internet.open(family, socket.SOCK_STREAM)
    server.bind((site, port))
    server.listen()
    client = device.open(family, socket.SOCK_STREAM)
    client.connect((site, port))
    peer = home.internet.accept(server)
    client.send(b"hello")
    peer.recv(100)
    return client, peer


def send(size: int, client: socket.socket, peer: socket.socket) -> None:
    peer.sendall(b"x" * size)
    assert len(receive(client, size)) == size


def moved(looks: FlowBytes, slots: Collection[int]) -> list[Moved]:
    return [flow for part in looks.moved(slots) for flow in part]


@pytest.mark.parametrize(("site", "device"), [(SITE4, CHILD4), (SITE6, CHILD6)], ids=["IPv4", "IPv6"])
def test_bytes_since_the_last_look(home: Home, looks: FlowBytes, site: str, device: str) -> None:
    client, peer = connect(home, home.child, site, 443)
    send(20_000, client, peer)
    (one,) = moved(looks, [3])
    assert 20_000 < one.bytes < 25_000
    assert moved(looks, [3]) == []
    send(50_000, client, peer)
    (one,) = moved(looks, [3, 5])
    assert (one.slot, one.class_number) == (3, CLASS)
    assert 50_000 < one.bytes < 60_000
    flow = (3, 6, packed(device), client.getsockname()[1], packed(site), 443)
    assert one.flows[0] == flow
    assert flow in [every for part in looks.all_flows() for every in part]
    other, other_peer = connect(home, home.child, site, 444)
    send(1_000, other, other_peer)
    (new,) = moved(looks, [3])
    assert new.flows[0][5] == 444
    assert new.bytes > 1_000


def test_one_walk_serves_many_slots(home: Home, looks: FlowBytes) -> None:
    many = range(1, 9)
    assert moved(looks, many) == []
    for device, port in ((home.child, 443), (home.other, 444)):
        send(30_000, *connect(home, device, SITE4, port))
    found = moved(looks, many)
    assert sorted((one.slot, one.flows[0][2]) for one in found) == [(3, packed(CHILD4)), (5, packed(OTHER4))]
    assert moved(looks, many) == []


def test_a_kernel_that_counts_no_connections_says_nothing(home: Home, looks: FlowBytes) -> None:
    home.router.sysctl("netfilter/nf_conntrack_acct", 0)
    moved(looks, [3])
    send(30_000, *connect(home, home.child, SITE4, 443))
    assert moved(looks, [3]) == []
    with home.router.inside():
        assert enable_accounting()
        assert not enable_accounting()
    send(30_000, *connect(home, home.child, SITE4, 444))
    assert [one.flows[0][5] for one in moved(looks, [3])] == [444]


def test_no_connection_tracking_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(conntrack, "ACCOUNTING", tmp_path / "nf_conntrack_acct")
    with pytest.raises(KernelError, match=r"set net\.netfilter\.nf_conntrack_acct=1"):
        enable_accounting()

"""Whose a connection is, where the MAC address of its packets says another device than their IP address."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from gateway.kernel.ruleset.table import render_owners
from gateway.kernel.snapshot import Owner, Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import CHILD4, CHILD6, CHILD_MAC, LAN, OTHER_MAC, Home
from tests.kernel.listener import HOLD
from tests.kernel.talks import REFUSED, SITES

pytestmark = pytest.mark.lab

KINDS = pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
UNKNOWN_MAC = "02:00:00:00:00:0f"
OWNERS = (Owner(LAN, CHILD4, 3), Owner(LAN, CHILD6, 3))

BORROW = """
table inet borrow {{
  chain first {{ type filter hook output priority 0; ct state new meta mark set 0x7; }}
}}
table netdev borrow {{
  chain out {{ type filter hook egress device "eth0" priority 0; meta mark 0x7 ether saddr set {mac}; }}
}}
"""


@pytest.fixture
def family(blank: Snapshot) -> Snapshot:
    """The child's device in slot 3; the other one is a parent's."""
    return replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=True),), plain=(OTHER_MAC,), owners=OWNERS)


def borrow(home: Home, mac: str) -> None:
    """The first packet of whatever the child's device begins has this MAC address from now on."""
    home.child.run("nft", "-f", "-", text=BORROW.format(mac=mac))


def asked(gateway: Gateway, home: Home, site: str, kind: int) -> list[int]:
    """Slots for which the queue was asked about a hello to ``site``."""
    listener = gateway.listen(lambda seen: HOLD)
    with home.internet.open(socket.AF_INET6 if ":" in site else socket.AF_INET, kind) as server:
        server.bind((site, 443))
        if kind == socket.SOCK_STREAM:
            server.listen()
        with home.child.open(server.family, kind) as client:
            client.connect((site, 443))
            client.send(b"hello")
            peer = home.internet.accept(server) if kind == socket.SOCK_STREAM else server
            assert peer.recv(100) == b"hello"
    return [seen.slot for seen in listener.seen]


@KINDS
@SITES
def test_a_first_packet_with_an_unfiltered_mac(
    gateway: Gateway, home: Home, family: Snapshot, site: str, kind: int
) -> None:
    borrow(home, OTHER_MAC)
    gateway.load(family)
    assert asked(gateway, home, site, kind) == [3]


@SITES
def test_without_an_owner_the_mac_counts(gateway: Gateway, home: Home, family: Snapshot, site: str) -> None:
    """Also where the address is another interface's."""
    borrow(home, OTHER_MAC)
    elsewhere = tuple(one._replace(interface="br-two") for one in OWNERS)
    gateway.load(replace(family, lan=(LAN, "br-two"), owners=elsewhere))
    assert asked(gateway, home, site, socket.SOCK_STREAM) == []


@SITES
def test_with_a_brothers_mac(gateway: Gateway, home: Home, family: Snapshot, site: str) -> None:
    borrow(home, OTHER_MAC)
    gateway.load(replace(family, slots=(*family.slots, Slot(5, (OTHER_MAC,), closed=True)), plain=()))
    assert asked(gateway, home, site, socket.SOCK_STREAM) == [3]


@SITES
def test_with_an_invented_mac(gateway: Gateway, home: Home, family: Snapshot, site: str) -> None:
    borrow(home, UNKNOWN_MAC)
    gateway.load(replace(family, slots=(*family.slots, Slot(9, (), closed=True)), guest=9))
    assert asked(gateway, home, site, socket.SOCK_STREAM) == [3]


@SITES
def test_a_change_of_owners_is_for_new_connections(
    gateway: Gateway, home: Home, family: Snapshot, site: str
) -> None:
    borrow(home, OTHER_MAC)
    nobody = replace(family, owners=())
    gateway.load(nobody)
    listener = gateway.listen(lambda seen: REFUSED)
    with home.internet.open(socket.AF_INET6 if ":" in site else socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind((site, 443))
        server.listen()
        running = home.child.open(server.family, socket.SOCK_STREAM)
        running.connect((site, 443))
        peer = home.internet.accept(server)
        for old, new in ((nobody, family), (family, nobody)):
            gateway.apply(render_owners(old, new))
            running.send(b"on")
            assert peer.recv(100) == b"on"
        assert listener.seen == []
        gateway.apply(render_owners(nobody, family))
        again = home.child.open(server.family, socket.SOCK_STREAM)
        again.connect((site, 443))
        again.send(b"hello")
        with pytest.raises(ConnectionResetError):
            again.recv(1)
    assert [seen.slot for seen in listener.seen] == [3]

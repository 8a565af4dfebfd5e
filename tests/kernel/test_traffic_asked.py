"""What is asked about, from which side, and until when."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack
from gateway.kernel.marks import UPLOAD, FlowState
from gateway.kernel.snapshot import PassElement, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    PATIENCE,
    Home,
    receive,
)
from tests.kernel.listener import HOLD, Seen
from tests.kernel.talks import HELP, REFUSED, SITES, asks, converse, family, passes, tcp_client, tcp_server
from tests.pace import until

pytestmark = pytest.mark.lab


def upload(client: socket.socket, peer: socket.socket) -> None:
    """More packets at once than the guard of the undecided lets pass."""
    for _ in range(1500):
        client.send(b"x" * 100)
        assert receive(peer, 100) == b"x" * 100


@SITES
def test_a_reset_stays_behind_what_waits_of_the_answer(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """A server that closes with bytes unread resets the connection, right behind its last words."""
    gateway.load(child)

    def judge(seen: Seen) -> int:
        if b"last words" in seen.data:
            time.sleep(0.1)
        return HOLD

    gateway.listen(judge)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        with home.internet.accept(server) as peer:
            client.send(b"client speaks")
            assert peer.recv(100) == b"client speaks"
            client.send(b"and is not heard")
            assert select.select([peer], [], [], PATIENCE)[0], "it lies there unread"
            peer.send(b"last words")
        assert client.recv(100) == b"last words"
        with pytest.raises(ConnectionResetError):
            client.recv(100)


@SITES
def test_a_port_where_nobody_is_is_not_asked_about(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    with pytest.raises(ConnectionRefusedError):
        tcp_client(home.child, site)
    assert listener.seen == []


@SITES
def test_a_server_reaches_nobody_once_its_connection_is_refused(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """Neither with the packet that it was refused at nor with those behind it in the window."""
    gateway.load(child)
    gateway.listen(lambda seen: REFUSED if b"server speaks" in seen.data else HOLD)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"client speaks")
        assert peer.recv(100) == b"client speaks"
        client.setblocking(False)
        peer.send(b"server speaks" + bytes(20_000))
        time.sleep(0.1)
        with pytest.raises(BlockingIOError):
            client.recv(100)
        client.send(b"and goes on")
        client.settimeout(PATIENCE)
        with pytest.raises(ConnectionResetError):
            client.recv(100)


@SITES
def test_the_lan_side_of_what_asks_is_told_apart(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """And keeps its class, whatever a packet says that comes back from a queue."""
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: asks(1) if b"server speaks" in seen.data else asks(2))
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        converse(client, peer)
    assert [seen.asking for seen in listener.seen] == [False, True, True, True]
    assert {seen.slot for seen in listener.seen} == {3}


@SITES
def test_an_upload_over_plain_http_leaves_room_for_the_rest(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """The guard of the undecided counts none of it."""
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: asks(1) if b"server speaks" in seen.data else HOLD)
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        upload(client, peer)
        assert len(listener.seen) > 1500
        with tcp_client(home.child, site, 80) as other:
            other.send(b"hello")
            assert home.internet.accept(server).recv(100) == b"hello"


@SITES
def test_an_upload_before_any_answer_is_told_apart_too(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: asks(1) if b"server speaks" in seen.data else HOLD)
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        client.send(b"the first word")
        assert receive(peer, 14) == b"the first word"
        with home.router.inside():
            conntrack = Conntrack()
        entries = list(conntrack.of_slot(child.layout, 3))
        assert (
            conntrack.set_mark(entries, child.layout.ct_mark(0, UPLOAD), child.layout.ct) == len(entries) > 0
        )
        upload(client, peer)
        assert [seen.asking for seen in listener.seen] == [False] + [True] * 1500
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        assert {child.layout.ct_verdict(entry.mark) for entry in conntrack.of_slot(child.layout, 3)} == {
            (FlowState.ASKS, 1)
        }
        conntrack.close()


@SITES
def test_a_connection_that_conntrack_has_forgotten_is_reset(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """A client can make it forget: what follows would be read as the start of another."""
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"first half, ")
        assert receive(peer, 12) == b"first half, "
        with home.router.inside():
            conntrack = Conntrack()
        assert conntrack.delete(list(conntrack.of_slot(child.layout, 3))) > 0
        conntrack.close()
        client.send(b"second half")
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    assert len(listener.seen) == 1


@SITES
@pytest.mark.parametrize("byte", [HOLD, passes(1), passes(9), REFUSED, HELP])
def test_no_verdict_comes_back(gateway: Gateway, home: Home, child: Snapshot, site: str, byte: int) -> None:
    """Each packet is asked about once, whatever is said of it."""
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: byte)
    with tcp_server(home, site), tcp_client(home.child, site) as client:
        client.send(b"hello")
    with home.child.open(family(site), socket.SOCK_DGRAM) as sender:
        sender.sendto(b"datagram", (site, 9))
    assert until(lambda: any(seen.data.endswith(b"datagram") for seen in listener.seen), 1.0) is not None
    time.sleep(0.1)
    assert [seen.data[-8:] for seen in listener.seen if seen.data.endswith(b"datagram")] == [b"datagram"]
    hellos = len([seen for seen in listener.seen if seen.data.endswith(b"hello")])
    assert 1 <= hellos < 5  # TCP says it again by itself where it is not acknowledged


@SITES
def test_refused_udp_is_answered_with_an_error(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(child)
    gateway.listen(lambda seen: REFUSED)
    with home.child.open(family(site), socket.SOCK_DGRAM) as client:
        client.connect((site, 443))
        client.send(b"initial")
        with pytest.raises(OSError, match=r"No route to host|Permission denied"):
            client.recv(1)

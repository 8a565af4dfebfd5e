"""What is asked about, from which side, and until when."""

from __future__ import annotations

import select
import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack, ConntrackEntry
from gateway.kernel.marks import UPLOAD, FlowState
from gateway.kernel.ruleset.table import body_elements, render_bodies
from gateway.kernel.snapshot import PassElement, Snapshot
from gateway.wire.ip.packet import parse_ip
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


def tracked(home: Home, child: Snapshot) -> ConntrackEntry:
    """The child's only connection."""
    with home.router.inside():
        conntrack = Conntrack()
    (entry,) = conntrack.of_slot(child.layout, 3)
    conntrack.close()
    return entry


@SITES
def test_a_range_of_an_upload_is_not_queued(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    """Nor is what the server sends, except while it acknowledges numbers of its own range."""
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(
        lambda seen: asks(1) if b"server speaks" in seen.data and not seen.asking else HOLD
    )
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        client.send(b"head")
        assert receive(peer, 4) == b"head"
        packet = parse_ip(listener.seen[-1].data)
        connection, first = tracked(home, child).number, packet.seq + 4 & 0xFFFFFFFF
        gateway.apply(
            render_bodies("bodies", removed=[], added=body_elements(connection, first, 999))
            + render_bodies("answers", removed=[], added=body_elements(connection, first + 500, 600))
        )
        listener.seen.clear()
        for piece in (b"x" * 400, b"y" * 600, b"z" * 100):
            peer.send(b"server speaks")
            assert client.recv(100) == b"server speaks"
            client.send(piece)
            assert receive(peer, len(piece)) == piece
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
    seen = [bytes(parse_ip(seen.data).payload)[:1] for seen in listener.seen]
    assert seen == [b"s", b"z", b"s"]
    assert all(seen.asking for seen in listener.seen)


@SITES
def test_a_range_is_only_of_its_connection(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: asks(1) if b"server speaks" in seen.data else HOLD)
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        number = tracked(home, child).number
        gateway.apply(render_bodies("bodies", removed=[], added=body_elements(number + 1, 0, 1 << 32)))
        client.send(b"client speaks")
        assert receive(peer, 13) == b"client speaks"
    assert listener.seen[-1].data.endswith(b"client speaks")


@SITES
def test_an_acknowledgement_before_the_first_answer_is_queued(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """Of the numbers in its range."""
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: HOLD)
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        client.send(b"head")
        assert receive(peer, 4) == b"head"
        entry = tracked(home, child)
        with home.router.inside():
            conntrack = Conntrack()
        assert conntrack.set_mark([entry], child.layout.ct_mark(0, UPLOAD), child.layout.ct) == 1
        conntrack.close()
        after = parse_ip(listener.seen[-1].data).seq + 8 & 0xFFFFFFFF
        elements = body_elements(entry.number, after, 0)
        gateway.apply(render_bodies("answers", removed=[], added=elements))
        listener.seen.clear()
        for _ in range(3):
            client.send(b"body")
            assert receive(peer, 4) == b"body"
            time.sleep(0.1)  # a delayed acknowledgement
    found = [parse_ip(seen.data) for seen in listener.seen]
    assert [packet.ack for packet in found if not packet.payload] == [after]
    assert len([packet for packet in found if packet.payload]) == 3


@pytest.mark.parametrize(
    ("first", "count", "ranges"),
    [
        (0, 0, ["0-0"]),
        (10, 5, ["10-15"]),
        (0xFFFFFFFE, 1, ["4294967294-4294967295"]),
        (0xFFFFFFFE, 3, ["4294967294-4294967295", "0-1"]),
        (7, 0xFFFFFFFF, ["0-4294967295"]),
    ],
)
def test_ranges_of_numbers(first: int, count: int, ranges: list[str]) -> None:
    assert body_elements(9, first, count) == [f"9 . {found}" for found in ranges]


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

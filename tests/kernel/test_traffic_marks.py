"""Marks of connections and packets: ours, and those of other programs."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack
from gateway.kernel.marks import FlowState
from gateway.kernel.ruleset.table import render_passes
from gateway.kernel.snapshot import PassElement, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    CHILD4,
    CHILD6,
    SITE4,
    Home,
)
from tests.kernel.listener import HOLD
from tests.kernel.talks import FORWARD, REFUSED, SITES, asks, converse, family, passes, tcp_client, tcp_server
from tests.pace import longest, until

pytestmark = pytest.mark.lab


def udp_server(home: Home, site: str, port: int = 443) -> socket.socket:
    server = home.internet.open(family(site), socket.SOCK_DGRAM)
    server.bind((site, port))
    return server


def download(client: socket.socket) -> None:
    """Read, and ask for more, until the connection ends."""
    while client.recv(100):
        client.send(b"next")


@SITES
def test_a_connection_from_outside_gets_the_slot_of_its_device(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """With its device's first packet; what comes from outside then is asked about."""
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: HOLD)
    inside = CHILD4 if site == SITE4 else CHILD6
    with home.child.open(family(site), socket.SOCK_STREAM) as server:
        server.bind((inside, 2222))
        server.listen()
        with home.internet.open(family(site), socket.SOCK_STREAM) as caller:
            caller.connect((inside, 2222))
            peer = home.child.accept(server)
            caller.send(b"from outside")
            assert peer.recv(100) == b"from outside"
            peer.send(b"from inside")
            assert caller.recv(100) == b"from inside"
    said = [(seen.slot, seen.hook) for seen in listener.seen]
    assert said == [(3, FORWARD)] * 2
    assert [seen.data.rpartition(b"from ")[2] for seen in listener.seen] == [b"outside", b"inside"]


@SITES
def test_a_connection_older_than_the_table_gets_its_slot(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, slots=()))
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        with home.router.inside():
            conntrack = Conntrack()
        assert conntrack.clear(child.layout) > 0
        gateway.load(child)
        listener = gateway.listen(lambda seen: HOLD)
        peer.send(b"from a server")  # nobody's yet
        assert client.recv(100) == b"from a server"
        client.send(b"hello")
        assert peer.recv(100) == b"hello"
        assert [seen.slot for seen in listener.seen if seen.data.endswith(b"hello")] == [3]
        assert len(list(conntrack.of_slot(child.layout, 3))) == 1
        conntrack.close()


@SITES
def test_marks_of_other_programs_come_through(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    home.router.run(
        "nft",
        "add table inet other;"
        "add chain inet other first { type filter hook prerouting priority -180; };"
        "add chain inet other last { type filter hook postrouting priority 300; };"
        "add counter inet other odd;"
        "add rule inet other first meta mark set 0x50003f00;"
        "add rule inet other first ct mark set ct mark or 0x70003f00;"
        "add rule inet other last tcp dport != 0 meta mark != 0x50003f00 counter name odd;"
        "add rule inet other last tcp dport != 0 ct mark & 0xff00ff00 != 0x70003f00 counter name odd",
    )
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    listener = gateway.listen(lambda seen: passes(1) if b"server" in seen.data else HOLD)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"client speaks")
        assert peer.recv(100) == b"client speaks"
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
    assert {seen.mark & 0xFFFFFF00 for seen in listener.seen} == {0x50003F00}
    assert "packets 0 " in home.router.run("nft", "list counters table inet other")


@SITES
def test_another_hello_on_udp_that_passes_is_asked_about_once(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    """And may change the flow's class, or end it."""
    gateway.load(replace(child, passes=(PassElement(3, 1), PassElement(3, 2))))
    short, long = b"\x40 short", b"\xc0\0\0\0\1 long"
    verdicts = iter([passes(1), passes(1), passes(2), passes(2), REFUSED])
    listener = gateway.listen(lambda seen: next(verdicts))
    with home.router.inside():
        conntrack = Conntrack()
    first, second, refused = (FlowState.PASSES, 1), (FlowState.PASSES, 2), (FlowState.REFUSED, 0)

    def classes() -> list[tuple[FlowState, int]]:
        return [child.layout.ct_verdict(entry.mark) for entry in conntrack.of_slot(child.layout, 3)]

    with udp_server(home, site), home.child.open(family(site), socket.SOCK_DGRAM) as sender:
        sender.connect((site, 443))
        for data, asked, verdict in (
            (short, 1, first),
            (short, 1, first),
            (long, 2, first),
            (long, 3, second),
            (short, 3, second),
            (long, 4, second),
            (short, 4, second),
            (long, 5, refused),
        ):
            with contextlib.suppress(OSError):
                sender.send(data)
            assert until(lambda asked=asked: len(listener.seen) >= asked, 1.0) is not None  # type: ignore[misc]
            assert until(lambda verdict=verdict: classes() == [verdict], 1.0) is not None  # type: ignore[misc]
            time.sleep(0.05)
    conntrack.close()
    assert [seen.asking for seen in listener.seen] == [False, True, True, True, True]


@SITES
@pytest.mark.parametrize("proto", ["udp", "http"])
def test_a_connections_mark_on_its_packets_is_no_verdict(
    gateway: Gateway, home: Home, child: Snapshot, site: str, proto: str
) -> None:
    """As wg-quick puts it there, and others that restore more than their own bits."""
    home.router.run(
        "nft",
        "add table inet other;"
        "add chain inet other restore { type filter hook prerouting priority mangle; };"
        "add rule inet other restore meta mark set ct mark",
    )
    gateway.load(replace(child, passes=(PassElement(3, 1),)))
    if proto == "udp":
        listener = gateway.listen(lambda seen: passes(1))
        with udp_server(home, site), home.child.open(family(site), socket.SOCK_DGRAM) as sender:
            sender.connect((site, 443))
            for turn in range(3):
                sender.send(b"\xc0\0\0\0\1 long")
                assert until(lambda turn=turn: len(listener.seen) > turn, 1.0) is not None  # type: ignore[misc]
                time.sleep(0.05)
        assert [seen.asking for seen in listener.seen] == [False, True, True]
        return
    listener = gateway.listen(lambda seen: asks(1))
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        converse(client, peer)
    assert [seen.asking for seen in listener.seen] == [False, True, True, True]


@SITES
def test_syn_with_data_is_asked_about(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    home.child.sysctl("ipv4/tcp_fastopen", 5)  # data on the SYN without a cookie, RFC 7413 4.1.3
    with tcp_server(home, site), home.child.open(family(site), socket.SOCK_STREAM) as client:
        client.sendto(b"on the syn", socket.MSG_FASTOPEN, (site, 443))
        assert until(lambda: listener.seen, 1.0) is not None
    assert any(seen.data.endswith(b"on the syn") for seen in listener.seen[:1])


@SITES
def test_deleted_element_cuts_the_running_stream_and_no_other(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    first, second = PassElement(3, 1), PassElement(3, 2)
    snapshot = replace(child, passes=(first, second))
    gateway.load(snapshot)
    gateway.listen(lambda seen: passes(1) if b"one" in seen.data else passes(2))
    with tcp_server(home, site) as server:
        streams = []
        for name in (b"one", b"two"):
            client = tcp_client(home.child, site)
            peer = home.internet.accept(server)
            client.send(name)
            assert peer.recv(100) == name
            streams.append((client, peer))
        gateway.apply(render_passes(snapshot, removed=[first], added=[]))
        started = time.monotonic()
        streams[0][1].send(b"more of a download")
        with pytest.raises(ConnectionResetError):
            download(streams[0][0])
        assert time.monotonic() - started < longest(0.25)
        streams[1][1].send(b"goes on")
        assert streams[1][0].recv(100) == b"goes on"

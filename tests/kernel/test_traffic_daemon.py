"""Streams that are cut, leases that end, and a daemon that is gone or hangs."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.snapshot import PassElement, Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    CHILD_MAC,
    SITE4,
    SITE6,
    Home,
    receive,
)
from tests.kernel.talks import HELP, REFUSED, SITES, asks, passes, tcp_client, tcp_server
from tests.pace import longest

pytestmark = pytest.mark.lab


def chatter(client: socket.socket) -> None:
    """A word every 20 ms for half a minute, or until the connection ends."""
    for _ in range(1500):
        client.send(b".")
        time.sleep(0.02)


@SITES
def test_lease_ends_the_stream_when_nobody_renews_it(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 1, lease=60),)))
    listener = gateway.listen(lambda seen: passes(1))
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"hello")
        assert peer.recv(100) == b"hello"
        listener.close()
        started = time.monotonic()
        gateway.load(replace(child, passes=(PassElement(3, 1, lease=1),)))
        with pytest.raises(ConnectionResetError):
            chatter(client)
        assert 0.9 < time.monotonic() - started < longest(1.5)


@SITES
def test_open_profile_passes_without_a_daemon(
    gateway: Gateway, home: Home, blank: Snapshot, site: str
) -> None:
    snapshot = replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=False),))
    gateway.load(snapshot, alive=60)  # nobody listens, and nobody has noticed yet: the queue's bypass
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        client.send(b"hello")
        assert home.internet.accept(server).recv(100) == b"hello"


@SITES
def test_open_profile_passes_a_daemon_that_hangs(
    gateway: Gateway, home: Home, blank: Snapshot, site: str
) -> None:
    snapshot = replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=False),))
    gateway.load(snapshot, alive=1)
    listener = gateway.listen(lambda seen: REFUSED)
    time.sleep(1.1)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        client.send(b"hello")
        assert home.internet.accept(server).recv(100) == b"hello"
    assert listener.seen == []


@SITES
@pytest.mark.parametrize("alive", [0, 60], ids=["dead", "unnoticed"])
def test_closed_profile_waits_without_a_daemon(
    gateway: Gateway, home: Home, child: Snapshot, site: str, alive: int
) -> None:
    gateway.load(child, alive=alive)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        client.send(b"hello")
        peer = home.internet.accept(server)
        peer.settimeout(0.5)
        with pytest.raises(TimeoutError):
            peer.recv(100)


@SITES
def test_help_passes_without_a_daemon(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    snapshot = replace(child, help4=(SITE4,), help6=(SITE6,), passes=(PassElement(3, 1, lease=1),))
    gateway.load(snapshot)
    listener = gateway.listen(lambda seen: passes(1))
    with (
        tcp_server(home, site) as server,
        tcp_server(home, site, 8443) as elsewhere,
        tcp_client(home.child, site) as running,
    ):
        peer = home.internet.accept(server)
        running.send(b"hello")
        assert peer.recv(100) == b"hello"
        listener.close()
        gateway.apply("destroy element inet qalqan alive { ipv4, ipv6 }")
        time.sleep(1.1)  # the lease of the running flow has ended too: its address is help's
        running.send(b"still here")
        assert peer.recv(100) == b"still here"
        with tcp_client(home.child, site) as client:
            client.send(b"help")
            assert home.internet.accept(server).recv(100) == b"help"
        with tcp_client(home.child, site, 8443) as client:
            client.send(b"not help's port")
            other = home.internet.accept(elsewhere)
            other.settimeout(0.3)
            with pytest.raises(TimeoutError):
                other.recv(100)


@SITES
def test_help_verdict_passes_without_any_open_class(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HELP)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        for _ in range(3):
            client.send(b"hello")
            assert peer.recv(100) == b"hello"
    assert len(listener.seen) == 1


@SITES
def test_http_stays_asked_on_the_lan_side_alone(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 7),)))
    listener = gateway.listen(lambda seen: REFUSED if b"forbidden" in seen.data else asks(7))
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        for request in (b"GET /1", b"GET /2"):
            client.send(request)
            assert peer.recv(100) == request
            peer.send(b"answer" * 100)
            assert receive(client, 600) == b"answer" * 100
        assert [seen.data[-6:] for seen in listener.seen] == [b"GET /1", b"GET /2"]
        client.send(b"GET /forbidden")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)

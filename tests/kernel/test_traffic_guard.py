"""The boot guard's table on real traffic: loaded by nft alone, with no daemon before it or beside it."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.kernel.ruleset.table import render, render_removal
from gateway.kernel.snapshot import GUARD_DNS_PORT, Slot, Snapshot, boot_guard_snapshot
from tests.kernel.home import (
    CHILD_MAC,
    LAN,
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
from tests.kernel.resolving import Start, ask
from tests.kernel.talks import SITES, family, tcp_client, tcp_server

pytestmark = pytest.mark.lab

HELP = {SITE4: SECOND4, SITE6: SECOND6}
CHILD = Slot(3, (CHILD_MAC,), closed=True, kept_out=True)
BARE = Snapshot(lan=(LAN,), slots=(CHILD,), help4=(SECOND4,), help6=(SECOND6,))


@pytest.fixture
def guarded(home: Home, tmp_path: Path) -> Home:
    """The other device is nobody's: it is not filtered."""
    load(home, tmp_path, BARE)
    return home


def load(home: Home, folder: Path, snapshot: Snapshot) -> None:
    file = folder / "guard.nft"
    file.write_text(render(boot_guard_snapshot(snapshot)))
    home.router.run("nft", "-c", "-f", str(file))
    home.router.run("nft", "-f", str(file))
    home.expect_tracking()


def talks(home: Home, device: Namespace, site: str, port: int = 443) -> bool:
    """Whether a connection is made, and bytes go both ways."""
    with tcp_server(home, site, port) as server:
        try:
            with tcp_client(device, site, port) as client:
                peer = home.internet.accept(server)
                client.send(b"up")
                assert receive(peer, 2) == b"up"
                peer.send(b"down")
                return receive(client, 4) == b"down"
        except ConnectionError:
            return False


@SITES
def test_a_closed_device_reaches_help_and_nothing_else(guarded: Home, site: str) -> None:
    assert talks(guarded, guarded.child, HELP[site])
    assert not talks(guarded, guarded.child, site)
    assert not talks(guarded, guarded.child, HELP[site], 8080), "of help's address only help's ports"
    assert talks(guarded, guarded.other, site)


@SITES
def test_not_even_a_packet_without_payload_gets_out(guarded: Home, site: str) -> None:
    """No daemon will judge what such a connection says."""
    with tcp_server(guarded, site) as server:
        with pytest.raises(ConnectionRefusedError):
            tcp_client(guarded.child, site)
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()


@SITES
def test_datagrams(guarded: Home, site: str) -> None:
    for device, to, arrives in (
        (guarded.child, site, False),
        (guarded.child, HELP[site], True),
        (guarded.other, site, True),
    ):
        with (
            guarded.internet.open(family(to), socket.SOCK_DGRAM) as end,
            device.open(family(to), socket.SOCK_DGRAM) as client,
        ):
            end.bind((to, 443))
            client.connect((to, 443))
            client.send(b"hello")
            if arrives:
                data, peer = end.recvfrom(100)
                assert data == b"hello"
                end.sendto(b"answer", peer)
                assert client.recv(100) == b"answer"
            else:
                # As what is administratively prohibited comes to a client of each family.
                with pytest.raises(OSError, match=r"No route to host|Permission denied"):
                    client.recv(100)


@SITES
def test_what_ran_before_the_guard_ends(home: Home, tmp_path: Path, site: str) -> None:
    """As where the daemon was asked to leave the guard behind."""
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"up")
        assert receive(peer, 2) == b"up"
        load(home, tmp_path, BARE)
        client.send(b"more")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


@pytest.mark.parametrize("router", [ROUTER4, ROUTER6])
def test_names_of_help_are_asked_of_the_resolver_of_help(
    guarded: Home, resolvers: Start, router: str
) -> None:
    resolvers(guarded.router, GUARD_DNS_PORT, b"help")
    resolvers(guarded.router, 53, b"all")
    resolvers(guarded.internet, 53, b"internet")
    site = SITE4 if router == ROUTER4 else SITE6
    assert ask(guarded.child, router).endswith(b"by help")
    assert ask(guarded.child, site).endswith(b"by help")
    assert ask(guarded.other, router).endswith(b"by all")
    assert ask(guarded.other, site).endswith(b"by internet")


@SITES
def test_a_stranger_is_closed_where_strangers_are(home: Home, tmp_path: Path, site: str) -> None:
    load(home, tmp_path, replace(BARE, slots=(CHILD, Slot(5, (), closed=True)), guest=5))
    assert not talks(home, home.other, site)
    load(home, tmp_path, replace(BARE, slots=(CHILD, Slot(5, (OTHER_MAC,), closed=False)), guest=None))
    assert talks(home, home.other, site), "an open profile passes"


@SITES
def test_it_goes_without_a_trace(guarded: Home, site: str) -> None:
    assert not talks(guarded, guarded.child, site)
    guarded.router.run("nft", "-f", "-", text=render_removal())
    assert talks(guarded, guarded.child, site)

"""What the daemon answers to questions, and what becomes of them without it."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from gateway.kernel.rawsend import RawSender
from gateway.kernel.snapshot import Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.forge import reply
from tests.kernel.home import CHILD_MAC, LAN, SITE4, Home, Namespace
from tests.kernel.listener import DROP, HOLD, Seen
from tests.kernel.resolving import (
    FORWARD,
    OPEN_UDP,
    PREROUTING,
    RESOLVERS,
    Start,
    ask,
    ask_again,
    hooks,
)
from tests.kernel.talks import SITES, family

pytestmark = pytest.mark.lab


def ask_tcp(device: Namespace, resolver: str) -> bytes:
    with device.open(family(resolver), socket.SOCK_STREAM) as client:
        client.connect((resolver, 53))
        client.send(b"question")
        return client.recv(2000)


def test_forged_answer_to_a_link_local_client(
    gateway: Gateway, home: Home, child: Snapshot, sender: RawSender
) -> None:
    home.router.ip(f"address add fe80::1/64 dev {LAN} nodad")
    gateway.load(child)

    def judge(seen: Seen) -> int:
        sender.send(reply(seen.data, b"forged"), home.lan_index)
        return DROP

    gateway.listen(judge)
    assert ask(home.child, "fe80::1") == b"forged"


@SITES
def test_tcp_is_redirected_to_the_daemon_for_slots(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, site: str
) -> None:
    resolvers(home.internet, 53, b"the resolver")
    resolvers(home.router, 5300, b"the daemon")
    gateway.load(replace(child, dns_port=5300))
    assert ask_tcp(home.child, site) == b"question answered by the daemon"
    assert ask_tcp(home.other, site) == b"question answered by the resolver"


@pytest.mark.parametrize("alive", [0, 60], ids=["dead", "alive"])
def test_tcp_of_open_slots_reaches_the_resolver_when_the_daemon_is_dead(
    gateway: Gateway, home: Home, blank: Snapshot, resolvers: Start, alive: int
) -> None:
    resolvers(home.internet, 53, b"the resolver")
    resolvers(home.router, 5300, b"the daemon")
    gateway.load(replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=False),), dns_port=5300), alive=alive)
    expected = b"the daemon" if alive else b"the resolver"
    assert ask_tcp(home.child, SITE4) == b"question answered by " + expected


@RESOLVERS
def test_dead_daemon_leaves_closed_slots_the_names_of_help(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, resolver: str
) -> None:
    for namespace in (home.internet, home.router):
        resolvers(namespace, 53, b"a resolver")
    resolvers(home.router, 5353, b"help")
    gateway.load(replace(child, help_dns_port=5353, dns_port=5300), alive=0)
    assert ask(home.child, resolver) == b"question answered by help"
    assert ask_tcp(home.child, resolver) == b"question answered by help"
    assert ask(home.other, resolver) == b"question answered by a resolver"


def test_dead_daemon_lets_no_older_connection_reach_a_resolver(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start
) -> None:
    resolvers(home.internet, 53, b"the resolver")
    resolvers(home.router, 5353, b"help")
    gateway.load(replace(child, help_dns_port=5353))
    listener = gateway.listen(lambda seen: HOLD)
    with home.child.open(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((SITE4, 53))
        client.send(b"before")
        assert client.recv(100) == b"before answered by the resolver"
        listener.close()
        gateway.apply("destroy element inet qalqan alive { ipv4, ipv6 }")
        client.send(b"after")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(100)


def test_dead_daemon_without_a_help_resolver_answers_nothing(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start
) -> None:
    resolvers(home.internet, 53, b"the resolver")
    gateway.load(child, alive=0)
    with pytest.raises(TimeoutError):
        ask(home.child, SITE4, timeout=0.3)


@pytest.mark.parametrize("everyone", [False, True], ids=["children", "everyone"])
def test_unfiltered_devices_ask_only_while_a_list_binds_everyone(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, everyone: bool
) -> None:
    resolvers(home.internet, 53, b"the resolver")
    resolvers(home.router, 5300, b"the daemon")
    gateway.load(replace(child, dns_for_everyone=everyone, dns_port=5300))
    listener = gateway.listen(lambda seen: HOLD)
    with home.other.open(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((SITE4, 53))
        for _ in range(2):
            assert ask_again(client, b"question") == b"question answered by the resolver"
    asked = [(PREROUTING, OPEN_UDP, 0), (FORWARD, OPEN_UDP, 0)]
    assert hooks(listener.seen) == (asked if everyone else [])
    answered_by = b"the daemon" if everyone else b"the resolver"
    assert ask_tcp(home.other, SITE4) == b"question answered by " + answered_by
    gateway.apply("destroy element inet qalqan alive { ipv4, ipv6 }")
    listener.seen.clear()
    assert ask(home.other, SITE4) == b"question answered by the resolver"
    assert listener.seen == []


@SITES
def test_pages_port_leads_to_the_web_process(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    page = "192.168.77.2" if site == SITE4 else "fd77::2"
    home.router.ip(
        f"address add {page}/{32 if site == SITE4 else 128} dev {LAN}{'' if site == SITE4 else ' nodad'}"
    )
    gateway.load(replace(child, pages=(page,), page_port=8080))
    with home.router.open(family(site), socket.SOCK_STREAM) as web:
        web.bind(("::" if family(site) == socket.AF_INET6 else "0.0.0.0", 8080))
        web.listen()
        with home.child.open(family(site), socket.SOCK_STREAM) as client:
            client.connect((page, 80))
            client.send(b"GET /")
            assert home.router.accept(web).recv(10) == b"GET /"
    for device in (home.child, home.other):
        with device.open(family(site), socket.SOCK_STREAM) as client, pytest.raises(ConnectionRefusedError):
            client.connect((page, 443))
    gateway.load(replace(child, pages=(page,), page_port=8080, page_tls_port=8443))
    with home.router.open(family(site), socket.SOCK_STREAM) as front:
        front.bind(("::" if family(site) == socket.AF_INET6 else "0.0.0.0", 8443))
        front.listen()
        for device in (home.child, home.other):
            with device.open(family(site), socket.SOCK_STREAM) as client:
                client.connect((page, 443))
                client.send(b"hello")
                assert home.router.accept(front).recv(10) == b"hello"
    for port in (443, 444):  # nobody listens, and nobody is led anywhere
        with (
            home.child.open(family(site), socket.SOCK_STREAM) as client,
            pytest.raises(ConnectionRefusedError),
        ):
            client.connect((page, port))


@SITES
@pytest.mark.parametrize("label", ["qalqan", "k7q2m9x4w3dfa5zt6u"])
def test_an_unfiltered_device_may_ask_for_the_pages_by_each_of_their_names(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, site: str, label: str
) -> None:
    resolvers(home.internet, 53, b"the resolver")
    page = "192.0.0.8" if site == SITE4 else "fd71::80"
    labels = ("k7q2m9x4w3dfa5zt6u", "qalqan")
    gateway.load(replace(child, pages=(page,), page_port=8080, page_labels=labels))
    listener = gateway.listen(lambda seen: HOLD)
    for asked, seen in ((label, 1), (label[:-1], 0), ("www", 0), (f"x{label}", 0)):
        listener.seen.clear()
        query = bytes(12) + bytes([len(asked)]) + asked.encode() + b"\3isp\4test\0\0\1\0\1"
        assert ask(home.other, site, query) == query + b" answered by the resolver"
        assert len(listener.seen) == seen, asked

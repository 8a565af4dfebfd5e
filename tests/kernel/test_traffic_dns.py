"""DNS through the table: questions and answers to the queue, TCP to the daemon, all to help when it is dead.

The kernel looks at no name, so a question here is any text and an answer is that text, answered.
"""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack
from gateway.kernel.rawsend import RawSender
from gateway.kernel.snapshot import Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.forge import reply
from tests.kernel.home import LAN, ROUTER4, ROUTER6, SITE4, SITE6, Home
from tests.kernel.listener import DROP, HOLD, Seen
from tests.kernel.resolving import (
    CLOSED_UDP,
    FORWARD,
    INPUT,
    OUTPUT,
    PREROUTING,
    RESOLVERS,
    Start,
    ask,
    ask_again,
    hooks,
)
from tests.kernel.talks import SITES, family

pytestmark = pytest.mark.lab


def redirect(home: Home, priority: int) -> None:
    home.router.run(
        "nft",
        "add table inet other;"
        f"add chain inet other away {{ type nat hook prerouting priority {priority}; }};"
        "add rule inet other away udp dport 53 redirect to :1053",
    )


@RESOLVERS
def test_question_and_answer_are_queued_once_each(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, resolver: str
) -> None:
    for namespace in (home.internet, home.router):
        resolvers(namespace, 53, b"port 53")
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    assert ask(home.child, resolver) == b"question answered by port 53"
    assert ask(home.other, resolver) == b"question answered by port 53"
    way_out = FORWARD if resolver in (SITE4, SITE6) else OUTPUT
    assert hooks(listener.seen) == [(PREROUTING, CLOSED_UDP, 3), (way_out, CLOSED_UDP, 3)]
    assert [seen.answer for seen in listener.seen] == [False, True]


@SITES
@pytest.mark.parametrize(
    ("priority", "hook"), [(-100, PREROUTING), (-110, INPUT)], ids=["after ours", "before ours"]
)
def test_a_redirect_hides_neither_question_nor_answer(
    gateway: Gateway,
    home: Home,
    child: Snapshot,
    resolvers: Start,
    site: str,
    priority: int,
    hook: int,
) -> None:
    """Behind an address that was given before ours the kernel enters no further nat chain."""
    redirect(home, priority)
    resolvers(home.router, 1053, b"port 1053")
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    assert ask(home.child, site) == b"question answered by port 1053"
    assert hooks(listener.seen) == [(hook, CLOSED_UDP, 3), (OUTPUT, CLOSED_UDP, 3)]


@RESOLVERS
@pytest.mark.parametrize("redirected", [False, True], ids=["straight", "redirected"])
def test_each_question_of_one_socket_is_asked_about_once(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, resolver: str, redirected: bool
) -> None:
    if redirected:
        redirect(home, -100)
    for namespace in (home.internet, home.router):
        resolvers(namespace, 53, b"it")
    resolvers(home.router, 1053, b"it")
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    with home.child.open(family(resolver), socket.SOCK_DGRAM) as client:
        client.connect((resolver, 53))
        for number in (b"1", b"2", b"3"):
            assert ask_again(client, number) == number + b" answered by it"
    far = not redirected and resolver in (SITE4, SITE6)
    later, way_out = (FORWARD, FORWARD) if far else (INPUT, OUTPUT)
    assert [seen.hook for seen in listener.seen] == [PREROUTING, way_out, later, way_out, later, way_out]
    assert [seen.question for seen in listener.seen] == [True, False] * 3
    assert [seen.answer for seen in listener.seen] == [False, True] * 3
    assert {(seen.queue, seen.slot) for seen in listener.seen} == {(CLOSED_UDP, 3)}


@SITES
def test_questions_of_a_connection_older_than_the_table_are_asked_about(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, site: str
) -> None:
    for namespace in (home.internet, home.router):
        resolvers(namespace, 53, b"it")
    gateway.load(replace(child, slots=()))  # something that tracks connections
    near = ROUTER4 if site == SITE4 else ROUTER6
    with (
        home.child.open(family(site), socket.SOCK_DGRAM) as far,
        home.child.open(family(site), socket.SOCK_DGRAM) as local,
    ):
        far.connect((site, 53))
        local.connect((near, 53))
        for client in (far, local):
            assert ask_again(client, b"before") == b"before answered by it"
        with home.router.inside():
            conntrack = Conntrack()
        conntrack.clear(child.layout)
        conntrack.close()
        gateway.load(child)
        listener = gateway.listen(lambda seen: HOLD)
        for client in (far, local):
            assert ask_again(client, b"after") == b"after answered by it"
    assert [(seen.hook, seen.slot) for seen in listener.seen] == [
        (FORWARD, 3),
        (FORWARD, 3),
        (INPUT, 3),
        (OUTPUT, 3),
    ]


@RESOLVERS
def test_a_connections_mark_on_a_question_hides_nothing(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, resolver: str
) -> None:
    """wg-quick puts it on each datagram."""
    for namespace in (home.internet, home.router):
        resolvers(namespace, 53, b"it")
    home.router.run(
        "nft",
        "add table inet other;"
        "add chain inet other restore { type filter hook prerouting priority mangle; };"
        "add rule inet other restore meta l4proto udp meta mark set ct mark",
    )
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    with home.child.open(family(resolver), socket.SOCK_DGRAM) as client:
        client.connect((resolver, 53))
        for number in (b"1", b"2", b"3"):
            assert ask_again(client, number) == number + b" answered by it"
    assert [seen.question for seen in listener.seen] == [True, False] * 3


@SITES
def test_other_programs_see_their_own_bits_of_a_questions_mark(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, site: str
) -> None:
    """Before routing already, and of answers too."""
    resolvers(home.internet, 53, b"it")
    home.router.run(
        "nft",
        "add table inet other;"
        "add chain inet other first { type filter hook prerouting priority -180; };"
        "add chain inet other then { type filter hook prerouting priority -90; };"
        "add chain inet other last { type filter hook postrouting priority 300; };"
        "add counter inet other odd; add counter inet other even;"
        "add rule inet other first udp dport 53 meta mark set 0x50003f00;"
        "add rule inet other first udp sport 53 meta mark set 0x50003f00;"
        "add rule inet other then udp dport 53 meta mark != 0x50003f00 counter name odd;"
        "add rule inet other last udp dport 53 meta mark != 0x50003f00 counter name odd;"
        "add rule inet other last udp sport 53 meta mark != 0x50003f00 counter name odd;"
        "add rule inet other last meta mark 0x50003f00 counter name even",
    )
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    with home.child.open(family(site), socket.SOCK_DGRAM) as client:
        client.connect((site, 53))
        for number in (b"1", b"2"):
            assert ask_again(client, number) == number + b" answered by it"
    assert {seen.mark & 0xFFFFFF00 for seen in listener.seen} == {0x50003F00}
    counted = home.router.run("nft", "list counters table inet other")
    assert re.findall(r"counter (\w+) \{\s*packets (\d+)", counted) == [("odd", "0"), ("even", "4")]


def test_link_local_resolver_is_asked_about(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start
) -> None:
    home.router.ip(f"address add fe80::1/64 dev {LAN} nodad")
    resolvers(home.router, 53, b"port 53")
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    assert ask(home.child, "fe80::1") == b"question answered by port 53"
    assert hooks(listener.seen) == [(PREROUTING, CLOSED_UDP, 3), (OUTPUT, CLOSED_UDP, 3)]


@RESOLVERS
def test_forged_answer_arrives_and_the_socket_still_works(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, sender: RawSender, resolver: str
) -> None:
    for namespace in (home.internet, home.router):
        resolvers(namespace, 53, b"port 53")
    gateway.load(child)

    def judge(seen: Seen) -> int:
        if b"refused" not in seen.data:
            return HOLD
        assert sender.send(reply(seen.data, b"forged"), home.lan_index)
        return DROP

    listener = gateway.listen(judge)
    with home.child.open(family(resolver), socket.SOCK_DGRAM) as client:
        client.connect((resolver, 53))
        for _ in range(3):
            client.send(b"refused")
            assert client.recv(100) == b"forged"
            client.send(b"open")
            assert client.recv(100) == b"open answered by port 53"
    # Three refused questions, three open ones and their answers: the forged ones were not queued.
    assert len(listener.seen) == 9
    assert sender.failed == 0

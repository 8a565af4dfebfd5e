"""DNS through the table: questions and answers to the queue, TCP to the daemon, all to help when it is dead.

The kernel looks at no name, so a question here is any text and an answer is that text, answered.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack
from gateway.kernel.rawsend import RawSender
from gateway.kernel.ruleset import Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.forge import reply
from tests.kernel.home import CHILD_MAC, LAN, ROUTER4, ROUTER6, SITE4, SITE6, Home, Namespace
from tests.kernel.listener import DROP, HOLD, Seen

pytestmark = pytest.mark.lab

PREROUTING, INPUT, FORWARD, OUTPUT = 0, 1, 2, 3
OPEN_UDP, CLOSED_UDP = 1, 3
RESOLVERS = pytest.mark.parametrize(
    "resolver", [SITE4, SITE6, ROUTER4, ROUTER6], ids=["site4", "site6", "gateway4", "gateway6"]
)
SITES = pytest.mark.parametrize("site", [SITE4, SITE6], ids=["ipv4", "ipv6"])


def family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Resolver:
    """Answers on UDP and TCP of a namespace, with its own name in the answer, until it is closed."""

    def __init__(self, namespace: Namespace, port: int, name: bytes) -> None:
        self._name = name
        self._udp = namespace.open(socket.AF_INET6, socket.SOCK_DGRAM)
        self._tcp = namespace.open(socket.AF_INET6, socket.SOCK_STREAM)
        for made in (self._udp, self._tcp):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("::", port))
        # Answer from the address that was asked, as dnsmasq does.
        self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self._udp.settimeout(0.05)
        self._tcp.settimeout(0.05)
        self._tcp.listen()
        self._running = True
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._serve_udp, self._serve_tcp)
        ]
        for thread in self._threads:
            thread.start()

    def _serve_udp(self) -> None:
        while self._running:
            try:
                question, ancillary, _, client = self._udp.recvmsg(2000, 200)
            except TimeoutError:
                continue
            info = [(level, kind, data) for level, kind, data in ancillary if kind == socket.IPV6_PKTINFO]
            address = [(level, kind, data[:16] + struct.pack("=I", 0)) for level, kind, data in info]
            if client[0].startswith("fe80"):
                address = info
            self._udp.sendmsg([question + b" answered by " + self._name], address, 0, client)

    def _serve_tcp(self) -> None:
        while self._running:
            try:
                peer, _ = self._tcp.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(2)
                peer.send(peer.recv(2000) + b" answered by " + self._name)

    def close(self) -> None:
        self._running = False
        for thread in self._threads:
            thread.join()


@pytest.fixture
def resolvers(home: Home) -> Iterator[Callable[[Namespace, int, bytes], None]]:
    running: list[Resolver] = []
    yield lambda namespace, port, name: running.append(Resolver(namespace, port, name))
    for resolver in running:
        resolver.close()


Start = Callable[[Namespace, int, bytes], None]


def ask(device: Namespace, resolver: str, question: bytes = b"question", timeout: float = 1.0) -> bytes:
    with device.inside():
        scope = socket.if_nametoindex("eth0")
    with device.open(family(resolver), socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((resolver, 53, 0, scope) if resolver.startswith("fe80") else (resolver, 53))
        client.send(question)
        return client.recv(2000)


def ask_tcp(device: Namespace, resolver: str) -> bytes:
    with device.open(family(resolver), socket.SOCK_STREAM) as client:
        client.settimeout(1.0)
        client.connect((resolver, 53))
        client.send(b"question")
        return client.recv(2000)


def ask_again(client: socket.socket, question: bytes) -> bytes:
    client.send(question)
    return client.recv(2000)


def redirect(home: Home, priority: int) -> None:
    home.router.run(
        "nft",
        "add table inet other;"
        f"add chain inet other away {{ type nat hook prerouting priority {priority}; }};"
        "add rule inet other away udp dport 53 redirect to :1053",
    )


def hooks(seen: list[Seen]) -> list[tuple[int, int, int]]:
    return [(each.hook, each.queue, each.slot) for each in seen]


@pytest.fixture
def child(blank: Snapshot) -> Snapshot:
    return replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=True),))


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
def test_answers_are_found_behind_a_redirect(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, site: str
) -> None:
    redirect(home, -100)
    resolvers(home.router, 1053, b"port 1053")
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    assert ask(home.child, site) == b"question answered by port 1053"
    assert hooks(listener.seen) == [(PREROUTING, CLOSED_UDP, 3), (OUTPUT, CLOSED_UDP, 3)]


@SITES
def test_an_address_given_before_ours_hides_no_question(
    gateway: Gateway, home: Home, child: Snapshot, resolvers: Start, site: str
) -> None:
    """The kernel enters no further nat chain then."""
    redirect(home, -110)
    resolvers(home.router, 1053, b"port 1053")
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    assert ask(home.child, site) == b"question answered by port 1053"
    assert hooks(listener.seen) == [(INPUT, CLOSED_UDP, 3), (OUTPUT, CLOSED_UDP, 3)]


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
        client.settimeout(0.3)
        client.connect((SITE4, 53))
        client.send(b"before")
        assert client.recv(100) == b"before answered by the resolver"
        listener.close()
        gateway.apply("destroy element inet qalqan alive { ipv4, ipv6 }")
        client.send(b"after")
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

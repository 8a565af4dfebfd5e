"""The table at work on real traffic between namespaces, IPv4 and IPv6, with a listener on the queues."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.conntrack import Conntrack
from gateway.kernel.marks import UPLOAD, State, verdict_byte
from gateway.kernel.ruleset import PassElement, Slot, Snapshot
from gateway.kernel.ruleset_update import render_passes
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    CHILD4,
    CHILD6,
    CHILD_MAC,
    OTHER_MAC,
    SITE4,
    SITE6,
    Home,
    Namespace,
    receive,
)
from tests.kernel.listener import HOLD, Seen

pytestmark = pytest.mark.lab

SITES = pytest.mark.parametrize("site", [SITE4, SITE6], ids=["ipv4", "ipv6"])
FORWARD = 2
REFUSED = verdict_byte(State.REFUSED)
HELP = verdict_byte(State.HELP)


def passes(class_number: int) -> int:
    return verdict_byte(State.PASSES, class_number)


def asks(class_number: int) -> int:
    return verdict_byte(State.ASKS, class_number)


def family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp_server(home: Home, site: str, port: int = 443) -> socket.socket:
    server = home.internet.open(family(site), socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((site, port))
    server.listen()
    return server


def udp_server(home: Home, site: str, port: int = 443) -> socket.socket:
    server = home.internet.open(family(site), socket.SOCK_DGRAM)
    server.bind((site, port))
    return server


def tcp_client(device: Namespace, site: str, port: int = 443) -> socket.socket:
    client = device.open(family(site), socket.SOCK_STREAM)
    client.connect((site, port))
    return client


def download(client: socket.socket) -> None:
    """Read, and ask for more, until the connection ends."""
    while client.recv(100):
        client.send(b"next")


def chatter(client: socket.socket) -> None:
    """A word every 20 ms for three seconds, or until the connection ends."""
    for _ in range(150):
        client.send(b".")
        time.sleep(0.02)


def upload(client: socket.socket, peer: socket.socket) -> None:
    """More packets at once than the guard of the undecided lets pass."""
    for _ in range(1500):
        client.send(b"x" * 100)
        assert receive(peer, 100) == b"x" * 100


@pytest.fixture
def child(blank: Snapshot) -> Snapshot:
    """One closed child in slot 3."""
    return replace(blank, slots=(Slot(3, (CHILD_MAC,), closed=True),))


@SITES
def test_unfiltered_device_is_never_queued(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: REFUSED)
    with tcp_server(home, site) as server, tcp_client(home.other, site) as client:
        client.send(b"hello")
        assert home.internet.accept(server).recv(100) == b"hello"
    assert listener.seen == []


@SITES
def test_refused_connection_fails_within_ms(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: REFUSED)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        started = time.monotonic()
        client.send(b"a hello that names a refused host")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert time.monotonic() - started < 0.25
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)  # the hello never arrived
    assert [(seen.slot, seen.hook, seen.queue) for seen in listener.seen] == [(3, FORWARD, 2)]


@SITES
def test_only_payload_is_asked_about_and_only_until_decided(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 1),)))

    def judge(seen: Seen) -> int:
        return passes(1) if b"server speaks" in seen.data else HOLD

    listener = gateway.listen(judge)
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"client speaks")
        assert peer.recv(100) == b"client speaks"
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        for _ in range(50):
            client.send(b"x" * 1000)
            peer.send(b"y" * 1000)
            assert receive(peer, 1000) == b"x" * 1000
            assert receive(client, 1000) == b"y" * 1000
    assert [seen.answer for seen in listener.seen] == [False, False]


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
            time.sleep(0.05)
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
        time.sleep(0.1)
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
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        for _ in range(3):
            client.send(b"client speaks")
            assert peer.recv(100) == b"client speaks"
            peer.send(b"it goes on")
            assert client.recv(100) == b"it goes on"
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
            (State.ASKS, 1)
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
    time.sleep(0.1)
    assert [seen.data[-8:] for seen in listener.seen if seen.data.endswith(b"datagram")] == [b"datagram"]
    hellos = len([seen for seen in listener.seen if seen.data.endswith(b"hello")])
    assert 1 <= hellos < 5  # TCP says it again by itself where it is not acknowledged


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
    classes = []
    with udp_server(home, site), home.child.open(family(site), socket.SOCK_DGRAM) as sender:
        sender.connect((site, 443))
        for data in (short, short, long, long, short, long, short, long):
            with contextlib.suppress(OSError):
                sender.send(data)
            time.sleep(0.05)
            classes += [child.layout.ct_verdict(entry.mark) for entry in conntrack.of_slot(child.layout, 3)]
    conntrack.close()
    assert [seen.asking for seen in listener.seen] == [False, True, True, True, True]
    first, second = (State.PASSES, 1), (State.PASSES, 2)
    assert classes == [first, first, first, second, second, second, second, (State.REFUSED, 0)]


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
            for _ in range(3):
                sender.send(b"\xc0\0\0\0\1 long")
                time.sleep(0.05)
        assert [seen.asking for seen in listener.seen] == [False, True, True]
        return
    listener = gateway.listen(lambda seen: asks(1))
    with tcp_server(home, site, 80) as server, tcp_client(home.child, site, 80) as client:
        peer = home.internet.accept(server)
        peer.send(b"server speaks")
        assert client.recv(100) == b"server speaks"
        for _ in range(3):
            client.send(b"client speaks")
            assert peer.recv(100) == b"client speaks"
            peer.send(b"it goes on")
            assert client.recv(100) == b"it goes on"
    assert [seen.asking for seen in listener.seen] == [False, True, True, True]


@SITES
def test_syn_with_data_is_asked_about(gateway: Gateway, home: Home, child: Snapshot, site: str) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    home.child.sysctl("ipv4/tcp_fastopen", 5)  # data on the SYN without a cookie, RFC 7413 4.1.3
    with tcp_server(home, site), home.child.open(family(site), socket.SOCK_STREAM) as client:
        client.sendto(b"on the syn", socket.MSG_FASTOPEN, (site, 443))
        time.sleep(0.05)
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
        assert time.monotonic() - started < 0.25
        streams[1][1].send(b"goes on")
        assert streams[1][0].recv(100) == b"goes on"


@SITES
def test_lease_ends_the_stream_when_nobody_renews_it(
    gateway: Gateway, home: Home, child: Snapshot, site: str
) -> None:
    gateway.load(replace(child, passes=(PassElement(3, 1, lease=1),)))
    listener = gateway.listen(lambda seen: passes(1))
    with tcp_server(home, site) as server, tcp_client(home.child, site) as client:
        peer = home.internet.accept(server)
        client.send(b"hello")
        assert peer.recv(100) == b"hello"
        listener.close()
        started = time.monotonic()
        with pytest.raises(ConnectionResetError):
            chatter(client)
        assert 0.5 < time.monotonic() - started < 1.5


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


@SITES
def test_guests_slot_takes_the_unknown_and_spares_the_plain(
    gateway: Gateway, home: Home, blank: Snapshot, site: str
) -> None:
    snapshot = replace(blank, slots=(Slot(70, (), closed=False),), guest=70, plain=(OTHER_MAC,))
    gateway.load(snapshot)
    listener = gateway.listen(lambda seen: HOLD)
    with tcp_server(home, site) as server:
        for device in (home.child, home.other):
            with tcp_client(device, site) as client:
                client.send(b"hello")
                assert home.internet.accept(server).recv(100) == b"hello"
    assert {(seen.slot, seen.queue) for seen in listener.seen} == {(70, 4)}


def test_packets_outside_any_connection_are_dropped_for_slots(
    gateway: Gateway, home: Home, child: Snapshot
) -> None:
    gateway.load(child)
    segment = bytes.fromhex("8000 01bb 00000001 00000001 5030 0000 0000 0000") + b"stray"  # SYN and FIN: 0x03
    segment = segment[:13] + b"\x03" + segment[14:]
    with (
        home.internet.open(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as end,
        home.child.open(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as device,
        home.other.open(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as adult,
    ):
        device.sendto(segment + b" child", (SITE4, 0))
        adult.sendto(segment + b" adult", (SITE4, 0))
        end.settimeout(1)
        assert end.recv(100).endswith(b"adult")
        end.settimeout(0.2)
        with pytest.raises(TimeoutError):
            end.recv(100)


def test_one_devices_flood_is_held_before_the_queue(gateway: Gateway, home: Home, child: Snapshot) -> None:
    gateway.load(child)
    listener = gateway.listen(lambda seen: HOLD)
    with home.child.open(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for _ in range(4000):
            client.sendto(b"flood", (SITE4, 9))
    time.sleep(0.2)
    assert 700 < len(listener.seen) < 1500

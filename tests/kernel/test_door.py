"""What the gateway itself is to a child's device: real listeners on it, IPv4 and IPv6."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from gateway.kernel.ruleset import Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import CHILD_MAC, LAN, OTHER_MAC, ROUTER4, ROUTER6, SITE4, SITE6, Home, Namespace
from tests.kernel.test_traffic import family

pytestmark = pytest.mark.lab

WAN4, WAN6 = "198.51.100.254", "2001:db8:1::fe"
PAGE4, PAGE6 = "192.0.0.8", "fd71::80"
LINK_LOCAL = "link-local"
PAGES, DNS, HELP = 8080, 5300, 5301
ADDRESSES = pytest.mark.parametrize("address", [ROUTER4, ROUTER6, WAN4, WAN6, LINK_LOCAL])
LAN_ADDRESSES = pytest.mark.parametrize("address", [ROUTER4, ROUTER6])

Where = tuple[str, int] | tuple[str, int, int, int]


@pytest.fixture
def kept(blank: Snapshot) -> Snapshot:
    """One closed child, and an adult with rules of its own."""
    return replace(
        blank,
        slots=(Slot(3, (CHILD_MAC,), closed=True, kept_out=True), Slot(4, (OTHER_MAC,), closed=False)),
        page_port=PAGES,
        pages=(PAGE4, PAGE6),
        dns_port=DNS,
        help_dns_port=HELP,
        door_ports=(8096,),
    )


def listening(home: Home, port: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """On every address of the router, as its own services are."""
    server = home.router.open(socket.AF_INET6, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        server.listen()
    return server


def where(home: Home, device: Namespace, address: str, port: int) -> Where:
    if address != LINK_LOCAL:
        return address, port
    told = home.router.run("ip", "-6", "-o", "address", "show", "dev", LAN, "scope", "link")
    with device.inside():
        return told.split()[3].partition("/")[0], port, 0, socket.if_nametoindex("eth0")


def reaches(home: Home, device: Namespace, address: str, port: int) -> bool:
    """False: refused at once, and not silently dropped."""
    target = where(home, device, address, port)
    client = device.open(family("::" if len(target) == 4 else address), socket.SOCK_STREAM)
    began = time.monotonic()
    with client:
        try:
            client.connect(target)
        except (ConnectionRefusedError, PermissionError):  # by a reset; by ICMPv6
            # ICMPv6 comes while `connect` still sends, between namespaces alone: the next SYN is told.
            assert time.monotonic() - began < (1.5 if address == LINK_LOCAL else 0.25)
            return False
    return True


def arrives(home: Home, device: Namespace, address: str, port: int, server: socket.socket) -> bool:
    """Whether a datagram comes; False: the device is told at once that it does not."""
    target = where(home, device, address, port)
    with device.open(family("::" if len(target) == 4 else address), socket.SOCK_DGRAM) as client:
        client.connect(target)
        client.send(b"hello")
        server.settimeout(0.3)
        try:
            return server.recv(100) == b"hello"
        except TimeoutError:
            with pytest.raises(OSError, match=r"host|ermission"):
                client.recv(1)
            return False


def echoes(device: Namespace, address: str) -> bool:
    """Whether it answers a ping."""
    six = ":" in address
    proto, ask, header = (socket.IPPROTO_ICMPV6, 128, 0) if six else (socket.IPPROTO_ICMP, 8, 20)
    with device.open(family(address), socket.SOCK_RAW, proto) as raw:
        raw.connect((address, 0))
        raw.send(bytes([ask, 0, 0xF7, 0xFF, 0, 0, 0, 0]))  # the sum is IPv4's; the kernel makes IPv6's
        while (answer := raw.recv(100)[header:])[0] not in (0, 129):
            continue
    return answer[4:] == bytes(4)


@ADDRESSES
@pytest.mark.parametrize("port", [22, 23, 80, 443, 445])
def test_a_childs_device_reaches_no_service_of_the_router(
    gateway: Gateway, home: Home, kept: Snapshot, address: str, port: int
) -> None:
    gateway.load(kept)
    with listening(home, port):
        assert not reaches(home, home.child, address, port)
        assert reaches(home, home.other, address, port)


@ADDRESSES
def test_nor_a_datagram(gateway: Gateway, home: Home, kept: Snapshot, address: str) -> None:
    gateway.load(kept)
    with listening(home, 161, socket.SOCK_DGRAM) as server:
        assert not arrives(home, home.child, address, 161, server)
        assert arrives(home, home.other, address, 161, server)


@LAN_ADDRESSES
@pytest.mark.parametrize("alive", [60, 0], ids=["alive", "dead"])
def test_what_a_childs_device_needs_is_there(
    gateway: Gateway, home: Home, kept: Snapshot, address: str, alive: int
) -> None:
    gateway.load(kept, alive=alive)
    for port in (67, 123, 547, 5353):
        with listening(home, port, socket.SOCK_DGRAM) as server:
            assert arrives(home, home.child, address, port, server), port
    with listening(home, PAGES), listening(home, 8096):
        page = PAGE6 if ":" in address else PAGE4
        assert reaches(home, home.child, page, 80)
        assert reaches(home, home.child, address, PAGES)
        assert reaches(home, home.child, address, 8096)
    with listening(home, 8096, socket.SOCK_DGRAM) as server:
        assert arrives(home, home.child, address, 8096, server)
    with listening(home, DNS if alive else HELP):
        assert reaches(home, home.child, address, 53)
    assert echoes(home.child, address)


@LAN_ADDRESSES
def test_multicast_dns_and_group_reports_arrive(
    gateway: Gateway, home: Home, kept: Snapshot, address: str
) -> None:
    gateway.load(kept)
    six = ":" in address
    with listening(home, 5353, socket.SOCK_DGRAM) as server, home.router.inside():
        index = socket.if_nametoindex(LAN)
        if six:
            group = socket.inet_pton(socket.AF_INET6, "ff02::fb") + index.to_bytes(4, "little")
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        else:
            group = socket.inet_aton("224.0.0.251") + socket.inet_aton(ROUTER4)
            server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        with home.child.open(family(address), socket.SOCK_DGRAM) as client:
            with home.child.inside():
                scope = socket.if_nametoindex("eth0")
            client.sendto(b"who", ("ff02::fb", 5353, 0, scope) if six else ("224.0.0.251", 5353))
        assert server.recv(10) == b"who"


@ADDRESSES
def test_the_listeners_of_the_filter_are_met_by_redirection_alone(
    gateway: Gateway, home: Home, kept: Snapshot, address: str
) -> None:
    gateway.load(kept)
    for port in (DNS, HELP):
        with listening(home, port):
            assert not reaches(home, home.child, address, port)
    if address in (WAN4, WAN6):
        for port in (DNS, HELP):
            with listening(home, port), home.internet.open(family(address), socket.SOCK_STREAM) as client:
                client.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    client.connect((address, port))


@LAN_ADDRESSES
def test_a_session_that_runs_ends_with_the_rule(
    gateway: Gateway, home: Home, kept: Snapshot, address: str
) -> None:
    with listening(home, 22) as server, home.child.open(family(address), socket.SOCK_STREAM) as client:
        client.connect((address, 22))
        peer = home.router.accept(server)
        gateway.load(replace(kept, door_ports=None))
        client.send(b"before")
        assert peer.recv(10) == b"before"
        gateway.load(kept)
        client.send(b"after")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(10)


@pytest.mark.parametrize("site", [SITE4, SITE6])
def test_what_the_gateway_asks_is_answered(gateway: Gateway, home: Home, kept: Snapshot, site: str) -> None:
    gateway.load(kept)
    own = "fd77::a" if ":" in site else "192.168.77.10"
    for device, address in ((home.child, own), (home.internet, site)):
        with device.open(family(site), socket.SOCK_STREAM) as server:
            server.bind((address, 9000))
            server.listen()
            with home.router.open(family(site), socket.SOCK_STREAM) as client:
                client.connect((address, 9000))
                peer = device.accept(server)
                peer.send(b"answer")
                assert client.recv(10) == b"answer"


@LAN_ADDRESSES
def test_strangers_by_the_interface_on_which_they_come(
    gateway: Gateway, home: Home, kept: Snapshot, address: str
) -> None:
    """The same device, nobody's, on one network a thing of the house and on the other a guest."""
    slots = (*kept.slots[:1], Slot(9, (), closed=True, kept_out=True))
    guest = replace(kept, slots=slots, lan=(LAN, "br-guest.7"))
    gateway.load(replace(guest, guest=9, strangers=((LAN, None),)))
    with listening(home, 22):
        assert reaches(home, home.other, address, 22)
        gateway.load(replace(guest, guest=None, strangers=((LAN, 9),)))
        assert not reaches(home, home.other, address, 22)
        gateway.load(replace(guest, guest=None, strangers=(("br-guest.7", 9),)))
        assert reaches(home, home.other, address, 22)
        assert not reaches(home, home.child, address, 22)

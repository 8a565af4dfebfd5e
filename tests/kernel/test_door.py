"""What the gateway itself is to a child's device: real listeners on it, IPv4 and IPv6."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.kernel.snapshot import Slot, Snapshot
from tests.kernel.conftest import Gateway
from tests.kernel.home import (
    CHILD_MAC,
    LAN,
    OTHER_MAC,
    PATIENCE,
    ROUTER4,
    ROUTER6,
    SITE4,
    SITE6,
    Home,
    Namespace,
)
from tests.kernel.talks import family
from tests.pace import longest

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
            assert time.monotonic() - began < longest(1.5 if address == LINK_LOCAL else 0.25, below=PATIENCE)
            return False
    return True


def arrives(home: Home, device: Namespace, address: str, port: int, server: socket.socket) -> bool:
    """Whether a datagram comes; False: the device is told at once that it does not."""
    target = where(home, device, address, port)
    with device.open(family("::" if len(target) == 4 else address), socket.SOCK_DGRAM) as client:
        client.connect(target)
        client.send(b"hello")
        told, _, _ = select.select([server, client], [], [], PATIENCE)
        if server in told:
            return server.recv(100) == b"hello"
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
        for device in (home.child, home.other):
            assert not reaches(home, device, page, 443), "TLS"
            with listening(home, 443, socket.SOCK_DGRAM) as server:
                assert not arrives(home, device, page, 443, server), "QUIC"
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
    with listening(home, 5353, socket.SOCK_DGRAM) as server:
        joins(home, server, "ff02::fb" if six else "224.0.0.251")
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
    gateway.load(replace(guest, guest=9, unassigned=((LAN, None),)))
    with listening(home, 22):
        assert reaches(home, home.other, address, 22)
        gateway.load(replace(guest, guest=None, unassigned=((LAN, 9),)))
        assert not reaches(home, home.other, address, 22)
        gateway.load(replace(guest, guest=None, unassigned=(("br-guest.7", 9),)))
        assert reaches(home, home.other, address, 22)
        assert not reaches(home, home.child, address, 22)


# -------------------------------------------------------------------- what other programs put on the gateway

UPNP, NATPMP, SOAP = 1900, 5351, 5000


@LAN_ADDRESSES
def test_a_childs_device_opens_no_port_by_upnp_or_pcp(
    gateway: Gateway, home: Home, kept: Snapshot, address: str
) -> None:
    """Search by multicast, NAT-PMP and PCP by datagrams, and the device's description, as of miniupnpd."""
    gateway.load(kept)
    with listening(home, SOAP):
        assert not reaches(home, home.child, address, SOAP)
        assert reaches(home, home.other, address, SOAP)
    with listening(home, NATPMP, socket.SOCK_DGRAM) as server:
        assert not arrives(home, home.child, address, NATPMP, server)
        assert arrives(home, home.other, address, NATPMP, server)
    six = ":" in address
    group = "ff02::c" if six else "239.255.255.250"
    with listening(home, UPNP, socket.SOCK_DGRAM) as server:
        joins(home, server, group)
        for device, heard in ((home.child, False), (home.other, True)):
            with device.open(family(address), socket.SOCK_DGRAM) as client, device.inside():
                scope = socket.if_nametoindex("eth0")
                client.sendto(b"M-SEARCH", (group, UPNP, 0, scope) if six else (group, UPNP))
            if heard:
                assert server.recv(10) == b"M-SEARCH"
            else:
                server.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    server.recv(10)


def joins(home: Home, server: socket.socket, group: str) -> None:
    with home.router.inside():
        index = socket.if_nametoindex(LAN).to_bytes(4, "little")
        if ":" in group:
            wanted = socket.inet_pton(socket.AF_INET6, group) + index
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, wanted)
        else:
            wanted = socket.inet_aton(group) + socket.inet_aton(ROUTER4)
            server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wanted)


def test_a_new_device_gets_its_address_by_broadcast_and_by_multicast(
    gateway: Gateway, home: Home, kept: Snapshot
) -> None:
    """It asks from 0.0.0.0 to everybody, and over IPv6 from its link-local address to all servers."""
    gateway.load(kept)
    with listening(home, 67, socket.SOCK_DGRAM) as server:
        home.child.ip("address flush dev eth0 scope global")
        with home.child.open(socket.AF_INET, socket.SOCK_DGRAM) as client, home.child.inside():
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
            home.child.run("ip", "route", "replace", "255.255.255.255", "dev", "eth0")
            client.sendto(b"discover", ("255.255.255.255", 67))
        assert server.recv(10) == b"discover"
    with listening(home, 547, socket.SOCK_DGRAM) as server:
        joins(home, server, "ff02::1:2")
        with home.child.open(socket.AF_INET6, socket.SOCK_DGRAM) as client, home.child.inside():
            client.sendto(b"solicit", ("ff02::1:2", 547, 0, socket.if_nametoindex("eth0")))
        assert server.recv(10) == b"solicit"


@pytest.fixture
def container(home: Home) -> Iterator[Namespace]:
    """As Docker keeps one, with ports that it publishes on every address of the router."""
    made = Namespace()
    for name in ("iptables", "ip6tables"):
        # Else the kernel sends a reset past its own translation, from the container's address.
        with home.router.inside():
            there = Path("/proc/sys/net/bridge", f"bridge-nf-call-{name}").exists()
        if there:
            home.router.sysctl(f"bridge/bridge-nf-call-{name}", 0)
    home.router.ip(
        "link add docker0 type bridge",
        f"link add veth1 type veth peer name eth0 netns {made.path}",
        "link set veth1 master docker0",
        *(f"link set {name} up" for name in ("docker0", "veth1")),
        "address add 172.17.0.1/16 dev docker0",
        "address add fd17::1/64 dev docker0 nodad",
    )
    made.ip(
        "link set eth0 up",
        "address add 172.17.0.2/16 dev eth0",
        "address add fd17::2/64 dev eth0 nodad",
        "route add default via 172.17.0.1",
        "route add ::/0 via fd17::1",
    )
    publish = "\n".join(
        f"fib daddr type local meta nfproto {family} tcp dport {{ 8123, 8096 }} dnat {kind} to {address}"
        for family, kind, address in (("ipv4", "ip", "172.17.0.2"), ("ipv6", "ip6", "fd17::2"))
    )
    home.router.run(
        "nft", "-f", "-", text=f"table inet docker {{\nchain published {{\n{_PUBLISHED}\n{publish}\n}}\n}}\n"
    )
    yield made
    made.close()


_PUBLISHED = "type nat hook prerouting priority dstnat"


@pytest.mark.parametrize("address", [ROUTER4, ROUTER6, WAN4, WAN6])
def test_what_a_container_publishes_is_the_routers_too(
    gateway: Gateway, home: Home, kept: Snapshot, container: Namespace, address: str
) -> None:
    gateway.load(kept)
    for port, opened in ((8123, False), (8096, True)):
        with container.open(socket.AF_INET6, socket.SOCK_STREAM) as server:
            server.bind(("::", port))
            server.listen()
            assert reaches(home, home.child, address, port) is opened
            assert reaches(home, home.other, address, port)


@pytest.mark.parametrize("address", [WAN4, WAN6])
def test_a_port_that_is_forwarded_to_a_childs_device_answers(
    gateway: Gateway, home: Home, kept: Snapshot, address: str
) -> None:
    own = "[fd77::a]" if ":" in address else "192.168.77.10"
    kind = "ip6" if ":" in address else "ip"
    home.router.run(
        "nft",
        "-f",
        "-",
        text=f"table inet forwards {{\nchain published {{\n{_PUBLISHED}\n"
        f'iifname "wan" {kind} daddr {address} tcp dport 9000 dnat {kind} to {own}\n}}\n}}\n',
    )
    gateway.load(kept)
    with home.child.open(family(address), socket.SOCK_STREAM) as server:
        server.bind((own.strip("[]"), 9000))
        server.listen()
        with home.internet.open(family(address), socket.SOCK_STREAM) as client:
            client.connect((address, 9000))
            home.child.accept(server)

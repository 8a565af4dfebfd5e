"""The filter behind other lines than plain Ethernet, on a VLAN, without IPv4, and next to a neighbour's flat.

A kind that this kernel does not have is skipped with its name; `make vm ARGS=access` runs all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from tests.lab import clients, names
from tests.lab.access import (
    NAT64_POOL,
    NAT64_PREFIX,
    NEIGHBOUR_IPV4,
    NEIGHBOUR_MAC,
    WELL_KNOWN_PREFIX,
    DsLiteLine,
    LineTopology,
    MapELine,
    Nat64Topology,
    PppoeLine,
    SharedSegmentTopology,
    SixOnlyTopology,
    UserSpaceLine,
    VlanTopology,
)
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT,
    DAUGHTER,
    MUM,
    REFUSED,
    address,
    assert_started,
    fetch,
    film,
    fresh,
    is_explained,
    python,
    queued,
    until,
)
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.lab.topology import Topology
from tests.pace import longest

pytestmark = [pytest.mark.lab, pytest.mark.slow]

has_nat64 = pytest.mark.needs("tayga", "unbound")

ETHERNET = 1500
# Sends a datagram as large as the device's own link allows; prints the path's MTU once a router reports it.
PATH_MTU = """
import socket, sys, time
to, size = sys.argv[1], int(sys.argv[2])
six = ":" in to
level, discover, mtu, headers = (41, 23, 24, 48) if six else (0, 10, 14, 28)  # linux/in.h, linux/in6.h
sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(level, discover, 2)  # never fragment
sock.connect((to, 7))
sock.send(bytes(size - headers))
until = time.monotonic() + float(sys.argv[3])
while sock.getsockopt(level, mtu) == size and time.monotonic() < until:
    time.sleep(0.05)
print(sock.getsockopt(level, mtu))
"""
# Whether a server echoes bytes that no protocol begins with.
ECHOED = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 7), float(sys.argv[2])) as sock:
        sock.sendall(bytes([0xEF]) + bytes(range(150, 223)))
        print(sock.recv(4096)[:1] == bytes([0xEF]))
except OSError:
    print(False)
"""
TELEGRAM = "149.154.167.51"  # an address that this service alone uses
NO_SERVICE = "93.184.215.14"
LEARNED_S = longest(30.0)
LARGE = 256 << 10  # of a download and of an upload: more than a window


def built(topology: type[Topology], missing: str = "") -> Iterator[tuple[Home, Daemon]]:
    if missing:
        pytest.skip(f"no {missing}; make vm ARGS=access has it")
    with Home(topology=topology) as home, fresh(home, lan=[topology.lan]) as daemon:
        yield home, daemon


@pytest.fixture(
    scope="module", params=[UserSpaceLine, PppoeLine, DsLiteLine, MapELine], ids=lambda one: one.__name__
)
def line(request: pytest.FixtureRequest, namespaces: None) -> Iterator[tuple[Home, Daemon]]:
    kind: type[LineTopology] = request.param
    yield from built(kind, kind.missing())


@pytest.fixture(scope="module")
def vlan(namespaces: None) -> Iterator[tuple[Home, Daemon]]:
    yield from built(VlanTopology, VlanTopology.missing())


@pytest.fixture(scope="module")
def six(namespaces: None) -> Iterator[tuple[Home, Daemon]]:
    yield from built(SixOnlyTopology)


@pytest.fixture(scope="module")
def nat64(namespaces: None) -> Iterator[tuple[Home, Daemon]]:
    daughter = {**DAUGHTER, "limits": {"internet": "2h"}}
    with Home(topology=Nat64Topology) as home, fresh(home, {"daughter": daughter, "mum": MUM}) as daemon:
        assert until(lambda: _is_learned(home), LEARNED_S) is not None, "the prefix, from ipv4only.arpa"
        yield home, daemon


def _is_learned(home: Home) -> bool:
    tablet = home.devices["tablet"]
    return echoed(home.devices["parent"], translated(TELEGRAM)) and not echoed(tablet, translated(TELEGRAM))


@pytest.fixture(scope="module")
def shared(namespaces: None) -> Iterator[tuple[Home, Daemon]]:
    yield from built(SharedSegmentTopology)


def assert_filtered(home: Home, version: int) -> None:
    """A refused name is refused and an allowed one is reached, by DNS, TLS, plain HTTP and QUIC; no leak."""
    home.begin_anew()
    tablet, parent = home.devices["tablet"], home.devices["parent"]
    record = "A" if version == 4 else "AAAA"
    answer = clients.dig(tablet, REFUSED, record)
    assert address(REFUSED, version) not in answer.records
    assert version == 6 or is_explained(answer)
    assert clients.dig(tablet, ALLOWED, record).records == (address(ALLOWED, version),)
    refused = fetch(tablet, f"https://{REFUSED}/", version)
    assert refused.how in CUT, refused
    assert not fetch(tablet, f"http://{REFUSED}/", version).reached
    to = address(REFUSED, version)
    assert not clients.h3(tablet, REFUSED, address=to, timeout=clients.SILENCE_S).reached
    for proto in ("https", "http", "quic"):
        assert not home.seen(proto, REFUSED), "it leaked"
    for scheme in ("https", "http"):
        assert fetch(tablet, f"{scheme}://{ALLOWED}/", version).reached
        assert fetch(parent, f"{scheme}://{REFUSED}/", version).reached, "an adult's"
    assert clients.h3(tablet, ALLOWED, address=address(ALLOWED, version)).reached


def assert_large_packets_arrive(home: Home, version: int, mtu: int) -> None:
    """A download and an upload of many full packets pass, and a device learns the line's smaller MTU."""
    tablet = home.devices["tablet"]
    for scheme in ("https", "http"):
        loaded = fetch(tablet, f"{scheme}://{ALLOWED}/bytes/{LARGE}", version)
        assert loaded.reached, loaded
        assert len(loaded.body) == LARGE
        upload = home.folder / "upload"
        upload.write_bytes(bytes(LARGE))
        sent = fetch(tablet, f"{scheme}://{ALLOWED}/", version, extra=["--data-binary", f"@{upload}"])
        assert sent.reached, sent
    if mtu != ETHERNET:
        patience = str(clients.PATIENCE_S)
        for key in ("tablet", "parent"):
            largest = python(home.devices[key], PATH_MTU, address(ALLOWED, version), str(ETHERNET), patience)
            assert int(largest) == mtu, key


def assert_a_pause_cuts(daemon: Daemon, hers: clients.Stream, mums: clients.Stream) -> None:
    daemon.client.call("pause", who="daughter")
    try:
        assert hers.death(0.0) is not None
        assert mums.flows()
    finally:
        daemon.client.call("resume", who="daughter")


def assert_cut(home: Home, daemon: Daemon, version: int) -> None:
    """A pause ends a running stream of the child, and no other."""
    with (
        film(home.devices["tablet"], ALLOWED, version) as hers,
        film(home.devices["parent"], ALLOWED, version) as mums,
    ):
        assert_started(hers, mums)
        assert_a_pause_cuts(daemon, hers, mums)


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_line_is_filtered_like_ethernet(line: tuple[Home, Daemon], version: int) -> None:
    home, daemon = line
    assert_filtered(home, version)
    assert_cut(home, daemon, version)


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_large_packets_pass_a_line(line: tuple[Home, Daemon], version: int) -> None:
    home, _ = line
    topology = home._topology
    assert isinstance(topology, LineTopology)
    assert_large_packets_arrive(home, version, topology.mtu if version in topology.families else ETHERNET)


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_vlan_is_filtered(vlan: tuple[Home, Daemon], version: int) -> None:
    home, daemon = vlan
    assert_filtered(home, version)
    assert_cut(home, daemon, version)
    assert_large_packets_arrive(home, version, ETHERNET)


def test_without_ipv4_all_is_filtered(six: tuple[Home, Daemon]) -> None:
    home, daemon = six
    assert_filtered(home, 6)
    assert_cut(home, daemon, 6)
    assert_large_packets_arrive(home, 6, ETHERNET)


def test_a_site_with_ipv4_alone_is_filtered_behind_nat64(six: tuple[Home, Daemon]) -> None:
    """The device reaches it by the address that DNS64 makes of its IPv4 address (RFC 6052)."""
    home, _ = six
    tablet = home.devices["tablet"]
    home.begin_anew()
    synthesized = f"64:ff9b::{names.ipv4_of(REFUSED)}"
    refused = fetch(tablet, f"https://{REFUSED}/", 6, to=synthesized)
    assert refused.how in CUT
    assert not home.seen("https", REFUSED)
    assert fetch(tablet, f"https://{ALLOWED}/", 6, to=f"64:ff9b::{names.ipv4_of(ALLOWED)}").reached
    assert fetch(home.devices["parent"], f"https://{REFUSED}/", 6, to=synthesized).reached


def translated(address: str) -> str:
    return f"{NAT64_PREFIX}{address}"


def echoed(device: Namespace, address: str) -> bool:
    """Whether a server behind the translator returns the bytes of a connection without a name."""
    return python(device, ECHOED, address, str(clients.PATIENCE_S)) == "True\n"


@has_nat64
@pytest.mark.parametrize("host", [REFUSED, "www.pornhub.com"], ids=["service", "category"])
def test_a_blocked_name_is_refused_behind_nat64(nat64: tuple[Home, Daemon], host: str) -> None:
    """By the resolver, and at the address that it gives others."""
    home, _ = nat64
    tablet, parent = home.devices["tablet"], home.devices["parent"]
    home.begin_anew()
    at = translated(names.ipv4_of(host))
    assert at not in clients.dig(tablet, host, "AAAA").records
    assert fetch(tablet, f"https://{host}/", 6, to=at).how in CUT
    assert not fetch(tablet, f"http://{host}/", 6, to=at).reached
    assert not clients.h3(tablet, host, address=at, timeout=clients.SILENCE_S).reached
    for proto in ("https", "http", "quic"):
        assert not home.seen(proto, host), "it leaked"
    found = clients.dig(parent, host, "AAAA").records
    assert [ip_address(record) for record in found] == [ip_address(at)]
    assert fetch(parent, f"https://{host}/", 6, to=at).reached


@has_nat64
def test_an_allowed_name_is_reached_through_the_translator(nat64: tuple[Home, Daemon]) -> None:
    home, _ = nat64
    tablet, at = home.devices["tablet"], translated(names.ipv4_of(ALLOWED))
    home.begin_anew()
    assert [ip_address(found) for found in clients.dig(tablet, ALLOWED, "AAAA").records] == [ip_address(at)]
    for scheme in ("https", "http"):
        assert fetch(tablet, f"{scheme}://{ALLOWED}/", 6, to=at).reached
        (arrival,) = home.seen(scheme, ALLOWED)
        assert arrival["client"].startswith(NAT64_POOL), "over IPv4"
    assert clients.h3(tablet, ALLOWED, address=at).reached


@has_nat64
@pytest.mark.parametrize("prefix", [NAT64_PREFIX, WELL_KNOWN_PREFIX], ids=["provider's", "well-known"])
def test_a_service_is_refused_by_its_address_behind_nat64(nat64: tuple[Home, Daemon], prefix: str) -> None:
    """The daemon read the provider's prefix from the resolver's answer (RFC 7050)."""
    home, _ = nat64
    assert echoed(home.devices["parent"], f"{prefix}{TELEGRAM}")
    assert not echoed(home.devices["tablet"], f"{prefix}{TELEGRAM}")
    assert echoed(home.devices["tablet"], f"{prefix}{NO_SERVICE}")


@has_nat64
def test_minutes_count_and_a_pause_cuts_behind_nat64(nat64: tuple[Home, Daemon]) -> None:
    home, daemon = nat64
    tablet, parent = home.devices["tablet"], home.devices["parent"]
    url = f"https://{ALLOWED}/stream?rate=200k"  # its address is from the home's own resolver
    with clients.Stream(tablet, url) as hers, clients.Stream(parent, url) as mums:
        assert_started(hers, mums)
        assert until(lambda: _minutes(daemon) > 0, 130.0) is not None
        assert_a_pause_cuts(daemon, hers, mums)


def _minutes(daemon: Daemon) -> int:
    used = daemon.client.call("device", mac=names.TABLET.mac)["used"]
    return sum(limit["minutes"] for limit in used if limit["target"] == "internet")


def listed(daemon: Daemon) -> set[str]:
    return {device["mac"] for device in daemon.client.call("devices")["devices"]}


def test_a_neighbours_devices_are_not_ours(shared: tuple[Home, Daemon]) -> None:
    """On one segment, each with a network of its own: theirs are not filtered, paused, listed or counted."""
    home, daemon = shared
    assert isinstance(home._topology, SharedSegmentTopology)
    neighbour: Namespace = home._topology.neighbour
    assert_filtered(home, 4)
    before = queued(daemon)
    assert fetch(neighbour, f"https://{REFUSED}/", 4).reached
    assert clients.dig(neighbour, REFUSED).records == (names.ipv4_of(REFUSED),)
    with film(neighbour, ALLOWED, 4) as theirs:
        assert_started(theirs)
        daemon.client.call("pause", who="all")
        try:
            assert theirs.flows()
        finally:
            daemon.client.call("resume", who="all")
    assert queued(daemon) == before
    assert NEIGHBOUR_MAC not in listed(daemon)


def test_a_neighbours_device_that_uses_our_gateway_is_a_guest(shared: tuple[Home, Daemon]) -> None:
    """Its address is of another network, but its packets pass our gateway: they are filtered."""
    home, _ = shared
    assert isinstance(home._topology, SharedSegmentTopology)
    neighbour: Namespace = home._topology.neighbour
    neighbour.run(["ip", "addr", "add", "192.168.77.90/24", "dev", "eth0"], check=True)
    home.begin_anew()
    try:
        way = ["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4, "src", "192.168.77.90"]
        neighbour.run(way, check=True)
        assert not fetch(neighbour, "https://www.pornhub.com/", 4).reached
        assert not home.seen("https", "www.pornhub.com")
    finally:
        neighbour.run(["ip", "route", "replace", "default", "via", "192.168.78.1"], check=True)
        neighbour.run(["ip", "addr", "del", "192.168.77.90/24", "dev", "eth0"], check=True)
    assert fetch(neighbour, f"https://{REFUSED}/", 4).reached, NEIGHBOUR_IPV4

"""`check` and who else routes or gives addresses at home: real second routers, servers and bridges."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.check import lan as check_lan
from gateway.check.lan import BRIDGE_FILTER
from gateway.check.rulesets import LoadedRulesets, read_rules, rule_findings
from gateway.lan import vendors
from gateway.lan.machine import read_machine, setting
from gateway.policy.config.config import Config
from tests.cli.check.test_check_network import HOME, ROUTER, bridges_apart, lan_lines
from tests.kernel.home import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

GATEWAY6 = "fe80::77:1"
SERVER4 = "192.168.77.250"


@pytest.fixture
def space() -> Iterator[Namespace]:
    """A home as it should be."""
    made = Namespace()
    with made.inside():
        bridges_apart(made)
        made.ip(*HOME, f"address add {GATEWAY6}/64 dev br-lan nodad")
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            made.sysctl(name, 1)
        yield made
    made.close()


def until(holds: Callable[[], bool]) -> None:
    """The kernel's own work behind a call takes some milliseconds."""
    end = time.monotonic() + longest(3.0)
    while not holds():
        assert time.monotonic() < end, lan_lines(Config())
        time.sleep(0.02)


@contextlib.contextmanager
def at_home(space: Namespace, number: int) -> Iterator[Namespace]:
    """Another machine on the home's bridge."""
    made = Namespace()
    space.ip(
        f"link add port{number} type veth peer name eth0 netns {made.path}",
        f"link set port{number} master br-lan",
        f"link set port{number} up",
    )
    made.ip(f"link set eth0 address 02:00:00:00:01:{number:02x}", "link set eth0 up")
    until(lambda: "fe80::" in made.run("ip", "-6", "-o", "address", "show", "dev", "eth0"))
    try:
        yield made
    finally:
        made.close()


# -------------------------------------------------------------------- bridges


@pytest.mark.parametrize("name", BRIDGE_FILTER)
def test_bridged_packets_in_the_firewall(space: Namespace, name: str) -> None:
    if not setting(f"bridge/{name}"):
        pytest.skip("this kernel has no br_netfilter")
    assert lan_lines(Config()) == []
    space.sysctl(f"bridge/{name}", 1)
    passes = f"note lan: {name} is 1 (Docker sets it): packets between devices of the LAN pass the firewall: "
    (line,) = lan_lines(Config())
    assert line.startswith(passes)
    assert f"sysctl -w net.bridge.{name}=0" in line


@pytest.mark.parametrize("name", BRIDGE_FILTER)
@pytest.mark.parametrize(
    ("protocol", "interface", "loses"),
    [
        ("its own", "br-lan", True),
        ("all", "br-lan", False),
        ("its own", "lan0", False),
        ("ARP", "br-lan", False),
    ],
)
def test_packet_sockets_that_lose_udp(
    space: Namespace, name: str, protocol: str, interface: str, loses: bool
) -> None:
    """Only a socket of the same protocol, on the bridge, makes the kernel drop packets."""
    space.sysctl(f"bridge/{name}", 1)
    number = {"its own": int(BRIDGE_FILTER[name], 16), "all": 3, "ARP": 0x0806}[protocol]
    with space.open(socket.AF_PACKET, socket.SOCK_DGRAM) as sock, space.inside():
        sock.bind((interface, number))
        (line,) = lan_lines(Config())
    found = f"warning lan: {name} is 1, and a program taps br-lan: filtered devices lose new UDP flows"
    assert line.startswith(found) == loses
    assert f"sysctl -w net.bridge.{name}=0" in line
    assert ("ss -0p" in line) == loses


def test_a_bridged_access_point_passes_beneath_the_filter(space: Namespace) -> None:
    """One arm whose Wi-Fi is bridged to the router's network."""
    config = Config(lan=("br-lan",))
    space.ip("link set wan master br-lan", "route replace default via 192.168.77.250 dev br-lan")
    space.ip("link add name veth7 type veth peer name far7", "link set veth7 master br-lan")
    found = [line for line in lan_lines(config) if "bridges" in line]
    assert found[0].startswith(
        "warning uplink: br-lan bridges lan0, wan: packets between these ports bypass the filter"
    )
    space.ip("link set wan nomaster")
    assert not [line for line in lan_lines(config) if "bridges" in line]


# -------------------------------------------------------------------- second routers


def advertise(router: Namespace, lifetime: int) -> None:
    """A router advertisement (RFC 4861 4.2) with the sender's hardware address."""
    with router.open(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock, router.inside():
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        message = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0)
        source = b"\1\1\x02\0\0\0\1\1"
        sock.sendto(message + source, ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))


@pytest.mark.parametrize("accept", [0, 1, 2])
def test_a_second_router_that_advertises_itself(space: Namespace, accept: int) -> None:
    """Whether this machine takes its advertisements or not."""
    wanted = (
        "warning ipv6: fe80::ff:fe00:101 (02:00:00:00:01:01) on br-lan announces itself as a router: devices "
    )
    if accept == 2:
        wanted = "error uplink: fe80::ff:fe00:101 is the IPv6 router on br-lan: devices bypass this machine: "
    space.sysctl("ipv6/conf/br-lan/accept_ra", accept)
    with at_home(space, 1) as router:
        assert lan_lines(Config()) == []
        advertise(router, 1800)
        until(lambda: any(line.startswith(wanted) for line in lan_lines(Config())))


def test_a_second_router_that_only_answers(space: Namespace) -> None:
    """Its neighbour advertisements say that it forwards (RFC 4861 4.4)."""
    with at_home(space, 1) as router:
        router.sysctl("ipv6/conf/all/forwarding", 1)
        target = ("fe80::ff:fe00:101", 9, 0, socket.if_nametoindex("br-lan"))
        space.run("ip", "-6", "neigh", "flush", "dev", "br-lan")  # what it asked itself tells nothing
        with space.open(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"who are you", target)
        until(lambda: any(line.startswith("warning ipv6: fe80::ff:fe00:101") for line in lan_lines(Config())))


def test_a_smart_speaker_is_no_second_router(space: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_lan, "vendor_of", lambda mac: "Apple, Inc." if mac.endswith("77") else "")
    space.run("ip", "-6", "neigh", "add", *ROUTER.split(), "dev", "br-lan", "router", "nud", "reachable")
    (line,) = lan_lines(Config())
    assert line.startswith(
        "note ipv6: fe80::7 (02:00:00:00:00:77, Apple, Inc.) on br-lan announces itself as a router, "
    )
    assert vendors.vendor_of("02:00:00:00:00:77") == ""


# -------------------------------------------------------------------- second DHCP servers


@contextlib.contextmanager
def serving(server: Namespace, leases: Path) -> Iterator[None]:
    server.ip(f"address add {SERVER4}/24 dev eth0")
    command = (
        "dnsmasq --conf-file=/dev/null --keep-in-foreground --port=0 --interface=eth0 --user=root --pid-file "
        f"--dhcp-range=192.168.77.100,192.168.77.120,1h --dhcp-leasefile={leases} --no-ping"
    )
    with server.inside():
        running = subprocess.Popen(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.kill()
        running.wait()


def takes_an_address(client: Namespace, script: Path) -> str:
    client.run("busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "9", "-T", "1", "-s", str(script))
    return client.run("ip", "-4", "-o", "address", "show", "dev", "eth0").split()[3].partition("/")[0]


@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_a_second_dhcp_server(space: Namespace, whose: str) -> None:
    """Three devices take their addresses from it. Where its leases are ours nothing is said."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        script = Path(folder, "bound")
        script.write_text('#!/bin/sh\n[ "$1" != bound ] || ip address add $ip/24 dev $interface\n')
        script.chmod(0o755)
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        ours.write_text("")
        server = stack.enter_context(at_home(space, 9))
        stack.enter_context(serving(server, theirs))
        given = {
            takes_an_address(stack.enter_context(at_home(space, number)), script) for number in (1, 2, 3)
        }
        assert len(given) == 3
        with space.open(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for address in given:
                sock.sendto(b"hello", (address, 9))
        until(
            lambda: (
                sum(
                    neighbour.ip.version == 4
                    for neighbour in read_machine().seen
                    if neighbour.interface == "br-lan"
                )
                == 3
            )
        )
        read = Config(leases=(str(theirs if whose == "theirs" else ours),))
        found = [line for line in lan_lines(read) if line.startswith(("warning dhcp", "note dhcp"))]
    if whose == "theirs":
        assert found == []
    else:
        assert found[0].startswith(
            "warning dhcp: 3 of 3 devices have no lease of this machine (02:00:00:00:01:01, "
        )


@pytest.mark.parametrize(("uptime", "level"), [(1 << 40, "note"), (0, "warning")])
def test_leases_in_memory_begin_anew_at_a_restart(
    space: Namespace, monkeypatch: pytest.MonkeyPatch, uptime: int, level: str
) -> None:
    """As OpenWrt keeps them: just started, a machine cannot tell who else gave an address."""
    monkeypatch.setattr(check_lan, "LEASE", uptime)
    for last in (1, 2, 3):
        space.ip(f"neigh add 192.168.77.1{last} lladdr 02:00:00:00:00:0{last} dev br-lan nud reachable")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as leases:
        (line,) = lan_lines(Config(leases=(leases.name,)))
    assert line.startswith(f"{level} dhcp: 3 of 3 devices have no lease of this machine")
    assert ("this machine has just started" in line) == (level == "note")


# -------------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'Error: JSON support not compiled-in' >&2; exit 1", "Error: JSON support not compiled-in"),
        ("echo nonsense", "nft's output is not valid"),
        ("exit 3", "nft fails"),
    ],
)
def test_an_nft_that_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    """As of OpenWrt's nftables-nojson: nothing is taken for well."""
    (tmp_path / "nft").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "nft").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    rules = read_rules()
    assert rules.unread == f"rules of other programs cannot be read ({why})"
    found = {finding.about: str(finding) for finding in rule_findings(Config(), rules)}
    assert found["offload"] == f"note offload: {rules.unread}"
    assert found["queue"].startswith("note queue: ")


def test_no_nft_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.check.rulesets.find_program", lambda name: None)
    assert read_rules() == LoadedRulesets(None, "", dict.fromkeys(read_rules().saves, ""), NO_NFT)


NO_NFT = "rules of other programs cannot be read (there is no nft)"


def test_a_tunnel_to_the_provider_is_the_way_out(space: Namespace) -> None:
    """As of PPPoE: no hardware address, no gateway; and the card below it has none of the home's business."""
    space.ip("route del default", "address flush dev wan", "tuntap add name pppoe-wan mode tun")
    space.ip("link set pppoe-wan up", "address add 100.72.3.4 peer 100.72.0.1/32 dev pppoe-wan")
    space.ip("route add default dev pppoe-wan")
    machine = read_machine()
    assert machine.way_out(4) == {"pppoe-wan"}
    assert lan_lines(Config()) == [
        "note nat: pppoe-wan has 100.72.3.4: the provider uses carrier-grade NAT: "
        "nothing, unless a server at home must be reachable from outside"
    ]

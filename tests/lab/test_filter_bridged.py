"""The filter with `bridge-nf-call-iptables=1`, as Docker sets it: bridged packets pass the firewall too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab import clients, names
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, BLOCKED, FAMILIES, PROFILES, fresh
from tests.lab.home import Home
from tests.lab.netns import Namespace, stopping
from tests.lab.topology import BRIDGE_SYSCTLS

pytestmark = [pytest.mark.lab, pytest.mark.needs("/proc/sys/net/bridge/bridge-nf-call-iptables")]

FLOWS = 5  # each from a port of its own
ECHO = """
import socket, sys
address, flows = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
for number in range(flows):
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10.0)
        sock.sendto(b"flow %d" % number, (address, 7))
        assert sock.recv(100) == b"flow %d" % number
"""


def echo(device: Namespace, address: str) -> None:
    """Exchange a datagram in each of several new flows. Raises LabError where one is lost."""
    device.run([sys.executable, "-c", ECHO, address, str(FLOWS)], timeout=12.0 * FLOWS, check=True)


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    home.begin_anew()
    home.gateway.run(["sysctl", "-qw", *(f"{setting[:-1]}1" for setting in BRIDGE_SYSCTLS)], check=True)
    try:
        with fresh(home, PROFILES) as running:
            yield running
    finally:
        home.gateway.run(["sysctl", "-qw", *BRIDGE_SYSCTLS], check=True)


def address_of(host: str, version: int) -> str:
    return names.ipv4_of(host) if version == 4 else names.ipv6_of(host)


@FAMILIES
def test_new_udp_flows_pass(tablet: Namespace, version: int) -> None:
    echo(tablet, address_of(ALLOWED, version))


@FAMILIES
def test_quic_passes_for_an_allowed_name_alone(tablet: Namespace, home: Home, version: int) -> None:
    for host, reached in ((ALLOWED, True), (BLOCKED, False)):
        outcome = clients.h3(tablet, host, address=address_of(host, version), timeout=5.0)
        assert outcome.reached == reached, outcome
    assert not home.seen("h3", BLOCKED)


@FAMILIES
def test_names_are_still_judged_over_tcp_and_dns(tablet: Namespace, home: Home, version: int) -> None:
    assert clients.tls(tablet, ALLOWED, address=address_of(ALLOWED, version)).reached
    assert not clients.tls(tablet, BLOCKED, address=address_of(BLOCKED, version)).reached
    assert not home.seen("https", BLOCKED)
    server = names.GATEWAY_IPV4 if version == 4 else names.GATEWAY_IPV6
    assert clients.dig(tablet, ALLOWED, server=server).records
    assert names.ipv4_of(BLOCKED) not in clients.dig(tablet, BLOCKED, server=server).records


@FAMILIES
def test_devices_of_the_home_reach_each_other(tablet: Namespace, home: Home, version: int) -> None:
    """Their packets stay on the bridge, and meet the rules all the same."""
    phone = home.devices[names.PHONE.key]
    address = names.PHONE.ipv4 if version == 4 else names.PHONE.ipv6
    family = "AF_INET" if version == 4 else "AF_INET6"
    answer = f"""
import socket
with socket.socket(socket.{family}, socket.SOCK_DGRAM) as sock:
    sock.bind(("", 7))
    print("ready", flush=True)
    for _ in range({FLOWS}):
        data, sender = sock.recvfrom(100)
        sock.sendto(data, sender)
"""
    with stopping(phone.popen([sys.executable, "-c", answer])) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        echo(tablet, address)


def test_check_warns_only_of_a_socket_that_loses_udp(tablet: Namespace, home: Home, daemon: Daemon) -> None:
    """The daemon's own packet socket costs nothing. Another program's, of IPv4 alone, loses new UDP flows."""
    assert findings(home, daemon) == ["note lan", "note lan"]
    with tapped(home):
        assert findings(home, daemon) == ["warning lan", "note lan"]
        assert not clients.udp(tablet, names.ipv4_of(ALLOWED), timeout=2.0).reached
        assert clients.udp(tablet, names.ipv6_of(ALLOWED)).reached
    assert findings(home, daemon) == ["note lan", "note lan"]
    assert clients.udp(tablet, names.ipv4_of(ALLOWED)).reached


def findings(home: Home, daemon: Daemon) -> list[str]:
    """The levels of what `qalqan check` says of the two settings."""
    check = [sys.executable, "-m", "gateway", "check", "--config", str(daemon.config)]
    lines = home.gateway.run(check).stdout.splitlines()
    return [line.split(":")[0] for line in lines if "bridge-nf-call" in line]


@contextmanager
def tapped(home: Home) -> Iterator[None]:
    """A program on the gateway that has a packet socket of IPv4 on the bridge."""
    code = f"""
import signal, socket
sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
sock.bind(({names.LAN!r}, 0x0800))
print("ready", flush=True)
signal.pause()
"""
    with stopping(home.gateway.popen([sys.executable, "-c", code])) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        yield

"""The way out: from the texts of /proc, and from the kernel's own in a network namespace."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gateway.lan.uplink import Prefix, Traffic, default_interfaces, near4, near6, traffic

ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wan\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
blocked\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0
vpn\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
br-lan\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
NOWHERE, ANY = "0" * 32, "0" * 32
ROUTE6 = f"""\
{ANY} 00 {ANY} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     wwan
fe80{"0" * 28} 40 {ANY} 00 {NOWHERE} 00000100 00000001 00000000 00000001   br-lan
{ANY} 00 {ANY} 00 {NOWHERE} ffffffff 00000001 00000000 00200200       lo
"""
DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes packets errs drop …
   wan: 123456789 1000    0    0    0     0          0         0  9876 900 0 0 0 0 0 0
wan:1x:     10       2    0    0    0     0          0         0    20   3 0 0 0 0 0 0
"""


def test_default_routes_of_both_families() -> None:
    assert default_interfaces(ROUTE, ROUTE6) == {"wan", "wwan"}
    assert default_interfaces(ROUTE.splitlines()[0], "") == frozenset()


@pytest.mark.skipif(sys.byteorder != "little", reason="the texts are those of a little-endian machine")
def test_networks_of_an_interface_itself() -> None:
    assert list(near4("br-lan", ROUTE)) == [Prefix(0xC0A80200, 8, 4)]
    assert list(near6("br-lan", ROUTE6)) == [Prefix(0xFE80 << 112, 64, 16)]
    assert list(near4("wan", ROUTE)) == list(near6("wwan", ROUTE6)) == [], "all else is behind a router"


def test_counters_by_interface() -> None:
    assert traffic(DEV) == {"wan": Traffic(1000, 900, 123456789), "wan:1x": Traffic(2, 3, 10)}


SCRIPT = """
import json, socket, subprocess
from gateway.lan.uplink import read_uplink
from tests.pace import until

def after(command, out=None):
    subprocess.run(["sh", "-c", command], check=True)
    until(lambda: out is None or read_uplink(["br-lan"]).names == out, 5.0)  # busy kernels tell it late
    found = read_uplink(["br-lan"])
    return sorted(found.names), found.traffic.sent

none = after("true")
routed = after("ip route add default via 192.0.2.1")
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 9))
sent = after("true")
inside = read_uplink(["here"]).traffic
unplugged = after("ip link set there down", frozenset())
rejected = after("ip link set there up; ip route del default; ip route add unreachable default")
print(json.dumps([none, routed, sent, inside, unplugged, rejected]))
"""


@pytest.mark.lab
def test_the_kernels_own_route_and_carrier() -> None:
    setup = """
set -e
ip link add here type veth peer name there
ip addr add 192.0.2.2/24 dev here
ip link set here up
ip link set there up
ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev here
"""
    command = f"{setup}\nexec '{sys.executable}' -c '{SCRIPT}'"
    done = subprocess.run(["unshare", "-n", "sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    none, routed, sent, inside, unplugged, rejected = json.loads(done.stdout)
    assert (none[0], routed[0], sent[0], unplugged[0], rejected[0]) == ([], ["here"], ["here"], [], [])
    assert sent[1] > routed[1]
    assert inside is None

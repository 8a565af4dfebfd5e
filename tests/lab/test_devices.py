"""What the real daemon knows of devices on a real LAN: neighbours, DHCP, multicast DNS, leases, a scan."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.dhcpserver import dhcp_server
from tests.lab.filtering import FAMILIES, PROFILES, fresh, python, until
from tests.lab.home import ROOT, Home
from tests.pace import longest

pytestmark = pytest.mark.lab

SOON = 1.0  # seconds; the kernel tells at once, a look at everything comes every ten
NEW = names.NEW
UDHCPC = pytest.mark.needs("udhcpc")


@pytest.fixture(scope="module")
def own() -> Iterator[Home]:
    with Home(absent=("new",), journal=False, quic=False) as built:
        yield built


@pytest.fixture
def daemon(own: Home) -> Iterator[Daemon]:
    """One that has met the family's three devices, and no other; the fourth is on the Wi-Fi but silent."""
    own.join("new")
    new = own.devices["new"]
    new.run(["ip", "addr", "flush", "dev", "eth0"], check=True)
    new.run(["ip", "link", "set", "eth0", "down"], check=True)
    own.gateway.run(["ip", "neigh", "flush", "dev", names.LAN, "nud", "all"])
    with fresh(own, PROFILES, leases=str(own.folder / "none")) as running:
        yield running


def wake(own: Home, *, addresses: bool = True) -> None:
    new = own.devices["new"]
    new.run(["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"], check=True)
    new.run(["ip", "link", "set", "eth0", "up"], check=True)
    if addresses:
        new.run(["ip", "addr", "add", f"{NEW.ipv4}/24", "dev", "eth0"], check=True)
        new.run(["ip", "addr", "add", f"{NEW.ipv6}/64", "dev", "eth0", "nodad"], check=True)


def told(daemon: Daemon, mac: str = NEW.mac) -> dict[str, Any]:
    listed: list[dict[str, Any]] = daemon.client.call("devices")["devices"]
    return next((one for one in listed if one["mac"] == mac), {})


def comes(daemon: Daemon, test: Callable[[dict[str, Any]], bool], within: float = SOON) -> dict[str, Any]:
    assert until(lambda: test(told(daemon)), within) is not None, told(daemon)
    return told(daemon)


def frames(own: Home, code: str) -> None:
    python(own.devices["new"], f"from scapy.all import *\nmac = {NEW.mac!r}\n{code}")


# ------------------------------------------------------------------------------------ neighbours


@FAMILIES
def test_a_new_device_is_told_of_at_its_first_packet(own: Home, daemon: Daemon, version: int) -> None:
    seen: list[tuple[float, dict[str, Any]]] = []
    with daemon.client.events(("device",), idle=0.2) as stream:
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                if (event := next(stream)) is not None:
                    seen.append((time.monotonic(), event))

        listener = threading.Thread(target=listen)
        listener.start()
        wake(own)
        began = time.monotonic()
        to = names.GATEWAY_IPV4 if version == 4 else names.GATEWAY_IPV6
        python(own.devices["new"], f"import socket, sys\ns = socket.create_connection(({to!r}, 53), 10)\n")
        found = until(lambda: bool(seen), 3.0)
        done.set()
        listener.join()
    assert found is not None
    assert [event["mac"] for _, event in seen] == [NEW.mac], "once"
    assert seen[0][0] - began < longest(SOON, below=9.0)
    assert told(daemon)["profile"] == "guest"
    assert told(daemon)["random"]
    assert told(daemon)["first_seen"]


def test_all_addresses_of_a_device_are_known_at_once(own: Home, daemon: Daemon) -> None:
    wake(own)
    new = own.devices["new"]
    extra = [f"2001:db8:77::{number:x}" for number in range(0xAA0, 0xAA6)]
    for ip in extra:
        new.run(["ip", "addr", "add", f"{ip}/64", "dev", "eth0", "nodad"], check=True)
    code = (
        "import socket, sys\nfor ip in sys.argv[1:]:\n"
        f"    to = {names.GATEWAY_IPV6!r} if ':' in ip else {names.GATEWAY_IPV4!r}\n"
        "    socket.create_connection((to, 53), 10, (ip, 0)).close()\n"
    )
    used = [NEW.ipv4, NEW.ipv6, *extra]
    python(new, code, *used)
    seen = comes(daemon, lambda one: set(used) <= set(one.get("addresses", ())))
    assert seen["ip"] == NEW.ipv4
    for ip in used:
        assert daemon.client.call("device", ip=ip)["mac"] == NEW.mac
    link = [ip for ip in seen["addresses"] if ip.startswith("fe80:")]
    assert set(seen["addresses"]) == {*used, *link}


def test_the_addresses_that_a_device_had_are_told(own: Home, daemon: Daemon) -> None:
    """Of the first look at everything; another address of it later is one more."""
    wake(own)
    new, second = own.devices["new"], "192.168.77.213"
    reach = f"import socket\nsocket.create_connection(({names.GATEWAY_IPV4!r}, 53), 10).close()\n"
    python(new, reach)

    def had() -> set[str]:
        if not told(daemon):
            return set()
        return {one["address"] for one in daemon.client.call("devices", mac=NEW.mac)["devices"][0]["history"]}

    assert until(lambda: NEW.ipv4 in had(), 12.0) is not None
    new.run(["ip", "addr", "flush", "dev", "eth0"], check=True)
    new.run(["ip", "addr", "add", f"{second}/24", "dev", "eth0"], check=True)
    python(new, reach)
    assert until(lambda: {NEW.ipv4, second} <= had(), 12.0) is not None
    daemon.client.call("name_device", mac=NEW.mac, name="Robot")
    assert told(daemon)["name"] == "Robot"
    daemon.client.call("forget", mac=NEW.mac)
    assert until(lambda: told(daemon).get("name") != "Robot", SOON) is not None


@pytest.mark.slow
def test_a_device_that_leaves_is_gone_after_two_minutes_and_is_back_at_its_first_packet(
    own: Home, daemon: Daemon
) -> None:
    wake(own)
    new = own.devices["new"]
    reach = f"import socket\nsocket.create_connection(({names.GATEWAY_IPV4!r}, 53), 10).close()\n"
    python(new, reach)
    comes(daemon, lambda one: one.get("online") is True)
    python(own.devices["tablet"], reach)
    assert until(lambda: told(daemon, names.TABLET.mac)["online"], SOON) is not None
    own.gateway.run(["ip", "link", "set", "lan4", "down"], check=True)
    began = time.monotonic()
    assert until(lambda: told(daemon)["online"] is False, 150.0) is not None
    assert time.monotonic() - began > 100
    assert told(daemon, names.TABLET.mac)["online"], "one that is idle answers the kernel"
    assert NEW.ipv4 in told(daemon)["addresses"], "where it was last"
    own.gateway.run(["ip", "link", "set", "lan4", "up"], check=True)
    python(new, reach)
    comes(daemon, lambda one: one["online"] is True, 3.0)


# ------------------------------------------------------------------------------------ what it says


@UDHCPC
def test_a_real_client_of_dhcp_says_what_it_is(own: Home, daemon: Daemon) -> None:
    wake(own, addresses=False)
    client = ["udhcpc", "-i", "eth0", "-n", "-q", "-t", "1", "-T", "1", "-s", "/bin/true"]
    own.devices["new"].run([*client, "-x", "hostname:Galaxy-S21", "-V", "android-dhcp-14"])
    seen = comes(daemon, lambda one: one.get("name") == "Galaxy-S21")
    assert (seen["kind"], seen["vendor"], seen["online"]) == ("phone", "", True)
    stored = daemon.client.call("device", mac=NEW.mac)
    assert stored["name"] == "Galaxy-S21"


def test_dhcpv6_multicast_dns_and_a_repeater(own: Home, daemon: Daemon) -> None:
    wake(own)
    frames(
        own,
        f"""
out = lambda frame: sendp(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / frame, iface="eth0", verbose=0)
out(IPv6(src="fe80::5", dst="ff02::1:2") / UDP(sport=546, dport=547) / DHCP6_Solicit()
    / DHCP6OptClientFQDN(fqdn="six"))
answer = DNS(qr=1, qd=[], an=[
    DNSRR(rrname="Lounge.local", type="A", rdata="{NEW.ipv4}", ttl=120),
    DNSRR(rrname="_googlecast._tcp.local", type="PTR", rdata="x._googlecast._tcp.local", ttl=120)])
out(IP(src="{NEW.ipv4}", dst="224.0.0.251", ttl=255) / UDP(sport=5353, dport=5353) / answer)
out(IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)
    / BOOTP(chaddr=b"\\x02\\0\\0\\0\\0\\x77")
    / DHCP(options=[("message-type", "discover"), ("hostname", "behind"), "end"]))
""",
    )
    seen = comes(daemon, lambda one: bool(one.get("behind")))
    assert (seen["name"], seen["kind"], seen["behind"]) == ("six", "tv", ["02:00:00:00:00:77"])
    assert seen["names"] == ["six", "lounge"]
    assert told(daemon, "02:00:00:00:00:77") == {}, "nobody is made of a message alone"


def test_what_is_known_outlives_the_daemon_and_not_being_forgotten(own: Home, daemon: Daemon) -> None:
    wake(own)
    frames(
        own,
        """
sendp(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
    / UDP(sport=68, dport=67) / BOOTP(chaddr=b"\\x02\\0\\0\\0\\0\\x0d")
    / DHCP(options=[("message-type", "discover"), ("hostname", "keeper"), "end"]), iface="eth0", verbose=0)
""",
    )
    before = comes(daemon, lambda one: one.get("name") == "keeper")
    daemon.stop()
    own.devices["new"].run(["ip", "link", "set", "eth0", "down"], check=True)
    own.gateway.run(["ip", "neigh", "flush", "dev", names.LAN, "nud", "all"])
    daemon.start()
    after = told(daemon)
    assert (after["name"], after["first_seen"]) == ("keeper", before["first_seen"])
    assert not after["online"]
    daemon.client.call("forget", mac=NEW.mac)
    assert told(daemon) == {}
    daemon.stop()
    assert b"keeper" not in daemon.database.read_bytes()
    daemon.start()


# ------------------------------------------------------------------------------------ dnsmasq


@UDHCPC
def test_dnsmasq_tells_the_daemon_by_its_hook(own: Home, daemon: Daemon, tmp_path: Path) -> None:
    with dhcp_server(own, tmp_path, f"--dhcp-host={NEW.mac},lounge", tells=daemon.socket):
        wake(own, addresses=False)
        client = ["udhcpc", "-i", "eth0", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true"]
        done = own.devices["new"].run([*client, "-x", "hostname:own-name"])
        assert "obtained" in done.stderr, done
        # The router's own name is known from the hook alone: no lease file is configured.
        seen = comes(daemon, lambda one: "lounge" in one.get("names", ()), 3.0)
        assert seen["name"] == "own-name"


# ------------------------------------------------------------------------------------ a scan


def test_a_scan_finds_who_has_said_nothing(own: Home, daemon: Daemon) -> None:
    new = own.devices["new"]
    new.run(["sysctl", "-qw", "net.ipv6.conf.eth0.router_solicitations=0"], check=True)
    new.run(["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"], check=True)
    new.run(["ip", "link", "set", "eth0", "up"], check=True)
    assert told(daemon) == {}
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gateway", "device", "scan", "--config", str(daemon.config)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["2 devices answered, 1 of them new", NEW.mac]
    assert told(daemon)["online"]
    found = daemon.client.call("scan", look=True)
    # Of whom no moment is told, it is not told that the device is here now (docs/privacy.md).
    assert set(found["found"]) == {names.TABLET.mac, NEW.mac}

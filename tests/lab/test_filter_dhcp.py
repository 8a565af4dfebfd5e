"""Who is who by real DHCP: leases of a real dnsmasq, whose hook tells the daemon; nothing is played.

What the hook tells and what the daemon hears on the wire are the same words, so each test has both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.dhcpserver import dhcp_server
from tests.lab.filtering import ALLOWED, CUT, REFUSED, fetch, fresh, module, until
from tests.lab.home import Home
from tests.lab.netns import Namespace
from tests.pace import longest

pytestmark = pytest.mark.lab

GAMBLING = "www.bet365.com"
INVENTED, BEHIND = "da:a1:19:00:00:01", "02:00:00:00:00:77"
IOS, ANDROID = "1,121,3,6,15,108,114,119,252", "1,3,6,15,26,28,51,58,59,43,114,108"
IPAD = ("--name", "Aruzhan-iPad", "--options", IOS)
GALAXY = ("--name", "Mums-Galaxy", "--vendor-class", "android-dhcp-14", "--options", ANDROID)
NEEDS_UDHCPC = pytest.mark.needs("udhcpc")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Home]:
    """A home whose dnsmasq gives leases of both families and starts the hook; nobody has an address yet."""
    with Home(absent=("new",), quic=False) as built:
        for key in ("tablet", "parent", "new"):
            built.devices[key].run(["ip", "-4", "addr", "flush", "dev", "eth0"], check=True)
        six = "--dhcp-range=2001:db8:77::1000,2001:db8:77::1fff,64,1h"
        tells = built.folder / "qalqan" / "run" / "control.sock"
        with dhcp_server(built, tmp_path, six, tells=tells):
            yield built


def takes_lease(home: Home, key: str, *flags: str) -> Namespace:
    """It comes into the Wi-Fi and asks for an address as its system does; then it knows its way out."""
    device = home.devices[key]
    module(device, "dhcpclient", "eth0", *flags)
    device.run(["ip", "route", "replace", "default", "via", names.GATEWAY_IPV4], check=True)
    return device


def leaves(home: Home, key: str) -> None:
    device = home.devices[key]
    device.run(["ip", "link", "set", "eth0", "down"], check=True)


def invents(home: Home, key: str, mac: str) -> None:
    """Another hardware address, and nothing kept of the lease before."""
    device = home.devices[key]
    for line in (f"link set eth0 down address {mac}", "-4 addr flush dev eth0", "link set eth0 up"):
        device.run(["ip", *line.split()], check=True)


def asked(daemon: Daemon) -> dict[str, dict[str, Any]]:
    return {one["mac"]: one for one in daemon.client.call("questions")["questions"]}


def told(daemon: Daemon, mac: str) -> dict[str, Any]:
    listed = daemon.client.call("devices")["devices"]
    return next((one for one in listed if one["mac"] == mac), {})


def test_a_tablet_that_comes_by_another_address_is_known_by_its_dhcp(own: Home) -> None:
    with fresh(own) as daemon:
        tablet = takes_lease(own, "tablet", *IPAD)
        assert until(lambda: told(daemon, names.TABLET.mac)["kind"] == "tablet", 2.0) is not None
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
        invents(own, "tablet", INVENTED)
        began = time.monotonic()
        takes_lease(own, "tablet", *IPAD)
        # Nobody told the daemon that the old one went: it asks, and nobody answers.
        assert until(lambda: asked(daemon).get(INVENTED, {}).get("known") == names.TABLET.mac, 15.0)
        assert time.monotonic() - began < longest(12.0, below=100.0), "and not after two minutes"
        one = asked(daemon)[INVENTED]
        assert (one["ask"], one["owner"], one["rules"]) == ("again", "daughter", "daughter")
        assert {"host_name", "options", "time"} <= set(one["signs"])
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
        daemon.client.call("identify", mac=INVENTED, answer="again")
        assert told(daemon, INVENTED)["profile"] == "daughter"


def test_it_reaches_nothing_while_nobody_knows_it_yet(own: Home) -> None:
    """Where new devices are not filtered: from its first packet until its name is compared, and later."""
    with fresh(own, unknown_devices="home") as daemon:
        tablet = takes_lease(own, "tablet", *IPAD)
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        invents(own, "tablet", INVENTED)
        takes_lease(own, "tablet", *IPAD)
        fetches, ends = [], time.monotonic() + 12.0
        while time.monotonic() < ends:
            fetches.append(fetch(tablet, f"https://{REFUSED}/", 4, timeout=1.0))
        assert [one for one in fetches if one.reached] == []
        assert asked(daemon)[INVENTED]["known"] == names.TABLET.mac
        assert fetch(tablet, f"https://{ALLOWED}/", 4).reached


def test_one_that_says_nothing_and_calls_itself_a_console_is_caught_by_the_time(own: Home) -> None:
    """And changing twice leads no further."""
    with fresh(own) as daemon:
        tablet = takes_lease(own, "tablet", *IPAD)
        assert until(lambda: bool(told(daemon, names.TABLET.mac).get("kind")), 2.0) is not None
        for mac in (INVENTED, "da:a1:19:00:00:02"):
            assert fetch(tablet, f"https://{ALLOWED}/", 4).reached, "it is in use"
            invents(own, "tablet", mac)
            takes_lease(own, "tablet", "--name", "PlayStation")
            assert until(lambda: asked(daemon).get(mac, {}).get("rules") == "daughter", 15.0), mac  # noqa: B023
            assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT


def test_a_copied_address_with_another_system_s_dhcp_is_a_copy(own: Home) -> None:
    with fresh(own) as daemon:
        parent = takes_lease(own, "parent", *GALAXY)
        assert until(lambda: told(daemon, names.PARENT.mac)["kind"] == "phone", 2.0) is not None
        assert fetch(parent, f"https://{GAMBLING}/", 4).reached
        # Its lease is renewed, and its system updated: no suspicion.
        takes_lease(own, "parent", *GALAXY[:3], "android-dhcp-15", "--options", f"{ANDROID},162")
        time.sleep(1.0)
        assert asked(daemon) == {}
        leaves(own, "parent")
        own.join("new")
        invents(own, "new", names.PARENT.mac)
        thief = takes_lease(own, "new", *IPAD)
        assert until(lambda: asked(daemon).get(names.PARENT.mac, {}).get("ask") == "copy", 3.0) is not None
        one = asked(daemon)[names.PARENT.mac]
        assert (one["owner"], one["rules"]) == ("mum", "daughter")
        assert {"options", "host_name"} <= set(one["signs"])
        assert fetch(thief, f"https://{GAMBLING}/", 4).how in CUT
        assert fetch(thief, f"https://{ALLOWED}/", 4).reached


@NEEDS_UDHCPC
def test_a_repeater_is_told_by_its_clients_dhcp_and_is_no_copy(own: Home) -> None:
    """By a real client of its own, and by one behind it."""
    with fresh(own) as daemon:
        own.join("new")
        client = ["udhcpc", "-i", "eth0", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true"]
        done = own.devices["new"].run([*client, "-x", "hostname:RE305", "-V", "udhcp 1.36.1"])
        assert "obtained" in done.stderr, done
        assert until(lambda: asked(daemon).get(names.NEW.mac, {}).get("ask") == "new", 3.0) is not None
        module(own.devices["new"], "dhcpclient", "eth0", "--hardware", BEHIND, "--keep", *GALAXY)
        assert until(lambda: asked(daemon).get(names.NEW.mac, {}).get("ask") == "repeater", 3.0) is not None
        seen = told(daemon, names.NEW.mac)
        assert (seen["behind"], seen["name"], seen["kind"]) == ([BEHIND], "RE305", "thing")
        assert told(daemon, BEHIND) == {}, "nobody is made of a lease alone"
        assert "copy" not in {one["ask"] for one in asked(daemon).values()}


@NEEDS_UDHCPC
def test_dhcpv6_tells_the_same_of_a_device_that_has_no_ipv4(own: Home) -> None:
    with fresh(own) as daemon:
        own.join("new")
        new = own.devices["new"]
        client = ["busybox", "udhcpc6", "-i", "eth0", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true"]
        settled = ["ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link", "-tentative"]
        assert until(lambda: new.run(settled).stdout.strip(), 5.0) is not None, "udhcpc6 does not wait"
        # Flags, and a label behind its length (RFC 4704); busybox sends an empty one ahead of it.
        done = new.run([*client, "-x", f"39:0105{b'Lilly'.hex()}"])
        assert "obtained" in done.stderr, done
        assert until(lambda: told(daemon, names.NEW.mac).get("name") == "Lilly", 3.0) is not None
        assert asked(daemon)[names.NEW.mac]["ask"] == "new"
        assert fetch(new, f"https://{GAMBLING}/", 6).how in CUT

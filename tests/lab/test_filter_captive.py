"""The captive-portal API, announced by a real dnsmasq, seen by a real client and asked by HTTPS."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.config.captive_portal import OPTION_4, api_address, dnsmasq_options
from tests.lab import names
from tests.lab.dhcpserver import dhcp_server
from tests.lab.filtering import DAUGHTER, FAMILIES, MUM, ZONE, set_time, until
from tests.lab.home import Home
from tests.lab.networkd import PROGRAM, networkd
from tests.lab.trusted import Trusted
from tests.web.authority import NAME

pytestmark = pytest.mark.lab

NOON, NIGHT = "2026-11-25T12:00:00", "2026-11-25T22:00:00"
# What udhcpc passes to its script: each option that it knows by a name, any other as `optN` in hexadecimal.
SCRIPT = '#!/bin/sh\n[ "$1" = bound ] && env > "{}"\nexit 0\n'

IPV6 = {
    "stateless": f"--dhcp-range={names.LAN_IPV6_PREFIX.removesuffix('/64')},ra-stateless",
    "stateful": "--dhcp-range=2001:db8:77::1000,2001:db8:77::10ff,64,1h",
}
# The types of the options in the next router advertisement.
ADVERTISED = """
import socket
sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sock.settimeout(30)
while (data := sock.recv(2048))[0] != 134:
    pass
at = 16
while at < len(data):
    print(data[at])
    at += 8 * data[at + 1]
"""
PREFIX, CAPTIVE_PORTAL = 3, 37  # options of router advertisements: RFC 4861 §4.6.2, RFC 8910 §2.3


@pytest.fixture(scope="module")
def trusted(home: Home) -> Iterator[Trusted]:
    daughter = {**DAUGHTER, "devices": [names.TABLET.mac, names.PHONE.mac], "bedtime": "20:45-07:00"}
    made = Trusted(home, {"daughter": daughter, "mum": MUM}, timezone=ZONE.key)
    with made.daemon as daemon:
        done = made.renew(made.authority.issue())
        assert done.returncode == 0, done.stdout + done.stderr
        assert until(made.met, 20.0) is not None
        daemon.client.call("guardian", action="add", name="Mum")
        daemon.client.call("device_mark", mac=names.TABLET.mac, no_mobile_data=True, by="Mum")
        yield made


@pytest.fixture(autouse=True)
def noon(trusted: Trusted) -> Iterator[None]:
    set_time(trusted.daemon, NOON)
    yield
    trusted.daemon.client.call("resume", who="daughter")


def state(trusted: Trusted, device: str, version: int) -> dict[str, Any]:
    answer = trusted.ask(device, "/captive", "-H", "Accept: application/captive+json", version=version)
    assert answer.status == 200, answer
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


@FAMILIES
def test_only_a_marked_device_that_is_blocked_as_a_whole_is_captive(trusted: Trusted, version: int) -> None:
    by_day = state(trusted, "tablet", version)
    assert (by_day["captive"], by_day["can-extend-session"]) == (False, True)
    assert by_day["seconds-remaining"] == pytest.approx((8 * 60 + 45) * 60, abs=60)
    for shut in (
        lambda: set_time(trusted.daemon, NIGHT),
        lambda: trusted.daemon.client.call("pause", who="daughter", minutes=30),
    ):
        set_time(trusted.daemon, NOON)
        shut()
        found = state(trusted, "tablet", version)
        assert found == {"captive": True, "user-portal-url": f"https://{NAME}/"}
        page = trusted.ask("tablet", "/", version=version)
        assert page.status in (200, 303), page
        for other in ("phone", "parent", "new"):
            assert state(trusted, other, version) == {"captive": False}, other


def test_a_device_learns_the_address_from_dhcp(home: Home, trusted: Trusted, tmp_path: Path) -> None:
    got, script = tmp_path / "lease", tmp_path / "script"
    script.write_text(SCRIPT.format(got))
    script.chmod(0o755)
    device = home.devices["tablet"]
    with dhcp_server(home, tmp_path, *(f"--{line}" for line in dnsmasq_options(NAME))):
        interfaces = device.run(["ls", "/sys/class/net"]).stdout.split()
        own = next(name for name in interfaces if name != "lo")
        ask = ["udhcpc", "-i", own, "-n", "-q", "-f", "-s", str(script)]
        device.run([*ask, "-O", str(OPTION_4)], check=True, timeout=30)
        said = dict(line.split("=", 1) for line in got.read_text().splitlines() if "=" in line)
        assert bytes.fromhex(said[f"opt{OPTION_4}"]).decode() == api_address(NAME)
        got.unlink()
        device.run(ask, check=True, timeout=30)
        assert f"opt{OPTION_4}" not in got.read_text(), "only devices that ask for it get it"


@pytest.fixture
def unadvertised(home: Home) -> Iterator[None]:
    """Keep router advertisements from the devices' own interfaces, which are also those of other tests."""
    _accept_advertisements(home, 0)
    yield
    _accept_advertisements(home, 1)


def _accept_advertisements(home: Home, value: int) -> None:
    for device in home.devices.values():
        device.run(["sysctl", "-qw", f"net.ipv6.conf.eth0.accept_ra={value}"], check=True)


@pytest.mark.needs(PROGRAM)
@pytest.mark.usefixtures("unadvertised")
@pytest.mark.parametrize("ipv4", [False, True], ids=["IPv6 alone", "both"])
@pytest.mark.parametrize("mode", IPV6)
def test_a_device_learns_the_address_from_dhcpv6(
    home: Home, trusted: Trusted, tmp_path: Path, mode: str, ipv4: bool
) -> None:
    lines = (*dnsmasq_options(NAME), "enable-ra")
    with (
        dhcp_server(home, tmp_path, *(f"--{line}" for line in lines), IPV6[mode]),
        networkd(home.devices["new"], ipv4=ipv4) as client,
    ):
        assert until(lambda: client.state.get("CAPTIVE_PORTAL"), 60.0) is not None, client.state
        assert client.state["CAPTIVE_PORTAL"] == api_address(NAME)


@pytest.mark.usefixtures("unadvertised")
def test_a_router_advertisement_of_dnsmasq_has_no_such_option(
    home: Home, trusted: Trusted, tmp_path: Path
) -> None:
    """docs/providers/trusted-name.md says so: without DHCPv6 a device with IPv6 alone does not learn it."""
    lines = (*dnsmasq_options(NAME), "enable-ra")
    with dhcp_server(home, tmp_path, *(f"--{line}" for line in lines), IPV6["stateless"]):
        done = home.devices["new"].run([sys.executable, "-c", ADVERTISED], check=True)
    options = set(map(int, done.stdout.split()))
    assert PREFIX in options
    assert CAPTIVE_PORTAL not in options

"""The captive-portal API, announced by a real dnsmasq, seen by a real client and asked by HTTPS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.config.captive_portal import OPTION_4, api_address, dnsmasq_options
from tests.lab import names
from tests.lab.dhcpserver import dhcp_server
from tests.lab.filtering import DAUGHTER, FAMILIES, MUM, ZONE, set_time, until
from tests.lab.home import Home
from tests.lab.trusted import Trusted
from tests.web.authority import NAME

pytestmark = pytest.mark.lab

NOON, NIGHT = "2026-11-25T12:00:00", "2026-11-25T22:00:00"
# What udhcpc passes to its script: each option that it knows by a name, any other as `optN` in hexadecimal.
SCRIPT = '#!/bin/sh\n[ "$1" = bound ] && env > "{}"\nexit 0\n'


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

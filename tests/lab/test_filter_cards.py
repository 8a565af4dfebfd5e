"""Closed ways as devices use them, and the one card of each on the real pages of parent and child."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.policy.alerts.signs import QUIET
from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import DAUGHTER, FAMILIES, MUM, SON, ZONE, address, module, set_time
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

OWN = {4: names.GATEWAY_IPV4, 6: names.GATEWAY_IPV6}
RESOLVERS = {4: "8.8.8.8", 6: "2001:4860:4860::8888"}
HOST = "dns.of-my-own.example"  # on no list: its name has an address, and its port 853 is refused
KNOWN = "dns.adguard.com"  # refused by its name already
SITES = ("www.wikipedia.org", "www.khanacademy.org", "www.example.org")
PAGES = f"http://{names.GATEWAY_IPV4}:{WEB_PORT}"
NUMBER = "http://192.0.0.8"  # of the pages' own name
NOON = datetime.fromisoformat("2026-11-25T12:00:00")


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    """Each test has a day of its own."""
    shutil.rmtree(home.folder / "qalqan" / "state", ignore_errors=True)
    profiles = {
        "daughter": {**DAUGHTER, "limits": {}, "log_level": 2},
        "son": {**SON, "limits": {}, "log_level": 0},
        "mum": MUM,
    }
    with Daemon(home, profiles, settings={"timezone": ZONE.key}, web=True) as started:
        set_time(started, NOON.isoformat())
        yield started


def cards(daemon: Daemon, **values: object) -> list[tuple[str, str, str | None, bool]]:
    found: list[dict[str, Any]] = daemon.client.call("cards", **values)["cards"]
    return [(one["device"], one["topic"], one["host"], one["sure"]) for one in found]


def private_dns(device: Namespace, mode: str, what: str, version: int, tries: int = 1) -> dict[str, Any]:
    told = module(device, "privatedns", mode, what, "--resolver", OWN[version], "--tries", str(tries))
    return dict(json.loads(told))


def uses(device: Namespace) -> None:
    for site in SITES:
        assert clients.dig(device, site).records


def childs_page(device: Namespace, url: str = PAGES) -> str:
    """By an address alone, as a phone finds it that resolves no name."""
    outcome = clients.curl(device, f"{url}/my")
    assert outcome.status == 200, outcome
    return outcome.body


def parents_page(home: Home, daemon: Daemon) -> str:
    phone, jar = home.devices["parent"], str(home.folder / "cookies")
    known = daemon.client.call("guardian", action="list")["guardians"]
    token = daemon.client.call("guardian", action="link" if "Mum" in known else "add", name="Mum")["token"]
    form = ["-c", jar, "-b", jar, "-H", f"Origin: {PAGES}", "--data", f"code={token}"]
    assert clients.curl(phone, f"{PAGES}/signin", extra=form).status == 303
    outcome = clients.curl(phone, f"{PAGES}/parent/", extra=["-b", jar])
    assert outcome.status == 200, outcome
    return outcome.body


@FAMILIES
def test_a_provider_s_name_in_a_phone_is_a_card_on_both_pages(
    home: Home, daemon: Daemon, tablet: Namespace, version: int
) -> None:
    told = private_dns(tablet, "strict", HOST, version)
    assert told["addresses"], "its name may be asked for"
    assert not told["validated"], "and it has no internet"
    assert cards(daemon) == [(names.TABLET.mac, "private_dns", HOST, True)]
    child, parent = childs_page(tablet), parents_page(home, daemon)
    assert f"Private DNS is set to {HOST} on this device." in child
    assert "uses Private DNS" in parent
    assert f"It uses {HOST} as its DNS server instead of this home." in parent
    for page in (child, parent):
        assert "Settings › Network &amp; internet › Private DNS › Automatic" in page
    assert HOST not in childs_page(home.devices["phone"])
    visitor = clients.curl(home.devices["parent"], f"{PAGES}/")
    assert visitor.status == 200
    assert HOST not in visitor.body


@FAMILIES
def test_a_phone_that_is_not_filtered_has_its_private_dns(home: Home, daemon: Daemon, version: int) -> None:
    for host in (HOST, KNOWN):
        assert private_dns(home.devices["parent"], "strict", host, version)["validated"]
    assert cards(daemon) == []


@FAMILIES
def test_a_phone_in_automatic_mode_has_none_and_goes_on(
    daemon: Daemon, tablet: Namespace, version: int
) -> None:
    for resolver in (RESOLVERS[version], OWN[version], address(HOST, version)):
        told = private_dns(tablet, "automatic", resolver, version)
        assert not told["validated"]
        assert told["addresses"], "it asks in the clear"
    assert daemon.client.call("status")["verdicts"].get("block:encrypted_dns", 0) > 0
    assert cards(daemon, device=names.TABLET.mac) == []


def test_a_name_that_is_refused_itself(daemon: Daemon, tablet: Namespace) -> None:
    """No packet to port 853 ever comes; half a minute of a phone's own waiting."""
    assert private_dns(tablet, "strict", KNOWN, 4, tries=3) == {"addresses": [], "validated": False}
    assert cards(daemon) == []
    private_dns(tablet, "strict", KNOWN, 4, tries=6)
    assert cards(daemon) == [(names.TABLET.mac, "private_dns", KNOWN, False)]
    assert f"It looks like this: Private DNS is set to {KNOWN} on this device." in childs_page(tablet)


@FAMILIES
def test_wireguard_is_one_card_however_often_it_tries(
    home: Home, daemon: Daemon, tablet: Namespace, version: int
) -> None:
    for _ in range(5):
        assert not clients.udp(tablet, address("vpn.example.org", version), 51820, timeout=0.3).reached
    assert cards(daemon) == [(names.TABLET.mac, "vpn", None, True)]
    assert "Type: WireGuard. It was blocked." in parents_page(home, daemon)
    assert "A VPN does not go through here" in childs_page(tablet)


def test_one_a_day_over_a_crash(home: Home, daemon: Daemon, tablet: Namespace) -> None:
    private_dns(tablet, "strict", HOST, 4)
    before = daemon.client.call("cards")["cards"]
    daemon.client.call("dismiss", device=names.TABLET.mac, way="encrypted_dns")
    daemon.kill()
    daemon.start()
    set_time(daemon, (NOON + timedelta(hours=2)).isoformat())
    private_dns(tablet, "strict", HOST, 4)
    assert cards(daemon) == [], "it was put away for today"
    assert cards(daemon, device=names.TABLET.mac) == [(names.TABLET.mac, "private_dns", HOST, True)]
    set_time(daemon, (NOON + timedelta(days=1)).isoformat())
    private_dns(tablet, "strict", HOST, 4)
    after = daemon.client.call("cards")["cards"]
    assert [one["day"] for one in (*before, *after)] == ["2026-11-25", "2026-11-26"]


def test_a_mended_phone_loses_its_card(home: Home, daemon: Daemon, tablet: Namespace) -> None:
    private_dns(tablet, "strict", HOST, 4)
    uses(tablet)
    assert cards(daemon), "too soon"
    set_time(daemon, (NOON + timedelta(seconds=QUIET + 60)).isoformat())
    uses(tablet)
    assert cards(daemon) == cards(daemon, device=names.TABLET.mac) == []
    assert "Private DNS" not in childs_page(tablet)
    assert "Private DNS" not in parents_page(home, daemon)


def test_the_page_is_there_for_a_phone_that_resolves_nothing(daemon: Daemon, tablet: Namespace) -> None:
    private_dns(tablet, "strict", HOST, 4)
    for url in (PAGES, NUMBER, f"http://[{names.GATEWAY_IPV6}]:{WEB_PORT}"):
        assert "Why nothing opens here" in childs_page(tablet, url), url


def test_at_level_0_the_device_alone_is_told(home: Home, daemon: Daemon) -> None:
    phone = home.devices["phone"]
    private_dns(phone, "strict", HOST, 4)
    assert HOST in childs_page(phone)
    assert "Your parents cannot see this." in childs_page(phone)
    assert cards(daemon) == []
    assert HOST not in parents_page(home, daemon)
    daemon.stop()
    files = [one for one in daemon.state.rglob("*") if one.is_file()]
    assert files
    assert not [one for one in files if HOST.encode() in one.read_bytes()]

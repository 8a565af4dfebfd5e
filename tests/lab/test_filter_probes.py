"""What each system asks to learn whether it is online (profiles/probes.yaml), asked for real in every state.

A new device is led to the page that says who lets it in. One that is paused, asleep or out of time finds
itself online, else a phone leaves for mobile data; what it is not to see stays closed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.lab import chromium, clients, names, shutting
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, DAUGHTER, FAMILIES, MUM, fetch, fresh, until
from tests.lab.home import ROOT, Home

pytestmark = pytest.mark.lab

PROBES: list[dict[str, Any]] = yaml.safe_load((ROOT / "profiles/probes.yaml").read_text())["probes"]
OWN = [one for one in PROBES if not one.get("shared")]
SHARED = [one for one in PROBES if one.get("shared")]
HOSTS = sorted({str(urlsplit(one["url"]).hostname) for one in OWN})
BED = "20:45-07:00"


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    """The tablet and the phone are the daughter's; the new phone waits for an answer."""
    profiles = {
        "daughter": {
            **DAUGHTER,
            "devices": [names.TABLET.mac, names.PHONE.mac],
            "bedtime": BED,
            "limits": shutting.LIMITS,
        },
        "mum": MUM,
    }
    started = fresh(home, profiles, unknown_devices="quarantine")
    started._with_web = True  # pages for devices
    with started:
        started.client.call("forget", mac=names.NEW.mac)  # it was there at the first run
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> Iterator[None]:
    shutting.noon(daemon)
    yield
    shutting.resume(daemon)


STATES = pytest.mark.parametrize("shut", [shutting.paused, shutting.bedtime, shutting.out_of_time])


def _ask(home: Home, seat: str, url: str, version: int) -> Outcome:
    """As a device does: the name first, then the request."""
    return clients.curl(home.devices[seat], url, extra=[f"-{version}"])


def _answered(found: Outcome) -> bool:
    """By the probe's own server on the pretended internet, which knows one path of them all."""
    return found.status in (200, 204)


@FAMILIES
@pytest.mark.parametrize("probe", OWN, ids=lambda one: str(one["by"]))
def test_a_new_device_is_led_to_the_page(
    home: Home, daemon: Daemon, probe: dict[str, Any], version: int
) -> None:
    url = str(probe["url"])
    led = _ask(home, "new", url, version)
    host = urlsplit(url).hostname
    assert led.status == 302, led
    assert led.location == f"http://qalqan.home.arpa/refused?host={host}&reason=quarantined"


def test_where_a_probe_leads_opens_in_a_browser(home: Home, daemon: Daemon) -> None:
    led = _ask(home, "new", "http://captive.apple.com/hotspot-detect.html", 4)
    page = chromium.visit(home, "new", led.location).body
    assert '<h1 id="what">This device is new here</h1>' in page
    assert 'href="tel:' in page


@FAMILIES
def test_nothing_else_opens_for_a_new_device(home: Home, daemon: Daemon, version: int) -> None:
    new = home.devices["new"]
    for host in HOSTS:
        assert fetch(new, f"https://{host}/generate_204", version).how in CUT
    assert clients.dig(new, ALLOWED).status == "NXDOMAIN"
    assert not fetch(new, f"https://{ALLOWED}/", version).reached
    for one in SHARED:
        assert not _answered(_ask(home, "new", str(one["url"]), version))


@FAMILIES
@STATES
def test_a_device_that_is_shut_finds_itself_online(
    home: Home, daemon: Daemon, shut: Any, version: int
) -> None:
    tablet = home.devices["tablet"]
    shut(daemon)
    assert until(lambda: not fetch(tablet, f"https://{ALLOWED}/", version).reached, 2.0) is not None
    for one in OWN:
        assert _answered(_ask(home, "tablet", str(one["url"]), version)), one
    for host in HOSTS:
        assert _answered(_ask(home, "tablet", f"https://{host}/generate_204", version)), host
    assert clients.dig(tablet, ALLOWED).status == "NXDOMAIN"
    for one in SHARED:
        assert not _answered(_ask(home, "tablet", str(one["url"]), version)), "it is open where searching is"


@FAMILIES
def test_by_day_every_probe_is_open(home: Home, daemon: Daemon, version: int) -> None:
    for one in PROBES:
        assert _answered(_ask(home, "tablet", str(one["url"]), version)), one


@FAMILIES
@STATES
def test_a_device_without_mobile_data_is_led_to_the_page(
    home: Home, daemon: Daemon, shut: Any, version: int
) -> None:
    mac = names.TABLET.mac
    daemon.client.call("device_mark", mac=mac, no_mobile_data=True, by="Mum")
    shut(daemon)
    tablet = home.devices["tablet"]
    try:
        for one in OWN:
            found = _ask(home, "tablet", str(one["url"]), version)
            assert (found.status, found.location.partition("?")[0]) == (
                302,
                "http://qalqan.home.arpa/refused",
            ), one
        assert fetch(tablet, f"https://{HOSTS[0]}/generate_204", version).how in CUT
        for one in OWN[:3]:
            assert _answered(_ask(home, "phone", str(one["url"]), version)), (
                "the phone beside it stays online"
            )
    finally:
        daemon.client.call("device_mark", mac=mac, no_mobile_data=False, by="Mum")
    assert until(lambda: _answered(_ask(home, "tablet", str(OWN[0]["url"]), version)), 2.0) is not None


@FAMILIES
def test_where_a_probe_leads_is_a_page_that_says_what_happens(
    home: Home, daemon: Daemon, version: int
) -> None:
    led = _ask(home, "new", str(OWN[0]["url"]), version)
    page = _ask(home, "new", led.location, version)
    assert page.status == 200
    assert "This device is new here" in page.body
    assert "A parent chooses who uses it" in page.body
    assert "Someone to talk to" in page.body

"""A device for which the family chose the portal: at bedtime its probes lead to the child's page, so that it
shows its sign-in page; another device of the same child sees the internet as ever and stays on the Wi-Fi.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import clients, names
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.filtering import ALLOWED, CUT, DAUGHTER, FAMILIES, MUM, fetch, fresh, set_time, until
from tests.lab.home import Home
from tests.lab.netns import Namespace

pytestmark = pytest.mark.lab

PROBE = "connectivitycheck.gstatic.com"
PLAIN, SECURE = f"http://{PROBE}/generate_204", f"https://{PROBE}/generate_204"


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    profiles = {
        "daughter": {
            **DAUGHTER,
            "devices": [names.TABLET.mac, names.PHONE.mac],
            "portal": [names.TABLET.mac],
            "bedtime": "20:45-07:00",
        },
        "mum": MUM,
    }
    with fresh(home, profiles) as started:
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> Iterator[None]:
    set_time(daemon, "2026-11-25T12:00:00")
    yield
    daemon.client.call("resume", who="daughter")


def _probe(device: Namespace, version: int) -> Outcome:
    """As a phone does it: the name first, then plain HTTP."""
    return clients.curl(device, PLAIN, extra=[f"-{version}"])


def _assert_led_to_the_page(device: Namespace, version: int, reason: str) -> None:
    led = _probe(device, version)
    assert (led.status, led.location.partition("?")[0]) == (302, "http://qalqan.home.arpa/refused"), led
    assert led.location.endswith(f"reason={reason}")
    assert fetch(device, SECURE, version).how in CUT
    assert clients.dig(device, "qalqan.home.arpa").records, "the page has an address"
    assert clients.dig(device, ALLOWED).status == "NXDOMAIN"


@FAMILIES
def test_a_probe_at_bedtime(home: Home, daemon: Daemon, version: int) -> None:
    portal, other = home.devices["tablet"], home.devices["phone"]
    assert _probe(portal, version).status == 204, "by day"
    set_time(daemon, "2026-11-25T22:00:00")
    _assert_led_to_the_page(portal, version, "bedtime")
    assert _probe(other, version).status == 204
    assert fetch(other, SECURE, version).status == 204
    for device in (portal, other):
        assert not fetch(device, f"https://{ALLOWED}/", version).reached
    set_time(daemon, "2026-11-26T07:00:00")
    assert until(lambda: _probe(portal, version).status == 204, 2.0) is not None


@FAMILIES
def test_a_probe_in_a_pause(home: Home, daemon: Daemon, version: int) -> None:
    daemon.client.call("pause", who="daughter", minutes=30)
    _assert_led_to_the_page(home.devices["tablet"], version, "paused")
    phone = home.devices["phone"]
    assert _probe(phone, version).status == 204, "it stays on the Wi-Fi"
    assert fetch(phone, SECURE, version).status == 204
    assert clients.dig(phone, ALLOWED).status == "NXDOMAIN"

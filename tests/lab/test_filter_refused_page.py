"""Plain HTTP to a site that is closed, in every state: where the device lands, and what it reads there.

And the same at the address on the family card, for HTTPS, which shows no page of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from gateway.policy.config.web import PAGES as OWN
from tests.lab import clients, names, shutting
from tests.lab.clients import Outcome
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    BLOCKED,
    CUT,
    DAUGHTER,
    FAMILIES,
    REFUSED,
    SON,
    bracketed,
    fetch,
    fresh,
    set_time,
    until,
)
from tests.lab.home import Home

pytestmark = pytest.mark.lab

Shut = Callable[[Daemon], None]

PAGES = "http://qalqan.home.arpa"
WHY = f"{PAGES}/why"
LIMIT = 20 * 1024  # bytes over the wire, the style with it
LOADED = re.compile(r'(?:href|src)="(/static/[^"]+)"')
GUEST, NEW = "new", "parent"  # seats: nobody has said yet whose the second one is


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    profiles = {
        "daughter": {
            **DAUGHTER,
            "bedtime": "20:45-07:00",
            "limits": shutting.LIMITS,
        },
        "son": {**SON, "name": "Timur", "band": "6-9", "mode": "block-list"},
    }
    started = fresh(home, profiles, unknown_devices="quarantine")
    started._with_web = True
    with started:
        started.client.call("assign", mac=names.NEW.mac, profile="guest")
        started.client.call("forget", mac=names.PARENT.mac)  # it was there at the first run
        yield started


@pytest.fixture(autouse=True)
def noon(daemon: Daemon) -> Iterator[None]:
    shutting.noon(daemon)
    yield
    shutting.resume(daemon)


def _open(_daemon: Daemon) -> None:
    """As it is."""


STATES = pytest.mark.parametrize(
    ("shut", "host", "status", "said"),
    [
        (_open, REFUSED, 403, "TikTok"),
        (shutting.paused, ALLOWED, 200, "Mum set this."),
        (shutting.bedtime, ALLOWED, 200, "07:00"),
        (shutting.out_of_time, ALLOWED, 200, "ime"),
    ],
)


def _page(home: Home, seat: str, url: str, version: int) -> Outcome:
    return clients.curl(home.devices[seat], url, extra=[f"-{version}"])


def _weight(home: Home, seat: str, page: Outcome, version: int) -> int:
    parts = [_page(home, seat, f"{PAGES}{one}", version) for one in LOADED.findall(page.body)]
    assert parts
    assert {one.status for one in parts} == {200}
    return len(page.body.encode()) + sum(len(one.body.encode()) for one in parts)


def _sentence(page: Outcome) -> str:
    found = re.search(r'<p class="sentence">(.*?)</p>', page.body, re.DOTALL)
    assert found is not None, page.body
    return found[1]


def _shown(page: Outcome) -> str:
    """The part of it that tells what was refused."""
    return page.body.partition("<h1")[2][:300]


@FAMILIES
@STATES
def test_a_refused_site_over_plain_http_lands_on_the_page(
    home: Home,
    daemon: Daemon,
    shut: Callable[[Daemon], None],
    host: str,
    status: int,
    said: str,
    version: int,
) -> None:
    shut(daemon)
    led = fetch(home.devices["tablet"], f"http://{host}/", version)
    assert (led.status, led.location.partition("?")[0]) == (302, f"{PAGES}/refused")
    page = _page(home, "tablet", led.location, version)
    assert page.status == status, (led.location, _shown(page))
    assert said in _sentence(page)
    assert 'href="tel:' in page.body, "help lines"
    assert 'href="/calendar"' in page.body, "the quick exit"
    assert _weight(home, "tablet", page, version) <= LIMIT
    assert _page(home, "tablet", f"{PAGES}/calendar", version).status == 200


@FAMILIES
def test_what_https_shows_no_page_for_is_at_the_address_on_the_card(
    home: Home, daemon: Daemon, version: int
) -> None:
    assert fetch(home.devices["tablet"], f"https://{REFUSED}/", version).how in CUT
    page = _page(home, "tablet", WHY, version)
    assert page.status == 200
    assert "<strong>TikTok</strong>" in page.body
    for other in ("phone", GUEST, NEW):
        assert "TikTok" not in _page(home, other, WHY, version).body


@FAMILIES
def test_a_guest_and_a_new_device_read_their_own(home: Home, daemon: Daemon, version: int) -> None:
    assert fetch(home.devices[GUEST], "https://www.pornhub.com/", version).how in CUT
    guest = _page(home, GUEST, WHY, version)
    assert "pornhub" in guest.body.lower()
    assert clients.dig(home.devices[NEW], ALLOWED).status == "NXDOMAIN"
    new = _page(home, NEW, WHY, version)
    assert ALLOWED in new.body
    assert "This device is new here." in new.body
    assert "pornhub" not in new.body.lower()


@FAMILIES
def test_after_ten_minutes_nothing_is_shown(home: Home, daemon: Daemon, version: int) -> None:
    assert fetch(home.devices["tablet"], f"https://{REFUSED}/", version).how in CUT
    assert "TikTok" in _page(home, "tablet", WHY, version).body
    set_time(daemon, "2026-11-25T12:10:05")
    assert "Nothing was blocked." in _page(home, "tablet", WHY, version).body


@FAMILIES
def test_a_small_child_has_pictures_and_the_others_none(home: Home, daemon: Daemon, version: int) -> None:
    led = fetch(home.devices["phone"], f"http://{BLOCKED}/", version)  # other tests look for TikTok there
    page = _page(home, "phone", led.location, version)
    told = _shown(page), daemon.client.call("device", ip=home.seats["phone"].ipv4)
    assert 'class="closed" aria-hidden="true"' in page.body, (led.location, told)
    assert _weight(home, "phone", page, version) <= LIMIT
    mine = _page(home, "phone", f"{PAGES}/my", version)
    assert 'class="picture" aria-hidden="true"' in mine.body
    assert "Daughter" not in mine.body
    assert 'class="picture"' not in _page(home, "tablet", f"{PAGES}/my", version).body


@FAMILIES
@pytest.mark.parametrize("shut", [shutting.bedtime, shutting.paused, shutting.out_of_time])
def test_first_aid_and_who_hears_complaints_are_a_page_away(
    home: Home, daemon: Daemon, shut: Shut, version: int
) -> None:
    """While nothing else opens, by the name and by the address that a card has."""
    tablet = home.devices["tablet"]
    shut(daemon)
    assert until(lambda: not fetch(tablet, f"https://{ALLOWED}/", version).reached, 5.0) is not None
    numbers = f"http://{bracketed(OWN[0] if version == 4 else OWN[1])}"
    for path, words in (
        ("/mean", "Someone is being mean to me</h1>"),
        ("/rights", "These offices hear complaints about children's rights and data."),
    ):
        for at in (PAGES, numbers):
            page = clients.curl(tablet, f"{at}{path}", extra=[f"-{version}", "-g"])
            assert page.status == 200, (at, path)
            assert words in page.body, (at, path)

"""Extra time and opened sites on running streams: open again at once, and cut when they end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from gateway.core.errors import ControlError
from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    DAUGHTER,
    FAMILIES,
    MUM,
    SON,
    fetch,
    film,
    fresh,
    set_time,
    until,
)
from tests.lab.home import Home
from tests.pace import longest

pytestmark = [pytest.mark.lab, pytest.mark.smoke]

CUT_MS = longest(1.0) * 1000
BEDTIME = "20:45-07:00"
LATE = "2026-11-25T21:30:00"
REDDIT, WHATSAPP = "www.reddit.com", "web.whatsapp.com"


@pytest.fixture(scope="module")
def daemon(home: Home) -> Iterator[Daemon]:
    asks = {"categories": {"social_networks": "ask"}, "limits": {}}
    profiles = {
        "daughter": {**DAUGHTER, **asks, "bedtime": BEDTIME},
        "son": {**SON, "bedtime": BEDTIME},
        "mum": MUM,
    }
    with fresh(home, profiles) as started:
        yield started


@pytest.fixture(autouse=True)
def nothing_given(daemon: Daemon) -> None:
    """Time goes back for each test: what an earlier one gave would hold again."""
    set_time(daemon, "2026-11-25T15:30:00")
    for who in ("daughter", "son"):
        with contextlib.suppress(ControlError):
            while True:
                daemon.client.call("revoke", who=who)


def _monotonic_at(moment: str, offset: float) -> float:
    """When the family's clock, moved by ``offset``, will show ``moment``."""
    return time.monotonic() + datetime.fromisoformat(moment).timestamp() - offset - time.time()


@FAMILIES
@pytest.mark.parametrize(("who", "key"), [("daughter", "tablet"), ("son", "phone")], ids=["closed", "open"])
def test_a_grant_opens_at_once_and_is_cut_at_its_end(
    home: Home, daemon: Daemon, version: int, who: str, key: str
) -> None:
    device, url = home.devices[key], f"https://{ALLOWED}/"
    set_time(daemon, LATE)
    assert not fetch(device, url, version).reached
    began = time.monotonic()
    given = daemon.client.call("grant", who=who, minutes=15)
    took = until(lambda: fetch(device, url, version).reached, 3.0)
    print(f"grant → reached after {(time.monotonic() - began) * 1000:.0f} ms")
    assert took is not None
    assert took <= longest(1.0)
    with film(device, ALLOWED, version) as child:
        assert child.started()
        offset = set_time(daemon, "2026-11-25T21:44:57")
        ends = _monotonic_at(given["until"], offset)
        assert child.flows()
        took = child.death(ends)
        print(f"the grant's end → stream over IPv{version} dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
        assert child.ended_at is not None
        assert child.ended_at >= ends - 0.05, "not before"
    assert not fetch(device, url, version).reached


@FAMILIES
def test_what_is_taken_back_dies(home: Home, daemon: Daemon, version: int) -> None:
    device = home.devices["tablet"]
    set_time(daemon, LATE)
    number = daemon.client.call("grant", who="daughter", minutes=15)["grant"]
    with film(device, ALLOWED, version) as child, film(home.devices["parent"], ALLOWED, version) as mother:
        assert child.started()
        assert mother.started()
        began = time.monotonic()
        daemon.client.call("revoke", grant=number)
        took = child.death(began)
        print(f"revoke → stream over IPv{version} dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
        assert mother.flows()


def test_a_grant_for_a_service_opens_nothing_else(home: Home, daemon: Daemon) -> None:
    device = home.devices["tablet"]
    set_time(daemon, LATE)
    number = daemon.client.call("grant", who="daughter", minutes=15, service="whatsapp")["grant"]
    with film(device, WHATSAPP, 4) as chat:
        assert chat.started()
        assert not fetch(device, f"https://{ALLOWED}/", 4).reached
        began = time.monotonic()
        daemon.client.call("revoke", grant=number)
        took = chat.death(began)
        assert took is not None
        assert took <= CUT_MS


@FAMILIES
def test_an_opened_site_is_cut_when_its_hour_ends(home: Home, daemon: Daemon, version: int) -> None:
    device = home.devices["tablet"]
    set_time(daemon, "2026-11-25T16:00:00")
    assert not fetch(device, f"https://{REDDIT}/", version).reached
    asked = daemon.client.call("request", device=names.TABLET.mac, site=REDDIT)
    answer = daemon.client.call("answer", id=asked["request"]["id"], answer="once")
    assert until(lambda: fetch(device, f"https://{REDDIT}/", version).reached, 1.0) is not None
    with film(device, REDDIT, version) as site, film(device, ALLOWED, version) as other:
        assert site.started()
        assert other.started()
        offset = set_time(daemon, "2026-11-25T16:59:57")
        ends = _monotonic_at(answer["until"], offset)
        assert site.flows()
        took = site.death(ends)
        print(f"the opening's end → stream over IPv{version} dead after {took} ms")
        assert took is not None
        assert took <= CUT_MS
        assert other.flows()
    assert not fetch(device, f"https://{REDDIT}/", version).reached

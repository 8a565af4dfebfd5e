"""A shared tablet, a screen and a phone that is handed over: rules and minutes follow at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.lab import names
from tests.lab.daemon import Daemon
from tests.lab.filtering import (
    ALLOWED,
    CUT,
    CUT_MS,
    DAUGHTER,
    MUM,
    REFUSED,
    SON,
    assert_started,
    fetch,
    film,
    fresh,
    until,
)
from tests.lab.home import Home

pytestmark = pytest.mark.lab

TABLET, TV, PHONE, MUMS = names.TABLET.mac, names.NEW.mac, names.PHONE.mac, names.PARENT.mac
SHARED = {mac: {"people": ["daughter", "son"]} for mac in (TABLET, TV)}
LIMITS = {"internet": "2h"}
PROFILES: Mapping[str, Mapping[str, Any]] = {
    "daughter": {**DAUGHTER, "devices": [], "limits": LIMITS},
    "son": {**SON, "block": [], "categories": {"social_networks": "allow"}, "limits": LIMITS},
    "mum": MUM,
}
PIN = "4821"
LEAST_SILENCE_S, LONGEST_SILENCE_S = 890.0, 1020.0  # a quarter of an hour, looked at each minute


def family(home: Home) -> Daemon:
    return fresh(home, PROFILES, shared=SHARED)


def used(daemon: Daemon, who: str) -> int:
    """Minutes of the internet. The son's are shown only on his own device, because he is 13."""
    if who == "son":
        child = daemon.client.call("device", mac=PHONE)
    else:
        (child,) = (one for one in daemon.client.call("status")["profiles"] if one["id"] == who)
    return next(int(one["minutes"]) for one in child["used"] if one["target"] == "internet")


@pytest.mark.slow
def test_who_says_who_it_is_has_its_own_rules_and_minutes_until_it_is_done(home: Home) -> None:
    tablet = home.devices["tablet"]
    with family(home) as daemon:
        daemon.client.call("pin", action="set", who="son", pin=PIN)
        assert fetch(tablet, f"https://{REFUSED}/", 4).how in CUT
        daemon.client.call("use", device=TABLET, who="son", pin=PIN)
        daemon.kill()
        daemon.start()
        for version in (4, 6):
            assert fetch(tablet, f"https://{REFUSED}/", version).reached, "a kill ends nobody's use"
        with film(tablet, REFUSED, 4) as his, film(tablet, ALLOWED, 4) as both:
            assert_started(his, both)
            assert until(lambda: used(daemon, "son") > 0, 80.0) is not None
            assert used(daemon, "daughter") == 0
            done = time.monotonic()
            daemon.client.call("leave", device=TABLET)
            died = his.death(done)
            assert died is not None
            assert died <= CUT_MS
            assert both.flows(), "what both may use goes on"
            sons = used(daemon, "son")
            assert until(lambda: used(daemon, "daughter") > 0, 80.0) is not None
        assert used(daemon, "son") <= sons + 1, "the minute in which he left may be his too"
        for version in (4, 6):
            assert fetch(tablet, f"https://{REFUSED}/", version).how in CUT
    print(f"from the tap to the film's end: {died:.0f} ms")


def test_a_screen_that_a_child_claims_on_its_phone(home: Home) -> None:
    home.join("new")
    television = home.devices["new"]
    with family(home) as daemon:
        assert fetch(television, f"https://{REFUSED}/", 4).how in CUT
        screens = daemon.client.call("device", mac=PHONE)["screens"]
        assert TV in [one["device"] for one in screens]
        daemon.client.call("claim", device=PHONE, screen=TV)
        assert fetch(television, f"https://{REFUSED}/", 4).reached
        daemon.client.call("leave", device=PHONE, screen=TV)
        assert fetch(television, f"https://{REFUSED}/", 4).how in CUT


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_a_screen_on_which_nothing_runs_is_the_youngest_s_after_fifteen_minutes(home: Home) -> None:
    """By the kernel's own counters and clock. What a screen in standby sends keeps nobody there."""
    home.join("new")
    television = home.devices["new"]
    with family(home) as daemon:
        daemon.client.call("claim", device=PHONE, screen=TV)
        assert fetch(television, f"https://{REFUSED}/", 4).reached
        began = time.monotonic()
        left = None
        while left is None and time.monotonic() - began < LONGEST_SILENCE_S:
            fetch(television, f"https://{ALLOWED}/", 4)  # a few packets now and then
            left = until(lambda: screen(daemon)["who"] is None, 60.0, every=1.0)
        silent = time.monotonic() - began
        assert LEAST_SILENCE_S <= silent <= LONGEST_SILENCE_S
        assert fetch(television, f"https://{REFUSED}/", 4).how in CUT
    print(f"silent for {silent:.0f} s")


def screen(daemon: Daemon) -> Mapping[str, Any]:
    """As the screen itself is told: who took it is the son's, who is 13."""
    told: Mapping[str, Any] = daemon.client.call("device", mac=TV)["sharing"]
    return told


def test_a_phone_that_is_handed_over_stays_so_over_a_kill(home: Home) -> None:
    phone = home.devices["parent"]
    with family(home) as daemon, film(phone, REFUSED, 4) as mums:
        assert_started(mums)
        handed = time.monotonic()
        daemon.client.call("hand_over", device=MUMS, who="daughter", by="Mum")
        died = mums.death(handed)
        assert died is not None
        assert died <= CUT_MS
        assert fetch(phone, f"https://{ALLOWED}/", 4).reached
        daemon.kill()
        assert not fetch(phone, f"https://{REFUSED}/", 4, timeout=1.0).reached
        daemon.start()
        for version in (4, 6):
            assert fetch(phone, f"https://{REFUSED}/", version).how in CUT
        daemon.client.call("take_back", device=MUMS, by="Mum")
        for version in (4, 6):
            assert fetch(phone, f"https://{REFUSED}/", version).reached

"""An audit's device: somebody's rules, and no member."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.household.members import Member, Worn
from gateway.policy.values import Observation, Proto, Reason
from gateway.store.tables.grants import Opening
from tests.household.a_home import MUMS, NOON, STRANGER, TABLET, Home, asked_about, built
from tests.household.household_files import DAUGHTER

AUDITED = "02:5a:91:c3:07:e4"
NIGHT = NOON + timedelta(hours=10)  # ten in the evening


def wear(home: Home, who: str = "daughter", at: datetime = NOON) -> Member | None:
    return home.family.wear(Worn(who, AUDITED, 99), home.rules.household, home.rules.world, at)


def worn_reason(home: Home, host: str, at: datetime = NOON) -> Reason:
    return home.family.subjects[99].decide(Observation(Proto.DNS, host), at).reason


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield from built(tmp_path)


def test_an_audit_s_device_has_somebody_s_rules_and_is_no_member(home: Home) -> None:
    members, slots = dict(home.family.members), home.family.slots_of("daughter")
    made = wear(home)
    assert made is not None
    assert (made.profile.id, made.macs) == ("daughter", (AUDITED,))
    assert worn_reason(home, "www.tiktok.com") is Reason.FAMILY_BLOCK
    assert worn_reason(home, "www.example.org") is Reason.OPEN
    assert home.family.members == members
    assert home.family.slots_of("daughter") == slots
    assert home.family.everybody == {**members, 99: made}
    assert home.family.slot_of(AUDITED) == 99
    stranger = home.family.member_of(AUDITED)
    assert stranger is not None
    assert stranger.profile.id == "guest"
    home.family.take_off()
    assert home.family.everybody == members
    assert 99 not in home.family.subjects
    assert home.family.slot_of(AUDITED) == home.family.unknown


@pytest.mark.parametrize("what", ["night", "pause", "device", "off", "clock", "limit"])
def test_time_is_set_aside(tmp_path: Path, what: str) -> None:
    home = Home(
        tmp_path, daughter={**DAUGHTER, "limits": {"internet": "0m"}} if what == "limit" else DAUGHTER
    )
    at = NIGHT if what == "night" else NOON
    if what == "clock":
        home.family._clock_known = lambda: False
    elif what in ("pause", "device"):
        home.store.pause("daughter" if what == "pause" else TABLET, until=None, by="Mum", at=NOON)
    elif what == "off":
        home.store.off(until=NOON + timedelta(hours=1), by="Mum", at=NOON)
    home.family.situate(at)
    assert home.reason(TABLET, "www.example.org", at) is not Reason.OPEN, "so it is for herself"
    assert wear(home, TABLET if what == "device" else "daughter", at) is not None
    assert worn_reason(home, "www.example.org", at) is Reason.OPEN
    assert worn_reason(home, "www.roblox.com", at) is Reason.OPEN, "at noon its window is closed"
    assert worn_reason(home, "www.tiktok.com", at) is Reason.FAMILY_BLOCK
    home.store.close()


def test_but_a_pause_of_the_audit_s_own(home: Home) -> None:
    made = wear(home)
    assert made is not None
    assert made.worn is not None
    for paused, reason in ((True, Reason.PAUSED), (False, Reason.OPEN)):
        made.worn.paused = paused
        assert home.family.situate(NOON) == {99}
        assert worn_reason(home, "www.example.org") is reason
        assert home.reason(TABLET, "www.example.org") is Reason.OPEN


def test_what_a_guardian_opened_for_her_is_open_for_it(home: Home) -> None:
    until = NOON + timedelta(hours=1)
    home.store.gifts.open(Opening(1, "daughter", "pornhub.com", until, NOON, "Mum"))
    home.family.situate(NOON)
    wear(home)
    assert worn_reason(home, "pornhub.com") is home.reason(TABLET, "pornhub.com") is Reason.FAMILY_ALLOW
    assert worn_reason(home, "pornhub.com", until) is Reason.CATEGORY


def test_it_follows_her_rules_until_they_are_nobody_s(home: Home) -> None:
    wear(home)
    household = home.rules.household
    daughter = household.profiles["daughter"]
    open_now = replace(daughter, rules=replace(daughter.rules, block=()))
    changed = household.with_profiles({**household.profiles, "daughter": open_now})
    home.family.rebuild(changed, home.rules.world, home.rules.calendar, NOON)
    home.family.situate(NOON)
    assert worn_reason(home, "www.tiktok.com") is not Reason.FAMILY_BLOCK
    gone = {key: one for key, one in household.profiles.items() if key != "daughter"}
    home.family.rebuild(household.with_profiles(gone), home.rules.world, home.rules.calendar, NOON)
    assert home.family.worn is None
    assert 99 not in home.family.subjects


def test_an_address_that_is_somebody_s_is_no_audit_s(home: Home) -> None:
    wear(home)
    home.store.devices.place(AUDITED, "guest", at=NOON)
    home.rebuild()
    assert home.family.worn is None
    assert wear(home, STRANGER) is None, "nor where it is asked for then"


def test_who_has_no_rules_cannot_be_worn(tmp_path: Path) -> None:
    home = Home(tmp_path, unknown_devices="quarantine")
    for who in (MUMS, STRANGER, "mum", "home"):
        assert wear(home, who) is None, who
    home.store.close()


def test_the_double_of_a_device_about_which_is_asked_has_both_rules(home: Home) -> None:
    asked = asked_about(home, "daughter", TABLET)
    assert asked.beside is not None
    made = wear(home, STRANGER)
    assert made is not None
    assert made.beside is not None
    assert (made.profile.id, made.beside.profile.id) == (asked.profile.id, asked.beside.profile.id)
    for host in ("www.tiktok.com", "pornhub.com", "www.example.org"):
        assert worn_reason(home, host) is home.reason(STRANGER, host), host
    assert worn_reason(home, "www.example.org", NIGHT) is Reason.OPEN

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.age.bands import AgeBand
from gateway.core.errors import PolicyError
from gateway.policy.profile.bands import parse_band
from gateway.policy.profile.bypass_methods import BypassMethod, MethodSetting
from gateway.policy.profile.rules import Action, ClockUnset, Failure, Mode, SafeSearch
from tests.policy.homes import product, words
from tests.policy.names.test_categories import BAND_CATEGORIES

BANDS = product().bands


def test_the_six_bands_are_there() -> None:
    assert set(BANDS) == set(AgeBand)


@pytest.mark.parametrize("band", [band for band in AgeBand if band.is_child])
def test_a_childs_band_says_something_of_each_category(band: AgeBand) -> None:
    assert set(BANDS[band].rules.categories) == set(BAND_CATEGORIES)


@pytest.mark.parametrize(
    ("band", "mode", "unknown", "safe", "strict", "log_level", "failure", "clock"),
    [
        ("0-5", "allow-list", "ask", "strict", True, 3, "closed", "strict"),
        ("6-9", "block-list", "ask", "strict", True, 3, "closed", "strict"),
        ("10-12", "block-list", "allow", "strict", False, 2, "closed", "strict"),
        ("13-15", "block-list", "allow", "moderate", False, 1, "open", "open"),
        ("16-17", "block-list", "allow", "off", False, 0, "open", "open"),
        ("adult", "block-list", "allow", "off", False, 0, "open", "open"),
    ],
)
def test_the_scalars(
    band: str, mode: str, unknown: str, safe: str, strict: bool, log_level: int, failure: str, clock: str
) -> None:
    rules = BANDS[AgeBand(band)].rules
    assert rules.mode.value is Mode(mode)
    assert rules.unknown.value is Action(unknown)
    assert rules.safe_search.value is SafeSearch(safe)
    assert rules.strict.value is strict
    assert rules.log_level == log_level
    assert rules.failure.value is Failure(failure)
    assert rules.clock_unset.value is ClockUnset(clock)
    assert rules.mode.owner == f"band:{band}"


def test_the_ways_around_the_filter() -> None:
    refused = {
        band.value: {
            way.value for way, one in BANDS[band].rules.ways.items() if one.value is MethodSetting.BLOCK
        }
        for band in AgeBand
    }
    every = {one.value for one in BypassMethod}
    for band in ("0-5", "6-9", "10-12"):
        assert refused[band] == every
    for band in ("13-15", "16-17"):
        assert refused[band] == every - {"ssh"}
    assert refused["adult"] == set()


@pytest.mark.parametrize(
    ("category", "actions"),
    [
        ("adult", "block block block block block"),
        ("gore_violence", "block block block block ask"),
        ("social_networks", "block block block ask allow"),
        ("messaging", "block ask allow allow allow"),
        ("video_sharing", "count ask count count allow"),
        ("games", "count count count count allow"),
        ("ai", "block block ask allow allow"),
        ("ai_adults", "block block block block ask"),
        ("ai_companions", "block block block block ask"),
        ("proxy_vpn_doh", "block block block block ask"),
        ("tor", "block block block block ask"),
        ("piracy", "block block block block allow"),
        ("ads_trackers", "block block block block block"),
        ("search_without_safe_mode", "block block block block allow"),
        ("new_domain", "ask ask allow allow allow"),
        ("streaming", "ask ask allow allow allow"),
        ("music", "ask ask allow allow allow"),
        ("shopping", "ask ask allow allow allow"),
        ("forums", "ask ask allow allow allow"),
        ("news", "ask ask allow allow allow"),
        ("productivity", "ask ask allow allow allow"),
        ("file_hosting", "ask ask allow allow allow"),
        ("crypto", "block ask ask ask allow"),
        ("search", "allow allow allow allow allow"),
        ("education", "allow allow allow allow allow"),
        ("health", "allow allow allow allow allow"),
        ("device_updates", "allow allow allow allow allow"),
    ],
)
def test_categories_by_band(category: str, actions: str) -> None:
    children = [band for band in AgeBand if band.is_child]
    assert [str(BANDS[band].rules.categories[category].value) for band in children] == actions.split()


@pytest.mark.parametrize(
    ("band", "school", "free"),
    [
        ("0-5", "19:30-07:00", "20:30-08:00"),
        ("6-9", "20:00-07:00", "21:00-08:00"),
        ("10-12", "20:45-07:00", "21:45-08:00"),
        ("13-15", "21:30-07:00", "22:30-08:00"),
    ],
)
def test_bedtimes(band: str, school: str, free: str) -> None:
    bedtime = BANDS[AgeBand(band)].rules.bedtime
    for weekday in range(7):
        for is_free, text in ((False, school), (True, free)):
            owned = bedtime.on(weekday, free=is_free)
            assert owned is not None
            assert (str(owned.value), owned.owner) == (text, f"band:{band}")


def test_from_sixteen_on_bedtime_is_a_suggestion() -> None:
    band = BANDS[AgeBand.AGE_16_17]
    assert not band.rules.bedtime
    suggested = band.suggested_bedtime.on(0, free=False)
    assert suggested is not None
    assert str(suggested.value) == "22:00-07:00"


def test_bands_limit_play_and_never_the_internet() -> None:
    minutes = {}
    for band in AgeBand:
        limits = BANDS[band].rules.limits
        assert set(limits) <= {"play"}
        if limits:
            school, free = limits["play"].on(0, free=False), limits["play"].on(0, free=True)
            assert school is not None
            assert free is not None
            minutes[band.value] = (school.value.seconds // 60, free.value.seconds // 60)
    assert minutes == {"0-5": (60, 60), "6-9": (90, 120), "10-12": (120, 180)}


def test_an_adults_band_filters_nothing() -> None:
    assert [band.value for band in AgeBand if not BANDS[band].rules.filters] == ["adult"]


def test_data_of_an_older_version_has_days_of_the_log() -> None:
    assert parse_band(WHOLE + "log_days: 7\n", "f", words()) == parse_band(WHOLE, "f", words())


def test_which_bands_lend_their_categories_to_guests() -> None:
    assert [band.value for band in AgeBand if BANDS[band].for_guests] == ["10-12", "13-15", "16-17"]


WHOLE = """
band: 10-12
title: {en: a, ru: b, kk: c}
mode: block-list
unknown: allow
categories: {adult: block}
ways: {vpn: block}
safe_search: strict
bedtime: {}
limits: {}
landing: 10m
linger: 0m
auto_approve: 0m
updates: true
strict: false
log_level: 2
failure: closed
clock_unset: strict
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mode: block-list\n", "", "has no 'mode'"),
        ("limits: {}\n", "", "has no 'limits'"),
        ("band: 10-12", "band: 10-13", "did you mean '10-12'?"),
        ("unknown: allow", "unknown: count", "'count' is not known here"),
        ("log_level: 2", "log_level: 4", "is not a number from 0 to 3"),
        ("failure: closed", "failure: close", "did you mean 'closed'?"),
        ("failure: closed", "failure: closed\nname: x", "is not a known key"),
    ],
)
def test_what_is_refused(old: str, new: str, says: str) -> None:
    assert parse_band(WHOLE, "f", words()).band is AgeBand.AGE_10_12
    with pytest.raises(PolicyError, match="; ") as refused:
        parse_band(WHOLE.replace(old, new), "10-12.yaml", words())
    assert says in str(refused.value)


@pytest.mark.parametrize("key", ["dates", "calendars", "portal"])
def test_what_is_one_persons_is_in_no_band(key: str) -> None:
    with pytest.raises(PolicyError, match=rf"{key}: is not a known key"):
        parse_band(f"{WHOLE}{key}: []\n", "f", words())


@pytest.mark.parametrize("band", AgeBand)
def test_children_have_a_landing_and_updates_are_open(band: AgeBand) -> None:
    rules = BANDS[band].rules
    assert rules.landing.value == timedelta(minutes=10 if band.is_child else 0)
    assert not rules.linger.value
    assert not rules.auto_approve.value
    assert rules.updates.value

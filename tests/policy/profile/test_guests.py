from __future__ import annotations

import pytest

from gateway.policy.profile.bypass_methods import Switch, Way
from gateway.policy.profile.profile import Profile, guest_band, guest_profile, union_of_bedtimes
from gateway.policy.profile.rules import Action, Bedtime, Mode, Owned
from gateway.policy.time.time_text import Span, every_day
from tests.policy.homes import a_profile, product

BANDS = product().bands


def family(*texts: str) -> list[Profile]:
    return [a_profile(text, f"child{number}") for number, text in enumerate(texts)]


def night(profile: Profile, *, free: bool) -> str:
    owned = profile.rules.bedtime.on(0, free=free)
    return "none" if owned is None else str(owned.value)


@pytest.mark.parametrize(
    ("bands", "guests"),
    [
        ([], "10-12"),
        (["0-5", "6-9"], "10-12"),  # none of them has a block-list band
        (["6-9", "13-15"], "13-15"),
        (["16-17", "10-12", "13-15"], "10-12"),
        (["16-17"], "16-17"),
        (["adult"], "10-12"),
    ],
)
def test_guests_get_the_categories_of_the_youngest_block_list_band(bands: list[str], guests: str) -> None:
    profiles = family(*(f"band: {band}" for band in bands))
    assert guest_band(profiles, BANDS).value == guests


def test_a_guest_is_never_in_an_allow_list_and_never_logged() -> None:
    guest = guest_profile(family("{band: 10-12, mode: allow-list, unknown: ask, log_level: 2}"), BANDS)
    assert guest.rules.mode.value is Mode.BLOCK_LIST
    assert guest.rules.unknown.value is Action.ALLOW
    assert guest.rules.log_level == 0
    assert not guest.rules.strict.value
    assert (guest.id, guest.built_in, guest.is_child, guest.filtered) == ("guest", True, False, True)


def test_a_guest_spends_nothing_and_has_no_family_entries() -> None:
    guest = guest_profile(
        family("{band: 10-12, block: [example.com], homework: [a.example], limits: {internet: 1h}}"), BANDS
    )
    assert not guest.rules.limits
    assert not guest.rules.windows
    assert not guest.rules.block
    assert not guest.rules.homework
    assert guest.rules.categories["games"].value is Action.ALLOW
    assert guest.rules.categories["adult"].value is Action.BLOCK


def test_a_guest_s_vpn_is_open_and_no_other_way() -> None:
    ways = guest_profile(family("band: 10-12"), BANDS).rules.ways
    assert {way for way, one in ways.items() if one.value is Switch.ALLOW} == {Way.VPN}
    assert set(ways) == set(Way)


def test_closed_from_the_earliest_bedtime_to_the_latest_morning() -> None:
    guest = guest_profile(
        family(
            'band: 10-12\nbedtime: {school: "20:45-07:00", free: "21:45-08:00"}',
            'band: 13-15\nbedtime: {school: "22:00-06:30", free: "00:30-10:00"}',
        ),
        BANDS,
    )
    assert night(guest, free=False) == "20:45-07:00"
    assert night(guest, free=True) == "21:45-10:00"


def test_a_family_without_bedtimes_does_not_close_guests() -> None:
    assert night(guest_profile(family("band: 16-17"), BANDS), free=False) == "none"
    assert night(guest_profile([], BANDS), free=True) == "none"


def test_an_adults_bedtime_is_not_the_childrens() -> None:
    guest = guest_profile(family("band: 10-12", "{band: adult, bedtime: '18:00-12:00'}"), BANDS)
    assert night(guest, free=False) == "20:45-07:00"


@pytest.mark.parametrize(
    ("spans", "union"),
    [
        ([Span(1245, 420), Span(30, 540)], "20:45-09:00"),
        ([Span(30, 540), Span(60, 600)], "00:30-10:00"),
        ([Span(1245, 420)], "20:45-07:00"),
        ([Span(600, 500), Span(0, 1000)], "10:00-09:59"),  # never more than a day
    ],
)
def test_the_union_of_nights(spans: list[Span], union: str) -> None:
    nights: list[Bedtime] = [every_day(Owned(span, "family")) for span in spans]
    owned = union_of_bedtimes(nights).on(3, free=False)
    assert owned is not None
    assert str(owned.value) == union


@pytest.mark.parametrize(
    ("one", "other", "union"),
    [
        ('"20:45-24:00"', '"22:00-07:00"', "20:45-07:00"),
        ('"20:45-24:00"', '"21:00-24:00"', "20:45-00:00"),
        ('"20:00-23:00"', '"21:00-07:00"', "21:00-07:00"),  # an evening of one child alone
        ('"13:00-15:00"', '"20:45-07:00"', "20:45-07:00"),
        ('"13:00-15:00"', '"13:30-16:00"', "13:00-16:00"),
        ('"00:30-07:00"', '"20:45-24:00"', "20:45-07:00"),
    ],
)
def test_no_guest_is_shut_out_all_day_by_an_odd_bedtime(one: str, other: str, union: str) -> None:
    guest = guest_profile(family(f"band: 10-12\nbedtime: {one}", f"band: 13-15\nbedtime: {other}"), BANDS)
    assert night(guest, free=False) == union

"""Whose rules a shared or handed-over device has: never an adult's, never more than that child's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.accounts.pins import is_weak, parse_pin
from gateway.policy.config.config import Config
from gateway.policy.identity.sharing import (
    DeviceUse,
    UseKind,
    needs_pin,
    possible_users,
    shared_with,
    temporary_profiles,
)
from gateway.policy.profile.household import Household, assembled
from tests.policy.homes import a_profile, almaty, product

NOON = almaty("2026-11-25T12:00")
TABLET, TV, MUMS, SONS = (f"02:00:00:00:00:{tail}" for tail in ("aa", "ab", "0c", "0b"))
BANDS = {"toddler": "0-5", "daughter": "10-12", "son": "13-15", "mum": "adult"}
DEVICES = {"mum": MUMS, "son": SONS}


def household(people: tuple[str, ...] = ("son", "daughter"), without: tuple[str, ...] = ()) -> Household:
    def made(key: str) -> str:
        devices = f'\ndevices: ["{DEVICES[key]}"]' if key in DEVICES else ""
        return f"band: {BANDS[key]}{devices}"

    profiles = {key: a_profile(made(key), key) for key in BANDS if key not in without}
    shared = {TABLET: people, TV: ("daughter", "toddler")}
    return assembled(Config(shared=shared), product().bands, profiles, {}, {})


def use(mac: str, who: str, kind: UseKind = UseKind.USE) -> DeviceUse:
    return DeviceUse(mac, who, kind, NOON, NOON + timedelta(hours=2))


def test_who_may_say_that_it_is_them_the_youngest_first() -> None:
    home = household(("son", "mum", "daughter", "nobody"))
    assert [one.id for one in possible_users(home, TABLET)] == ["daughter", "son"]
    assert possible_users(home, SONS) == ()
    assert shared_with(home, "daughter") == (TABLET, TV)
    assert shared_with(home, "son") == (TABLET,)
    assert shared_with(home, "mum") == ()


def test_a_shared_device_has_the_rules_of_who_uses_it() -> None:
    found = temporary_profiles(household(), [use(TABLET, "son"), use(TV, "daughter", UseKind.CLAIM)])
    assert {mac: one.id for mac, one in found.items()} == {TABLET: "son", TV: "daughter"}


def test_while_no_daemon_runs_a_shared_device_is_shut_as_the_youngest_s_would_be() -> None:
    home = household()
    assert not home.profiles["son"].closes
    assert temporary_profiles(home, [use(TABLET, "son")])[TABLET].closes
    assert not temporary_profiles(household(("son",)), [use(TABLET, "son")])[TABLET].closes
    assert not temporary_profiles(home, [use(MUMS, "son", UseKind.HANDED)])[MUMS].closes


@pytest.mark.parametrize("who", ["mum", "toddler", "nobody", "guest", "home"])
def test_nobody_else_s_rules_come_by_a_use(who: str) -> None:
    assert temporary_profiles(household(("son", "daughter", "mum")), [use(TABLET, who)]) == {}


def test_a_device_of_one_child_is_nobody_else_s() -> None:
    assert temporary_profiles(household(), [use(SONS, "daughter"), use(SONS, "son", UseKind.CLAIM)]) == {}


def test_what_is_handed_over_has_the_child_s_rules_or_the_youngest_s_never_the_adult_s() -> None:
    handed = use(MUMS, "son", UseKind.HANDED)
    assert temporary_profiles(household(), [handed])[MUMS].id == "son"
    assert temporary_profiles(household(without=("son",)), [handed])[MUMS].id == "toddler"
    assert temporary_profiles(household(without=("son", "daughter", "toddler")), [handed])[MUMS].id == "guest"
    assert temporary_profiles(household(), [use(MUMS, "mum", UseKind.HANDED)])[MUMS].id == "toddler"


def test_a_hand_over_is_over_once_the_files_give_the_device_to_a_child() -> None:
    assert temporary_profiles(household(), [use(SONS, "toddler", UseKind.HANDED)]) == {}


people = st.sampled_from([*BANDS, "nobody", "guest", "home"])


@given(
    st.lists(people, min_size=1, max_size=4).map(tuple),
    st.sampled_from([TABLET, TV, MUMS, SONS]),
    people,
    st.sampled_from(UseKind),
    st.sets(st.sampled_from([*BANDS]), max_size=3).map(tuple),
)
def test_it_is_never_an_adult_s_and_only_ever_somebody_s_who_may_have_it(
    shared: tuple[str, ...], mac: str, who: str, kind: UseKind, without: tuple[str, ...]
) -> None:
    home = household(shared, without)
    for chosen in temporary_profiles(home, [use(mac, who, kind)]).values():
        assert chosen.band.is_child
        assert chosen.filtered
        if kind is not UseKind.HANDED:
            assert chosen.id == who
            assert who in home.config.shared[mac]


def test_from_ten_years_on_there_is_a_pin() -> None:
    asked = {key: needs_pin(one) for key, one in household().profiles.items()}
    assert asked == {"toddler": False, "daughter": True, "son": True, "mum": False}


@pytest.mark.parametrize(
    ("text", "pin"),
    [
        ("4821", "4821"),
        (" 48 21 07 ", "482107"),
        ("482", None),
        ("4821073", None),
        ("48a1", None),
        ("٤٨٢١", None),
    ],
)
def test_a_pin_has_four_to_six_digits(text: str, pin: str | None) -> None:
    assert parse_pin(text) == pin


@pytest.mark.parametrize(
    ("pin", "guessed"),
    [("0000", True), ("1234", True), ("9876", True), ("7890", True), ("1357", False), ("4821", False)],
)
def test_what_a_sibling_tries_first_is_no_pin(pin: str, guessed: bool) -> None:
    assert is_weak(pin) is guessed

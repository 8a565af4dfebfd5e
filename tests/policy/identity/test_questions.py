from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy.config.config import Config
from gateway.policy.identity.question_messages import _sign_names
from gateway.policy.identity.questions import (
    REPLIES,
    Ask,
    IdentityQuestion,
    KnownDevice,
    Recognition,
    interim_profile,
    recognise,
    youngest_below,
)
from gateway.policy.identity.traits import Sign, Traits
from gateway.policy.language import ENGLISH
from gateway.policy.profile.household import Household, assembled
from tests.policy.homes import a_profile, almaty, product
from tests.policy.identity.test_identity import AGAIN, MINUTE, TABLET

NOON = almaty("2026-11-25T12:00")
BARE = Traits("da:a1:19:00:00:01")
PHONE = Traits("02:00:00:00:00:0b", "Timur-Pixel", kind="phone")
MUMS = Traits("02:00:00:00:00:0c", "Mums-Galaxy", kind="phone")


def household(*, keep: bool = True, without: tuple[str, ...] = ()) -> Household:
    bands = {"toddler": "0-5", "daughter": "10-12", "son": "13-15", "mum": "adult"}
    people = {key: a_profile(f"band: {band}", key) for key, band in bands.items() if key not in without}
    return assembled(Config(keep_profile=keep), product().bands, people, {}, {})


def family(**gone: timedelta | None) -> list[KnownDevice]:
    """The daughter's tablet, the son's and Mum's phone; those not named are here."""
    people = household().profiles
    known = {"daughter": TABLET, "son": PHONE, "mum": MUMS}
    return [KnownDevice(traits, people[key], gone.get(key)) for key, traits in known.items()]


def test_a_child_s_device_that_comes_back() -> None:
    found = recognise(AGAIN, family(daughter=MINUTE))
    assert (found.known, found.profile) == (TABLET.mac, "daughter")
    assert Sign.HOST_NAME in found.signs
    assert recognise(AGAIN, family()) == Recognition(), "hers is here"


def test_by_the_time_alone_it_is_the_youngest_ones() -> None:
    assert recognise(BARE, family(son=MINUTE)) == Recognition("", "son", (Sign.TIME,))
    assert recognise(BARE, family(son=MINUTE, daughter=-MINUTE)).profile == "daughter"
    assert recognise(BARE, family(mum=MINUTE)) == Recognition(), "an adult's is no reason"
    assert recognise(replace(BARE, mac="3c:22:fb:00:00:01"), family(son=MINUTE)) == Recognition()
    shown = replace(BARE, host_name="PlayStation", kind="console")
    assert recognise(shown, family(son=MINUTE)).profile == "son", "it may call itself what it likes"


def test_who_imitates_an_elder_has_the_younger_one_s_rules_all_the_same() -> None:
    fake = replace(PHONE, mac=BARE.mac, kind="")
    found = recognise(fake, family(son=MINUTE, daughter=MINUTE))
    assert (found.known, found.profile) == (PHONE.mac, "daughter")
    assert recognise(fake, family(son=MINUTE)).profile == "son"


def test_an_adult_s_that_comes_back_is_proposed_and_has_nothing_meanwhile() -> None:
    found = recognise(replace(MUMS, mac=BARE.mac), family(mum=MINUTE))
    assert (found.known, found.profile) == (MUMS.mac, "")


def question(ask: Ask, **values: object) -> IdentityQuestion:
    return IdentityQuestion(BARE.mac, ask, NOON, **values)  # type: ignore[arg-type]


def test_whose_rules_hold_meanwhile() -> None:
    home = household()
    again = question(Ask.AGAIN, profile="son")
    found = interim_profile(home, again, home.guest)
    assert found is not None
    assert found.id == "son"
    assert interim_profile(household(keep=False), again, home.guest) is None
    assert interim_profile(household(without=("son",)), again, home.guest) is None, "he is there no more"
    assert interim_profile(home, question(Ask.AGAIN, profile="mum"), home.guest) is None
    assert interim_profile(home, question(Ask.NEW), home.guest) is None
    assert interim_profile(home, question(Ask.REPEATER), home.guest) is None, "its own slot's"


@pytest.mark.parametrize(
    ("owner", "without", "expected"),
    [
        ("mum", (), "toddler"),
        ("mum", ("toddler",), "daughter"),  # before guests, who are of her band too
        ("son", ("toddler", "daughter"), None),
        ("son", (), "toddler"),
        ("daughter", ("toddler",), None),
        ("mum", ("toddler", "daughter", "son"), "guest"),
    ],
)
def test_a_copied_address_has_the_strictest_rules(
    owner: str, without: tuple[str, ...], expected: str | None
) -> None:
    home = household(without=without)
    found = youngest_below(home, home.profiles[owner])
    assert (None if found is None else found.id) == expected
    assert interim_profile(home, question(Ask.COPY), home.profiles[owner]) is found
    carrying = question(Ask.REPEATER, signs=(Sign.CARRIES,))
    assert interim_profile(home, carrying, home.profiles[owner]) is found


def test_a_visitor_s_address_is_worth_a_copy_too() -> None:
    home = household(without=("toddler",))
    found = youngest_below(home, home.adult_guest)
    assert found is not None
    assert found.id == "daughter"


def test_each_question_can_be_answered() -> None:
    assert set(REPLIES) == set(Ask)
    assert all(REPLIES.values())


def test_each_sign_has_a_name() -> None:
    assert set(_sign_names(ENGLISH)) == set(Sign)

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.identity.traits import (
    SHORT_ABSENCE,
    UNLIKE,
    Sign,
    Traits,
    foreign_ids,
    interface_id_from,
    may_be_departed,
    same_device,
)

MINUTE = timedelta(minutes=1)
IOS = (1, 121, 3, 6, 15, 108, 114, 119, 252)
ANDROID = (1, 3, 6, 15, 26, 28, 51, 58, 59, 43)
TABLET = Traits("02:00:00:00:00:0a", "Aruzhan-iPad", "", IOS, "", "tablet", 64)
AGAIN = replace(TABLET, mac="da:a1:19:00:00:01")


def test_a_random_address_is_told_by_one_bit() -> None:
    assert Traits("da:a1:19:00:00:01").is_random
    assert not Traits("3c:22:fb:00:00:01").is_random


@pytest.mark.parametrize(
    ("newcomer", "gone_for", "likely"),
    [
        (AGAIN, MINUTE, True),
        (AGAIN, timedelta(days=3), True),  # a name of its own, and it asks for the same
        (AGAIN, -MINUTE, True),  # came a minute before the old one was missed
        (AGAIN, None, False),  # the old one is here
        (replace(AGAIN, host_name="", options=(), kind=""), MINUTE, False),  # the time alone says too little
        (replace(AGAIN, host_name=""), MINUTE, True),  # same model, same minute
        (replace(AGAIN, host_name=""), timedelta(days=3), False),  # same model, some day
        (replace(AGAIN, kind="phone"), MINUTE, True),  # the kind is guessed; it asks for the same
        (replace(AGAIN, kind="phone", options=()), MINUTE, False),
        (replace(AGAIN, kind="phone", options=ANDROID), MINUTE, False),
        (replace(AGAIN, host_name="PlayStation", kind="console"), MINUTE, True),
        (replace(AGAIN, hop_limit=128), MINUTE, False),
        (replace(AGAIN, options=ANDROID, kind=""), timedelta(hours=2), False),
    ],
)
def test_likeness(newcomer: Traits, gone_for: timedelta | None, likely: bool) -> None:
    assert same_device(TABLET, newcomer, gone_for).likely is likely


def test_what_speaks_for_it_is_named() -> None:
    assert same_device(TABLET, AGAIN, MINUTE).signs == (Sign.HOST_NAME, Sign.OPTIONS, Sign.KIND, Sign.TIME)
    assert same_device(TABLET, AGAIN, None) is UNLIKE


@pytest.mark.parametrize("name", ["iPhone", "iPhone-2", "iPad (3)", "android", "localhost", ""])
def test_a_name_that_many_have_says_little(name: str) -> None:
    one, other = (replace(each, host_name=name, kind="") for each in (TABLET, AGAIN))
    assert not one.has_own_name
    assert not same_device(one, other, timedelta(days=1)).likely


def test_by_time_alone_a_random_address_may_be_a_device_that_went() -> None:
    bare = Traits("da:a1:19:00:00:01")
    assert may_be_departed(bare, MINUTE)
    assert may_be_departed(bare, -MINUTE)
    assert may_be_departed(replace(bare, host_name="PlayStation", kind="console"), SHORT_ABSENCE), (
        "whatever it calls itself"
    )
    assert not may_be_departed(bare, SHORT_ABSENCE + MINUTE)
    assert not may_be_departed(bare, None)
    assert not may_be_departed(Traits("3c:22:fb:00:00:01"), MINUTE)


def test_an_interface_id_tells_which_address_it_was_made_from() -> None:
    own = interface_id_from("3c:22:fb:00:00:01")
    assert own == bytes.fromhex("3e22fbfffe000001")
    other = interface_id_from("3c:22:fb:00:00:02")
    random = bytes.fromhex("0123456789abcdef")
    traits = Traits("3c:22:fb:00:00:01", interface_ids=frozenset({own, other, random}))
    assert foreign_ids(traits) == {other}


texts = st.text(max_size=12)
traits = st.builds(
    Traits,
    mac=st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":")),
    host_name=texts,
    vendor_class=texts,
    options=st.lists(st.integers(0, 255), max_size=6).map(tuple),
    kind=st.sampled_from(("", "phone", "tablet", "tv", "thing")),
    hop_limit=st.sampled_from((0, 64, 128, 255)),
    interface_ids=st.frozensets(st.binary(min_size=8, max_size=8), max_size=4),
)


@given(traits, traits, st.none() | st.timedeltas())
def test_whatever_devices_say_of_themselves(one: Traits, other: Traits, gone_for: timedelta | None) -> None:
    like = same_device(one, other, gone_for)
    assert like.likely is (like.score >= 4)
    assert len(like.signs) == len(set(like.signs))
    may_be_departed(other, gone_for)
    foreign_ids(one)

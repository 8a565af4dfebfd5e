from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.identity.copies import (
    MAX_FACES,
    SHORT_ABSENCE,
    completed,
    differs,
    merge_foreign_traits,
    suspicion,
    with_face,
)
from gateway.policy.identity.traits import Sign, Traits, interface_id_from
from tests.policy.identity.test_identity import ANDROID, IOS, traits

NOW, LATER = timedelta(minutes=2), SHORT_ABSENCE + timedelta(hours=5)
MUMS = Traits(
    "02:00:00:00:00:0c", "Mums-phone", "android-dhcp-13", ANDROID, "", "phone", 64,
    frozenset({bytes.fromhex("0123456789abcdef")}),
)  # fmt: skip
WINDOWS = (1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)


@pytest.mark.parametrize("apart", [NOW, LATER])
@pytest.mark.parametrize(
    "ordinary",
    [
        {"options": (*ANDROID, 108), "vendor_class": "android-dhcp-14"},  # an update of the system
        {"host_name": "Aigul"},  # a new name
        {"kind": "tv"},  # a better guess: it named its services, and nothing else changed
        {"interface_ids": frozenset({bytes(range(8))})},  # fresh privacy addresses
        {"host_name": "", "options": (), "vendor_class": "", "kind": "", "hop_limit": 0},  # not seen yet
    ],
)
def test_what_one_device_changes_is_no_suspicion(ordinary: dict[str, object], apart: timedelta) -> None:
    assert suspicion([MUMS], replace(MUMS, **ordinary), apart) == ()  # type: ignore[arg-type]


def test_an_update_and_a_new_name_within_minutes_are_one_but_not_after_hours() -> None:
    seen = replace(MUMS, options=IOS, host_name="Aigul")
    assert suspicion([MUMS], seen, NOW) == (Sign.OPTIONS, Sign.HOST_NAME)
    assert suspicion([MUMS], seen, LATER) == ()


@pytest.mark.parametrize("apart", [NOW, LATER])
@pytest.mark.parametrize(
    "other",
    [
        {"kind": "tablet", "options": IOS},
        {"hop_limit": 128, "vendor_class": "MSFT 5.0"},
        {"options": WINDOWS, "vendor_class": "MSFT 5.0"},
        {"interface_ids": frozenset({interface_id_from("3c:22:fb:00:00:01")}), "options": IOS},
    ],
)
def test_another_host_by_the_same_address(other: dict[str, object], apart: timedelta) -> None:
    assert suspicion([MUMS], replace(MUMS, **other), apart)  # type: ignore[arg-type]


def test_both_kinds_of_interface_ids_add_to_the_rest() -> None:
    seen = replace(MUMS, interface_ids=frozenset({interface_id_from(MUMS.mac)}), options=IOS)
    assert suspicion([MUMS], seen, NOW) == (Sign.OPTIONS, Sign.INTERFACE_ID)


def test_a_face_that_somebody_has_vouched_for_ends_it() -> None:
    linux = replace(MUMS, kind="computer", vendor_class="", options=(1, 2, 6, 12), hop_limit=64)
    windows = replace(linux, vendor_class="MSFT 5.0", options=WINDOWS, hop_limit=128)
    assert suspicion([linux], windows, NOW)
    faces = with_face([linux], windows)
    for seen in (linux, windows):
        assert suspicion(faces, seen, NOW) == ()
    assert suspicion(faces, MUMS, NOW), "a third one is another all the same"


def test_faces_are_few() -> None:
    faces: tuple[Traits, ...] = ()
    for number in range(MAX_FACES + 3):
        faces = with_face(faces, replace(MUMS, host_name=str(number)))
    assert [one.host_name for one in faces] == [str(number) for number in range(3, MAX_FACES + 3)]
    assert with_face(faces, faces[0])[-1] == faces[0]


@given(traits, traits)
def test_whatever_they_say(one: Traits, other: Traits) -> None:
    assert suspicion([one], one, NOW) == ()
    assert set(suspicion([one], other, LATER)) <= set(suspicion([one], other, NOW))
    assert suspicion([one, other], other, NOW) == ()
    whole = completed(one, other)
    assert completed(whole, other) == whole
    assert not differs(one, one)


def test_what_two_known_hosts_show_may_come_mixed() -> None:
    ipad = replace(MUMS, host_name="iPad", kind="tablet", options=IOS, vendor_class="")
    for seen in (replace(ipad, options=ANDROID), replace(MUMS, kind="tablet"), replace(ipad, host_name="")):
        assert suspicion([MUMS, ipad], seen, NOW) == ()
    assert suspicion([MUMS, ipad], replace(ipad, hop_limit=128), NOW)


def test_what_another_host_has_shown_is_gathered() -> None:
    """Though what the inventory has of the address goes to and fro."""
    ipad = replace(MUMS, host_name="iPad", kind="tablet", options=IOS)
    first = merge_foreign_traits([MUMS], None, replace(MUMS, kind="tablet", options=IOS))
    second = merge_foreign_traits([MUMS], first, replace(MUMS, host_name="iPad"))
    assert (second.host_name, second.kind, second.options) == (ipad.host_name, ipad.kind, ipad.options)
    assert suspicion([MUMS, second], ipad, NOW) == ()


@given(traits, st.lists(traits, max_size=3))
def test_what_is_vouched_for_is_none(seen: Traits, faces: list[Traits]) -> None:
    assert suspicion([*faces, seen], seen, NOW) == ()
    assert suspicion([*faces, merge_foreign_traits(faces, None, seen)], seen, NOW) == ()

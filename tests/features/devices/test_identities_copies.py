"""Copied addresses, and repeaters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.core.errors import ControlError
from gateway.policy.identity.copies import QUIET, SETTLED
from gateway.policy.values import Reason
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, TABLET, Desk
from tests.features.devices.sighted import (
    AGAIN,
    ANDROID,
    GALAXY,
    IPAD,
    MINUTE,
    OTHER,
    arrive,
    asked,
    audit,
    copy,
    member,
    returned,
    sighted,
)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return sighted(make, monkeypatch)


@pytest.fixture
def came_back(desk: Desk) -> Desk:
    return returned(desk)


def test_a_copied_address_has_the_strictest_rules(desk: Desk) -> None:
    assert desk.family.member_of(MUMS) is None
    copy(desk)
    one = asked(desk)[MUMS]
    assert (one["ask"], one["owner"], one["rules"]) == ("copy", "mum", "daughter")
    assert set(one["signs"]) >= {"kind", "options", "host_name"}
    found = member(desk, MUMS)
    assert (found.profile.id, found.asked, found.beside) == ("daughter", True, None)
    assert desk.reason(MUMS, "www.tiktok.com") is Reason.FAMILY_BLOCK
    desk.restart()
    assert member(desk, MUMS).profile.id == "daughter"
    assert f"device copy {MUMS}" in audit(desk)[0]


def test_it_is_me_ends_it_and_both_are_trusted(desk: Desk) -> None:
    copy(desk)
    desk.ask("identify", mac=MUMS, answer="me")
    for traits in (GALAXY, IPAD, GALAXY):
        arrive(desk, MUMS, **traits)
        assert desk.family.member_of(MUMS) is None
    desk.restart()
    copy(desk)
    assert asked(desk) == {}
    arrive(desk, MUMS, **GALAXY | {"hop_limit": 128})
    assert MUMS in asked(desk), "a third one is another"


def test_not_me_keeps_the_rules_until_a_parent_says_that_it_is_over(desk: Desk) -> None:
    copy(desk)
    desk.ask("identify", mac=MUMS, answer="not_same")
    assert member(desk, MUMS).profile.id == "daughter"
    one = asked(desk)[MUMS]
    assert (one["settled"], one["replies"]) == (True, ["me"])
    desk.ask("identify", mac=MUMS, answer="me")
    assert desk.family.member_of(MUMS) is None


def test_it_is_over_when_the_owner_s_device_alone_was_there_for_a_day(desk: Desk) -> None:
    copy(desk)
    desk.go(timedelta(hours=2))
    arrive(desk, MUMS, **GALAXY)
    desk.go(timedelta(hours=20))
    copy(desk)
    desk.go(QUIET + MINUTE)
    assert MUMS in asked(desk), "it was there again meanwhile"
    arrive(desk, MUMS, **GALAXY)
    desk.go(QUIET + 2 * MINUTE)
    assert asked(desk) == {}
    assert desk.family.member_of(MUMS) is None
    assert any(line.startswith(f"copy over {MUMS}") for line in audit(desk))


@pytest.mark.parametrize("how", [{"host_name": "Aigul"}, {"options": ANDROID + " 108"}])
def test_an_ordinary_change_is_no_suspicion_and_is_learnt_in_a_day(desk: Desk, how: dict[str, str]) -> None:
    arrive(desk, MUMS, **GALAXY | how)
    assert asked(desk) == {}
    desk.go(SETTLED + 2 * MINUTE)
    face = desk.store.questions.faces(MUMS)[0]
    assert face.host_name == how.get("host_name", "Mums-Galaxy")
    assert len(face.options) == len(how.get("options", ANDROID).split())


def test_a_copied_visitor_s_address_does_not_open_the_night(desk: Desk) -> None:
    arrive(desk, OTHER, **GALAXY)
    desk.ask("assign", mac=OTHER, profile="visitor")
    desk.go(timedelta(hours=9))  # 21:00
    assert desk.reason(OTHER) is Reason.OPEN
    arrive(desk, OTHER, **IPAD)
    assert asked(desk)[OTHER]["ask"] == "copy"
    assert desk.reason(OTHER) is Reason.BEDTIME


def test_what_hosts_change_with_each_packet_is_not_a_write_each(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(desk)
    written: list[object] = []
    monkeypatch.setattr(desk.store.questions._writer, "save", lambda *rows, **_: written.append(rows))
    for number in range(50):
        desk.ask("sight", mac=MUMS, **IPAD | {"host_name": f"iPad {number}"})
    assert written == []
    desk.go(timedelta(minutes=2))
    assert len(written) == 1
    monkeypatch.undo()


def test_a_copy_does_not_grow_into_the_face_step_by_step(desk: Desk) -> None:
    arrive(desk, MUMS, **GALAXY | {"host_name": "Aruzhan-iPad"})
    desk.go(timedelta(hours=1))
    arrive(desk, MUMS, **IPAD)
    assert MUMS in asked(desk)


def test_the_youngest_child_s_own_address_is_no_question_of_rules(desk: Desk) -> None:
    arrive(desk, TABLET, **GALAXY)
    assert asked(desk)[TABLET]["rules"] is None
    assert not member(desk, TABLET).asked


# -------------------------------------------------------------------------------------------- repeaters


def behind(desk: Desk, mac: str, *macs: str) -> None:
    desk.ask("sight", mac=mac, what="behind", macs=" ".join(macs))
    desk.go(timedelta(seconds=2))


def test_a_repeater_is_named_and_is_no_copy(desk: Desk) -> None:
    arrive(desk, OTHER, host_name="RE305")
    behind(desk, OTHER, TABLET, PHONE)
    one = asked(desk)[OTHER]
    assert (one["ask"], one["rules"]) == ("repeater", None)
    assert member(desk, OTHER).profile.id == "guest"
    for traits in (IPAD, GALAXY):
        arrive(desk, OTHER, **traits)
    assert asked(desk)[OTHER]["ask"] == "repeater"
    desk.ask("identify", mac=OTHER, profile="daughter")
    assert member(desk, OTHER).profile.id == "daughter"
    arrive(desk, OTHER, **GALAXY)
    behind(desk, OTHER, PHONE)
    assert asked(desk) == {}, "it is known for what it is"


def test_an_adult_s_phone_becomes_no_repeater_by_its_own_word(desk: Desk) -> None:
    behind(desk, MUMS, TABLET)
    one = asked(desk)[MUMS]
    assert (one["ask"], one["rules"], one["signs"]) == ("repeater", "daughter", ["carries"])
    assert member(desk, MUMS).profile.id == "daughter"
    desk.ask("identify", mac=MUMS, answer="fine")
    assert desk.family.member_of(MUMS) is None
    behind(desk, MUMS, TABLET, PHONE)
    assert asked(desk) == {}


def test_a_child_s_newcomer_stays_the_child_s_though_it_plays_the_repeater(came_back: Desk) -> None:
    behind(came_back, AGAIN, PHONE)
    one = asked(came_back)[AGAIN]
    assert (one["ask"], one["rules"]) == ("repeater", "daughter")
    assert member(came_back, AGAIN).profile.id == "daughter"


def test_sights_are_for_the_virtual_home_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QALQAN_TEST_CLOCK")
    with pytest.raises(ControlError, match="virtual home"):
        desk.ask("sight", mac=MUMS, what="gone")


def test_what_is_shared_has_the_youngest_s_rules(make: Callable[..., Desk]) -> None:
    desk = make("2026-11-25T12:00", shared={OTHER: {"people": ["daughter", "son"]}})
    assert member(desk, OTHER).profile.id == "daughter"
    assert asked(desk) == {}

"""Devices that are handed over, and strangers who say whose theirs are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.control.protocol import Role
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import Account
from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.values import Reason
from gateway.store.tables.questions import NEW_DEVICES_LIMIT
from tests.features.conftest import Make
from tests.features.desk import MUMS, NOON, STRANGER, TABLET, Desk
from tests.features.sharing.shared_devices import OURS, SONS_PIN, TIKTOK, desk_of_several, refused, whose


@pytest.fixture
def desk(make: Make) -> Desk:
    return desk_of_several(make)


# ---------------------------------------------------------------------------------- handed over


def test_an_adult_s_phone_has_the_child_s_rules_until_a_guardian_takes_it_back(desk: Desk) -> None:
    assert whose(desk, MUMS) is None
    told = desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum", origin="192.168.1.7")
    assert (told["who"], told["kind"], told["until"], told["by"]) == ("daughter", "handed", None, "Mum")
    assert desk.reason(MUMS, TIKTOK) is Reason.FAMILY_BLOCK
    assert desk.ask("device", mac=MUMS)["profile"] == "daughter"
    assert refused(desk, "leave", device=MUMS) == Code.NOBODY_USES
    assert refused(desk, "use", device=MUMS, who="son", pin=SONS_PIN) == Code.NOT_SHARED
    assert refused(desk, "take_back", device=MUMS, by="Daughter") == Code.NO_GUARDIAN
    assert refused(desk, "take_back", device=MUMS) == Code.INVALID
    desk.go(timedelta(days=1))
    desk.restart()
    assert whose(desk, MUMS) == "daughter"
    desk.ask("take_back", Role.WEB, device=MUMS, by="Mum")
    assert whose(desk, MUMS) is None
    assert {"hand over", "take back"} <= {line.what for line in desk.store.audit.lines()}


def test_a_session_that_was_begun_on_a_handed_phone_is_known_under_any_address(desk: Desk) -> None:
    desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum")
    elsewhere = desk.ask("handed", Role.WEB, ip="192.168.77.77", device=MUMS)
    assert (elsewhere["mac"], elsewhere["who"]) == (MUMS, "daughter")
    assert desk.ask("handed", Role.WEB, ip="192.168.77.77", device=TABLET)["who"] is None
    assert refused(desk, "handed", ip="192.168.77.77", device="x") == Code.INVALID
    desk.ask("take_back", Role.WEB, device=MUMS, by="Mum")
    assert desk.ask("handed", Role.WEB, ip="192.168.77.77", device=MUMS)["who"] is None


def test_a_child_s_or_a_guest_s_device_is_not_handed_over(desk: Desk) -> None:
    for mac in (TABLET, OURS, STRANGER):
        code = refused(desk, "hand_over", device=mac, who="daughter", by="Mum")
        assert code == Code.NO_DEVICE_OF_AN_ADULT
    assert refused(desk, "hand_over", device=MUMS, who="mum", by="Mum") == Code.NO_CHILD
    assert refused(desk, "take_back", device=MUMS, by="Mum") == Code.NOBODY_USES


@pytest.mark.parametrize(
    ("do", "values"),
    [
        ("assign", {"mac": MUMS, "profile": "daughter"}),
        ("edit", {"id": "daughter", "set": {f"devices/{MUMS}": True}}),
    ],
)
def test_the_hand_over_of_a_phone_ends_when_a_child_gets_it_as_its_own(
    desk: Desk, do: str, values: dict[str, Any]
) -> None:
    desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum")
    desk.ask(do, **values)
    assert desk.assignment.of(MUMS) == "daughter"
    assert MUMS not in {device["device"] for device in desk.ask("lent")["devices"]}
    desk.ask("assign", mac=MUMS, profile="mum")
    assert whose(desk, MUMS) is None


def test_a_thing_of_the_house_stays_handed_over_when_its_child_s_file_is_gone(make: Make) -> None:
    desk = make(NOON)
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("assign", mac=STRANGER, profile="home")
    desk.ask("hand_over", Role.WEB, device=STRANGER, who="daughter", by="Mum")
    assert whose(desk, STRANGER) == "daughter"
    (desk.folder / "profiles" / "daughter.yaml").unlink()
    desk.reload()
    assert whose(desk, STRANGER) == "son", "the youngest who is left"


# ---------------------------------------------------------------------------------- a stranger


def test_who_says_to_be_an_adult_is_not_logged_and_gets_nothing(make: Make) -> None:
    desk = make(NOON, daughter={"log_level": 2}, unknown_devices="daughter")
    desk.store.people.put(Account("Mum", secret="stamp"))
    member = desk.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.rules.log_level == 2
    assert desk.ask("adult", Role.WEB, device=STRANGER) == {"adult": True}
    member = desk.family.member_of(STRANGER)
    assert member is not None
    assert member.profile.rules.log_level == 0
    assert desk.reason(STRANGER, TIKTOK) is Reason.FAMILY_BLOCK
    told = desk.ask("questions", Role.WEB)["questions"]
    assert [(one["mac"], one["ask"], one["adult"]) for one in told] == [(STRANGER, "new", True)]
    assert "Its user says they’re an adult. Nothing is recorded on it now." in told[0]["sentence"]
    assert desk.ask("device", mac=STRANGER)["adult"]
    desk.restart()
    assert desk.family.member_of(STRANGER).profile.rules.log_level == 0  # type: ignore[union-attr]
    desk.ask("identify", Role.WEB, mac=STRANGER, answer="adult", by="Mum")
    assert whose(desk, STRANGER) is None


def test_a_guest_who_says_so_stays_a_guest(desk: Desk) -> None:
    desk.ask("adult", Role.WEB, device=STRANGER)
    assert desk.ask("device", mac=STRANGER)["profile"] == "guest"
    assert "asked" not in desk.ask("device", mac=STRANGER)


@pytest.mark.parametrize("mac", [TABLET, OURS, MUMS])
def test_a_device_that_is_known_says_nothing_of_the_kind(desk: Desk, mac: str) -> None:
    assert refused(desk, "adult", device=mac) == Code.NOT_A_STRANGER


def test_strangers_cannot_fill_the_parents_page(desk: Desk) -> None:
    for number in range(20):
        desk.ask("adult", Role.WEB, device=f"02:00:00:00:01:{number:02x}")
    assert refused(desk, "adult", device="02:00:00:00:02:01") == Code.TRIED_TOO_OFTEN


def test_where_the_questions_are_full_it_is_said_so(desk: Desk) -> None:
    now = desk.clock.now()
    for number in range(NEW_DEVICES_LIMIT):
        mac = f"02:00:00:00:01:{number:02x}"
        desk.store.devices.seen(mac, now, "")
        assert desk.store.questions.put(IdentityQuestion(mac, Ask.NEW, now), lambda _: now, now)
    assert refused(desk, "adult", device=STRANGER) == Code.NO_ROOM


def test_only_so_many_devices_are_handed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.features.sharing.sharing.SLOTS_LIMIT", 1)
    desk.ask("hand_over", device=MUMS, who="daughter", by="Mum")
    desk.ask("assign", mac=STRANGER, profile="home")
    assert refused(desk, "hand_over", device=STRANGER, who="daughter", by="Mum") == Code.NO_ROOM
    desk.ask("hand_over", device=MUMS, who="son", by="Mum")
    assert whose(desk, MUMS) == "son"

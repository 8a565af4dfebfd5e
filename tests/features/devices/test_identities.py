"""Which devices are one: what the family is asked, what holds meanwhile, and what an answer does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.devices.look_queue import NEWCOMERS
from gateway.lan.inventory import DeviceAppeared
from gateway.policy.accounts.people import Account
from gateway.policy.values import Reason
from gateway.store.tables.questions import NEW_DEVICES_LIMIT
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, TABLET, Desk
from tests.features.devices.sighted import (
    AGAIN,
    GALAXY,
    IPAD,
    MINUTE,
    OTHER,
    SECOND,
    arrive,
    asked,
    audit,
    copy,
    leave,
    member,
    sighted,
)
from tests.sentences import sentence


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return sighted(make, monkeypatch)


# -------------------------------------------------------------------------------------------- newcomers


def test_a_stranger_is_a_guest_and_somebody_is_asked(desk: Desk) -> None:
    arrive(desk, OTHER, host_name="Galaxy of a friend")
    one = asked(desk)[OTHER]
    assert (one["ask"], one["rules"]) == ("new", None)
    assert one["sentence"] == f"New device: {OTHER}. Who uses it?"
    assert member(desk, OTHER).slot == desk.family.unknown, "guests share one"
    assert [event["what"] for event in desk.heard("identity")] == ["asked"]
    assert desk.ask("status")["questions"] == 1


def heard_again(desk: Desk) -> None:
    for mac in (TABLET, PHONE, SECOND):
        desk.ask("sight", mac=mac, what="back")


def test_a_stranger_is_examined_once_the_children_s_devices_were_heard(desk: Desk) -> None:
    examined = desk.presence.inventory.examined
    arrive(desk, OTHER)
    heard_again(desk)
    assert OTHER not in examined, "its DHCP request may come yet"
    desk.go(timedelta(seconds=2))
    assert OTHER in examined
    leave(desk, OTHER)
    assert OTHER not in examined
    desk.ask("sight", mac=OTHER, what="back")
    heard_again(desk)
    desk.go(timedelta(seconds=2))
    assert OTHER not in examined, "they were heard before or while it came"
    heard_again(desk)
    desk.go(timedelta(seconds=2))
    assert OTHER in examined


def test_or_after_a_while_if_one_of_them_is_silent(desk: Desk) -> None:
    arrive(desk, OTHER)
    desk.go(timedelta(seconds=7))
    assert OTHER not in desk.presence.inventory.examined
    desk.go(timedelta(seconds=2))
    assert OTHER in desk.presence.inventory.examined


def test_or_when_a_guardian_says_what_it_is(desk: Desk) -> None:
    desk.store.people.put(Account("Mum", secret="stamp"))
    arrive(desk, OTHER)
    desk.ask("identify", mac=OTHER, answer="guest", by="Mum")
    assert OTHER in desk.presence.inventory.examined


def test_a_child_s_tablet_that_comes_back_keeps_the_child_s_rules(desk: Desk) -> None:
    desk.ask("pause", who="daughter", minutes=30)
    leave(desk, TABLET)
    desk.go(MINUTE)
    arrive(desk, AGAIN, **IPAD)
    one = asked(desk)[AGAIN]
    assert (one["ask"], one["known"], one["owner"], one["rules"]) == ("again", TABLET, "daughter", "daughter")
    assert one["replies"][:3] == ["again", "also", "not_same"]
    found = member(desk, AGAIN)
    assert (found.profile.id, found.asked, found.macs) == ("daughter", True, (AGAIN,))
    assert found.profile.rules.log_level == 0
    assert desk.reason(AGAIN) is Reason.PAUSED
    assert desk.ask("device", mac=AGAIN)["asked"] == "again"
    daughter = next(one for one in desk.ask("status")["profiles"] if one["id"] == "daughter")
    assert AGAIN not in [each["mac"] for each in daughter["devices"]], "whose it is nobody has said"
    with pytest.raises(ControlError, match=sentence(Code.NO_DEVICE_OF_A_CHILD)):
        desk.ask("request", Role.WEB, device=AGAIN, minutes=15)
    assert f"device again {AGAIN} {TABLET} daughter" in audit(desk)[0]


def test_what_guests_may_not_it_may_not_either(desk: Desk) -> None:
    """The son's bedtime is later than his sister's, which is the guests'."""
    leave(desk, PHONE)
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["rules"] == "son"
    desk.go(timedelta(hours=9))  # 21:00
    assert desk.reason(PHONE) is Reason.OPEN
    assert desk.reason(AGAIN) is Reason.BEDTIME
    desk.ask("grant", who="son", minutes=15)
    assert desk.reason(AGAIN) is Reason.BEDTIME


def test_why_and_the_state_of_a_device_about_which_is_asked(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The son has no bedtime of his own; the guests' closes him, and `why` says so."""
    monkeypatch.setenv("QALQAN_TEST_CLOCK", "1")
    desk = make("2026-11-25T20:00", son={"bedtime": {}, "limits": {"play": "1h"}})
    arrive(desk, PHONE)
    leave(desk, PHONE)
    arrive(desk, AGAIN)
    for host in ("www.example.org", "www.youtube.com", "pornhub.com", "www.roblox.com"):
        assert desk.ask("why", host=host, device=AGAIN)["host"] == host
    state = desk.ask("device", mac=AGAIN)
    assert (state["state"], state["sentence"]) == ("open", "Open until bedtime at 20:45.")
    assert "left" not in state
    desk.go(timedelta(hours=1))
    assert desk.ask("device", mac=AGAIN)["state"] == "bedtime"
    assert desk.ask("why", host="www.example.org", device=AGAIN)["reason"] == "bedtime"
    assert desk.ask("why", host="www.example.org", profile="son")["reason"] == "open"


def test_why_of_the_past_of_a_device_about_which_is_asked(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before somebody was asked it was a guest; then, what held for the child and for guests at that time."""
    monkeypatch.setenv("QALQAN_TEST_CLOCK", "1")
    desk = make("2026-11-25T12:00", son={"bedtime": {}})
    arrive(desk, PHONE)
    leave(desk, PHONE)
    arrive(desk, AGAIN)
    desk.go(timedelta(hours=1))
    desk.ask("pause", who=AGAIN, minutes=30)
    desk.go(timedelta(hours=1))
    desk.ask("pause", who="son", minutes=30)
    desk.go(10 * MINUTE)

    def reason(at: str) -> object:
        return desk.ask("why", host="www.example.org", device=AGAIN, at=f"2026-11-25T{at}")["reason"]

    assert [reason(at) for at in ("11:50", "12:30", "14:05")] == ["open", "open", "paused"]
    desk.ask("resume", who="son")
    desk.ask("pause", who=AGAIN, minutes=30)
    assert reason("14:05") == "open", "what holds now did not hold then"
    copied = make("2026-11-25T12:00")
    arrive(copied, MUMS, **GALAXY)
    copied.go(MINUTE)
    copy(copied)
    for at, said in (("11:59", "unfiltered"), ("12:02", "family_block")):
        answer = copied.ask("why", host="www.tiktok.com", device=MUMS, at=f"2026-11-25T{at}")
        assert answer["reason"] == said


def test_it_is_recognised_though_it_came_before_the_old_one_was_missed(desk: Desk) -> None:
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["ask"] == "new"
    desk.go(3 * MINUTE)
    leave(desk, PHONE)
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "son"
    desk.ask("sight", mac=PHONE, what="back")
    arrive(desk, AGAIN, host_name="x")
    assert asked(desk)[AGAIN]["rules"] == "son", "until somebody answers"


def test_who_does_not_answer_when_it_came_counts_as_gone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes two minutes until a device is gone for certain; it is asked when a newcomer comes."""
    arrive(desk, AGAIN)
    monkeypatch.setattr(desk.presence.inventory, "missing", lambda mac: mac == PHONE)
    assert asked(desk)[AGAIN]["ask"] == "new"
    desk.go(timedelta(seconds=6))
    assert asked(desk)[AGAIN]["rules"] == "son"


def test_of_several_that_went_the_youngest_one_s_rules_hold(desk: Desk) -> None:
    leave(desk, PHONE)
    leave(desk, SECOND)
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    assert asked(desk)[AGAIN]["known"] is None
    assert "again" not in asked(desk)[AGAIN]["replies"]


def test_a_phone_that_was_handed_over_is_the_child_s_by_another_address_too(desk: Desk) -> None:
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("hand_over", device=MUMS, who="daughter", by="Mum")
    leave(desk, MUMS)
    desk.go(MINUTE)
    arrive(desk, AGAIN, **GALAXY)
    one = asked(desk)[AGAIN]
    assert (one["ask"], one["known"], one["rules"]) == ("again", MUMS, "daughter")
    assert member(desk, AGAIN).profile.id == "daughter"


def test_an_adult_s_phone_that_comes_back_is_a_stranger_meanwhile(desk: Desk) -> None:
    leave(desk, MUMS)
    arrive(desk, AGAIN, **GALAXY)
    one = asked(desk)[AGAIN]
    assert (one["known"], one["owner"], one["rules"]) == (MUMS, "mum", None)
    assert member(desk, AGAIN).profile.id == "guest"


@pytest.mark.parametrize(
    ("settings", "profile", "locked"),
    [
        ({"keep_profile": False}, "guest", False),
        ({"unknown_devices": "quarantine"}, "guest", True),
        ({"unknown_devices": "home"}, "daughter", False),
        ({"unknown_devices": "son"}, "daughter", False),
    ],
)
def test_as_the_family_says(
    make: Make, monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], profile: str, locked: bool
) -> None:
    monkeypatch.setenv("QALQAN_TEST_CLOCK", "1")
    desk = make("2026-11-25T12:00", **settings)
    arrive(desk, TABLET, **IPAD)
    leave(desk, TABLET)
    arrive(desk, AGAIN, **IPAD)
    assert asked(desk)[AGAIN]["known"] == TABLET, "it is proposed all the same"
    found = member(desk, AGAIN)
    assert (found.profile.id, found.quarantined) == (profile, locked)


def test_questions_survive_a_kill(desk: Desk) -> None:
    leave(desk, TABLET)
    arrive(desk, AGAIN, **IPAD)
    before = asked(desk)[AGAIN]
    slot = member(desk, AGAIN).slot
    desk.restart()
    after = asked(desk)[AGAIN]
    assert {key: after[key] for key in ("ask", "known", "rules", "at")} == {
        key: before[key] for key in ("ask", "known", "rules", "at")
    }
    assert member(desk, AGAIN).slot == slot
    assert member(desk, AGAIN).asked


def test_a_flood_of_invented_addresses_fills_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    regrouped = []
    plain = desk.reassign

    def counted() -> None:
        regrouped.append(1)
        plain()

    monkeypatch.setattr(desk, "reassign", counted)
    leave(desk, PHONE)
    for number in range(3 * NEW_DEVICES_LIMIT):
        mac = f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        desk.store.devices.seen(mac, desk.clock.now())
        desk.bus.publish(DeviceAppeared(mac))
    desk.go(timedelta(seconds=3))
    assert len(regrouped) == 3, "once a second"
    assert desk.ask("questions", limit=5)["count"] == min(NEW_DEVICES_LIMIT, NEWCOMERS)
    assert len(desk.ask("questions", limit=5)["questions"]) == 5
    assert len(desk.store.slots.all()) < 30
    assert member(desk, "06:00:00:00:00:3f").profile.id == "son", "those beyond share a slot"
    assert len(member(desk, "06:00:00:00:00:3f").macs) > 1


def test_who_fills_the_room_of_questions_is_not_rid_of_the_child_s_rules(desk: Desk) -> None:
    """Addresses that are here, each of which may be the son's; then the daughter's tablet changes."""
    leave(desk, PHONE)
    for number in range(NEW_DEVICES_LIMIT + 10):
        mac = f"06:00:00:00:00:{number:02x}"
        desk.store.devices.seen(mac, desk.clock.now())
        desk.ask("sight", mac=mac)
    desk.go(timedelta(seconds=4))
    assert {one["ask"] for one in asked(desk).values()} == {"again"}
    leave(desk, TABLET)
    arrive(desk, AGAIN, host_name="x")
    assert desk.ask("questions")["count"] == NEW_DEVICES_LIMIT
    assert AGAIN not in asked(desk), "there is no room"
    assert member(desk, AGAIN).profile.id == "daughter"
    assert member(desk, f"06:00:00:00:00:{NEW_DEVICES_LIMIT + 5:02x}").profile.id == "daughter"
    assert len(desk.store.slots.all()) < 30
    desk.ask("assign", mac=AGAIN, profile="guest")
    assert member(desk, AGAIN).profile.id == "guest"


def test_nobody_asks_for_ever_about_who_does_not_come_back(desk: Desk) -> None:
    arrive(desk, OTHER)
    leave(desk, OTHER)
    desk.go(timedelta(days=7, minutes=2))
    assert OTHER not in asked(desk)
    assert [one["what"] for one in desk.heard("identity")] == ["asked", "over"]

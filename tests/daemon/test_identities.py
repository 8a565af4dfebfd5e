"""Which devices are one: what the family is asked, what holds meanwhile, and what an answer does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml

from gateway.control.protocol import Role
from gateway.daemon.family import Member
from gateway.daemon.looks import NEWCOMERS
from gateway.errors import ControlError
from gateway.policy.copies import QUIET, SETTLED
from gateway.policy.values import Reason
from gateway.store.questions import STRANGERS_LIMIT
from gateway.wire.mdns import Mdns
from gateway.wire.overheard import Overheard
from tests.daemon.conftest import Make
from tests.daemon.desk import MUMS, PHONE, TABLET, Desk

AGAIN, OTHER = "da:a1:19:00:00:01", "da:a1:19:00:00:02"
SECOND = "02:00:00:00:00:1a"  # the daughter's too
IOS, ANDROID = "1 121 3 6 15 108 114 119 252", "1 3 6 15 26 28 51 58 59 43"
IPAD = {"host_name": "Aruzhan-iPad", "options": IOS, "hop_limit": 64}
GALAXY = {"host_name": "Mums-Galaxy", "options": ANDROID, "hop_limit": 64}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("QALQAN_TEST_CLOCK", "1")
    desk = make("2026-11-25T12:00")
    for mac, traits in ((TABLET, IPAD), (MUMS, GALAXY), (PHONE, {"host_name": "Timur-Pixel"}), (SECOND, {})):
        arrive(desk, mac, **traits)
    return desk


def arrive(desk: Desk, mac: str, **traits: object) -> None:
    """A device is here, and shows ``traits``."""
    desk.store.devices.seen(mac, desk.clock.now(), str(traits.get("host_name", "")))
    desk.ask("sight", mac=mac, **traits)
    desk.go(timedelta(seconds=2))


def leave(desk: Desk, mac: str) -> None:
    desk.ask("sight", mac=mac, what="gone")


def member(desk: Desk, mac: str) -> Member:
    found = desk.family.member_of(mac)
    assert found is not None
    return found


def asked(desk: Desk) -> dict[str, dict[str, Any]]:
    return {one["mac"]: one for one in desk.ask("questions")["questions"]}


def audit(desk: Desk) -> list[str]:
    return [f"{one.what} {one.detail} {one.who}" for one in desk.store.audit_lines()]


def devices_of(desk: Desk, who: str) -> list[str]:
    return list(yaml.safe_load((desk.folder / "profiles" / f"{who}.yaml").read_text())["devices"])


# -------------------------------------------------------------------------------------------- newcomers


def test_a_stranger_is_a_guest_and_somebody_is_asked(desk: Desk) -> None:
    arrive(desk, OTHER, host_name="Galaxy of a friend")
    one = asked(desk)[OTHER]
    assert (one["ask"], one["rules"]) == ("new", None)
    assert one["sentence"] == f"{OTHER} is new. Whose is it?"
    assert member(desk, OTHER).slot == desk.family.unknown, "guests share one"
    assert [event["what"] for event in desk.heard("identity")] == ["asked"]
    assert desk.ask("status")["questions"] == 1


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
    with pytest.raises(ControlError, match="is no device of a child here"):
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
    desk.store.keep_guardian("Mum", "stamp")
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
    for number in range(3 * STRANGERS_LIMIT):
        mac = f"06:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        desk.store.devices.seen(mac, desk.clock.now())
        desk.identities.on_new(mac)
    desk.go(timedelta(seconds=3))
    assert len(regrouped) == 3, "once a second"
    assert desk.ask("questions", limit=5)["count"] == min(STRANGERS_LIMIT, NEWCOMERS)
    assert len(desk.ask("questions", limit=5)["questions"]) == 5
    assert len(desk.store.slots()) < 30
    assert member(desk, "06:00:00:00:00:3f").profile.id == "son", "those beyond share a slot"
    assert len(member(desk, "06:00:00:00:00:3f").macs) > 1


def test_who_fills_the_room_of_questions_is_not_rid_of_the_child_s_rules(desk: Desk) -> None:
    """Addresses that are here, each of which may be the son's; then the daughter's tablet changes."""
    leave(desk, PHONE)
    for number in range(STRANGERS_LIMIT + 10):
        mac = f"06:00:00:00:00:{number:02x}"
        desk.store.devices.seen(mac, desk.clock.now())
        desk.ask("sight", mac=mac)
    desk.go(timedelta(seconds=4))
    assert {one["ask"] for one in asked(desk).values()} == {"again"}
    leave(desk, TABLET)
    arrive(desk, AGAIN, host_name="x")
    assert desk.ask("questions")["count"] == STRANGERS_LIMIT
    assert AGAIN not in asked(desk), "there is no room"
    assert member(desk, AGAIN).profile.id == "daughter"
    assert member(desk, f"06:00:00:00:00:{STRANGERS_LIMIT + 5:02x}").profile.id == "daughter"
    assert len(desk.store.slots()) < 30
    desk.ask("assign", mac=AGAIN, profile="guest")
    assert member(desk, AGAIN).profile.id == "guest"


def test_nobody_asks_for_ever_about_who_does_not_come_back(desk: Desk) -> None:
    arrive(desk, OTHER)
    leave(desk, OTHER)
    desk.go(timedelta(days=7, minutes=2))
    assert OTHER not in asked(desk)
    assert [one["what"] for one in desk.heard("identity")] == ["asked", "over"]


# ------------------------------------------------------------------- tricks of who knows how it works


def test_who_calls_itself_a_console_is_the_child_s_all_the_same(desk: Desk) -> None:
    """A device's name is changed in a minute, and its kind is guessed by it."""
    leave(desk, TABLET)
    arrive(desk, AGAIN, host_name="PlayStation")
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    arrive(desk, AGAIN, host_name="PlayStation", options=IOS)
    assert asked(desk)[AGAIN]["known"] == TABLET


def test_an_address_that_was_shown_before_is_no_way_out(desk: Desk) -> None:
    """It came while the tablet was there, nobody answered; a day later the tablet takes it."""
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["rules"] is None
    leave(desk, AGAIN)
    desk.go(timedelta(days=1))
    leave(desk, TABLET)
    desk.go(MINUTE)
    desk.ask("sight", mac=AGAIN, what="back")
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    assert member(desk, AGAIN).profile.id == "daughter"


def test_nor_one_about_which_nobody_asks_any_more(desk: Desk) -> None:
    arrive(desk, AGAIN)
    leave(desk, AGAIN)
    desk.go(timedelta(days=8))
    assert asked(desk) == {}
    leave(desk, TABLET)
    desk.ask("sight", mac=AGAIN, what="back")
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_a_friend_who_comes_every_week_is_not_asked_about_every_week(desk: Desk) -> None:
    arrive(desk, OTHER)
    leave(desk, OTHER)
    desk.go(timedelta(days=8))
    desk.ask("sight", mac=OTHER, what="back")
    desk.go(2 * MINUTE)
    assert asked(desk) == {}


def test_who_was_there_beside_the_tablet_is_not_the_tablet(desk: Desk) -> None:
    """The tablet falls asleep ten minutes after a friend came."""
    arrive(desk, OTHER)
    for _ in range(30):
        for mac in (OTHER, TABLET):
            desk.ask("sight", mac=mac, what="back")
        desk.go(timedelta(seconds=5))
    leave(desk, TABLET)
    desk.go(timedelta(seconds=6))
    assert asked(desk)[OTHER]["ask"] == "new"
    assert member(desk, OTHER).slot == desk.family.unknown


def test_changing_the_address_twice_leads_no_further_than_once(desk: Desk) -> None:
    leave(desk, TABLET)
    arrive(desk, AGAIN, host_name="x")
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    desk.go(timedelta(hours=2))
    leave(desk, AGAIN)
    desk.go(MINUTE)
    arrive(desk, OTHER, host_name="y")
    assert asked(desk)[OTHER]["rules"] == "daughter"
    assert member(desk, OTHER).profile.id == "daughter"


def test_the_second_new_address_stands_for_the_tablet_too(desk: Desk) -> None:
    leave(desk, TABLET)
    arrive(desk, AGAIN, **IPAD)
    desk.go(timedelta(days=1))
    leave(desk, AGAIN)
    arrive(desk, OTHER, **IPAD)
    assert asked(desk)[OTHER]["known"] == TABLET
    desk.store.keep_guardian("Mum", "stamp")
    desk.ask("identify", Role.WEB, mac=OTHER, answer="again", by="Mum", origin="192.168.1.7")
    assert devices_of(desk, "daughter") == [OTHER, SECOND]


def test_pulling_the_gateway_s_plug_is_no_way_to_change_addresses(desk: Desk) -> None:
    """The disk may know a quarter of an hour less than was seen."""
    desk.store.devices.flush()
    desk.go(timedelta(minutes=20))
    desk.restart()
    arrive(desk, AGAIN, host_name="x")
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_nor_with_an_address_that_was_shown_before(desk: Desk) -> None:
    arrive(desk, AGAIN)
    leave(desk, AGAIN)
    desk.go(timedelta(hours=1))
    arrive(desk, TABLET, **IPAD)
    desk.store.devices.flush()
    sights = [desk.presence.inventory.sight(mac) for mac in (TABLET, AGAIN)]
    desk.go(timedelta(minutes=20))
    desk.restart()
    desk.presence.inventory.load([one for one in sights if one is not None])
    desk.ask("sight", mac=AGAIN, what="back")
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_who_went_long_before_the_restart_did_not_go_by_it(desk: Desk) -> None:
    arrive(desk, OTHER)
    desk.ask("assign", mac=OTHER, profile="guest")
    for mac in (TABLET, SECOND, PHONE, MUMS):
        leave(desk, mac)
    desk.go(timedelta(hours=2))
    arrive(desk, OTHER)
    desk.restart()
    arrive(desk, AGAIN)
    assert asked(desk)[AGAIN]["rules"] is None


@pytest.mark.parametrize("ahead", [timedelta(hours=3), -timedelta(hours=3), timedelta(days=20)])
def test_a_clock_that_is_set_hides_nobody(desk: Desk, ahead: timedelta) -> None:
    arrive(desk, AGAIN)
    desk.jump(ahead)
    leave(desk, TABLET)
    desk.go(timedelta(seconds=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"
    desk.go(timedelta(minutes=2))
    assert asked(desk)[AGAIN]["rules"] == "daughter"


def test_questions_move_with_the_clock(desk: Desk) -> None:
    copy(desk)
    desk.go(timedelta(hours=2))
    arrive(desk, MUMS, **GALAXY)
    asked_at = asked(desk)[MUMS]["at"]
    desk.jump(timedelta(days=2))
    desk.go(timedelta(minutes=2))
    assert asked(desk)[MUMS]["at"] == asked_at + timedelta(days=2)
    assert member(desk, MUMS).profile.id == "daughter", "no day has gone by"
    desk.restart()
    assert asked(desk)[MUMS]["at"] == asked_at + timedelta(days=2)
    desk.go(QUIET + MINUTE)
    assert asked(desk) == {}


def test_what_was_asked_by_a_right_clock_stays_when_a_wrong_one_is_put_right(desk: Desk) -> None:
    arrive(desk, OTHER)
    desk.restart()
    desk.watch.known = False
    arrive(desk, AGAIN)
    before = {mac: one["at"] for mac, one in asked(desk).items()}
    desk.jump(timedelta(hours=5))
    after = {mac: one["at"] for mac, one in asked(desk).items()}
    assert after == {OTHER: before[OTHER], AGAIN: before[AGAIN] + timedelta(hours=5)}


@pytest.mark.parametrize("mac", [MUMS, OTHER])
def test_a_television_that_is_known_better_is_no_copy(desk: Desk, mac: str) -> None:
    """It is a phone by its DHCP, as all with Android, until it names its services."""
    arrive(desk, mac, vendor_class="android-dhcp-11")
    if mac == OTHER:
        desk.ask("assign", mac=mac, profile="home")
    tell = Mdns(services=frozenset({"_androidtvremote2"}))
    desk.presence.inventory.heard(mac, 0, Overheard(b"", mdns=tell))
    desk.go(timedelta(seconds=2))
    traits = desk.presence.inventory.traits(mac)
    assert traits is not None
    assert traits.kind == "tv"
    assert mac not in asked(desk)
    assert desk.family.member_of(mac) is None


# -------------------------------------------------------------------------------------------- answers


@pytest.fixture
def came_back(desk: Desk) -> Desk:
    leave(desk, TABLET)
    arrive(desk, AGAIN, **IPAD)
    desk.store.keep_guardian("Mum", "stamp")
    return desk


def answer(desk: Desk, **values: object) -> dict[str, Any]:
    return desk.ask("identify", Role.WEB, mac=AGAIN, by="Mum", origin="192.168.1.7", **values)


def test_again_puts_it_in_the_place_of_the_old_address(came_back: Desk) -> None:
    assert answer(came_back, answer="again")["profile"] == "daughter"
    assert devices_of(came_back, "daughter") == [AGAIN, SECOND]
    found = member(came_back, AGAIN)
    assert (found.profile.id, found.asked) == ("daughter", False)
    assert asked(came_back) == {}
    assert f"identify {AGAIN} again again Mum" in audit(came_back)[0]
    assert came_back.heard("identity")[-1]["by"] == "Mum"
    came_back.restart()
    assert asked(came_back) == {}


def test_what_came_by_another_address_keeps_its_name_and_history(came_back: Desk) -> None:
    store = came_back.store
    store.notes.name(TABLET, "Big tablet")
    store.devices.seen(AGAIN, came_back.clock.at)
    answer(came_back, answer="again")
    assert came_back.presence.here.name_of(AGAIN) == "Big tablet"
    assert TABLET in [one.address for one in store.notes.history(AGAIN)]


def test_also_keeps_the_old_one(came_back: Desk) -> None:
    answer(came_back, answer="also")
    assert devices_of(came_back, "daughter") == [TABLET, SECOND, AGAIN]


def test_not_the_same_is_a_stranger_and_stays_one(came_back: Desk) -> None:
    answer(came_back, answer="not_same")
    assert member(came_back, AGAIN).profile.id == "guest"
    assert asked(came_back)[AGAIN]["ask"] == "new"
    arrive(came_back, AGAIN, **IPAD | {"host_name": "Aruzhan-iPad-2"})
    assert asked(came_back)[AGAIN]["ask"] == "new"
    answer(came_back, profile="son")
    assert AGAIN in devices_of(came_back, "son")


@pytest.mark.parametrize(
    ("place", "profile", "filtered"),
    [
        ("visitor", "visitor", True),
        ("adult", "adult", False),
        ("home", "home", False),
        ("guest", "guest", True),
    ],
)
def test_or_a_place_that_no_file_has(came_back: Desk, place: str, profile: str, filtered: bool) -> None:
    assert answer(came_back, answer=place)["profile"] == profile
    assert (came_back.family.member_of(AGAIN) is not None) is filtered
    assert asked(came_back) == {}


def test_answers_that_are_none(came_back: Desk) -> None:
    came_back.store.keep_guardian("Mum", "stamp")
    with pytest.raises(ControlError, match="choose one of: again, also"):
        answer(came_back, answer="me")
    with pytest.raises(ControlError, match="names nobody whose device this may be"):
        answer(came_back, profile="guest")
    with pytest.raises(ControlError, match="nothing is asked"):
        came_back.ask("identify", mac=TABLET, answer="home")
    with pytest.raises(ControlError, match="nobody who is a guardian"):
        came_back.ask("identify", Role.WEB, mac=AGAIN, answer="home", by="Aruzhan")
    assert AGAIN in asked(came_back)


def test_assign_answers_too(came_back: Desk) -> None:
    listed = {one["mac"]: one for one in came_back.ask("devices")["devices"]}
    assert listed[AGAIN]["question"]["ask"] == "again"
    assert listed[MUMS]["question"] is None
    came_back.ask("assign", mac=AGAIN, profile="daughter")
    assert asked(came_back) == {}


# -------------------------------------------------------------------------------------------- copies


def copy(desk: Desk) -> None:
    """The daughter's tablet takes Mum's address."""
    arrive(desk, MUMS, **IPAD)


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
    monkeypatch.setattr(desk.store.questions._keeper, "save", lambda *rows, **_: written.append(rows))
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

"""Shared devices, PINs, devices handed over and strangers who say to be adults, over the control socket."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.codes import Code
from gateway.control.protocol import Role
from gateway.errors import GatewayError
from gateway.policy.identity import Traits
from gateway.policy.pins import LEAST, MOST, TRIES, TRIES_OF_DAY
from gateway.policy.questions import Ask, Question
from gateway.policy.sharing import LEAST_BYTES, LONGEST, SILENT
from gateway.policy.tickets import TRIES_WITHIN
from gateway.policy.values import Observation, Proto, Reason
from gateway.store.questions import STRANGERS_LIMIT
from tests.daemon.conftest import Make
from tests.daemon.desk import MUMS, PHONE, STRANGER, TABLET, Desk

NOON = "2026-11-24T12:00"
OURS, TV = "02:00:00:00:00:aa", "02:00:00:00:00:ab"
SHARED = {OURS: {"people": ["daughter", "son"]}, TV: {"people": ["daughter", "son", "mum"]}}
TIKTOK = "www.tiktok.com"  # refused for the daughter by her own file, open for the son
SONS_PIN = "4821"
DOCUMENT = Path(__file__).parents[2] / "docs" / "sharing.md"
MINUTES_15, HOURS_2 = timedelta(minutes=15), timedelta(hours=2)


@pytest.fixture
def desk(make: Make) -> Desk:
    made: Desk = make(NOON, son={"categories": {"social_networks": "open"}}, shared=SHARED)
    made.store.keep_guardian("Mum", "stamp")
    made.ask("pin", Role.WEB, who="son", action="set", pin=SONS_PIN, by="Mum")
    made.events.clear()
    return made


def whose(desk: Desk, mac: str) -> str | None:
    member = desk.family.member_of(mac)
    return None if member is None else member.profile.id


def refused(desk: Desk, do: str, **values: object) -> str:
    with pytest.raises(GatewayError) as caught:
        desk.ask(do, Role.WEB, **values)
    return str(caught.value.code)


def use(desk: Desk, mac: str = OURS, who: str = "son", **values: object) -> dict[str, Any]:
    return desk.ask("use", Role.WEB, **{"device": mac, "who": who, "pin": SONS_PIN, **values})


# ---------------------------------------------------------------------------------- a shared device


def test_the_youngest_s_rules_hold_until_somebody_says_who_it_is(desk: Desk) -> None:
    assert desk.reason(OURS, TIKTOK) is Reason.FAMILY_BLOCK
    told = use(desk)
    assert (told["who"], told["who_name"], told["until"]) == ("son", "Son", desk.local_now() + HOURS_2)
    assert whose(desk, OURS) == "son"
    assert desk.reason(OURS, TIKTOK) is not Reason.FAMILY_BLOCK
    assert whose(desk, TABLET) == "daughter"
    assert desk.heard("sharing") == [{"event": "sharing", "device": OURS, "who": "son"}]
    assert desk.ask("leave", Role.WEB, device=OURS)["who"] is None
    assert desk.reason(OURS, TIKTOK) is Reason.FAMILY_BLOCK
    assert refused(desk, "leave", device=OURS) == Code.NOBODY_USES


def test_its_page_is_told_who_may_use_it_who_does_and_until_when(desk: Desk) -> None:
    told = desk.ask("device", mac=OURS)
    assert told["profile"] == "daughter"
    assert [(one["id"], one["pin"], one["pin_set"] is not None) for one in told["sharing"]["people"]] == [
        ("daughter", True, False),
        ("son", True, True),
    ]
    assert told["sharing"]["youngest"] == "Daughter"
    assert not told["pin"]["may_set"]
    use(desk)
    told = desk.ask("device", mac=OURS)
    assert told["profile"] == "son"
    assert told["sharing"]["who"] == "son"
    assert told["pin"]["pin_by"] == "Mum"


def test_without_the_pin_nobody_is_somebody_else(desk: Desk) -> None:
    assert refused(desk, "use", device=OURS, who="son", pin="4822") == Code.PIN_WRONG
    assert refused(desk, "use", device=OURS, who="son") == Code.INVALID
    assert refused(desk, "use", device=OURS, who="daughter", pin="4822") == Code.NO_PIN
    assert refused(desk, "use", device=OURS, who="mum", pin=SONS_PIN) == Code.NOT_SHARED
    assert refused(desk, "use", device=TABLET, who="son", pin=SONS_PIN) == Code.NOT_SHARED
    assert refused(desk, "use", device=TV, who="mum", pin=SONS_PIN) == Code.NOT_SHARED
    assert whose(desk, OURS) == "daughter"


def test_below_ten_years_a_name_is_enough(make: Make) -> None:
    desk = make(NOON, daughter={"band": "6-9"}, son={"band": "0-5"}, shared=SHARED)
    assert whose(desk, OURS) == "son"
    desk.ask("use", Role.WEB, device=OURS, who="daughter")
    assert whose(desk, OURS) == "daughter"


def test_five_wrong_ones_wait_with_that_name_on_that_device_alone(desk: Desk) -> None:
    for _ in range(5):
        assert refused(desk, "use", device=OURS, who="son", pin="9999") == Code.PIN_WRONG
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN
    desk.ask("pin", Role.WEB, action="check", device=PHONE, pin=SONS_PIN)
    assert [line.what for line in desk.store.audit_lines()].count("pin tries") == 1
    desk.jump(timedelta(days=1))
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN
    desk.go(timedelta(minutes=10))
    use(desk)
    assert whose(desk, OURS) == "son"


def test_a_patient_sibling_has_twenty_tries_a_day(desk: Desk) -> None:
    codes = []
    for number in range(30):
        codes.append(refused(desk, "use", device=OURS, who="son", pin=f"9{number:03}"))
        desk.go(timedelta(minutes=10))
    assert codes == [Code.PIN_WRONG] * TRIES_OF_DAY + [Code.TRIED_TOO_OFTEN] * 10
    desk.ask("pin", Role.WEB, action="check", device=PHONE, pin=SONS_PIN)
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN
    desk.ask("use", Role.WEB, device=OURS, who="son", by="Mum")
    assert whose(desk, OURS) == "son"
    desk.go(timedelta(days=1))
    use(desk)


def test_a_right_pin_gives_a_sibling_no_new_start(desk: Desk) -> None:
    codes = []
    for number in range(TRIES_OF_DAY):
        codes.append(refused(desk, "use", device=OURS, who="son", pin=f"9{number:03}"))
        use(desk) if number < TRIES_OF_DAY - 1 else None
        desk.go(timedelta(minutes=10))
    assert codes == [Code.PIN_WRONG] * TRIES_OF_DAY
    assert refused(desk, "use", device=OURS, who="son", pin="9999") == Code.TRIED_TOO_OFTEN


def test_it_ends_after_two_hours_by_a_clock_that_nobody_sets(desk: Desk) -> None:
    use(desk)
    loud(desk)
    desk.jump(-timedelta(days=2))
    told = desk.ask("device", mac=OURS)["sharing"]
    assert told["until"] == desk.local_now() + HOURS_2
    for _ in range(8):
        desk.go(timedelta(minutes=14))
        loud(desk)
    assert whose(desk, OURS) == "son"
    desk.go(timedelta(minutes=8))
    assert whose(desk, OURS) == "daughter"


def loud(desk: Desk, size: int = 40_000) -> None:
    slot = desk.family.slot_of(OURS)
    desk.table.counted[slot, 1] = desk.table.counted.get((slot, 1), 0) + size


@pytest.mark.parametrize(("size", "left"), [(40_000, "son"), (20_000, "daughter")])
def test_it_ends_after_fifteen_silent_minutes(desk: Desk, size: int, left: str) -> None:
    use(desk)
    desk.go(timedelta(minutes=14))
    loud(desk, size)
    desk.go(timedelta(minutes=2))
    assert whose(desk, OURS) == left
    desk.go(timedelta(minutes=15))
    assert whose(desk, OURS) == "daughter"


def test_a_restart_goes_on_with_what_is_left(desk: Desk) -> None:
    use(desk)
    desk.restart()
    assert whose(desk, OURS) == "son"
    desk.stop()
    desk.clock.at += HOURS_2
    desk.start()
    assert whose(desk, OURS) == "daughter"


def test_a_start_that_does_not_know_the_time_takes_up_no_use(desk: Desk) -> None:
    use(desk)
    desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum")
    desk.stop()
    desk.watch.known = False
    desk.start()
    assert whose(desk, OURS) == "daughter"
    assert whose(desk, MUMS) == "daughter"


def test_what_one_was_refused_is_not_shown_to_the_next(desk: Desk) -> None:
    slot, now = desk.family.slot_of(OURS), desk.clock.now()
    member = desk.family.member_of(OURS)
    assert member is not None
    seen = Observation(Proto.DNS, TIKTOK)
    desk.recent.add(slot, now, seen, member.decide(seen, now))
    use(desk)
    assert desk.recent.of(frozenset({slot}), now) == []


def test_a_child_s_taps_are_not_audited_and_a_guardian_s_are(desk: Desk) -> None:
    use(desk)
    desk.ask("leave", Role.WEB, device=OURS)
    desk.ask("use", Role.WEB, device=OURS, who="son", by="Mum", origin="192.168.1.7")
    desk.ask("leave", Role.WEB, device=OURS, by="Mum")
    lines = [(one.who, one.what) for one in desk.store.audit_lines() if one.what != "pin set"]
    assert sorted(lines) == [("Mum", "leave"), ("Mum", "use")]


def test_nobody_makes_the_daemon_judge_all_again_at_will(desk: Desk) -> None:
    for _ in range(20):
        use(desk)
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN


def test_a_device_about_which_somebody_is_asked_is_not_used(desk: Desk) -> None:
    desk.store.questions.put(Question(OURS, Ask.COPY, desk.clock.now()), lambda _: None, desk.clock.now())
    desk.reassign()
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.NEW_DEVICE
    assert refused(desk, "claim", device=PHONE, screen=OURS) == Code.NEW_DEVICE


# ---------------------------------------------------------------------------------- a screen


def test_a_child_claims_the_television_from_its_own_phone(desk: Desk) -> None:
    assert [one["device"] for one in desk.ask("device", mac=PHONE)["screens"]] == [OURS, TV]
    told = desk.ask("claim", Role.WEB, device=PHONE, screen=TV)
    assert (told["who"], told["kind"]) == ("son", "claim")
    assert whose(desk, TV) == "son"
    assert refused(desk, "claim", device=TABLET, screen=TV) == Code.SCREEN_TAKEN
    assert refused(desk, "leave", device=TABLET, screen=TV) == Code.NOBODY_USES
    assert desk.ask("leave", Role.WEB, device=PHONE, screen=TV)["who"] is None
    desk.ask("claim", Role.WEB, device=TABLET, screen=TV)
    assert whose(desk, TV) == "daughter"


def test_what_has_a_page_of_its_own_is_not_claimed(desk: Desk) -> None:
    tablet = Traits(OURS, kind="tablet")
    desk.presence.inventory.traits = lambda mac: tablet if mac == OURS else None  # type: ignore[method-assign]
    assert [one["device"] for one in desk.ask("device", mac=PHONE)["screens"]] == [TV]
    assert refused(desk, "claim", device=PHONE, screen=OURS) == Code.NO_SCREEN


def test_one_child_s_own_screen_is_nobody_else_s(desk: Desk) -> None:
    assert refused(desk, "claim", device=PHONE, screen=TABLET) == Code.NO_SCREEN
    assert refused(desk, "claim", device=MUMS, screen=TV) == Code.NO_DEVICE_OF_A_CHILD
    assert refused(desk, "claim", device=STRANGER, screen=TV) == Code.NO_DEVICE_OF_A_CHILD


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
    assert {"hand over", "take back"} <= {one.what for one in desk.store.audit_lines()}


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


def test_a_thing_of_the_house_stays_handed_over_when_its_child_s_file_is_gone(make: Make) -> None:
    desk = make(NOON)
    desk.store.keep_guardian("Mum", "stamp")
    desk.ask("assign", mac=STRANGER, profile="home")
    desk.ask("hand_over", Role.WEB, device=STRANGER, who="daughter", by="Mum")
    assert whose(desk, STRANGER) == "daughter"
    (desk.folder / "profiles" / "daughter.yaml").unlink()
    desk.reload()
    assert whose(desk, STRANGER) == "son", "the youngest who is left"


# ---------------------------------------------------------------------------------- PINs


def test_a_child_sets_the_first_one_on_its_own_device_and_the_parents_are_told(desk: Desk) -> None:
    assert desk.ask("device", mac=TABLET)["pin"] == {
        "pin": True, "pin_set": None, "pin_by": None, "may_set": True,
    }  # fmt: skip
    desk.ask("pin", Role.WEB, action="set", device=TABLET, pin="70 35")
    told = {"event": "pin", "profile": "daughter", "name": "Daughter", "what": "set", "by": None}
    assert desk.heard("pin") == [told]
    (daughter,) = (one for one in desk.ask("status")["profiles"] if one["id"] == "daughter")
    assert (daughter["pin_set"], daughter["pin_by"]) == (desk.local_now(), None)
    assert desk.ask("pin", Role.WEB, action="check", device=TABLET, pin="7035")["who"] == "daughter"
    assert refused(desk, "pin", action="check", device=TABLET, pin=SONS_PIN) == Code.PIN_WRONG


def test_another_one_needs_the_old(desk: Desk) -> None:
    assert refused(desk, "pin", action="set", device=PHONE, pin="7035") == Code.INVALID
    assert refused(desk, "pin", action="set", device=PHONE, pin="7035", old="1111") == Code.PIN_WRONG
    desk.ask("pin", Role.WEB, action="set", device=PHONE, pin="7035", old=SONS_PIN)
    assert refused(desk, "pin", action="check", device=PHONE, pin=SONS_PIN) == Code.PIN_WRONG


def test_it_is_not_set_where_others_could(desk: Desk) -> None:
    use(desk)
    desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum")
    for mac in (OURS, MUMS):
        assert refused(desk, "pin", action="set", device=mac, pin="7035", old=SONS_PIN) == Code.PIN_ELSEWHERE


@pytest.mark.parametrize(("pin", "code"), [("123", Code.PIN_FORM), ("1234", Code.PIN_GUESSED)])
def test_what_is_no_pin(desk: Desk, pin: str, code: Code) -> None:
    assert refused(desk, "pin", action="set", device=TABLET, pin=pin) == code


def test_a_guardian_clears_a_forgotten_one(desk: Desk) -> None:
    assert refused(desk, "pin", action="clear", who="son", by="Son") == Code.NO_GUARDIAN
    assert refused(desk, "pin", action="clear", who="son") == Code.INVALID
    desk.ask("pin", Role.WEB, action="clear", who="son", by="Mum")
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.NO_PIN
    assert refused(desk, "pin", action="clear", who="son", by="Mum") == Code.NO_PIN


def test_a_guardian_s_page_is_told_of_all_of_it(desk: Desk) -> None:
    desk.ask("hand_over", Role.WEB, device=MUMS, who="daughter", by="Mum")
    told = desk.ask("lent", Role.WEB)
    assert [(one["device"], one["who"]) for one in told["devices"]] == [
        (OURS, None), (TV, None), (MUMS, "daughter"),
    ]  # fmt: skip
    assert {one["id"]: one["pin_set"] is not None for one in told["people"]} == {
        "daughter": False,
        "son": True,
    }


# ---------------------------------------------------------------------------------- a stranger


def test_who_says_to_be_an_adult_is_not_logged_and_gets_nothing(make: Make) -> None:
    desk = make(NOON, daughter={"log_level": 2}, unknown_devices="daughter")
    desk.store.keep_guardian("Mum", "stamp")
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
    assert "Somebody says on it to be an adult; that opens nothing." in told[0]["sentence"]
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
    for number in range(STRANGERS_LIMIT):
        mac = f"02:00:00:00:01:{number:02x}"
        desk.store.devices.seen(mac, now, "")
        assert desk.store.questions.put(Question(mac, Ask.NEW, now), lambda _: now, now)
    assert refused(desk, "adult", device=STRANGER) == Code.NO_ROOM


def test_only_so_many_devices_are_handed_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.daemon.sharing.SLOTS_LIMIT", 1)
    desk.ask("hand_over", device=MUMS, who="daughter", by="Mum")
    desk.ask("assign", mac=STRANGER, profile="home")
    assert refused(desk, "hand_over", device=STRANGER, who="daughter", by="Mum") == Code.NO_ROOM
    desk.ask("hand_over", device=MUMS, who="son", by="Mum")
    assert whose(desk, MUMS) == "son"


# ---------------------------------------------------------------------------------- docs/sharing.md


def test_the_document_s_examples_do_what_it_says(make: Make) -> None:
    text = DOCUMENT.read_text()
    config = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    desk = make(NOON, **config)
    desk.store.keep_guardian("Mum", "stamp")
    desk.ask("pin", who="son", action="set", pin=SONS_PIN, by="Mum")
    lines = re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0].splitlines()
    for line in lines:
        request = json.loads(line)
        desk.ask(request.pop("do"), Role.WEB, **request)
    assert len(lines) == 8
    assert whose(desk, TV) == "son"
    assert whose(desk, MUMS) is None
    assert desk.ask("device", mac=STRANGER)["adult"]


def test_the_document_names_the_limits_as_they_are() -> None:
    text = DOCUMENT.read_text()
    assert (LONGEST, SILENT, LEAST_BYTES) == (HOURS_2, MINUTES_15, 30_000)
    assert f"{LEAST} {MOST} {TRIES} {TRIES_WITHIN}" == "4 6 5 0:10:00"
    plain = " ".join(text.split())
    assert "two hours after the tap" in plain
    assert "after 15 minutes in a row in which less than 30 kB a minute" in plain
    assert "Four to six digits" in plain
    assert "Five wrong ones make that device wait for ten minutes" in plain
    assert TRIES_OF_DAY == 20
    assert "twenty within a day until they are a day old" in plain

"""Shared devices, PINs, devices handed over and strangers who say to be adults, over the control socket."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from gateway.control.protocol import Role
from gateway.core.reason_codes import Code
from gateway.household.attempt_limits import WITHIN
from gateway.policy.accounts.people import Account
from gateway.policy.accounts.pins import MAX_DIGITS, MIN_DIGITS, TRIES, TRIES_OF_DAY
from gateway.policy.identity.questions import Ask, IdentityQuestion
from gateway.policy.identity.sharing import LEAST_BYTES, LONGEST, SILENT
from gateway.policy.identity.traits import Traits
from gateway.policy.values import Observation, Proto, Reason
from tests.features.conftest import Make
from tests.features.desk import MUMS, NOON, PHONE, STRANGER, TABLET, Desk
from tests.features.sharing.shared_devices import (
    OURS,
    SHARED,
    SONS_PIN,
    TIKTOK,
    TV,
    desk_of_several,
    refused,
    use,
    whose,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "families" / "sharing.md"
MINUTES_15, HOURS_2 = timedelta(minutes=15), timedelta(hours=2)


@pytest.fixture
def desk(make: Make) -> Desk:
    return desk_of_several(make)


# ---------------------------------------------------------------------------------- a shared device


def test_the_youngest_s_rules_hold_until_somebody_says_who_it_is(desk: Desk) -> None:
    assert desk.reason(OURS, TIKTOK) is Reason.FAMILY_BLOCK
    told = use(desk)
    assert (told["who"], told["who_name"], told["until"]) == ("son", "Son", desk.local_now() + HOURS_2)
    assert whose(desk, OURS) == "son"
    assert desk.reason(OURS, TIKTOK) is not Reason.FAMILY_BLOCK
    assert whose(desk, TABLET) == "daughter"
    assert desk.heard("sharing") == [], "the son is 13: who took it is his (test_privacy_here)"
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


def test_with_the_step_to_ten_years_a_name_is_enough_no_more(make: Make) -> None:
    desk = make(NOON, daughter={"band": "6-9"}, son={"band": "0-5"}, shared=SHARED)
    desk.ask("use", Role.WEB, device=OURS, who="daughter")
    desk.ask("edit", id="daughter", set={"band": "10-12"})
    assert whose(desk, OURS) == "daughter", "who uses it goes on"
    desk.ask("leave", Role.WEB, device=OURS)
    assert refused(desk, "use", device=OURS, who="daughter") == Code.NO_PIN
    desk.ask("pin", who="daughter", action="set", pin=SONS_PIN)
    assert refused(desk, "use", device=OURS, who="daughter", pin="9999") == Code.PIN_WRONG
    desk.ask("use", Role.WEB, device=OURS, who="daughter", pin=SONS_PIN)
    assert whose(desk, OURS) == "daughter"


def test_five_wrong_ones_wait_with_that_name_on_that_device_alone(desk: Desk) -> None:
    for _ in range(5):
        assert refused(desk, "use", device=OURS, who="son", pin="9999") == Code.PIN_WRONG
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN
    desk.ask("pin", Role.WEB, action="check", device=PHONE, pin=SONS_PIN)
    assert [line.what for line in desk.store.audit.lines()].count("pin tries") == 1
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


def test_a_used_device_that_is_forgotten_is_used_no_more(desk: Desk) -> None:
    use(desk)
    desk.ask("edit_family", set={f"shared/{OURS}": None}, by="Mum")
    desk.ask("forget", mac=OURS, by="Mum")
    assert OURS not in desk.store.uses.all()
    desk.jump(HOURS_2)
    assert OURS not in desk.store.uses.all()


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
    lines = [(line.who, line.what) for line in desk.store.audit.lines() if line.what != "pin set"]
    assert sorted(lines) == [("Mum", "leave"), ("Mum", "use")]


def test_nobody_makes_the_daemon_judge_all_again_at_will(desk: Desk) -> None:
    for _ in range(20):
        use(desk)
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN


def test_a_device_about_which_somebody_is_asked_is_not_used(desk: Desk) -> None:
    desk.store.questions.put(
        IdentityQuestion(OURS, Ask.COPY, desk.clock.now()), lambda _: None, desk.clock.now()
    )
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


# ---------------------------------------------------------------------------------- docs/families/sharing.md


def test_the_document_s_examples_do_what_it_says(make: Make) -> None:
    text = DOCUMENT.read_text()
    config = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    desk = make(NOON, **config)
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("pin", who="son", action="set", pin=SONS_PIN, by="Mum")
    lines = re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0].splitlines()
    for line in lines:
        request = json.loads(line)
        desk.ask(request.pop("do"), Role.WEB, **request)
    assert len(lines) == 10
    assert whose(desk, TV) == "son"
    assert whose(desk, MUMS) is None
    assert desk.ask("device", mac=STRANGER)["adult"]


def test_the_document_names_the_limits_as_they_are() -> None:
    text = DOCUMENT.read_text()
    assert (LONGEST, SILENT, LEAST_BYTES) == (HOURS_2, MINUTES_15, 30_000)
    assert f"{MIN_DIGITS} {MAX_DIGITS} {TRIES} {WITHIN}" == "4 6 5 0:10:00"
    plain = " ".join(text.split())
    assert "two hours after the tap" in plain
    assert "after 15 minutes in a row with less than 30 kB a minute" in plain
    assert "Four to six digits" in plain
    assert "Five wrong PINs block that child's name on that device for ten minutes" in plain
    assert TRIES_OF_DAY == 20
    assert "twenty within a day block it until the first of them are a day old" in plain

"""Children's PINs by the verbs."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from gateway.control.protocol import Role
from gateway.core.reason_codes import Code
from gateway.policy.accounts.pins import TRIES, TRIES_OF_DAY
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, TABLET, Desk
from tests.features.sharing.shared_devices import OURS, SONS_PIN, TV, desk_of_several, refused, use


@pytest.fixture
def desk(make: Make) -> Desk:
    return desk_of_several(make)


# ---------------------------------------------------------------------------------- PINs


def test_a_child_sets_the_first_one_on_its_own_device_and_the_parents_are_told(desk: Desk) -> None:
    assert desk.ask("device", mac=TABLET)["pin"] == {
        "pin": True, "pin_set": None, "pin_by": "", "may_set": True,
    }  # fmt: skip
    desk.ask("pin", Role.WEB, action="set", device=TABLET, pin="70 35")
    told = {"event": "pin", "profile": "daughter", "name": "Daughter", "what": "set", "by": None}
    assert desk.heard("pin") == [told]
    (daughter,) = (one for one in desk.ask("status")["profiles"] if one["id"] == "daughter")
    assert (daughter["pin_set"], daughter["pin_by"]) == (desk.local_now(), "")
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


def test_a_child_changes_its_pin_five_times_a_day(desk: Desk) -> None:
    pins = ["7035", "7135", "7235", "7335", "7435", "7535"]
    desk.ask("pin", Role.WEB, action="set", device=TABLET, pin=pins[0])
    for old, new in pairwise(pins[:5]):
        desk.ask("pin", Role.WEB, action="set", device=TABLET, pin=new, old=old)
    again = {"action": "set", "device": TABLET, "pin": pins[5], "old": pins[4]}
    assert refused(desk, "pin", **again) == Code.TRIED_TOO_OFTEN
    assert desk.ask("pin", Role.WEB, action="check", device=TABLET, pin=pins[4])["who"] == "daughter"
    desk.ask("pin", Role.WEB, who="daughter", action="set", pin=pins[5], by="Mum")
    desk.jump(timedelta(days=2))
    assert refused(desk, "pin", **{**again, "old": pins[5], "pin": pins[0]}) == Code.TRIED_TOO_OFTEN
    desk.go(timedelta(days=1))
    desk.ask("pin", Role.WEB, action="set", device=TABLET, pin=pins[0], old=pins[5])


def test_a_restart_gives_a_child_no_further_changes_of_its_pin_that_day(desk: Desk) -> None:
    pins = ["7035", "7135", "7235", "7335", "7435", "7535"]
    desk.ask("pin", Role.WEB, action="set", device=TABLET, pin=pins[0])
    for old, new in pairwise(pins[:3]):
        desk.ask("pin", Role.WEB, action="set", device=TABLET, pin=new, old=old)
    desk.go(timedelta(hours=20))
    desk.restart()
    for old, new in pairwise(pins[2:5]):
        desk.ask("pin", Role.WEB, action="set", device=TABLET, pin=new, old=old)
    desk.restart()
    again = {"action": "set", "device": TABLET, "pin": pins[5], "old": pins[4]}
    assert refused(desk, "pin", **again) == Code.TRIED_TOO_OFTEN
    desk.go(timedelta(hours=5))
    desk.restart()
    desk.ask("pin", Role.WEB, **again)


def test_a_restart_gives_no_further_guesses_of_a_pin_that_day(desk: Desk) -> None:
    for _ in range(TRIES_OF_DAY // TRIES):
        for _ in range(TRIES):
            assert refused(desk, "use", device=OURS, who="son", pin="1111") == Code.PIN_WRONG
        desk.go(timedelta(minutes=11))
    desk.restart()
    assert refused(desk, "use", device=OURS, who="son", pin=SONS_PIN) == Code.TRIED_TOO_OFTEN


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

"""The verb `agreement`: who may say yes, what is kept of it, and that no rule depends on it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.reason_codes import Code
from tests.features.conftest import Make
from tests.features.desk import NOON, PHONE, TABLET, Desk
from tests.features.growing.stepping import web
from tests.features.rules.edited import audit
from tests.features.sharing.shared_devices import SONS_PIN, refused
from tests.store.helpers import look

PIN = "7035"


@pytest.fixture
def desk(make: Make) -> Desk:
    desk: Desk = make(NOON, son={"band": "6-9"})
    web(desk, "pin", action="set", device=TABLET, pin=PIN)
    return desk


def says_yes(desk: Desk, action: str = "agree") -> dict[str, Any]:
    assert "agreement" in WEB_VERBS
    asked = {"action": action, "device": TABLET, "pin": PIN}
    told: dict[str, Any] = desk.ask("agreement", Role.WEB, **asked)["agreement"]
    return told


def told(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = desk.ask("profile", Role.WEB, id="daughter")["agreement"]
    return found


def test_both_agree_and_a_later_change_shows_until_it_is_taken_back(desk: Desk) -> None:
    assert told(desk) == {"state": "none", "by": None, "at": None, "waits": None}
    assert says_yes(desk)["waits"] == {"side": "child", "by": None, "at": desk.local_now()}
    web(desk, "agreement", action="agree", id="daughter")
    assert told(desk) == {"state": "agreed", "by": "Mum", "at": desk.local_now(), "waits": None}
    done = web(desk, "edit", id="daughter", set={"bedtime/school": "19:30-07:00"})
    assert told(desk)["state"] == "changed"
    desk.restart()
    assert (told(desk)["state"], told(desk)["by"]) == ("changed", "Mum")
    web(desk, "unedit", id="daughter", revision=done["undo"])
    assert told(desk)["state"] == "agreed"


def test_kept_is_who_when_and_a_digest(desk: Desk) -> None:
    says_yes(desk)
    web(desk, "agreement", action="agree", id="daughter")
    rows = look(desk.folder / "state" / "q.db", "SELECT * FROM agreements")
    (row,) = rows
    assert row[0] == "daughter"
    assert (len(row[1]), row[2]) == (32, "Mum")
    lines = [line for line in audit(desk) if line[1].startswith("agree")]
    assert lines == [("Mum", "agree", "daughter"), ("Daughter", "agree", "daughter")]


def test_either_takes_it_back(desk: Desk) -> None:
    for by_the_child in (True, False):
        says_yes(desk)
        web(desk, "agreement", action="agree", id="daughter")
        assert told(desk)["state"] == "agreed"
        if by_the_child:
            says_yes(desk, "end")
        else:
            web(desk, "agreement", action="end", id="daughter")
        assert told(desk) == {"state": "none", "by": None, "at": None, "waits": None}


def test_nobody_says_yes_for_the_other(desk: Desk) -> None:
    asked: dict[str, object] = {"action": "agree", "device": TABLET}
    assert refused(desk, "agreement", **asked, pin="9999") == Code.PIN_WRONG
    assert refused(desk, "agreement", **asked, by="Mum") == Code.INVALID
    assert refused(desk, "agreement", action="agree", id="daughter", by="Daughter") == Code.NO_GUARDIAN
    assert refused(desk, "agreement", action="agree", id="daughter") == Code.INVALID
    assert told(desk)["waits"] is None


def test_below_ten_there_is_none(desk: Desk) -> None:
    assert desk.ask("profile", id="son")["agreement"] is None
    assert refused(desk, "agreement", action="agree", device=PHONE, pin=SONS_PIN) == Code.NO_PIN
    assert refused(desk, "agreement", action="agree", id="son", by="Mum") == Code.NO_PIN
    assert refused(desk, "agreement", action="agree", id="mum", by="Mum") == Code.NO_PIN


def test_what_the_child_sets_for_itself_leaves_it_as_it_is(make: Make) -> None:
    desk = make(NOON, daughter={"band": "16-17"})
    web(desk, "pin", action="set", device=TABLET, pin=PIN)
    says_yes(desk)
    web(desk, "agreement", action="agree", id="daughter")
    desk.ask("self_set", Role.WEB, device=TABLET, pin=PIN, set={"bedtime": "22:00-07:00"})
    assert told(desk)["state"] == "agreed"

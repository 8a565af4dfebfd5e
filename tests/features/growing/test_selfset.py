"""What a child of 16 or 17 sets for itself by its PIN: in force, told as its own, kept, and gone in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.control.permissions import WEB_VERBS
from gateway.control.protocol import Role
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.features.growing.self_set_verbs import CHANGES_A_DAY
from gateway.policy.values import Reason
from tests.features.backup.backed_up import sent, taken
from tests.features.conftest import Make
from tests.features.desk import LATE, NOON, PHONE, TABLET, Desk
from tests.features.growing.stepping import web
from tests.features.rules.edited import audit, says
from tests.features.sharing.shared_devices import OURS, SONS_PIN, refused, use

PIN = "7035"
TEEN = {"band": "16-17", "bedtime": {}, "limits": {}, "categories": {}}
NIGHT = {"bedtime": "21:00-07:00"}


def a_teen(make: Make, when: str = NOON, **more: object) -> Desk:
    desk = make(when, daughter={**TEEN, **more})
    web(desk, "pin", action="set", device=TABLET, pin=PIN)
    desk.events.clear()
    return desk


def set_own(
    desk: Desk, changes: dict[str, Any] | None = None, /, *, device: str = TABLET, **more: object
) -> dict[str, Any]:
    assert "self_set" in WEB_VERBS
    wanted = {**(changes or {}), **more}
    answer = desk.ask("self_set", Role.WEB, device=device, pin=PIN, set=wanted, origin="192.168.77.10")
    told: dict[str, Any] = answer["self_set"]
    return told


def own(desk: Desk) -> dict[str, Any]:
    """What has been chosen, by key."""
    told = desk.ask("profile", Role.WEB, id="daughter")["self_set"]
    return {} if told is None else {one["key"]: one["value"] for one in told["choices"]}


def nights(desk: Desk) -> list[tuple[str, str]]:
    return [(one["owner"], one["from"]) for one in desk.ask("profile", id="daughter")["profile"]["bedtime"]]


def test_bedtime_of_its_own_closes_and_turned_off_it_opens(make: Make) -> None:
    desk = a_teen(make, LATE)
    assert desk.reason(TABLET) is not Reason.BEDTIME
    set_own(desk, NIGHT)
    assert desk.reason(TABLET) is Reason.BEDTIME
    told = desk.ask("device", mac=TABLET)
    assert (told["state"], told["owner"]) == ("bedtime", "self:Daughter")
    assert told["sentence"].endswith("This is Daughter's own choice.")
    why = desk.ask("why", host="example.org", profile="daughter")
    assert (why["reason"], why["owner"]) == ("bedtime", "self:Daughter")
    decided = why["decided"]
    assert (decided["who"], decided["since"], decided["version"]) == ("family", None, None)
    set_own(desk, bedtime=None)
    assert desk.reason(TABLET) is not Reason.BEDTIME
    assert own(desk) == {}


def test_everybody_is_told_that_the_child_set_it_and_when(make: Make) -> None:
    desk = a_teen(make, bedtime="23:00-06:00")
    told = set_own(desk, {**NIGHT, "limits/category:games": {"school": "1h", "free": "2h"}})
    assert (told["may"], told["suggested"]["bedtime"]["school"]) == (True, "22:00-07:00")
    assert [(one["key"], one["name"], one["at"]) for one in told["choices"]] == [
        ("bedtime", None, desk.local_now()), ("limits/category:games", "Games", desk.local_now()),
    ]  # fmt: skip
    assert nights(desk) == [("family", "23:00"), ("self:Daughter", "21:00")]
    assert audit(desk)[0] == ("Daughter", "self set", "daughter: bedtime set, limits/category:games set")
    assert desk.ask("profile", id="daughter")["profile"]["set"] is None, "nobody changed the file"
    (today, *_) = desk.ask("week", id="daughter")["days"]
    assert [one["owner"] for one in today["limits"]] == ["self:Daughter"]
    assert [(one["from"], one.get("owner")) for one in today["spans"] if one["state"] == "bedtime"] == [
        ("00:00", "family"), ("06:00", "self:Daughter"), ("21:00", "self:Daughter"), ("23:00", "family"),
    ]  # fmt: skip


def test_what_a_guardian_set_stays_and_a_guardian_sets_more_on_top(make: Make) -> None:
    desk = a_teen(make, LATE, bedtime="21:15-07:00")
    set_own(desk, bedtime="23:30-06:00")
    assert desk.ask("device", mac=TABLET)["owner"] == "family"
    set_own(desk, bedtime=None)
    assert desk.reason(TABLET) is Reason.BEDTIME, "it cannot turn off what others set"
    web(desk, "edit", id="daughter", set={"bedtime": {}})
    set_own(desk, bedtime="23:30-06:00")
    assert desk.reason(TABLET) is not Reason.BEDTIME
    web(desk, "edit", id="daughter", set={"bedtime": "21:00-06:30"})
    told = desk.ask("device", mac=TABLET)
    assert (told["state"], told["owner"]) == ("bedtime", "family")
    assert own(desk) == {"bedtime": "23:30-06:00"}, "and the child's own is as it was"
    assert says(desk)["bedtime"] == "21:00-06:30"


def test_a_limit_of_its_own_closes_when_its_minutes_are_used(make: Make) -> None:
    desk = a_teen(make)
    set_own(desk, {"limits/internet": "30m"})
    desk.use("daughter", internet=29)
    assert desk.reason(TABLET) is not Reason.OUT_OF_TIME
    desk.use("daughter", internet=30)
    assert desk.reason(TABLET) is Reason.OUT_OF_TIME
    assert desk.ask("device", mac=TABLET)["owner"] == "self:Daughter"
    warned = [one["what"] for one in desk.heard("warning")]
    assert not warned, "of a child without a log the parents are told no use"


def test_a_preview_has_both(make: Make) -> None:
    desk = a_teen(make)
    set_own(desk, NIGHT)
    asked = {"profile": "daughter", "host": "example.org", "at": "2026-11-24T21:30:00+05:00"}
    assert desk.ask("why", **asked)["owner"] == "self:Daughter"
    assert desk.ask("why", **asked, set={"bedtime": "21:10-07:00"})["owner"] == "family"
    assert desk.ask("why", **asked, set={"band": "13-15"})["owner"] != "self:Daughter"


def test_only_by_its_own_pin_and_tries_are_slowed(make: Make) -> None:
    desk = a_teen(make)
    asked: dict[str, object] = {"device": TABLET, "set": NIGHT}
    assert refused(desk, "self_set", **asked) == Code.INVALID
    assert refused(desk, "self_set", **asked, by="Mum") == Code.INVALID, "no guardian does it in its name"
    for _ in range(5):
        assert refused(desk, "self_set", **asked, pin="9999") == Code.PIN_WRONG
    assert refused(desk, "self_set", **asked, pin=PIN) == Code.TRIED_TOO_OFTEN
    assert own(desk) == {}
    web(desk, "pin", action="clear", who="daughter")
    assert refused(desk, "self_set", **asked, pin=PIN) == Code.NO_PIN


def test_thirty_changes_a_day(make: Make) -> None:
    desk = a_teen(make)
    for number in range(CHANGES_A_DAY):
        desk.ask("self_set", Role.WEB, device=TABLET, pin=PIN, set={"bedtime": f"21:{number:02d}-07:00"})
    assert refused(desk, "self_set", device=TABLET, pin=PIN, set=NIGHT) == Code.TRIED_TOO_OFTEN
    desk.restart()
    assert refused(desk, "self_set", device=TABLET, pin=PIN, set=NIGHT) == Code.TRIED_TOO_OFTEN


def test_a_younger_child_has_none(make: Make) -> None:
    desk = a_teen(make)
    web(desk, "pin", action="set", who="son", pin=SONS_PIN)
    assert refused(desk, "self_set", device=PHONE, pin=SONS_PIN, set=NIGHT) == Code.NOT_SELF_SET
    assert desk.ask("profile", id="son")["self_set"] is None
    assert (
        refused(desk, "self_set", device="02:00:00:00:00:77", pin=PIN, set=NIGHT) == Code.NO_DEVICE_OF_A_CHILD
    )


def test_on_a_shared_device_it_is_whoever_uses_it(make: Make) -> None:
    desk = make(NOON, daughter=TEEN, shared={OURS: {"people": ["daughter", "son"]}})
    web(desk, "pin", action="set", device=TABLET, pin=PIN)
    assert refused(desk, "self_set", device=OURS, pin=PIN, set=NIGHT) == Code.NOT_SELF_SET, "the youngest's"
    use(desk, who="daughter", pin=PIN)
    set_own(desk, NIGHT, device=OURS)
    assert own(desk) == NIGHT


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"bedtime": "25:00-07:00"}, "bedtime"),
        ({"limits/internet": "soon"}, "limits/internet"),
        ({"limits/service:nobody": "1h"}, "limits/service:nobody"),
        ({"block": ["example.com"]}, "block"),
        ({"log_level": 0}, "log_level"),
    ],
)
def test_what_is_refused_names_its_key_and_changes_nothing(
    make: Make, changes: dict[str, object], key: str
) -> None:
    desk = a_teen(make)
    set_own(desk, NIGHT)
    with pytest.raises(PolicyError) as caught:
        set_own(desk, changes)
    assert (caught.value.code, caught.value.values["key"]) == (Code.BAD_RULE, key)
    assert own(desk) == NIGHT
    assert len([line for line in audit(desk) if line[1] == "self set"]) == 1


def test_it_is_there_after_a_kill_and_once_it_is_the_same_nothing_is_written(make: Make) -> None:
    desk = a_teen(make, LATE)
    set_own(desk, {**NIGHT, "limits/play": "1h"})
    set_own(desk, NIGHT)
    assert [line[1] for line in audit(desk)].count("self set") == 1
    desk.restart()
    assert own(desk) == {**NIGHT, "limits/play": "1h"}
    assert desk.reason(TABLET) is Reason.BEDTIME
    desk.rules.reload()
    desk.reassign()
    assert desk.reason(TABLET) is Reason.BEDTIME, "and after the files were read anew"


def test_in_younger_rules_it_holds_no_more_and_is_told(make: Make) -> None:
    desk = a_teen(make, LATE)
    set_own(desk, NIGHT)
    web(desk, "edit", id="daughter", set={"band": "13-15", "bedtime": "23:00-06:00"})
    assert desk.reason(TABLET) is not Reason.BEDTIME
    told = desk.ask("profile", id="daughter")["self_set"]
    assert (told["may"], [one["key"] for one in told["choices"]]) == (False, ["bedtime"])
    assert nights(desk) == [("family", "23:00")]
    assert refused(desk, "self_set", device=TABLET, pin=PIN, set={"bedtime": None}) == Code.NOT_SELF_SET
    web(desk, "edit", id="daughter", set={"band": "16-17"})
    assert desk.reason(TABLET) is Reason.BEDTIME


def test_a_backup_brings_it_back_with_its_day_and_its_way_back_takes_it(make: Make) -> None:
    desk = a_teen(make)
    set_own(desk, NIGHT)
    before, text = desk.ask("profile", id="daughter")["self_set"], taken(desk)
    desk.go(timedelta(days=1))
    set_own(desk, {"bedtime": None, "limits/play": "1h"})
    assert web(desk, "restore", action="look", token=sent(desk, text))["self_set"] == 2
    web(desk, "restore", action="apply", token=sent(desk, text))
    assert desk.ask("profile", id="daughter")["self_set"] == before
    web(desk, "restore", action="undo")
    assert own(desk) == {"limits/play": "1h"}


def test_who_gets_an_id_anew_inherits_nothing(make: Make) -> None:
    desk = a_teen(make)
    set_own(desk, NIGHT)
    token = web(desk, "remove_profile", id="daughter")["undo"]
    assert web(desk, "restore_profile", token=token)["id"] == "daughter"
    assert own(desk) == NIGHT, "who comes back has it still"
    web(desk, "remove_profile", id="daughter")
    assert web(desk, "add_profile", name="Daughter", band="16-17")["id"] == "daughter"
    assert own(desk) == {}
    assert desk.store.pins.of("daughter") is None, "nor the PIN of who had it"

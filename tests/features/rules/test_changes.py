"""`changes` of the family's files: what was edited today, entry by entry, and how it is taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.features.rules.edit_history import ENTRIES, STEPS
from tests.features.conftest import Make
from tests.features.desk import MUMS, PHONE, STRANGER, TABLET, Desk
from tests.features.rules.edited import edit, file, says

NOON = "2026-11-24T12:00"
MINUTE = timedelta(minutes=1)


def told(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.ask("changes")["changes"]
    return found


def entries(one: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(edit["key"], edit["before"], edit["after"]) for edit in one["edits"]]


def test_an_edit_is_told_with_what_held_before_and_holds_now(make: Make) -> None:
    desk = make(NOON)
    edit(desk, bedtime__school="21:15-07:00", limits__play="1h", categories__games="block", strict=True)
    (one,) = told(desk)
    assert (one["what"], one["who"], one["name"], one["by"]) == ("rules", "daughter", "Daughter", "Mum")
    assert one["at"] == desk.local_now()
    assert {key: (before, after) for key, before, after in entries(one)} == {
        "bedtime": (
            {"school": "20:45-07:00", "free": "21:45-08:00"},
            {"school": "21:15-07:00", "free": "21:45-08:00"},
        ),
        "limits/play": ({"school": "2h", "free": "3h"}, "1h"),
        "categories/games": ("count", "block"),
        "strict": (False, True),
    }  # fmt: skip


def test_lists_are_told_by_their_entries(make: Make) -> None:
    desk = make(NOON)
    edit(desk, **{"block/example.org": True, "block/service:tiktok": None})
    (one,) = told(desk)
    assert entries(one) == [("block/service:tiktok", True, None), ("block/example.org", None, True)]


def test_what_the_band_says_anyway_is_no_change_of_what_holds(make: Make) -> None:
    desk = make(NOON)
    edit(desk, safe_search="strict")
    assert says(desk)["safe_search"] == "strict"
    assert told(desk) == []


def test_the_last_step_of_a_file_is_taken_back_and_earlier_ones_are_not(make: Make) -> None:
    desk = make(NOON)
    before = says(desk)
    edit(desk, limits__play="1h")
    desk.go(MINUTE)
    edit(desk, safe_search="off")
    last, first = told(desk)
    assert [entry[0] for entry in entries(last)] == ["safe_search"]
    assert first["undo"] is None
    assert last["undo"]["do"] == "unedit"
    assert last["undo"]["found"] == desk.ask("rules", id="daughter")["revision"]
    desk.ask("unedit", id=last["undo"]["id"], revision=last["undo"]["revision"], by="Mum")
    assert says(desk) == before | {"limits": {"play": "1h"}}
    assert entries(told(desk)[0]) == [("safe_search", "off", "strict")]


def test_yesterdays_edits_are_not_there(make: Make) -> None:
    desk = make(NOON)
    edit(desk, limits__play="1h")
    desk.go(timedelta(hours=15))
    assert len(told(desk)) == 1, "the family's day turns at four"
    desk.go(timedelta(hours=2))
    assert told(desk) == []


def test_a_file_that_a_hand_changed_since_is_not_taken_back(make: Make) -> None:
    desk = make(NOON)
    edit(desk, limits__play="1h")
    edit(desk, safe_search="off")
    file(desk).write_text(file(desk).read_text() + "\nstrict: true\n")
    desk.reload()
    (first,) = told(desk)
    assert [(key, after) for key, _before, after in entries(first)] == [("limits/play", "1h")]
    assert first["undo"] is None


def test_extra_time_is_listed_with_the_minutes_that_were_given(make: Make) -> None:
    desk = make("2026-11-24T20:15", daughter={"limits": {"internet": "20m"}})  # bedtime is at 20:45
    desk.ask("grant", who="daughter", minutes=30, by="Mum")
    assert {row.gate: row.minutes for row in desk.store.grants.given()} == {"bedtime": 20, "internet": 30}
    (change,) = told(desk)
    assert (change["what"], change["minutes"]) == ("grant", 30)


def test_people_who_come_and_go_are_told(make: Make) -> None:
    desk = make(NOON)
    desk.ask("add_profile", name="Dana", band="6-9", devices=[], by="Mum")
    (one,) = told(desk)
    assert (one["what"], one["who"], one["name"]) == ("added", "dana", "Dana")
    assert one["undo"] == {"do": "remove_profile", "id": "dana"}
    desk.go(MINUTE)
    desk.ask("remove_profile", id="dana", by="Dad")
    gone, came = told(desk)
    assert (gone["what"], gone["name"], gone["by"], came["undo"]) == ("removed", "Dana", "Dad", None)
    desk.ask("restore_profile", token=gone["undo"]["token"], by="Mum")
    assert "dana" in desk.rules.household.profiles


@pytest.mark.parametrize("mac", [STRANGER, PHONE])
def test_a_device_that_changes_hands_is_one_change_of_who_has_it_now(make: Make, mac: str) -> None:
    desk = make(NOON)
    desk.presence.inventory.macs()
    desk.ask("assign", mac=mac, profile="daughter", by="Mum")
    (one,) = told(desk)
    assert (one["who"], entries(one)) == ("daughter", [(f"devices/{mac}", None, True)])
    assert one["devices"] == [{"mac": mac, "name": mac}]
    desk.ask("unedit", id="daughter", revision=one["undo"]["revision"], by="Mum")
    assert (mac in says(desk, "son")["devices"]) == (mac == PHONE)


@pytest.mark.parametrize(("mac", "was"), [(PHONE, "son"), (STRANGER, "guest"), (MUMS, "mum")])
def test_a_device_without_a_personal_owner_is_one_change_with_an_undo(make: Make, mac: str, was: str) -> None:
    desk = make(NOON)
    desk.ask("assign", mac=mac, profile="home", by="Mum")
    (one,) = told(desk)
    assert (one["what"], one["who"], one["by"]) == ("device", "home", "Mum")
    assert one["devices"] == [{"mac": mac, "name": mac}]
    assert one["undo"] == {"do": "assign", "mac": mac, "profile": was}
    undo = one["undo"]
    desk.ask(undo.pop("do"), **undo, by="Dad")
    assert desk.ask("devices", mac=mac)["devices"][0]["profile"] == was


def test_a_child_s_new_device_goes_back_to_the_place_that_a_guardian_chose(make: Make) -> None:
    desk = make(NOON)
    desk.ask("assign", mac=STRANGER, profile="home", by="Mum")
    desk.go(MINUTE)
    desk.ask("assign", mac=STRANGER, profile="daughter", by="Mum")
    last, first = told(desk)
    assert (last["who"], last["undo"]) == ("daughter", {"do": "assign", "mac": STRANGER, "profile": "home"})
    assert (first["who"], first["undo"]) == ("home", None), "only the last one is undone"


def test_an_assignment_that_no_longer_applies_has_no_undo(make: Make) -> None:
    desk = make(NOON)
    desk.ask("assign", mac=PHONE, profile="home", by="Mum")
    edit(desk, "son", devices=[PHONE])
    assert [one["undo"] for one in told(desk) if one["what"] == "device"] == [None]


def test_the_log_does_not_show_what_the_undo_needs(make: Make) -> None:
    desk = make(NOON)
    desk.ask("assign", mac=PHONE, profile="home", by="Mum")
    lines = desk.ask("audit_log")["lines"]
    assert [line["detail"] for line in lines if line["what"] == "assign"] == ["home"]


def test_settings_of_the_home_are_told(make: Make) -> None:
    desk = make(NOON)
    desk.ask("edit_family", set={"country": "de", "unknown_devices": "quarantine"}, by="Mum")
    (one,) = told(desk)
    assert (one["what"], one["who"], one["name"]) == ("settings", "", None)
    assert sorted(entries(one)) == [("country", "kz", "de"), ("unknown_devices", None, "quarantine")]
    desk.ask("unedit_family", revision=one["undo"]["revision"], by="Mum")
    assert desk.rules.household.config.country == "kz"


def test_an_answer_stays_small_whatever_is_changed(make: Make) -> None:
    desk = make(NOON)
    edit(desk, **{f"block/site-{n}.example": True for n in range(50)})
    for n in range(STEPS + 4):
        edit(desk, "son", name=f"Son {n}")
    found = told(desk)
    assert len(found) <= STEPS
    desk.go(MINUTE)
    edit(desk, **{f"block/other-{n}.example": True for n in range(50)})
    newest = told(desk)[0]
    assert (len(newest["edits"]), newest["left_off"]) == (ENTRIES, 50 - ENTRIES)


def test_a_step_whose_files_are_spoilt_is_left_out(make: Make) -> None:
    desk = make(NOON)
    edit(desk, limits__play="1h")
    (kept,) = (desk.folder / "profiles" / "history").glob("*/daughter.yaml")
    kept.write_text("band: [")
    assert told(desk) == []
    assert TABLET in says(desk)["devices"]

"""What a page changes in the family's files: written, checked, kept, in force, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.control.protocol import Role
from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from gateway.household.config_file import VARIABLE
from gateway.policy.values import Reason
from tests.features.conftest import Make
from tests.features.desk import NOON, PHONE, STRANGER, TABLET
from tests.features.rules.edited import audit, edit, file, owner, refused, says

OTHER = "02:00:00:00:00:1a"  # the daughter's second device


def test_rules_tell_what_the_file_says_and_what_holds(make: Make) -> None:
    desk = make(NOON)
    told = desk.ask("rules", id="daughter")
    assert (told["id"], told["name"], told["band"], told["by_hand"]) == (
        "daughter",
        "Daughter",
        "10-12",
        False,
    )
    assert told["own"]["block"] == ["service:tiktok"]
    assert told["band_rules"]["bedtime"] == {"school": "20:45-07:00", "free": "21:45-08:00"}
    assert told["rules"]["block"] == ["service:tiktok"]
    assert (told["set"], told["problem"]) == (None, None)


def test_an_edit_is_written_and_holds_at_once(make: Make) -> None:
    desk = make(NOON)
    assert desk.reason(TABLET, "www.example.org") is not Reason.FAMILY_BLOCK
    before = desk.ask("rules", id="daughter")["revision"]
    changes = {"block/example.org": True, "bedtime/school": "21:15-07:00"}
    done = desk.ask("edit", id="daughter", set=changes, by="Mum")
    assert done["undo"] == before
    assert done["changed"] == ["block/example.org", "bedtime/school"]
    assert desk.reason(TABLET, "www.example.org") is Reason.FAMILY_BLOCK
    assert says(desk)["block"] == ["service:tiktok", "example.org"]
    told = desk.ask("rules", id="daughter")
    assert told["revision"] == done["revision"]
    assert told["set"] == {"by": "Mum", "at": desk.clock.at}
    assert told["rules"]["bedtime"] == {"school": "21:15-07:00", "free": "21:45-08:00"}


def test_null_brings_the_bands_value_back_and_leaves_no_empty_mapping(make: Make) -> None:
    desk = make(NOON)
    edit(desk, limits__play="30m", mode="allow-list")
    assert says(desk)["limits"] == {"play": "30m"}
    done = edit(desk, limits__play=None, mode=None)
    assert "limits" not in says(desk)
    assert done["changed"] == ["limits/play", "mode"]
    told = desk.ask("rules", id="daughter")
    assert told["rules"]["limits"] == told["band_rules"]["limits"]


def test_an_entry_beside_a_cleared_band_does_not_bring_the_band_back(make: Make) -> None:
    desk = make(NOON, daughter={"categories": {}, "bedtime": {}})
    edit(desk, categories__games="block", bedtime__fri="23:00-08:00")
    held = desk.ask("rules", id="daughter")["rules"]
    assert held["categories"]["games"] == "block"
    assert {value for key, value in held["categories"].items() if key != "games"} == {"allow"}
    assert held["bedtime"] == {"school": {}, "free": {}, "fri": "23:00-08:00"}


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"limits/play": "much"}, "limits/play", "'much' is not a duration"),
        ({"mode": "x", "strict": True}, "mode", "'x' is not known here"),
        ({"block": ["https://"]}, "block", "'https://'"),
        ({"block/co.uk": True}, "block/co.uk", "'co.uk'"),
        ({"categories/cats": "allow"}, "categories/cats", "'cats' is no category"),
        ({"name": "Son"}, "name", "have the same name"),
        ({"name": "all"}, "name", "means something else"),
        ({"band": None}, "band", "has no 'band'"),
        ({"band": "10-13"}, "band", "'10-13'"),
        ({"wrong": 1}, "wrong", "is not a known key"),
        ({"mode/x": "y"}, "mode/x", "has no entries"),
        ({"log_level": 1.5}, "log_level", "no rule has"),
        ({"block/x.org": "yes"}, "block/x.org", "is a list"),
        ({"devices": ["nonsense"]}, "devices", "is not a MAC address"),
        ({"name": "\ud800"}, "name", "half a character"),
        ({"dates/2026-13-01": "free"}, "dates/2026-13-01", "is no date"),
    ],
)
def test_what_the_parser_refuses_is_not_written(
    make: Make, changes: dict[str, object], key: str, problem: str
) -> None:
    desk = make(NOON)
    before = file(desk).read_bytes()
    code, values = refused(desk, "edit", id="daughter", set=changes, by="Mum")
    assert (code, values["key"]) == (Code.BAD_RULE, key)
    assert problem in values["problem"]
    assert values["fix"]
    assert file(desk).read_bytes() == before
    assert not (desk.folder / "profiles" / "history").exists()
    assert audit(desk) == []


@pytest.mark.parametrize(
    "values", [{}, {"set": {}}, {"set": []}, {"set": {"a\nb": 1}}, {"set": {"x" * 301: 1}}]
)
def test_what_is_no_edit(make: Make, values: dict[str, object]) -> None:
    assert refused(make(NOON), "edit", id="daughter", by="Mum", **values)[0] == Code.INVALID


def test_a_file_that_a_hand_changed_meanwhile_is_not_overwritten(make: Make) -> None:
    desk = make(NOON)
    looked_at = desk.ask("rules", id="daughter")["revision"]
    file(desk).write_text(file(desk).read_text() + "log_level: 1\n")
    values = {"id": "daughter", "set": {"mode": "allow-list"}, "by": "Mum", "revision": looked_at}
    assert refused(desk, "edit", **values)[0] == Code.CHANGED_MEANWHILE
    assert "allow-list" not in file(desk).read_text()
    edit(desk, mode="allow-list")
    assert (says(desk)["mode"], says(desk)["log_level"]) == ("allow-list", 1)
    assert desk.rules.household.profiles["daughter"].rules.log_level == 1


def test_comments_are_kept_in_history_and_come_back(make: Make) -> None:
    desk = make(NOON)
    by_hand = "# Mum's own notes\n" + file(desk).read_text()
    file(desk).write_text(by_hand)
    assert desk.ask("rules", id="daughter")["by_hand"]
    done = edit(desk, mode="allow-list")
    assert file(desk).read_text().startswith("# Written by the pages")
    assert not desk.ask("rules", id="daughter")["by_hand"]
    assert (desk.folder / "profiles" / "history" / "000001" / "daughter.yaml").read_text() == by_hand
    again = desk.ask("unedit", id="daughter", revision=done["undo"], by="Mum")
    assert again == {"revision": done["undo"], "undo": done["revision"]}
    assert file(desk).read_text() == by_hand
    assert desk.rules.household.profiles["daughter"].rules.mode.value == "block-list"
    desk.ask("unedit", id="daughter", revision=again["undo"], by="Mum")
    assert says(desk)["mode"] == "allow-list", "what was undone can be done again"
    assert refused(desk, "unedit", id="daughter", revision=7, by="Mum")[0] == Code.NO_REVISION


def test_an_undo_takes_back_the_edit_that_it_names_and_no_newer_one(make: Make) -> None:
    desk = make(NOON)
    first = edit(desk, mode="allow-list")
    second = edit(desk, log_level=1)
    stale = {"id": "daughter", "revision": first["undo"], "found": first["revision"], "by": "Mum"}
    assert refused(desk, "unedit", **stale)[0] == Code.CHANGED_MEANWHILE
    assert (says(desk)["mode"], says(desk)["log_level"]) == ("allow-list", 1)
    desk.ask("unedit", id="daughter", revision=second["undo"], found=second["revision"], by="Mum")
    assert "log_level" not in says(desk)
    assert [line.what for line in desk.store.audit.lines()] == ["unedit", "edit", "edit"]


def test_an_undo_of_the_homes_settings_takes_back_no_newer_change(make: Make) -> None:
    desk = make(NOON)
    first = desk.ask("edit_family", set={"country": "de"}, by="Mum")
    second = desk.ask("edit_family", set={"country": "fr"}, by="Mum")
    stale = {"revision": first["undo"], "found": first["revision"], "by": "Mum"}
    assert refused(desk, "unedit_family", **stale)[0] == Code.CHANGED_MEANWHILE
    assert desk.rules.household.config.country == "fr"
    desk.ask("unedit_family", revision=second["undo"], found=second["revision"], by="Mum")
    assert desk.rules.household.config.country == "de"


@pytest.mark.parametrize("key", ["lan", "web", "web/port", "lists", "lists/update"])
def test_what_the_router_decides_is_changed_there_alone(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    uci = tmp_path / "uci"
    main = "config qalqan main\n\tlist lan br-lan\n\toption lists_update off\n"
    uci.write_text(f"{main}config web web\n\toption port 8081\n")
    monkeypatch.setenv(VARIABLE, str(uci))
    desk = make(NOON)
    code, values = refused(desk, "edit_family", set={key: "x"}, by="Mum")
    option = {"lan": "main.lan", "web": "web.port", "lists": "main.lists_update"}[key.partition("/")[0]]
    assert (code, values) == (Code.ROUTERS_OWN, {"key": key, "option": option, "file": str(uci)})
    assert refused(desk, "edit_family", set={"marks": "x"}, by="Mum")[0] == Code.BAD_RULE
    assert desk.ask("family")["router"] == [
        {"file": str(uci), "option": "main.lan", "value": "br-lan"},
        {"file": str(uci), "option": "main.lists_update", "value": "off"},
        {"file": str(uci), "option": "web.port", "value": "8081"},
    ]


def test_what_changes_nothing_writes_nothing(make: Make) -> None:
    desk = make(NOON)
    before = file(desk).read_bytes()
    done = edit(desk, band="10-12", limits__play=None)
    assert (done["changed"], done["revision"]) == ([], done["undo"])
    assert file(desk).read_bytes() == before
    assert audit(desk) == []


def test_a_device_goes_from_one_child_to_another_and_back(make: Make) -> None:
    desk = make(NOON)
    before = file(desk).read_bytes()
    done = edit(desk, "son", devices=[PHONE, TABLET.upper()])
    assert done["moved"] == [{"mac": TABLET, "from": "daughter"}]
    assert says(desk)["devices"] == [OTHER]
    assert says(desk, "son")["devices"] == [PHONE, TABLET]
    assert owner(desk, TABLET) == "son"
    assert desk.rules.problems() == []
    desk.ask("unedit", id="son", revision=done["undo"], by="Mum")
    assert file(desk).read_bytes() == before
    assert owner(desk, TABLET) == "daughter"


def test_addresses_as_a_hand_spelt_them(make: Make) -> None:
    desk = make(NOON, daughter={"devices": ["02-00-00-00-00-0A", OTHER]})
    assert edit(desk, mode="allow-list")["changed"] == ["mode"]
    assert says(desk)["devices"] == ["02-00-00-00-00-0A", OTHER]
    done = edit(desk, "son", devices=[PHONE, OTHER])
    assert says(desk)["devices"] == ["02-00-00-00-00-0A"]
    edit(desk, "son", devices=[PHONE, OTHER, TABLET])
    edit(desk, devices=[TABLET])
    assert done["moved"] == [{"mac": OTHER, "from": "daughter"}]
    assert owner(desk, TABLET) == "daughter"


def test_undoing_takes_nothing_from_who_changed_meanwhile(make: Make) -> None:
    desk = make(NOON)
    done = edit(desk, "son", devices=[PHONE, TABLET])
    edit(desk, mode="allow-list")
    desk.ask("unedit", id="son", revision=done["undo"], by="Mum")
    assert says(desk)["mode"] == "allow-list"
    assert says(desk, "son")["devices"] == [PHONE]


def test_an_undo_keeps_a_profile_that_was_added_since(make: Make) -> None:
    desk = make(NOON)
    before = file(desk).read_bytes()
    done = edit(desk, mode="allow-list")
    desk.ask("add_profile", name="Dana", band="6-9", devices=[TABLET], by="Mum")
    desk.ask("unedit", id="daughter", revision=done["undo"], by="Mum")
    assert file(desk).read_bytes() == before
    assert owner(desk, TABLET) == "daughter"
    assert desk.rules.household.profiles["dana"].devices == ()


def test_a_shared_device_is_not_given_to_one(make: Make) -> None:
    desk = make(NOON, shared={STRANGER: {"people": ["daughter", "son"]}})
    code, values = refused(desk, "edit", id="son", set={"devices": [PHONE, STRANGER]}, by="Mum")
    assert (code, values["key"]) == (Code.BAD_RULE, "devices")
    assert "shared" in values["problem"]


def test_a_younger_band_takes_its_log_level_along(make: Make) -> None:
    desk = make(NOON, daughter={"log_level": 2})
    done = edit(desk, band="13-15")
    assert done["changed"] == ["band", "log_level"]
    assert desk.ask("rules", id="daughter")["rules"]["log_level"] == 1


def test_a_broken_file_is_left_alone_until_an_older_one_comes_back(make: Make) -> None:
    desk = make(NOON)
    done = edit(desk, mode="allow-list")
    file(desk).write_text("name: [Daughter\n")
    desk.reload()
    code, values = refused(desk, "edit", id="daughter", set={"mode": None}, by="Mum")
    assert (code, values["file"]) == (Code.FILE_BROKEN, "daughter.yaml")
    assert refused(desk, "rules", id="daughter")[0] == Code.FILE_BROKEN
    assert file(desk).read_text() == "name: [Daughter\n"
    desk.ask("unedit", id="daughter", revision=done["undo"], by="Mum")
    assert desk.rules.problems() == []


def test_a_value_that_a_hand_wrote_wrong_can_be_mended(make: Make) -> None:
    desk = make(NOON)
    file(desk).write_text(file(desk).read_text() + "mode: bloklist\n")
    desk.reload()
    assert "bloklist" in desk.ask("rules", id="daughter")["problem"]
    assert refused(desk, "edit", id="daughter", set={"strict": True}, by="Mum")[0] == Code.FILE_BROKEN
    edit(desk, mode="block-list")
    assert desk.rules.problems() == []


def test_another_file_that_a_hand_broke_is_no_reason_to_refuse(make: Make) -> None:
    desk = make(NOON)
    file(desk, "son").write_text("band: 1\n")
    edit(desk, mode="allow-list")
    assert len(desk.rules.problems()) == 1
    assert owner(desk, PHONE) == "son", "its last good version holds"


def test_the_audit_has_what_was_and_what_is_but_no_sites(make: Make) -> None:
    desk = make(NOON)
    desk.ask(
        "edit", id="daughter", by="Mum", origin="192.168.1.7",
        set={"bedtime/school": "21:00-07:00", "block": ["a.example", "b.example"], "mode": "allow-list"},
    )  # fmt: skip
    edit(desk, bedtime__school="21:30-07:00")
    [second, first] = desk.store.audit.lines()
    assert (first.who, first.what, first.origin) == ("Mum", "edit", "192.168.1.7")
    assert first.detail == (
        "daughter: block +2 -1; bedtime/school default → 21:00-07:00; mode default → allow-list"
    )
    assert second.detail == "daughter: bedtime/school 21:00-07:00 → 21:30-07:00"


def test_only_a_guardian_edits(make: Make) -> None:
    desk = make(NOON)
    for do, values in (
        ("edit", {"id": "daughter", "set": {"mode": "allow-list"}}),
        ("unedit", {"id": "daughter", "revision": 1}),
        ("add_profile", {"name": "Dana", "band": "6-9"}),
        ("remove_profile", {"id": "daughter"}),
        ("restore_profile", {"token": "1"}),
        ("edit_family", {"set": {"country": "de"}}),
        ("unedit_family", {"revision": 1}),
    ):
        with pytest.raises(GatewayError) as caught:
            desk.ask(do, Role.WEB, by="Nobody", **values)
        assert caught.value.code == Code.NO_GUARDIAN


OLD_WORDS = {"unknown": "refuse", "categories": {"games": "refuse"}, "ways": {"ssh": "open"}}
CURRENT_WORDS = {"unknown": "block", "categories": {"games": "block"}, "ways": {"ssh": "allow"}}


def test_a_file_with_old_words_is_in_force_with_a_warning_and_an_edit_rewrites_it(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    desk = make(NOON, daughter=OLD_WORDS)
    assert f"{file(desk)}:" in caplog.text
    assert '"refuse" is the old word for "block"' in caplog.text
    assert desk.rules.problems() == []
    told = desk.ask("rules", id="daughter")
    assert told["problem"] is None
    assert {key: told["own"][key] for key in CURRENT_WORDS} == CURRENT_WORDS
    caplog.clear()
    done = edit(desk, limits__play="30m", categories__messaging="refuse")
    assert done["changed"] == ["limits/play", "categories/messaging"]
    games = {"games": "block", "messaging": "block"}
    assert {key: says(desk)[key] for key in CURRENT_WORDS} == {**CURRENT_WORDS, "categories": games}
    assert "old word" not in caplog.text

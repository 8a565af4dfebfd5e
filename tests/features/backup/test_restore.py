"""A backup that comes in: looked at, put in place, taken back, refused."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.control.protocol import ControlRequest, Role
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.reason_codes import Code
from gateway.core.turns import Steps, finish
from gateway.features.backup.restore import DOING, DONE, recover_files
from gateway.features.backup.verbs import STORED_FOR
from gateway.policy.yaml.documents import MAX_NODES
from gateway.web.backup_encryption import MOST_CONTENT
from tests.features.backup.backed_up import (
    HASH,
    before_country,
    change,
    furnished,
    profiles,
    sent,
    standing,
    taken,
    web,
)
from tests.features.conftest import Make
from tests.features.desk import PHONE, STRANGER, TABLET, Desk

CHOICE = {"who": "son", "at": "2026-11-24T12:00:00+05:00"}


def restored(desk: Desk, text: str) -> dict[str, Any]:
    return web(desk, "restore", action="apply", token=sent(desk, text))


def look(desk: Desk, text: str) -> dict[str, Any]:
    return web(desk, "restore", action="look", token=sent(desk, text))


@pytest.fixture
def desk(make: Make) -> Desk:
    return furnished(make)


# ------------------------------------------------------------------------------------ what comes in


def test_a_look_says_what_is_in_it_and_what_it_would_change(desk: Desk) -> None:
    text = taken(desk)
    assert look(desk, text)["same"] is True
    change(desk)
    before = standing(desk)
    told = look(desk, text)
    assert (told["same"], told["changed"], told["fresh"], told["gone"]) == (
        False,
        ["Daughter"],
        ["school.ics", "Son"],
        [],
    )
    assert [one["name"] for one in told["children"]] == ["Daughter", "Son"]
    assert (told["settings"], told["devices"], told["pins"], told["added"]) == (True, 1, 1, ["Dad"])
    assert (told["by"], told["problems"]) == ("Mum", [])
    assert standing(desk) == before, "nothing is changed by a look"


def test_it_is_put_in_place_and_in_force(desk: Desk) -> None:
    before, text = standing(desk), taken(desk)
    change(desk)
    assert restored(desk, text) == {"problems": []}
    after = standing(desk)
    # qalqan.yaml is written anew, and says the same.
    assert {**after, "files": {**after["files"], "qalqan.yaml": b""}} == {
        **before, "files": {**before["files"], "qalqan.yaml": b""},
    }  # fmt: skip
    assert desk.rules.household.config.country == before_country(before)
    assert {one.name for one in desk.rules.household.children} == {"Daughter", "Son"}
    line = desk.store.audit.lines()[0]
    assert (line.who, line.what) == ("Mum", "restore")
    assert desk.ask("status")["announced"][0]["told"] == "restore"


def test_a_profile_that_is_not_in_it_goes(desk: Desk) -> None:
    text = taken(desk)
    added = desk.ask("add_profile", name="Third", band="6-9", by="Mum")["id"]
    file = Path(desk.rules.household.config.profiles) / f"{added}.yaml"
    assert file.is_file()
    assert look(desk, text)["gone"] == ["Third"]
    restored(desk, text)
    assert not file.exists()
    assert {child.name for child in desk.rules.household.children} == {"Daughter", "Son"}


def test_a_file_that_no_backup_can_contain_stays(desk: Desk) -> None:
    text = taken(desk)
    kid, content = profiles(desk) / "kid.YAML", "{name: Kid, band: 6-9}\n"
    kid.write_text(content)
    assert desk.reload() == []
    assert look(desk, text)["same"]
    change(desk)
    assert look(desk, text)["gone"] == []
    restored(desk, text)
    assert kid.read_text() == content
    assert "Kid" in {child.name for child in desk.rules.household.children}


def test_a_removed_file_that_ends_in_yml_counts_as_written_by_hand(desk: Desk) -> None:
    text = taken(desk)
    (profiles(desk) / "kid.yml").write_text("# ours\nname: Kid\nband: 6-9\n")
    desk.reload()
    restored(desk, text)
    steps = desk.rules.history(profiles(desk)).steps
    assert "kid.yml" in steps[max(steps)].by_hand


def test_a_backup_with_the_words_of_an_earlier_version_is_put_in_place(desk: Desk) -> None:
    backup = json.loads(taken(desk))
    backup["profiles"]["daughter.yaml"] += "categories: {games: refuse}\nways: {ssh: open}\n"
    change(desk)
    assert restored(desk, json.dumps(backup)) == {"problems": []}
    told = desk.ask("rules", id="daughter")
    assert (told["own"]["categories"], told["own"]["ways"]) == ({"games": "block"}, {"ssh": "allow"})
    assert (told["rules"]["categories"]["games"], told["rules"]["ways"]["ssh"]) == ("block", "allow")


def test_it_can_be_taken_back(desk: Desk) -> None:
    text = taken(desk)
    change(desk)
    before = standing(desk)
    restored(desk, text)
    last = web(desk, "restore", action="last")["last"]
    assert (last["by"], last["undo"], last["made"]) == ("Mum", True, desk.local_now())
    web(desk, "restore", action="undo")
    assert standing(desk) == before
    assert {one.name for one in desk.rules.household.children} == {"Someone"}
    assert web(desk, "restore", action="last") == {"last": None}
    with pytest.raises(ControlError) as refused:
        web(desk, "restore", action="undo")
    assert refused.value.code == Code.NO_WAY_BACK


@pytest.mark.parametrize("action", ["apply", "undo"])
def test_who_wrote_each_file_is_found_in_a_turn_of_its_own_before_anything_changes(
    desk: Desk, action: str
) -> None:
    text = taken(desk)
    change(desk)
    if action == "undo":
        restored(desk, text)
    token = {"token": sent(desk, text)} if action == "apply" else {}
    before = standing(desk)
    values = {"action": action, "by": "Mum", "origin": "192.168.77.7", "session": desk.session("Mum")}
    steps = cast(
        "Steps[object]", desk._verbs["restore"](ControlRequest("restore", Role.WEB, 0, values | token))
    )
    for _ in before["files"]:
        next(steps)
        assert standing(desk) == before
    finish(steps)
    assert standing(desk) != before


@pytest.mark.parametrize("how", ["undo", "start"])
def test_a_temporary_place_has_its_end_again(desk: Desk, how: str) -> None:
    text, state = taken(desk), desk.folder / "state"
    desk.ask("assign", mac=STRANGER, profile="visitor", by="Mum")
    before = desk.store.devices.all()[STRANGER]
    assert before.until is not None
    restored(desk, text)
    after = desk.store.devices.all()[STRANGER]
    assert (after.place, after.until) == ("guest", None)
    if how == "undo":
        web(desk, "restore", action="undo")
    else:
        (state / DONE).rename(state / DOING)  # as after a kill before its end
        recover_files(desk.rules.path)
        desk.stop()
        desk.start()
    assert desk.store.devices.all()[STRANGER] == before


def test_it_cannot_be_taken_back_once_the_rules_are_others(desk: Desk) -> None:
    text = taken(desk)
    change(desk)
    restored(desk, text)
    desk.ask("edit", id="daughter", set={"name": "Another"}, by="Mum")
    assert web(desk, "restore", action="last")["last"]["undo"] is False
    with pytest.raises(ControlError) as refused:
        web(desk, "restore", action="undo")
    assert refused.value.code == Code.NO_WAY_BACK
    assert {one.name for one in desk.rules.household.children} == {"Another", "Son"}


def test_who_has_an_account_here_keeps_it_as_it_is(desk: Desk) -> None:
    told = json.loads(taken(desk))
    other = HASH.replace("ab" * 64, "cd" * 64)
    told["people"] = [{**one, "secret": other, "role": "support"} for one in told["people"]]
    restored(desk, json.dumps(told))
    assert desk.store.people.accounts()["Dad"].secret == HASH
    assert desk.store.people.accounts()["Dad"].guards


def test_what_was_said_of_devices_since_stays(desk: Desk) -> None:
    text = taken(desk)
    desk.store.notes.name(PHONE, "New phone")
    desk.ask("edit", id="daughter", set={"name": "Someone"}, by="Mum")
    restored(desk, text)
    assert desk.store.notes.labels()[PHONE] == "New phone"


def test_time_that_is_over_is_not_given_again(desk: Desk) -> None:
    text = taken(desk)
    desk.ask("edit", id="daughter", set={"name": "Someone"}, by="Mum")
    desk.go(timedelta(days=2))
    restored(desk, text)
    in_force = desk.store.state(desk.local_now())
    assert (in_force.given, in_force.pauses) == ((), ())


def test_an_older_band_is_remembered_for_the_log(desk: Desk) -> None:
    told = json.loads(taken(desk))
    told["bands"] = [{"profile": "son", "band": "16-17"}]
    told["pauses"] = []
    restored(desk, json.dumps(told))
    assert desk.store.held_bands.all()["son"].value == "16-17"


FAR = "9999-12-31T23:59:59-14:00"
PUT_OFF = {
    "profile": "son",
    "band": "6-9",
    "month": "2027-05",
    "until": "2027-09",
    "reason": "x",
    "by": "Mum",
}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: "{", Code.BACKUP_BROKEN),
        (lambda data: "[" * 3000, Code.BACKUP_BROKEN),
        (lambda data: {**data, "format": 2}, Code.BACKUP_NEWER),
        (lambda data: {**data, "format": None}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "made": "yesterday"}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "home": {"state": "/etc"}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "home": {"lists": [[[]] * MAX_NODES]}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "home": {"shared": dict.fromkeys(map(str, range(MAX_NODES)), "")}},
         Code.BACKUP_BROKEN),
        (lambda data: {**data, "profiles": {"../../etc/passwd.yaml": "x"}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "profiles": {".x.yaml": "x"}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "profiles": {"a.yaml": "x", "A.yaml": "y"}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "profiles": {"a.yaml": "\ud800"}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "calendars": {"a/b.ics": "x"}}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "people": [{"name": "Eve"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "people": [{**data["people"][0], "secret": "plain"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "people": [{**data["people"][0], "minutes": True}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "devices": [{"mac": "x", "label": "", "place": ""}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "devices": [{"mac": TABLET, "label": "\n", "place": ""}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "pins": [{"who": "son", "salt": "no", "hash": "hex"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "bands": [{"profile": "son", "band": "40"}]}, Code.BACKUP_BROKEN),
        *(
            (lambda data, one=one: {**data, "self_set": [{**CHOICE, **one}]}, Code.BACKUP_BROKEN)
            for one in (
                {"key": "block", "said": '"x"'}, {"key": "bedtime", "said": "22:00"},
                {"key": "bedtime", "said": "{\"school\": 5}"}, {"key": "limits/", "said": '"1h"'},
                {"key": "bedtime", "said": '["22:00-07:00"]'}, {"key": "bedtime", "said": '"1h"', "at": ""},
            )
        ),
        (lambda data: {**data, "pauses": [{"who": "son", "until": "2026-11-24T12:00"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "pauses": [{"who": "son", "until": FAR}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "grants": [{**data["grants"][0], "day": "0001-01-01"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "made": "0001-01-01T00:00:00+14:00"}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "steps": [{**PUT_OFF, "until": "2028-01"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "steps": [{**PUT_OFF, "until": "2027-05"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "steps": [{**PUT_OFF, "until": "2027-13"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "steps": [{**PUT_OFF, "band": "16-17"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "steps": [{**PUT_OFF, "band": "adult"}]}, Code.BACKUP_BROKEN),
        (lambda data: {**data, "steps": [{**PUT_OFF, "reason": " "}]}, Code.BACKUP_BROKEN),
    ],
)  # fmt: skip
def test_what_is_no_backup_is_refused_whole(desk: Desk, spoil: Any, code: Code) -> None:
    spoilt = spoil(json.loads(taken(desk)))
    before = standing(desk)
    with pytest.raises(GatewayError) as refused:
        restored(desk, spoilt if isinstance(spoilt, str) else json.dumps(spoilt))
    assert refused.value.code == code
    assert "\n" not in str(refused.value)
    assert standing(desk) == before


def test_settings_that_cannot_be_used_here_are_refused_whole(desk: Desk) -> None:
    told = json.loads(taken(desk))
    told["home"]["timezone"] = "Mars/Olympus"
    before = standing(desk)
    for action in ("look", "apply"):
        with pytest.raises(PolicyError, match="timezone"):
            web(desk, "restore", action=action, token=sent(desk, json.dumps(told)))
    assert standing(desk) == before
    assert not (desk.folder / "state" / DOING).exists()


def test_a_profile_that_was_broken_then_is_told_before(desk: Desk) -> None:
    told = json.loads(taken(desk))
    told["profiles"]["son.yaml"] = "name: Son\nband: 99\n"
    assert "son.yaml" in look(desk, json.dumps(told))["problems"][0]


def test_pieces_of_another_or_too_many_are_refused(desk: Desk) -> None:
    token = web(desk, "restore", action="begin", size=10)["token"]
    for values, code in (
        ({"token": "other", "text": "x"}, Code.BACKUP_GONE),
        ({"token": token, "text": "x" * 11}, Code.INVALID),
        ({"token": token, "text": ""}, Code.INVALID),
        ({"token": token, "text": "x", "by": "Dad"}, Code.BACKUP_GONE),
    ):
        with pytest.raises(ControlError) as refused:
            web(desk, "restore", action="piece", **values)
        assert refused.value.code == code
    with pytest.raises(ControlError) as refused:
        web(desk, "restore", action="look", token=token)
    assert refused.value.code == Code.BACKUP_GONE, "it is not whole"
    with pytest.raises(ControlError):
        web(desk, "restore", action="begin", size=MOST_CONTENT + 1)
    web(desk, "restore", action="drop")
    with pytest.raises(ControlError):
        web(desk, "restore", action="piece", token=token, text="x")


def test_what_came_in_is_forgotten_after_a_while(desk: Desk) -> None:
    token = sent(desk, taken(desk))
    desk.go(timedelta(seconds=STORED_FOR))
    with pytest.raises(ControlError) as gone:
        web(desk, "restore", action="apply", token=token)
    assert gone.value.code == Code.BACKUP_GONE


def test_a_disk_that_takes_nothing_leaves_everything_as_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = taken(desk)
    change(desk)
    before, real, written = standing(desk), os.replace, 0

    def full(path: Path, target: object) -> None:
        nonlocal written
        if str(target).endswith("son.yaml"):
            written += 1
            if written == 1:
                raise OSError(28, "No space left on device")
        real(path, str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PolicyError):
        restored(desk, text)
    assert written
    assert standing(desk) == before
    assert not (desk.folder / "state" / DOING).exists()


def test_a_restore_whose_end_cannot_be_recorded_leaves_everything_as_it_was(desk: Desk) -> None:
    text = taken(desk)
    change(desk)
    before, state = standing(desk), desk.folder / "state"
    (state / DONE / "in the way").mkdir(parents=True)
    with pytest.raises(PolicyError):
        restored(desk, text)
    assert standing(desk) == before
    assert not (state / DOING).exists(), "a start has nothing to undo"


def test_an_undo_that_cannot_be_written_changes_nothing_and_can_be_done_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = taken(desk)
    change(desk)
    before = standing(desk)
    restored(desk, text)
    after, real, written = standing(desk), os.replace, 0

    def full(path: Path, target: object) -> None:
        nonlocal written
        if str(target).endswith("daughter.yaml"):
            written += 1
            if written == 2:  # the first one stores the former version
                raise OSError(28, "No space left on device")
        real(path, str(target))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PolicyError):
        web(desk, "restore", action="undo")
    assert written >= 2
    assert standing(desk) == after
    assert not (desk.folder / "state" / DOING).exists(), "a start has nothing to undo"
    web(desk, "restore", action="undo")
    assert standing(desk) == before


def test_a_restore_whose_files_cannot_be_undone_is_undone_by_a_later_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    text, state = taken(desk), desk.folder / "state"
    change(desk)
    before = standing(desk)
    restored(desk, text)
    after = standing(desk)
    (state / DONE).rename(state / DOING)  # as after a kill before its end
    with monkeypatch.context() as patched:
        patched.setattr("gateway.features.backup.restore.write_atomically", full)
        recover_files(desk.rules.path)
    desk.stop()
    desk.start()
    assert (state / DOING).exists(), "the next start undoes it"
    assert standing(desk)["pins"] == after["pins"]
    assert "It is not undone yet." in caplog.text
    assert "It has been undone." not in caplog.text
    recover_files(desk.rules.path)
    desk.stop()
    desk.start()
    assert not (state / DOING).exists()
    assert standing(desk) == before

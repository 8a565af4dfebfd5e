"""Backups over the control socket: what is in one, what is not, and all of it or nothing in place again."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.codes import Code
from gateway.control.protocol import ANSWER_LIMIT, REQUEST_LIMIT, WEB_VERBS, Role, encode
from gateway.daemon import verbs_backup
from gateway.daemon.restoring import DOING, DONE, recover_files
from gateway.daemon.verbs_backup import KEPT, PIECE, PIECE_IN
from gateway.errors import ControlError, GatewayError, PolicyError
from gateway.policy.people import Account
from gateway.policy.values import Observation, Proto
from gateway.sealed import MOST_CONTENT
from gateway.store.database import Database
from tests.daemon.conftest import Make, at
from tests.daemon.desk import PHONE, STRANGER, TABLET, Desk

NOON = "2026-11-24T12:00"
HASH = "scrypt:8192:8:10$Household0123456$" + "ab" * 64
CALENDAR = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n"
    "DTSTART;VALUE=DATE:20261126\nSUMMARY:Free\nEND:VEVENT\nEND:VCALENDAR\n"
)
ACTIVITY = (
    "visited.example",
    "asked-for.example",
    "I was there",
    "www.tiktok.com",
    "192.168.77",
    "refused.example",
)


def web(desk: Desk, do: str, **values: object) -> dict[str, Any]:
    assert do in WEB_VERBS
    return desk.ask(do, Role.WEB, **{"by": "Mum", "origin": "192.168.77.7", **values})


def taken(desk: Desk) -> str:
    """All pieces of a backup."""
    told = web(desk, "backup")
    text = told["text"]
    while len(text) < told["size"]:
        text += web(desk, "backup", **{"from": len(text)})["text"]
    return str(text)


def sent(desk: Desk, text: str) -> str:
    """Its token."""
    begun = web(desk, "restore", action="begin", size=len(text))
    for start in range(0, len(text), begun["piece"]):
        web(desk, "restore", action="piece", token=begun["token"], text=text[start : start + begun["piece"]])
    return str(begun["token"])


def restored(desk: Desk, text: str) -> dict[str, Any]:
    return web(desk, "restore", action="apply", token=sent(desk, text))


def look(desk: Desk, text: str) -> dict[str, Any]:
    return web(desk, "restore", action="look", token=sent(desk, text))


def profiles(desk: Desk) -> Path:
    return Path(desk.rules.household.config.profiles)


def furnish(desk: Desk) -> None:
    """What guardians set, and what people did."""
    store, now = desk.store, desk.local_now()
    store.people.put(Account("Mum", secret=HASH, came=True))
    store.people.put(Account("Dad", secret=HASH, came=True))
    (profiles(desk) / "school.ics").write_text(CALENDAR)
    store.notes.name(TABLET, "Aruzhan's tablet")
    store.devices.seen(STRANGER, now, "Galaxy-of-a-visitor")
    store.devices.place(STRANGER, "guest", at=now)
    desk.ask("pin", action="set", who="daughter", pin="4821", by="Mum")
    desk.ask("grant", who="daughter", minutes=30, by="Mum")
    desk.ask("pause", who="son", minutes=120, by="Mum")
    did(desk)


def did(desk: Desk) -> None:
    now = desk.local_now()
    member = desk.family.member_of(TABLET)
    assert member is not None
    seen = Observation(Proto.TLS, "visited.example")
    desk.store.record(
        member.decide(seen, now), host="visited.example", proto=Proto.TLS, profile="daughter", device=TABLET,
        level=3, category="", at=now,
    )  # fmt: skip
    desk.store.audit("test", "I was there, at refused.example", by="Mum", at=now, origin="192.168.77.7")
    desk.store.flush(0.0, force=True)


def change(desk: Desk) -> None:
    """Much is another way by now."""
    desk.ask("edit", id="daughter", set={"name": "Someone", "bedtime": {}}, by="Mum")
    desk.ask("remove_profile", id="son", by="Mum")
    desk.ask("edit_family", set={"country": "de"}, by="Mum")
    (profiles(desk) / "school.ics").unlink()
    desk.ask("pin", action="set", who="daughter", pin="7035", by="Mum")
    desk.store.notes.name(TABLET, "Old thing")
    desk.store.people.remove("Dad")


def standing(desk: Desk) -> dict[str, Any]:
    """All that a restore has to do with."""
    files = [*profiles(desk).glob("[!.]*.*"), desk.rules.path]
    return {
        "files": {one.name: one.read_bytes() for one in sorted(files)},
        "labels": dict(desk.store.notes.labels()),
        "pins": {one.who: one.hash for one in desk.store.pins.all()},
        "people": sorted(desk.store.people.guardians()),
        "pauses": sorted(one.who for one in desk.store.state(desk.local_now()).pauses),
        "grants": len(desk.store.state(desk.local_now()).given),
    }


@pytest.fixture
def desk(make: Make) -> Desk:
    one = make(NOON)
    furnish(one)
    return one


# ------------------------------------------------------------------------------------ what is in it


def test_rules_accounts_names_and_grants_are_in_it(desk: Desk) -> None:
    told = json.loads(taken(desk))
    assert told["format"] == 1
    assert set(told["profiles"]) == {"daughter.yaml", "son.yaml", "mum.yaml"}
    assert told["profiles"]["daughter.yaml"] == (profiles(desk) / "daughter.yaml").read_text()
    assert told["calendars"] == {"school.ics": CALENDAR}
    assert [(one["name"], one["secret"]) for one in told["people"]] == [("Mum", HASH), ("Dad", HASH)]
    assert told["devices"] == [
        {"mac": TABLET, "label": "Aruzhan's tablet", "place": ""},
        {"mac": STRANGER, "label": "", "place": "guest"},
    ]
    assert [one["who"] for one in told["pins"]] == ["daughter"]
    assert [(one["who"], one["minutes"]) for one in told["grants"]] == [("daughter", 30)]
    assert [one["who"] for one in told["pauses"]] == ["son"]


def test_what_anybody_did_is_not(desk: Desk) -> None:
    text = taken(desk)
    for marker in (*ACTIVITY, "Galaxy-of-a-visitor", "4821"):
        assert marker not in text, marker
    assert not {"audit", "requests", "decisions", "sessions", "minutes_used"} & json.loads(text).keys()


def test_how_the_gateway_is_built_in_is_not(desk: Desk) -> None:
    home = json.loads(taken(desk))["home"]
    assert home["timezone"] == "Asia/Almaty"
    assert not {"lan", "state", "runtime", "profiles", "web"} & home.keys()


def test_it_is_told_and_written_down(desk: Desk) -> None:
    taken(desk)
    line = desk.store.audit_lines()[0]
    assert (line.who, line.what, line.detail) == ("Mum", "backup", "3 profiles")
    assert [one["told"] for one in desk.ask("status")["announced"]] == ["backup"]


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_it_is_for_guardians_alone(desk: Desk, verb: str) -> None:
    for by in ("Nobody", "daughter"):
        with pytest.raises(ControlError):
            web(desk, verb, by=by, action="last")


def test_it_goes_out_in_pieces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(encode({"text": "\\" * PIECE})) < ANSWER_LIMIT
    told = {"do": "restore", "action": "piece", "token": "x" * 16, "by": "x" * 40, "text": '"' * PIECE_IN}
    assert len(encode(told)) < REQUEST_LIMIT
    monkeypatch.setattr(verbs_backup, "PIECE", 100)
    assert json.loads(taken(desk))["format"] == 1
    with pytest.raises(ControlError) as gone:
        web(desk, "backup", **{"from": 100})
    assert gone.value.code == Code.BACKUP_GONE


def test_what_is_not_fetched_is_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs_backup, "PIECE", 100)
    web(desk, "backup")
    with pytest.raises(ControlError):
        web(desk, "backup", by="Dad", **{"from": 100})
    desk.go(timedelta(seconds=KEPT))
    with pytest.raises(ControlError) as gone:
        web(desk, "backup", **{"from": 100})
    assert gone.value.code == Code.BACKUP_GONE


def test_too_much_is_refused_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs_backup, "MOST_CONTENT", 1000)
    with pytest.raises(ControlError, match="look for a large calendar") as refused:
        web(desk, "backup")
    assert refused.value.code == Code.BACKUP_LARGE


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
    line = desk.store.audit_lines()[0]
    assert (line.who, line.what) == ("Mum", "restore")
    assert desk.ask("status")["announced"][0]["told"] == "restore"


def before_country(before: dict[str, Any]) -> str:
    return str(yaml.safe_load(before["files"]["qalqan.yaml"]).get("country", ""))


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
    with pytest.raises(PolicyError) as refused:
        web(desk, "restore", action="undo")
    assert refused.value.code == Code.NO_WAY_BACK


def test_it_cannot_be_taken_back_once_the_rules_are_others(desk: Desk) -> None:
    text = taken(desk)
    change(desk)
    restored(desk, text)
    desk.ask("edit", id="daughter", set={"name": "Another"}, by="Mum")
    assert web(desk, "restore", action="last")["last"]["undo"] is False
    with pytest.raises(PolicyError) as refused:
        web(desk, "restore", action="undo")
    assert refused.value.code == Code.NO_WAY_BACK
    assert {one.name for one in desk.rules.household.children} == {"Another", "Son"}


def test_who_has_an_account_here_keeps_it_as_it_is(desk: Desk) -> None:
    told = json.loads(taken(desk))
    other = HASH.replace("ab" * 64, "cd" * 64)
    told["people"] = [{**one, "secret": other, "role": "support"} for one in told["people"]]
    restored(desk, json.dumps(told))
    assert desk.store.guardians()["Dad"].secret == HASH
    assert desk.store.guardians()["Dad"].guards


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
    assert desk.store.held_bands()["son"].value == "16-17"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda told: "{", Code.BACKUP_BROKEN),
        (lambda told: "[" * 3000, Code.BACKUP_BROKEN),
        (lambda told: {**told, "format": 2}, Code.BACKUP_NEWER),
        (lambda told: {**told, "format": None}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "made": "yesterday"}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "home": {"state": "/etc"}}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "profiles": {"../../etc/passwd.yaml": "x"}}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "profiles": {".x.yaml": "x"}}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "profiles": {"a.yaml": "x", "A.yaml": "y"}}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "profiles": {"a.yaml": "\ud800"}}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "calendars": {"a/b.ics": "x"}}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "people": [{"name": "Eve"}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "people": [{**told["people"][0], "secret": "plain"}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "people": [{**told["people"][0], "minutes": True}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "devices": [{"mac": "x", "label": "", "place": ""}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "devices": [{"mac": TABLET, "label": "\n", "place": ""}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "pins": [{"who": "son", "salt": "no", "hash": "hex"}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "bands": [{"profile": "son", "band": "40"}]}, Code.BACKUP_BROKEN),
        (lambda told: {**told, "pauses": [{"who": "son", "until": "2026-11-24T12:00"}]}, Code.BACKUP_BROKEN),
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
    desk.go(timedelta(seconds=KEPT))
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


# ------------------------------------------------------------------------------------ kill -9


@contextmanager
def killed_at(number: int) -> Iterator[None]:
    """This process, before the n-th thing that it does to the disk."""
    done = 0

    def counted(real: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal done
            done += 1
            if done == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return wrapped

    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]
    Path.unlink = counted(Path.unlink)  # type: ignore[method-assign]
    Path.rename = counted(Path.rename)  # type: ignore[method-assign]
    Database.write = counted(Database.write)  # type: ignore[method-assign]
    yield


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """`qalqan.yaml` by what it says: a restore writes it anew."""
    files = {name: data for name, data in found["files"].items() if name != "qalqan.yaml"}
    return {**found, "files": files, "country": before_country(found)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "first_moment", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_kill_at_any_moment_leaves_all_of_it_or_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, first_moment: int
) -> None:
    """Each third moment; the others in the slow ones."""
    first = make(NOON)
    furnish(first)
    wanted, text = comparable(standing(first)), taken(first)
    change(first)
    before = comparable(standing(first))
    assert before != wanted
    folder, path = first.folder, first.rules.path
    monkeypatch.setattr("tests.daemon.desk.write", lambda folder, profiles: path)
    first.stop()
    outcomes = []
    for number in range(first_moment, 400, 3):
        child = os.fork()
        if not child:
            code = 1
            try:
                one = Desk(folder, at(NOON))
                token = sent(one, text)
                with killed_at(number):
                    web(one, "restore", action="apply", token=token)
                code = 0
            finally:
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, -signal.SIGKILL), status
        recover_files(path)
        after = Desk(folder, at(NOON))
        found = comparable(standing(after))
        outcomes.append(found == wanted)
        assert found in (before, wanted), f"some of it, killed at {number}"
        assert not (folder / "state" / DOING).exists()
        assert not status or (found == wanted) == (folder / "state" / DONE).exists()
        if found == wanted:
            if not status:
                after.stop()
                break
            web(after, "restore", action="undo")
            assert comparable(standing(after)) == before
        after.stop()
    first.start()
    assert outcomes[-1]
    assert outcomes.count(False) > 5, "it was killed at many moments"

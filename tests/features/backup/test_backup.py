"""A backup by the verbs: what is in it, and that a kill leaves all of it or nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.age.bands import AgeBand
from gateway.control.contract.backup import CONTENT_LIMIT
from gateway.control.protocol import ANSWER_LIMIT, REQUEST_LIMIT, encode
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.backup import verbs as verbs_backup
from gateway.features.backup.restore import DOING, DONE, recover_files
from gateway.features.backup.verbs import PIECE, PIECE_IN, STORED_FOR
from gateway.policy.accounts.passkeys import Passkey
from gateway.policy.profile.backup_format import MAX_PINS, MAX_PROFILES, backup_text, parse_backup
from gateway.store.database import Database
from gateway.web.backup_encryption import MOST_CONTENT
from tests.features.backup.backed_up import (
    CALENDAR,
    HASH,
    before_country,
    change,
    furnish,
    furnished,
    profiles,
    sent,
    standing,
    taken,
    web,
)
from tests.features.conftest import Make, at
from tests.features.desk import NOON, STRANGER, TABLET, Desk

ACTIVITY = (
    "visited.example",
    "asked-for.example",
    "I was there",
    "www.tiktok.com",
    "192.168.77",
    "refused.example",
)


@pytest.fixture
def desk(make: Make) -> Desk:
    return furnished(make)


# ------------------------------------------------------------------------------------ what is in it


def test_rules_accounts_names_and_grants_are_in_it(desk: Desk) -> None:
    answer = json.loads(taken(desk))
    assert answer["format"] == 1
    assert set(answer["profiles"]) == {"daughter.yaml", "son.yaml", "mum.yaml"}
    assert answer["profiles"]["daughter.yaml"] == (profiles(desk) / "daughter.yaml").read_text()
    assert answer["calendars"] == {"school.ics": CALENDAR}
    assert [(person["name"], person["secret"]) for person in answer["people"]] == [
        ("Mum", HASH),
        ("Dad", HASH),
    ]
    assert answer["devices"] == [
        {"mac": TABLET, "label": "Aruzhan's tablet", "place": ""},
        {"mac": STRANGER, "label": "", "place": "guest"},
    ]
    assert [pin["who"] for pin in answer["pins"]] == ["daughter"]
    assert [(grant["who"], grant["minutes"]) for grant in answer["grants"]] == [("daughter", 30)]
    assert [pause["who"] for pause in answer["pauses"]] == ["son"]


def test_extra_minutes_of_today_are_in_it_after_the_day_s_start_was_changed(make: Make) -> None:
    desk = make("2026-11-24T01:00", daughter={"bedtime": {}, "limits": {"internet": "1h"}})
    settings = yaml.load(desk.rules.path.read_text(), yaml.BaseLoader)
    desk.rules.path.write_text(yaml.safe_dump({**settings, "day_starts": "00:00"}))
    desk.reload()
    furnish(desk)
    grants = json.loads(taken(desk))["grants"]
    assert {(grant["who"], grant["day"], grant["until"]) for grant in grants} == {
        ("daughter", "2026-11-24", "")
    }


def test_what_anybody_did_is_not(desk: Desk) -> None:
    text = taken(desk)
    for marker in (*ACTIVITY, "Galaxy-of-a-visitor", "4821"):
        assert marker not in text, marker
    assert not {"audit", "requests", "decisions", "sessions", "minutes_used"} & json.loads(text).keys()


LEFT_OUT = ["kid.YAML", "school.ics", "Школа.ics"]


def test_files_that_it_cannot_contain_are_reported(desk: Desk) -> None:
    folder = profiles(desk)
    (folder / "kid.YAML").write_text("{name: Kid, band: 6-9}\n")
    for name in ("School.ics", "Школа.ics"):
        (folder / name).write_text(CALENDAR)
    answer = web(desk, "backup")
    assert answer["left_out"] == LEFT_OUT
    backup = json.loads(answer["text"])
    assert set(backup["profiles"]) == {"daughter.yaml", "son.yaml", "mum.yaml"}
    assert set(backup["calendars"]) == {"School.ics"}, "it differs from school.ics only in case"
    parse_backup(answer["text"])
    assert web(desk, "auto_backup")["left_out"] == LEFT_OUT


def test_at_most_64_calendars_are_in_it_and_the_others_are_reported(desk: Desk) -> None:
    for number in range(70):
        (profiles(desk) / f"a{number:02}.ics").write_text(CALENDAR)
    answer = web(desk, "backup")
    assert answer["left_out"] == [*(f"a{number}.ics" for number in range(64, 70)), "school.ics"]
    assert len(parse_backup(taken(desk)).calendars) == 64


def test_profiles_that_were_deleted_leave_it_restorable(desk: Desk) -> None:
    for number in range(MAX_PROFILES + 1):
        desk.store.held_bands.hold(f"deleted{number}", AgeBand.AGE_6_9)
    desk.reload()
    bands = {held.profile for held in parse_backup(taken(desk)).bands}
    assert len(bands) == MAX_PROFILES
    assert {"daughter", "son", "mum"} <= bands


def test_more_entries_than_it_holds_are_one_clear_line(desk: Desk) -> None:
    backup = parse_backup(taken(desk))
    many = replace(backup, pins=backup.pins * (MAX_PINS + 1))
    with pytest.raises(ControlError, match="at most 64 entries of pins") as refused:
        backup_text(many)
    assert refused.value.code == Code.BACKUP_ENTRIES


def test_how_the_gateway_is_built_in_is_not(desk: Desk) -> None:
    home = json.loads(taken(desk))["home"]
    assert home["timezone"] == "Asia/Almaty"
    assert not {"lan", "state", "runtime", "profiles", "web"} & home.keys()


def test_no_second_factor_and_no_passkey_is_in_it(desk: Desk) -> None:
    mum = desk.store.people.accounts()["Mum"]
    passkey = Passkey("m4rkcredential", "m4rkkey", "home.example.org", "m4rkuser", "m4rklabel", desk.clock.at)
    desk.store.people.put(replace(mum, totp="M4RKSECRET", passkeys=(passkey,)))
    assert "m4rk" not in taken(desk).casefold()


def test_it_is_told_and_written_down(desk: Desk) -> None:
    taken(desk)
    line = desk.store.audit.lines()[0]
    assert (line.who, line.what, line.detail) == ("Mum", "backup", "3 profiles")
    assert [one["told"] for one in desk.ask("status")["announced"]] == ["backup"]


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_it_is_for_guardians_alone(desk: Desk, verb: str) -> None:
    for by in ("Nobody", "daughter"):
        with pytest.raises(ControlError):
            web(desk, verb, by=by, action="last")


def test_it_goes_out_in_pieces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(encode({"text": "\\" * PIECE})) < ANSWER_LIMIT
    request = {"do": "restore", "action": "piece", "token": "x" * 16, "by": "x" * 40, "text": '"' * PIECE_IN}
    assert len(encode(request)) < REQUEST_LIMIT
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
    desk.go(timedelta(seconds=STORED_FOR))
    with pytest.raises(ControlError) as gone:
        web(desk, "backup", **{"from": 100})
    assert gone.value.code == Code.BACKUP_GONE


def test_as_much_can_be_sealed_as_the_daemon_sends() -> None:
    assert CONTENT_LIMIT == MOST_CONTENT


def test_too_much_is_refused_in_words(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs_backup, "CONTENT_LIMIT", 1000)
    with pytest.raises(ControlError, match="A large calendar may be the reason") as refused:
        web(desk, "backup")
    assert refused.value.code == Code.BACKUP_LARGE


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
    monkeypatch.setattr("tests.features.desk.write", lambda folder, profiles: path)
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

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from gateway.control.guardians import Guardians
from gateway.control.proofs import Proofs
from gateway.control.protocol import ControlRequest, Role
from gateway.policy.accounts.people import Account
from gateway.store.store import Store
from gateway.store.tables.pauses import Pause, TimedSwitch
from tests.around import Scene, account_verb
from tests.store.helpers import HOUR, NOW, look


def reopened(store: Store, path: Path) -> Store:
    store.close()
    return Store(path)


def test_a_pause_survives_a_restart_and_ends_by_itself(path: Path) -> None:
    store = Store(path)
    store.pauses.pause("daughter", until=NOW + HOUR, by="Mum", at=NOW, origin="192.168.1.7")
    store.pauses.pause("all", until=None, by="Dad", at=NOW)
    store = reopened(store, path)
    utc = NOW.astimezone(UTC)
    assert store.state(NOW).pauses == (
        Pause("daughter", utc, utc + HOUR, "Mum"),
        Pause("all", utc, None, "Dad"),
    )
    assert [pause.who for pause in store.state(NOW + HOUR).pauses] == ["all"]
    store.close()


def test_resume_ends_one_pause_and_resume_all_ends_all(path: Path) -> None:
    store = Store(path)
    for who in ("daughter", "son", "all"):
        store.pauses.pause(who, until=None, by="Mum", at=NOW)
    store.pauses.resume("son", by="Mum", at=NOW)
    assert [pause.who for pause in store.state(NOW).pauses] == ["daughter", "all"]
    store.pauses.resume("all", by="Mum", at=NOW)
    assert store.state(NOW).pauses == ()
    store = reopened(store, path)
    assert store.state(NOW).pauses == ()
    store.close()


def test_off_returns_by_itself_and_by_hand(path: Path) -> None:
    store = Store(path)
    store.pauses.off(until=NOW + HOUR, by="Mum", at=NOW)
    store = reopened(store, path)
    assert store.state(NOW).off == TimedSwitch(NOW.astimezone(UTC), (NOW + HOUR).astimezone(UTC), "Mum")
    assert store.state(NOW + HOUR).off is None
    store.pauses.on(by="Mum", at=NOW)
    assert store.state(NOW).off is None
    store = reopened(store, path)
    assert store.state(NOW).off is None
    store.close()


def test_the_audit_says_who_did_what_from_where(path: Path) -> None:
    store = Store(path)
    store.pauses.pause("son", until=NOW + HOUR, by="Mum", at=NOW, origin="192.168.1.7")
    store.pauses.resume("son", by="Dad", at=NOW, origin="console")
    store.pauses.off(until=None, by="Mum", at=NOW)
    store.pauses.on(by="Mum", at=NOW)
    store.audit.record("rules", "son: bedtime 20:45", by="Mum", at=NOW)
    lines = store.audit.lines()
    assert [(line.who, line.what, line.detail, line.origin) for line in reversed(lines)] == [
        ("Mum", "pause", "son until 2026-11-24T20:00+05:00", "192.168.1.7"),
        ("Dad", "resume", "son", "console"),
        ("Mum", "off", "until resumed", ""),
        ("Mum", "on", "", ""),
        ("Mum", "rules", "son: bedtime 20:45", ""),
    ]
    assert len(store.audit.lines(2)) == 2
    store.close()


def test_guardians_are_kept(path: Path) -> None:
    store = Store(path)
    store.people.put(Account("Mum", secret="a"))
    store.people.put(Account("Dad", secret="b"))
    store.people.put(Account("Mum", secret="c"))
    store.people.remove("Dad")
    store = reopened(store, path)
    assert store.people.accounts() == {"Mum": Account("Mum", secret="c")}
    store.close()


def test_the_store_keeps_guardians_for_the_control_socket(path: Path) -> None:
    store = Store(path)

    def record(what: str, detail: str, by: str, origin: str) -> None:
        store.audit.record(what, detail, by=by, at=NOW, origin=origin)

    around = replace(Scene().around(), record=record)
    proofs = Proofs(store.people, around.now, around.wall, around.clock_known)
    desk = account_verb(Guardians(store.people, around, proofs))
    token = desk(ControlRequest("guardian", Role.OWNER, 0, {"action": "add", "name": "Mum"}))["token"]
    store = reopened(store, path)
    assert list(store.people.accounts()) == ["Mum"]
    assert token
    assert [(line.what, line.detail) for line in store.audit.lines()] == [("guardian add", "Mum")]
    store.close()


def test_a_full_disk_never_undoes_a_pause(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(path)
    database = store._database
    database.rows(f"PRAGMA max_page_count = {database.rows('PRAGMA page_count')[0][0]}")
    with caplog.at_level(logging.WARNING):
        for number in range(300):
            store.pauses.pause(f"child-{number}", until=None, by="Mum " * 20, at=NOW)
        store.flush(1.0)
    assert len(caplog.messages) == 1
    assert "the disk is full; free some space. The change applies" in caplog.messages[0]
    assert len(store.state(NOW).pauses) == 300
    assert "The disk cannot be written" in store.problems()[0]
    database.rows("PRAGMA max_page_count = 1000000")
    store.flush(2.0)
    assert store.problems() == []
    store = reopened(store, path)
    assert len(store.state(NOW).pauses) == 300
    assert len(store.audit.lines(1000)) == 300
    store.close()


def test_ended_pauses_go(path: Path) -> None:
    store = Store(path)
    store.pauses.pause("son", until=NOW + HOUR, by="Mum", at=NOW)
    store.purge(NOW + timedelta(days=31))
    store.close()
    assert look(path, "SELECT * FROM pauses") == []

"""Whether a file needs migrations, told without opening it for writing."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import sqlite_utils

from gateway.store.migrations import MIGRATIONS, is_due
from gateway.store.store import Store
from tests.store.helpers import NOW, look


def test_migrations_are_due_for_a_file_that_is_not_there_and_once(tmp_path: Path) -> None:
    path = tmp_path / "qalqan.db"
    assert is_due(path)
    assert not path.exists()
    Store(path, day_starts=timedelta(hours=4)).close()
    assert not is_due(path)


def test_what_is_no_database_is_left_to_who_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "qalqan.db"
    path.write_bytes(b"no database at all, but long enough to look at" * 100)
    assert not is_due(path)


def test_an_older_file_keeps_what_was_given(tmp_path: Path) -> None:
    """As version 2 wrote it: minutes without gates."""
    path = tmp_path / "qalqan.db"
    connection = sqlite3.connect(path)
    database = sqlite_utils.Database(connection)
    for number, migration in enumerate(MIGRATIONS[:2], start=1):
        migration(database)
        connection.execute(f"PRAGMA user_version = {number}")
    at = int(NOW.timestamp())
    for service in (None, "youtube"):
        connection.execute(
            "INSERT INTO grants (who, day, minutes, service, at, by) "
            "VALUES ('son', '2026-11-24', 15, ?, ?, 'Mum')",
            (service, at),
        )
    connection.execute("INSERT INTO pauses VALUES ('son', ?, NULL, 'Dad')", (at,))
    connection.commit()
    connection.close()
    assert is_due(path)
    store = Store(path)
    force = store.state(NOW)
    assert [(one.gate, one.minutes, one.service, one.by) for one in force.given] == [
        ("internet", 15, None, "Mum"),
        ("service:youtube", 15, "youtube", "Mum"),
    ]
    assert [pause.who for pause in force.pauses] == ["son"]
    assert store.requests.all() == ()
    store.close()
    assert look(path, "SELECT name FROM sqlite_master WHERE name = 'grants'") == []
    assert not is_due(path)

"""Whether a file needs migrations, told without opening it for writing."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlite_utils

from gateway.policy.accounts.people import SESSION_LIFE, Account, PersonRole, Session
from gateway.policy.time.clock_changes import MomentKind
from gateway.store.migrations import MIGRATIONS, add_wrong_blocks, count_attempts, is_due, migrate, version
from gateway.store.store import Store
from gateway.store.tables.history import Count
from tests.store.helpers import NOW, look


def older(path: Path, version: int) -> sqlite3.Connection:
    """A file as ``version`` made it."""
    connection = sqlite3.connect(path)
    database = sqlite_utils.Database(connection)
    for number, migration in enumerate(MIGRATIONS[:version], start=1):
        migration(database)
        connection.execute(f"PRAGMA user_version = {number}")
    return connection


def test_migrations_are_due_for_a_file_that_is_not_there_and_once(path: Path) -> None:
    assert is_due(path)
    assert not path.exists()
    Store(path).close()
    assert not is_due(path)


def schema(connection: sqlite3.Connection) -> dict[str, object]:
    """Return what SQLite knows of each table, apart from the wording of its statement."""
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    found: dict[str, object] = {}
    for name, strict in sorted(tables):
        columns = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall()
        indexes = connection.execute("SELECT * FROM pragma_index_list(?)", (name,)).fetchall()
        of = {
            row[1]: connection.execute("SELECT * FROM pragma_index_xinfo(?)", (row[1],)).fetchall()
            for row in indexes
        }
        found[name] = strict, columns, sorted(row[1:] for row in indexes), of
    return found


def test_without_sqlite_utils_the_tables_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """On OpenWrt it is not installed."""
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as usual,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as plain,
    ):
        migrate(usual)
        monkeypatch.setitem(sys.modules, "sqlite_utils", None)
        migrate(plain)
        assert version(plain) == len(MIGRATIONS)
        assert schema(plain) == schema(usual)
        assert len(schema(plain)) > 30


def test_a_file_that_is_no_database_is_due_as_opening_replaces_it(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look at" * 100)
    assert is_due(path)


def test_an_older_file_keeps_what_was_given(path: Path) -> None:
    """As version 2 wrote it: minutes without gates."""
    connection = older(path, 2)
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


def test_an_older_file_s_ends_go_with_the_clock_as_they_look(path: Path) -> None:
    """As version 3 wrote it: ends alone."""
    connection = older(path, 3)
    at = int(NOW.timestamp()) + 17
    evening = at - 17 + 2 * 3600
    pauses = [("son", at, at + 1800, "Mum"), ("daughter", at, evening, "Mum"), ("all", at, None, "Mum")]
    connection.executemany("INSERT INTO pauses VALUES (?, ?, ?, ?)", pauses)
    connection.execute("INSERT INTO switches VALUES ('off', ?, ?, 'Mum')", (at, at + 3600))
    connection.executemany(
        'INSERT INTO openings ("grant", who, entry, until, at, by) '
        "VALUES (1, ?, 'example.com', ?, ?, 'Mum')",
        [("son", at + 3600, at), ("daughter", evening, at)],
    )
    connection.executemany(
        'INSERT INTO extensions ("grant", who, day, gate, minutes, until, at, by, kind, ended) '
        "VALUES (?, 'son', '2026-11-24', 'bedtime', 15, ?, ?, 'Mum', 'grant', 0)",
        [(2, at + 900, at), (3, evening + 900, at), (4, None, at)],
    )
    connection.commit()
    connection.close()
    store = Store(path)
    force = store.state(NOW)
    spans = {one.who: one.span for one in force.pauses}
    assert spans == {"son": MomentKind.LASTING, "daughter": MomentKind.OF_DAY, "all": MomentKind.LASTING}
    assert [one.span for one in force.openings] == [MomentKind.LASTING, MomentKind.OF_DAY]
    boundaries = [one.boundary for one in force.given]
    assert boundaries == [None, datetime.fromtimestamp(evening, UTC), None]
    assert force.off is not None
    assert force.off.clock_trusted
    assert all(pause.clock_trusted for pause in force.pauses)
    assert all(grant.clock_trusted for grant in force.given)
    store.close()


def test_older_codes_are_a_batch_where_they_were_made_at_once(path: Path) -> None:
    """As version 5 wrote it."""
    connection = older(path, 5)
    at = int(NOW.timestamp())
    rows = [("a1", "son"), ("a2", "son"), ("b1", None), ("b2", None)]
    connection.executemany(
        "INSERT INTO tickets (hash, salt, minutes, who, made, by, until) "
        "VALUES (?, '00', 30, ?, ?, 'Mum', ?)",
        [(digest * 16, who, at, at + 86400) for digest, who in rows],
    )
    connection.commit()
    connection.close()
    store = Store(path)
    found = {one.batch: one.who for one in store.tickets.all()}
    assert found == {"a1" * 4: "son", "b1" * 4: None}
    store.close()


def test_guardians_of_an_older_file_are_guardians_without_a_password(path: Path) -> None:
    """As version 10 wrote it: a name and a stamp."""
    connection = older(path, 10)
    connection.execute("INSERT INTO guardians VALUES ('Mum', 'stamp')")
    connection.commit()
    connection.close()
    store = Store(path)
    assert store.people.accounts() == {"Mum": Account("Mum", PersonRole.GUARDIAN, came=True)}
    assert store.people.sessions() == ()
    store.people.begin(Session("k", "Mum", "Phone", NOW, NOW + SESSION_LIFE))
    store.close()
    assert look(path, "SELECT name, role, secret FROM guardians") == [("Mum", "guardian", "")]
    store = Store(path)
    assert [one.device for one in store.people.sessions("Mum")] == ["Phone"]
    store.close()


def test_requests_of_an_older_file_name_no_host_and_no_mistake(path: Path) -> None:
    """As the version before wrote them: without the blocked host and the child's reason."""
    connection = older(path, MIGRATIONS.index(add_wrong_blocks))
    at = int(NOW.timestamp())
    connection.execute(
        "INSERT INTO requests (id, who, device, topic, thing, minutes, reason, at, expires, times, state, "
        "reminded, given, because, by, sure) VALUES (7, 'son', '', 'site', 'example.com', 0, 'please', ?, ?, "
        "1, 'pending', 0, 0, '', '', 1)",
        (at, at + 3600),
    )
    connection.commit()
    connection.close()
    store = Store(path)
    (request,) = store.requests.all()
    assert (request.id, request.thing, request.reason) == (7, "example.com", "please")
    assert (request.host, request.wrong) == ("", False)
    store.close()


def test_older_counts_of_packets_are_one_attempt_each(path: Path) -> None:
    connection = older(path, MIGRATIONS.index(count_attempts))
    at = int(NOW.timestamp())
    row = ("daughter", "02:00:00:00:00:0a", "tiktok.com", "tls", "block", "service", "block: service:tiktok")
    connection.execute(
        "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, 'family', ?, ?, 30)", (*row, at, at)
    )
    connection.execute("INSERT INTO counts VALUES ('2026-11-24', 'daughter', 'service:tiktok', 'block', 877)")
    connection.commit()
    connection.close()
    store = Store(path)
    day = NOW.date()
    (name,) = store.history.names(
        "daughter", NOW - timedelta(hours=1), NOW + timedelta(hours=1), refused=True
    )
    assert (name.times, name.attempts, name.background) == (30, 1, 0)
    assert store.history.counts("daughter", day, day) == [Count(day, "service:tiktok", 1, 0, 0)]
    store.close()

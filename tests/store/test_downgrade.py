"""The previous version uses a database of this one: migrations add only what it does not miss."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

from gateway.store import database, migrations, unwritable
from gateway.store.migrations import MIGRATIONS, READABLE_FROM, Migration, applied, is_due, is_newer
from gateway.store.store import Store
from tests.lab.home import ROOT
from tests.store.helpers import NOW, look

# The version with 31 migrations writes rows of these tables without the names of their columns.
BY_POSITION = {"slots", "classes", "uses", "minutes", "labels", "bands"}


def add_mood(db: Any) -> None:
    """As a migration of the next version: a column with a default, and a table."""
    db["pauses"].add_column("mood", str, not_null_default="calm")
    db["moods"].create({"who": str, "mood": str}, pk="who", strict=True)


def drop_span(db: Any) -> None:
    db.execute("ALTER TABLE pauses DROP COLUMN span")


def need_mood(db: Any) -> None:
    db.execute("CREATE TABLE other (who TEXT NOT NULL)")
    db.execute("DROP TABLE pauses")
    db.execute("CREATE TABLE pauses (who TEXT, since INTEGER, until INTEGER, by TEXT, mood TEXT NOT NULL)")


def add_to_slots(db: Any) -> None:
    db["slots"].add_column("note", str, not_null_default="")


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Turn the program into its next version, with one more migration, and back."""

    def turn(on: bool) -> None:
        known = (*MIGRATIONS, add_mood) if on else MIGRATIONS
        for module in (migrations, database, unwritable):
            monkeypatch.setattr(module, "MIGRATIONS", known)

    return turn


def pauses(store: Store) -> set[str]:
    return {pause.who for pause in store.state(NOW).pauses}


def test_a_database_of_the_next_version_is_used_and_goes_back_to_it(
    path: Path, next_version: Callable[[bool], None]
) -> None:
    next_version(True)
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE pauses SET mood = 'cross'")
        connection.execute("INSERT INTO moods VALUES ('son', 'cross')")

    next_version(False)
    assert (applied(path), is_due(path), is_newer(path)) == (len(MIGRATIONS) + 1, False, False)
    store = Store(path)
    assert (store.is_newer, store.problems(), pauses(store)) == (False, [], {"son"})
    store.pauses.pause("daughter", until=None, by="Dad", at=NOW)
    store.slots.assign("02:00:00:00:00:0a", now=1)
    store.close()

    next_version(True)
    assert not is_due(path)
    store = Store(path)
    assert pauses(store) == {"son", "daughter"}
    store.close()
    assert look(path, "SELECT who, mood FROM pauses ORDER BY who") == [("daughter", "calm"), ("son", "cross")]
    assert look(path, "SELECT * FROM moods") == [("son", "cross")]


def test_a_database_of_before_the_two_numbers_is_up_to_date(path: Path) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("PRAGMA application_id = 0")
    assert (applied(path), is_due(path), is_newer(path)) == (len(MIGRATIONS), False, False)
    Store(path).close()


def missed_by_the_previous_version(known: tuple[Migration, ...]) -> list[str]:
    """What a program that knows the first READABLE_FROM migrations misses in a file with all of them."""
    with closing(sqlite3.connect(":memory:")) as connection:
        db = sqlite_utils.Database(connection)
        for migration in known[:READABLE_FROM]:
            migration(db)
        before = columns(connection)
        for migration in known[READABLE_FROM:]:
            migration(db)
        after = columns(connection)
    found = []
    for table, names in before.items():
        now = after.get(table, {})
        found += [
            f"{table}.{name} is gone" for name, kind in names.items() if now.get(name, ("",))[0] != kind[0]
        ]
        for name, (_, required, default) in now.items():
            if name not in names and required and default is None:
                found.append(f"{table}.{name} needs a default")
            if name not in names and table in BY_POSITION:
                found.append(f"{table}.{name} is one column too many")
    return found


def columns(connection: sqlite3.Connection) -> dict[str, dict[str, tuple[str, int, str | None]]]:
    """Return type, NOT NULL and default of each column of each table."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: {
            row[1]: (row[2], row[3], row[4])
            for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))
        }
        for table in tables
    }


def test_the_previous_version_misses_nothing() -> None:
    """If this fails, make the migration additive, or raise READABLE_FROM and say so in the changelog."""
    assert missed_by_the_previous_version(MIGRATIONS) == []


@pytest.mark.parametrize(
    ("migration", "missed"),
    [
        (add_mood, []),
        (drop_span, ["pauses.span is gone"]),
        (need_mood, ["pauses.span is gone", "pauses.sure is gone", "pauses.mood needs a default"]),
        (add_to_slots, ["slots.note is one column too many"]),
    ],
)
def test_what_the_previous_version_would_miss_is_found(migration: Migration, missed: list[str]) -> None:
    known = (*MIGRATIONS[:READABLE_FROM], migration)
    assert missed_by_the_previous_version(known) == missed


def test_rows_are_written_with_the_names_of_their_columns() -> None:
    """Otherwise the next version cannot add a column to the table."""
    by_position = re.compile(r"INTO \w+ VALUES")
    folder = ROOT / "gateway" / "store"
    files = [file for file in folder.rglob("*.py") if by_position.search(file.read_text())]
    assert files == []

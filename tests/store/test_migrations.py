"""Whether a file needs migrations, told without opening it for writing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from gateway.store.migrations import is_due
from gateway.store.store import Store


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

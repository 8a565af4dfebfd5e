"""The database on a disk that cannot be written: it is read, and written again when the disk allows it."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.store import database as databases
from gateway.store.database import Database, StoreError, Trouble
from gateway.store.migrations import MIGRATIONS, version
from gateway.store.store import Store
from gateway.store.unwritable import read_only

PHONE = "02:00:00:00:00:0b"
NOW = datetime(2026, 11, 24, 19, 40, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "qalqan.db"


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """While the list is not empty, the file cannot be opened for writing."""
    refusing: list[Path] = []
    opened = databases._open

    def _open(path: Path) -> sqlite3.Connection:
        if path in refusing:
            raise databases._unwritable(path, Trouble.FULL)
        return opened(path)

    monkeypatch.setattr(databases, "_open", _open)
    monkeypatch.setattr(databases, "REOPEN", 0.0)
    return refusing


def paused(store: Store) -> set[str]:
    return {pause.who for pause in store.state(NOW).pauses}


def test_a_store_reads_its_file_and_keeps_changes_until_it_can_write(path: Path, refused: list[Path]) -> None:
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.close()
    refused.append(path)
    store = Store(path)
    assert paused(store) == {"son"}
    (problem,) = store.problems()
    assert f"{path}: the disk is full; free some space" in problem
    store.pauses.pause("daughter", until=None, by="Mum", at=NOW)
    store.flush(1.0)
    assert paused(store) == {"son", "daughter"}
    assert not store.purge(NOW)
    refused.clear()
    store.flush(2.0)
    assert store.problems() == []
    store.close()
    store = Store(path)
    assert paused(store) == {"son", "daughter"}
    assert len(store.audit.lines(10)) == 2
    store.close()


def test_what_was_erased_while_the_disk_was_full_is_erased_later(path: Path, refused: list[Path]) -> None:
    store = Store(path)
    store.notes.seen(PHONE, ["192.168.77.10"], NOW)
    store.audit.record("edit", "son: block: games.example", by="Mum", at=NOW)
    store.flush_devices()
    store.close()
    refused.append(path)
    store = Store(path)
    store.notes.forget(PHONE)
    store.audit.blank("son")
    store.flush(1.0)
    assert len(store.notes.history(PHONE)) == 1
    refused.clear()
    store.flush(2.0)
    assert store.notes.history(PHONE) == []
    assert [line.detail for line in store.audit.lines()] == ["son"]
    store.close()


def test_a_store_without_a_file_starts_in_memory(path: Path, refused: list[Path]) -> None:
    refused.append(path)
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    assert not path.exists()
    refused.clear()
    store.flush(1.0)
    store.close()
    store = Store(path)
    assert paused(store) == {"son"}
    store.close()


def test_a_damaged_file_is_replaced_when_the_disk_allows_it(path: Path, refused: list[Path]) -> None:
    path.write_bytes(b"no database" * 1000)
    refused.append(path)
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.flush(1.0)
    assert path.read_bytes() == b"no database" * 1000
    assert any("the disk is full" in line for line in store.problems())
    refused.clear()
    store.flush(2.0)
    assert not any("the disk is full" in line for line in store.problems())
    store.close()
    store = Store(path)
    assert paused(store) == {"son"}
    store.close()


def test_damage_that_is_found_on_a_full_disk_ends_nothing(path: Path, refused: list[Path]) -> None:
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    refused.append(path)
    store._database.renew()
    store.pauses.pause("daughter", until=None, by="Mum", at=NOW)
    assert paused(store) == {"son", "daughter"}
    refused.clear()
    store.flush(1.0)
    store.close()
    store = Store(path)
    assert paused(store) == {"son", "daughter"}
    store.close()


def test_an_older_database_is_migrated_in_memory(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(
        "PRAGMA journal_mode = WAL; CREATE TABLE other (x); INSERT INTO other VALUES (7)"
    )
    connection.close()
    before = path.read_bytes()
    found = read_only(path)
    assert version(found) == len(MIGRATIONS)
    assert found.execute("SELECT x FROM other").fetchall() == [(7,)]
    found.close()
    assert path.read_bytes() == before


def test_a_database_that_a_power_cut_left_with_a_log_is_read_with_it(path: Path) -> None:
    pid = os.fork()
    if not pid:
        Store(path).pauses.pause("son", until=None, by="Mum", at=NOW)
        os._exit(0)
    os.waitpid(pid, 0)
    assert path.with_name("qalqan.db-wal").stat().st_size
    found = read_only(path)
    assert found.execute("SELECT who FROM pauses").fetchall() == [("son",)]
    found.close()
    path.with_name("qalqan.db-shm").unlink()
    path.with_name("qalqan.db-shm").touch()
    found = read_only(path)
    assert found.execute("SELECT who FROM pauses").fetchall() == [("son",)]
    found.close()


def test_a_database_of_another_error_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="check the state directory"):
        Database(tmp_path / "file" / "qalqan.db")

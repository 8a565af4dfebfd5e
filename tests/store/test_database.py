from __future__ import annotations

import logging
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.policy.accounts.people import Account
from gateway.store import database as databases
from gateway.store.database import StoreError, broken_copies
from gateway.store.migrations import MIGRATIONS, READABLE_FROM, STATE_TABLES, applied
from gateway.store.store import Store
from tests.store.helpers import NOW, look, record, refused

ROOT = Path(__file__).parents[2]


def fill(path: Path) -> None:
    store = Store(path)
    for number in range(200):
        store.pauses.pause(f"child-{number}", until=None, by="Mum " * 20, at=NOW)
        store.slots.assign(f"02:00:00:00:00:{number:02x}", now=number)
    store.people.put(Account("Mum", secret="stamp"))
    store.close()


def test_the_file_is_closed_to_others_and_in_wal_mode(path: Path) -> None:
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_name("qalqan.db-wal").stat().st_mode & 0o777 == 0o600
    assert look(path, "PRAGMA journal_mode") == [("wal",)]
    assert look(path, "PRAGMA user_version") == [(READABLE_FROM,)]
    assert look(path, "PRAGMA application_id") == [(len(MIGRATIONS),)]
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["qalqan.db"]


FAST_OPEN = """
import sys, pathlib
from gateway.store.store import Store
Store(pathlib.Path(sys.argv[1])).close()
print("sqlite_utils" in sys.modules)
"""


def test_sqlite_utils_is_imported_only_when_a_migration_is_due(path: Path) -> None:
    def opened() -> str:
        done = subprocess.run(
            [sys.executable, "-c", FAST_OPEN, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert [opened(), opened()] == ["True", "False"]


def test_a_file_of_a_newer_version_is_left_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "REOPEN", 0.0)
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer = path.read_bytes()
    store = Store(path)
    assert store.is_newer
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.flush(1.0)
    (problem,) = store.problems()
    assert problem.startswith(f"{path}: a newer Qalqan has written it; install that version again, or move")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == newer
    path.rename(path.with_name("away"))
    store.flush(2.0)
    assert (store.problems(), store.is_newer) == ([], False)
    store.close()
    store = Store(path)
    assert [pause.who for pause in store.state(NOW).pauses] == ["son"]
    store.close()


def test_looking_at_a_file_leaves_no_log_that_an_unclean_stop_leaves(path: Path) -> None:
    Store(path).close()
    assert applied(path) == len(MIGRATIONS)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/qalqan\.db: .*; check the state directory"):
        Store(tmp_path / "file" / "qalqan.db")


@pytest.mark.parametrize(
    "junk", [b"<html>not a database</html>" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_what_is_no_database_is_moved_aside(
    path: Path, junk: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(junk)
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.close()
    (aside,) = broken_copies(path)
    assert aside.read_bytes() == junk
    assert len(caplog.messages) == 1
    assert aside.name in caplog.text
    assert look(path, "SELECT who FROM pauses") == [("son",)]


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.touch()
    Store(path).close()
    assert broken_copies(path) == []


def damage(path: Path, near: bytes) -> None:
    """Overwrite the one page of a table (its leaves begin with 0x0d) that holds these bytes and no audit."""
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18])
    pages = [
        start
        for start in range(0, len(data), size)
        if data[start] == 0x0D
        and near in data[start : start + size]
        and b"pause" not in data[start : start + size]
    ]
    assert len(pages) == 1
    data[pages[0] : pages[0] + size] = b"\xff" * size
    path.write_bytes(data)


@pytest.mark.parametrize("clean", [True, False])
def test_a_damaged_table_is_saved_from_both_ends(
    path: Path, clean: bool, caplog: pytest.LogCaptureFixture
) -> None:
    fill(path)
    damage(path, b"child-120")
    if not clean:
        path.with_name("qalqan.db-wal").touch()
    store = Store(path)
    kept = [pause.who for pause in store.state(NOW).pauses]
    assert 50 < len(kept) < 200
    assert {"child-0", "child-199"} <= set(kept)
    assert len(store.slots.all()) == 200
    assert store.people.accounts() == {"Mum": Account("Mum", secret="stamp")}
    store.close()
    assert "200 slots" in caplog.text
    assert look(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize(("text", "number"), [("x", 2**62), ("", -(2**62)), ("{", 2**40)])
@pytest.mark.parametrize("table", STATE_TABLES)
def test_a_value_that_damage_has_changed_ends_no_start(
    path: Path, table: str, text: str, number: int
) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
        row = [text if kind == "TEXT" else number for _, _, kind, *_ in columns]
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        connection.commit()
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.flush_devices()
    store.purge(NOW)
    assert "son" in [pause.who for pause in store.state(NOW).pauses]
    replaced = [line for line in store.problems() if "damaged and has been replaced" in line]
    assert len(replaced) == len(broken_copies(path)), "a problem line and the damaged file, or neither"
    assert replaced or table != "pauses", "its times cannot be read"
    store.close()
    assert look(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_text_that_is_not_utf8_costs_its_row_alone(path: Path) -> None:
    fill(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"02:00:00:00:00:64", b"02:00:00:00:00:\xff\xfe"))
    path.with_name(
        "qalqan.db-wal"
    ).touch()  # not closed: the file is checked, and the finding quotes the text
    store = Store(path)
    assert len(store.slots.all()) == 199
    assert len(store.state(NOW).pauses) == 200
    assert list(store.people.accounts()) == ["Mum"]
    assert ["damaged and has been replaced" in line for line in store.problems()] == [True]
    assert len(broken_copies(path)) == 1
    store.close()


def test_a_folder_in_its_place_is_moved_aside(path: Path) -> None:
    path.mkdir()
    (path / "notes.txt").write_text("somebody's")
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    store.purge(NOW)
    store.close()
    (aside,) = broken_copies(path)
    assert (aside / "notes.txt").read_text() == "somebody's"
    assert look(path, "SELECT who FROM pauses") == [("son",)]


def test_damage_while_running_costs_no_state(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fill(path)
    store = Store(path)
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\x00" * path.stat().st_size)
    store._database.rows("PRAGMA shrink_memory")
    record(store, refused())
    for now in (1.0, 2.0, 3.0):
        store.flush(now, force=True)
    store.pauses.pause("late", until=None, by="Mum", at=NOW)
    problems = store.problems()
    store.close()
    assert ["has been replaced while the filter ran" in line for line in problems] == [True]
    assert len(broken_copies(path)) == 1
    assert look(path, "PRAGMA integrity_check") == [("ok",)]
    assert look(path, "SELECT count(*) FROM pauses") == [(201,)]
    assert look(path, "SELECT count(*) FROM slots") == [(200,)]
    assert look(path, "SELECT host FROM decisions") == [("tiktok.com",)]


KILLED = """
import os, pathlib, signal, sys
from datetime import datetime, UTC
from gateway.store.store import Store
from tests.store.helpers import record, refused
store = Store(pathlib.Path(sys.argv[1]))
now = datetime(2026, 11, 24, 19, tzinfo=UTC)
for number in range(50):
    store.pauses.pause(f"child-{number}", until=None, by="Mum", at=now)
    record(store, refused(), f"{number}.example")
store.class_number(store.slots.assign("02:00:00:00:00:0a", now=1), frozenset({"play"}))
store.flush(0.0, force=True)
record(store, refused(), "unwritten.example")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_loses_nothing_that_was_set(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.with_name("qalqan.db-wal").exists()
    store = Store(path)
    assert len(store.state(NOW).pauses) == 50
    assert store.slots.all() == {"02:00:00:00:00:0a": 1}
    assert store.classes() == {(1, frozenset({"play"})): 1}
    assert len(store.audit.lines()) == 50
    store.close()
    assert look(path, "SELECT count(*) FROM decisions") == [(50,)]
    assert broken_copies(path) == []


def test_what_a_guardian_sets_waits_for_the_disk_and_activity_does_not(path: Path) -> None:
    """By SQLite's own setting while each is written: 2 is FULL, 1 is NORMAL."""
    store = Store(path)
    store.pauses.pause("son", until=None, by="Mum", at=NOW)
    assert store._database.rows("PRAGMA synchronous") == [(2,)]
    record(store, refused(), "tiktok.com")
    store.flush(0.0, force=True)
    assert store._database.rows("PRAGMA synchronous") == [(1,)]
    store.close()


TORN = """
import pathlib, sys
from datetime import datetime, UTC
from gateway.store.store import Store
store = Store(pathlib.Path(sys.argv[1]))
now = datetime(2026, 11, 24, 19, tzinfo=UTC)
number = 0
while True:
    number += 1
    store.pauses.pause(f"child-{number % 1000}", until=None, by="Mum", at=now)
    print(number, flush=True)
"""


def test_kill_9_in_the_middle_of_a_write(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", TORN, str(path)], cwd=ROOT, stdout=subprocess.PIPE) as torn:
        assert torn.stdout is not None
        for _ in range(100):
            line = torn.stdout.readline()
        torn.kill()
        said = int(line)
    store = Store(path)
    assert len(store.state(NOW).pauses) >= min(said, 1000)
    store.close()
    assert look(path, "PRAGMA integrity_check") == [("ok",)]


def test_two_programs_may_read_and_write_at_once(path: Path) -> None:
    store = Store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM pauses").fetchall()
        store.pauses.pause("son", until=None, by="Mum", at=NOW)
        assert store.problems() == []
        reader.execute("COMMIT")
    store.close()


@pytest.mark.needs("root")  # to be held up by another user's lock
def test_a_program_that_holds_the_file_delays_the_disk_and_not_the_pause(path: Path) -> None:
    store = Store(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.pauses.pause("son", until=None, by="Mum", at=NOW)
        assert len(store.state(NOW).pauses) == 1
        assert store.problems()
        other.execute("ROLLBACK")
    store.flush(1.0)
    assert store.problems() == []
    store.close()


def test_nothing_is_logged_on_an_ordinary_start(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Store(path).close()
        Store(path).close()
    assert caplog.messages == []

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.core.bus import Bus
from gateway.store.database import Statement, StoreError, broken_copies
from gateway.store.durable_writes import AUDIT_LIMIT
from gateway.store.store import AUDIT_ROWS, PURGE_ROWS, ActivityErased, Store
from gateway.store.stored_detail import COUNTS_DAYS, NAMES_DAYS
from tests.store.helpers import NOW, look, record, refused

DAY = timedelta(days=1)


def bytes_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def test_names_go_after_seven_days_and_are_gone_from_every_byte(path: Path) -> None:
    store = Store(path)
    record(store, refused(), "marker-old.example")
    record(store, refused(), "marker-new.example", at=NOW + DAY)
    store.flush(0.0, force=True)
    assert b"marker-old" in bytes_of(path.parent)
    assert not store.purge(NOW + NAMES_DAYS * DAY + timedelta(seconds=1))
    assert b"marker-old" not in bytes_of(path.parent)
    assert b"marker-new" in bytes_of(path.parent)
    store.close()
    assert look(path, "SELECT count(*) FROM counts") == [(2,)]


def test_counts_go_after_thirty_days(path: Path) -> None:
    store = Store(path)
    record(store, refused())
    store.flush(0.0, force=True)
    store.purge(NOW + COUNTS_DAYS * DAY)
    assert look(path, "SELECT count(*) FROM counts") == [(1,)]
    store.purge(NOW + (COUNTS_DAYS + 1) * DAY)
    assert look(path, "SELECT count(*) FROM counts") == [(0,)]
    store.close()


def test_a_repeated_audit_line_is_counted(path: Path) -> None:
    """A device that repeats one action: one row a minute instead of one a request."""
    store = Store(path)
    for second in range(30):
        store.audit.record("pin set", "daughter", by="Daughter", at=NOW + timedelta(seconds=second))
    with store.transaction():
        store.audit.record("pin set", "daughter", by="Daughter", at=NOW + timedelta(seconds=40))
        store.audit.record("pin set", "daughter", by="Daughter", at=NOW + timedelta(seconds=41))
        store.audit.record("edit", "daughter: bedtime", by="Mum", at=NOW + timedelta(seconds=42))
        store.audit.record("edit", "daughter: limits", by="Mum", at=NOW + timedelta(seconds=43))
    store.audit.record("pin set", "daughter", by="Daughter", at=NOW + timedelta(seconds=102))
    lines = [(line.who, line.detail, line.count) for line in store.audit.lines()]
    assert lines == [
        ("Daughter", "daughter", 1),
        ("Mum", "daughter: limits", 1),
        ("Mum", "daughter: bedtime", 1),
        ("Daughter", "daughter", 32),
    ]
    store.close()


def test_a_flood_of_one_author_displaces_no_line_of_another(path: Path) -> None:
    store = Store(path)
    store.audit.record("edit", "daughter: bedtime", by="Mum", at=NOW)
    with store.transaction():
        for number in range(AUDIT_LIMIT):
            after = NOW + timedelta(seconds=1)
            store.audit.record("self set", f"daughter: {number}", by="Daughter", at=after)
    at = int(NOW.timestamp()) + 2
    rows = [(at + number, "Daughter", "self set", str(number), "") for number in range(AUDIT_ROWS)]
    store._database.write(
        [Statement("INSERT INTO audit (at, who, what, detail, origin) VALUES (?, ?, ?, ?, ?)", rows)],
        durable=True,
    )
    while store.purge(NOW):
        pass
    assert look(path, "SELECT who, count(*), min(at) FROM audit GROUP BY who ORDER BY who") == [
        ("Daughter", AUDIT_ROWS, at),
        ("Mum", 1, int(NOW.timestamp())),
    ]
    store.close()


def test_the_audit_goes_after_a_year(path: Path) -> None:
    store = Store(path)
    store.audit.record("rules", "son", by="Mum", at=NOW)
    store.purge(NOW + 364 * DAY)
    assert len(store.audit.lines()) == 1
    store.purge(NOW + 366 * DAY)
    assert store.audit.lines() == []
    store.close()


def test_much_is_erased_in_short_steps_and_the_file_shrinks(path: Path) -> None:
    store = Store(path)
    for number in range(2 * PURGE_ROWS + 1):
        record(store, refused(), f"{number}.{'x' * 60}.example")
    store.flush(0.0, force=True)
    store.purge(NOW)
    before = path.stat().st_size
    later = NOW + (NAMES_DAYS + 1) * DAY
    assert [store.purge(later) for _ in range(3)] == [True, True, False]
    assert before - path.stat().st_size > 2 * PURGE_ROWS * 60, "at least the names"
    store.close()


def test_a_person_s_names_are_erased_at_once_and_counts_stay(path: Path) -> None:
    bus = Bus()
    store = Store(path, bus=bus)
    record(store, refused(), "marker-a.example", profile="son")
    store.flush(0.0, force=True)
    record(store, refused(), "marker-b.example", profile="son")
    record(store, refused(), "hers.example", profile="daughter")
    erased: list[ActivityErased] = []
    bus.subscribe(ActivityErased, erased.append)
    store.erase("son")
    assert erased == [ActivityErased("son", past=False, running=False)]
    store.close()
    assert b"marker" not in bytes_of(path.parent)
    assert look(path, "SELECT host FROM decisions") == [("hers.example",)]
    assert look(path, "SELECT sum(times) FROM counts WHERE profile = 'son'") == [(2,)]


def test_names_are_erased_although_a_file_of_minutes_cannot_be(path: Path) -> None:
    def fail(_event: ActivityErased) -> None:
        raise StoreError("minutes cannot be erased")

    bus = Bus()
    store = Store(path, bus=bus)
    bus.subscribe(ActivityErased, fail)
    record(store, refused(), "marker.example", profile="son")
    store.flush(0.0, force=True)
    with pytest.raises(StoreError):
        store.erase("son")
    assert b"marker" not in bytes_of(path.parent)
    store.close()


def test_names_that_another_program_reads_are_erased_after_it_ends(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.database.TIDY_AGAIN", 0.0)
    store = Store(path)
    record(store, refused(), "marker.example", profile="son")
    store.flush(0.0, force=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT host FROM decisions").fetchall() == [("marker.example",)]
        store.erase("son")
        store.flush(1.0)
        assert b"marker" in bytes_of(path.parent), "the other program still reads it"
    store.flush(2.0)
    assert b"marker" not in bytes_of(path.parent)
    store.close()


def test_a_broken_copy_does_not_outlive_the_names_in_it(path: Path) -> None:
    path.write_bytes(b"broken" * 1000)
    store = Store(path)
    (aside,) = broken_copies(path)
    os.utime(aside, (NOW.timestamp(), NOW.timestamp()))
    store.purge(NOW + NAMES_DAYS * DAY)
    assert aside.exists()
    store.purge(NOW + (NAMES_DAYS + 1) * DAY)
    assert not aside.exists()
    store.close()


def test_deleting_activity_deletes_damaged_copies_too(path: Path) -> None:
    """They have everybody's names in them, and nobody can take one person's out."""
    path.write_bytes(b"broken" * 1000)
    store = Store(path)
    assert len(broken_copies(path)) == 1
    store.erase("son")
    assert not broken_copies(path)
    store.close()


def test_figures_for_status(path: Path) -> None:
    store = Store(path)
    record(store, refused())
    figures = store.figures()
    assert figures["pending"] == 2
    assert figures["dropped"] == figures["renewals"] == 0
    assert figures["bytes"] > 4096
    store.close()

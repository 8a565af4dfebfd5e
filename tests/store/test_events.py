from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.time.schedule import Calendar
from gateway.policy.values import Reason
from gateway.store.events import PENDING_LIMIT
from gateway.store.flash_wear import OFTEN, RARELY, Wear
from gateway.store.store import Store
from tests.store.helpers import HOUR, NOW, allowed, look, record, refused


def test_a_refusal_reaches_the_disk_with_all_that_explains_it(path: Path) -> None:
    store = Store(path)
    record(store, refused())
    store.close()
    at = int(NOW.timestamp())
    assert look(path, "SELECT * FROM decisions") == [
        ("daughter", "02:00:00:00:00:0a", "tiktok.com", "tls", "block", "service",
         "block: service:tiktok", "family", at, at, 1, 1, 0)
    ]  # fmt: skip
    assert look(path, "SELECT * FROM counts") == [
        ("2026-11-24", "daughter", "service:tiktok", "block", 1, 1, 0)
    ]


@pytest.mark.parametrize(("level", "names", "counts"), [(0, 0, 0), (1, 0, 2), (2, 1, 2), (3, 2, 2)])
def test_the_log_level_decides_what_is_kept(path: Path, level: int, names: int, counts: int) -> None:
    store = Store(path)
    record(store, refused(), level=level)
    record(store, allowed(), "bilimland.kz", level=level, category="education")
    store.close()
    assert len(look(path, "SELECT * FROM decisions")) == names
    assert len(look(path, "SELECT * FROM counts")) == counts


def test_help_leaves_no_trace_in_any_byte(path: Path) -> None:
    store = Store(path)
    record(store, allowed(Reason.HELP), "help-marker.example", level=3, category="help-marker")
    store.flush(0.0, force=True)
    for file in path.parent.iterdir():
        assert b"help-marker" not in file.read_bytes()
    store.close()


def test_blocks_for_everyone_store_no_person_in_any_byte(path: Path) -> None:
    store = Store(path)
    record(
        store, refused(Reason.REFUSED_FOR_EVERYONE), "sealed-marker.example", level=3, profile="son-marker"
    )
    store.flush(0.0, force=True)
    for file in path.parent.iterdir():
        assert b"marker" not in file.read_bytes()
    store.close()
    assert look(path, "SELECT * FROM counts") == [
        ("2026-11-24", "", "refused_for_everyone", "block", 1, 1, 0)
    ]


def test_repeats_become_one_row_and_counts_add_up_over_batches(path: Path) -> None:
    store = Store(path)
    for minutes in range(3):
        record(store, refused(), at=NOW + timedelta(minutes=minutes))
    store.flush(0.0, force=True)
    record(store, refused(), at=NOW + HOUR)
    store.close()
    start = int(NOW.timestamp())
    assert look(path, "SELECT first, last, times FROM decisions ORDER BY first") == [
        (start, start + 120, 3),
        (start + 3600, start + 3600, 1),
    ]
    assert look(path, "SELECT times FROM counts") == [(4,)]


@pytest.mark.parametrize(("wear", "seconds"), [(OFTEN, 30.0), (RARELY, 900.0)], ids=["often", "rarely"])
def test_a_batch_waits_for_its_time_or_its_size(path: Path, wear: Wear, seconds: float) -> None:
    store = Store(path, wear=wear)

    def written() -> int:
        return len(look(path, "SELECT * FROM decisions"))

    record(store, refused())
    store.flush(100.0)
    store.flush(99.0 + seconds)
    assert written() == 0
    store.flush(100.0 + seconds)
    assert written() == 1
    for number in range(wear.flush_count):
        record(store, refused(), f"{number}.example")
    store.flush(101.0 + seconds)
    assert written() == 1 + wear.flush_count
    store.close()


def test_a_new_day_begins_at_day_starts(path: Path) -> None:
    store = Store(path)
    record(store, refused(), at=NOW.replace(hour=3))
    record(store, refused(), at=NOW.replace(hour=4))
    store.close()
    assert look(path, "SELECT day FROM counts ORDER BY day") == [("2026-11-23",), ("2026-11-24",)]


def test_the_day_is_that_of_each_moment_in_whatever_order_and_zone(path: Path) -> None:
    store = Store(path)
    night = NOW.replace(hour=3, minute=59, second=59, microsecond=999_999)
    for at in (NOW, night, NOW, night + HOUR, night + 24 * HOUR, night + 25 * HOUR):
        record(store, refused(), at=at)
    record(store, refused(), at=(night + HOUR).astimezone(UTC))  # the evening before, there
    store.close()
    rows = look(path, "SELECT day, times FROM counts ORDER BY day")
    assert rows == [("2026-11-23", 2), ("2026-11-24", 4), ("2026-11-25", 1)]


def test_a_day_does_not_go_back_with_the_clock(path: Path) -> None:
    berlin = Calendar(ZoneInfo("Europe/Berlin"), day_starts=150)
    store = Store(path, family_day=berlin.family_day)
    begun = datetime(2026, 10, 25, 2, 40, tzinfo=berlin.zone)
    back = begun.replace(minute=10, fold=1)  # half an hour later: at 03:00 it became 02:00
    record(store, refused(), at=begun)
    record(store, refused(), at=back)
    assert store.today(back) == date(2026, 10, 25)
    store.close()
    assert look(path, "SELECT day, times FROM counts") == [("2026-10-25", 2)]


def test_memory_is_bounded_and_the_oldest_go_first(path: Path) -> None:
    store = Store(path)
    for number in range(PENDING_LIMIT + 10):
        record(store, refused(), f"{number}.example")
    assert store.figures()["pending"] == PENDING_LIMIT + 1
    assert store.problems() == ["10 decisions were dropped from the log."]
    store.close()
    kept = {host for (host,) in look(path, "SELECT host FROM decisions")}
    assert "9.example" not in kept
    assert {"10.example", f"{PENDING_LIMIT + 9}.example"} <= kept


def test_a_full_disk_is_said_once_and_loses_only_the_oldest(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(path, wear=Wear(flush_every=0.0))
    database = store._database
    pages = database.rows("PRAGMA page_count")[0][0]
    database.rows(f"PRAGMA max_page_count = {pages}")
    with caplog.at_level(logging.WARNING):
        for number in range(PENDING_LIMIT + 5):
            record(store, refused(), f"{number}.example")
            if number % 1000 == 0:
                store.flush(float(number))
        store.flush(1e6)
    assert [
        line for line in caplog.messages if "the disk is full; free some space" in line
    ] == caplog.messages
    assert len(caplog.messages) == 1
    database.rows("PRAGMA max_page_count = 1000000")
    store.flush(2e6)
    store.close()
    kept = {host for (host,) in look(path, "SELECT host FROM decisions")}
    assert f"{PENDING_LIMIT + 4}.example" in kept
    assert len(kept) >= PENDING_LIMIT
    assert "writable again" in caplog.messages[-1]

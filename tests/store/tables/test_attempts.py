"""The times of attempts that are limited per day: over restarts, clock changes, and up to their limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.policy.time.clock_changes import Jump
from gateway.store.store import Store
from gateway.store.tables.attempts import KEYS_LIMIT

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KIND = "pin tries"
SON = "02:00:00:00:00:0a son"


def reopened(store: Store, path: Path) -> Store:
    store.close()
    return Store(path)


def test_the_newest_attempts_of_a_key_are_kept_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    for hour in range(4):
        store.attempts.add(KIND, SON, NOW + hour * HOUR, 3)
    store.attempts.add("other", SON, NOW, 3)
    store = reopened(store, path)
    assert store.attempts.of(KIND) == {SON: (NOW + HOUR, NOW + 2 * HOUR, NOW + 3 * HOUR)}
    store.attempts.drop_old(NOW + HOUR)
    store.attempts.drop_of("daughter")
    store = reopened(store, path)
    assert (list(store.attempts.of(KIND)), list(store.attempts.of("other"))) == ([SON], [])
    store.attempts.drop_of("son")
    store = reopened(store, path)
    assert store.attempts.of(KIND) == {}
    store.close()


def test_a_clock_that_is_set_moves_the_times_that_it_showed_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    wrong = datetime(2001, 1, 1, tzinfo=UTC)
    store.attempts.add(KIND, SON, NOW, 5)
    store.attempts.add(KIND, SON, wrong, 5)
    store.shift(Jump(wrong + HOUR, NOW + 2 * HOUR, False, True))
    store = reopened(store, path)
    assert store.attempts.of(KIND) == {SON: (NOW, NOW + HOUR)}
    store.close()


def test_invented_keys_displace_the_oldest(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    with store.transaction():
        for number in range(KEYS_LIMIT + 2):
            store.attempts.add(KIND, f"{number} son", NOW + number * HOUR, 5)
    store = reopened(store, path)
    found = store.attempts.of(KIND)
    assert (len(found), "1 son" in found, "2 son" in found) == (KEYS_LIMIT, False, True)
    store.close()

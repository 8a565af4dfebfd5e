from __future__ import annotations

from pathlib import Path

from gateway.age.bands import AgeBand
from gateway.store.store import Store
from gateway.store.tables.held_bands import HELD_LIMIT
from tests.store.helpers import NOW, look


def test_the_highest_band_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    assert store.held_bands.hold("son", AgeBand.AGE_10_12) is AgeBand.AGE_10_12
    assert store.held_bands.hold("son", AgeBand.AGE_13_15) is AgeBand.AGE_13_15
    assert look(path, "SELECT profile, band FROM bands") == [("son", "13-15")]
    store.close()
    store = Store(path)
    assert store.held_bands.hold("son", AgeBand.AGE_0_5) is AgeBand.AGE_13_15
    assert store.held_bands.hold("daughter", AgeBand.AGE_0_5) is AgeBand.AGE_0_5
    store.close()


def test_of_deleted_profiles_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    store.held_bands.hold("son", AgeBand.AGE_13_15)
    for number in range(HELD_LIMIT + 5):
        store.held_bands.hold(f"deleted{number}", AgeBand.AGE_6_9)
    store.held_bands.hold("son", AgeBand.AGE_0_5)  # as at each change of the rules
    store.purge(NOW)
    kept = dict(store.held_bands.all())
    assert len(kept) == HELD_LIMIT
    assert kept["son"] is AgeBand.AGE_13_15
    assert "deleted0" not in kept
    store.close()
    store = Store(path)
    assert store.held_bands.all() == kept
    store.close()

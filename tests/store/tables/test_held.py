from __future__ import annotations

from pathlib import Path

from gateway.age.bands import AgeBand
from gateway.store.store import Store
from tests.store.helpers import look


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

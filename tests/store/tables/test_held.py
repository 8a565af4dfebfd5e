from __future__ import annotations

from pathlib import Path

from gateway.age.bands import Band
from gateway.store.store import Store
from tests.store.helpers import look


def test_the_highest_band_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "q.db"
    store = Store(path)
    assert store.hold_band("son", Band.AGE_10_12) is Band.AGE_10_12
    assert store.hold_band("son", Band.AGE_13_15) is Band.AGE_13_15
    assert look(path, "SELECT profile, band FROM bands") == [("son", "13-15")]
    store.close()
    store = Store(path)
    assert store.hold_band("son", Band.AGE_0_5) is Band.AGE_13_15
    assert store.hold_band("daughter", Band.AGE_0_5) is Band.AGE_0_5
    store.close()

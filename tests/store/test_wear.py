"""What is written where flash is poor, over a whole day of eight children."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.config.config import Flash
from gateway.store.flash_wear import OFTEN, RARELY, wear
from tests.bench import flash


def test_only_flash_that_is_said_to_be_poor_is_spared() -> None:
    assert (wear(Flash.NORMAL), wear(Flash.POOR)) == (OFTEN, RARELY)


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    return flash._shim(tmp_path)


def test_a_day_on_poor_flash(tmp_path: Path, shim: Path) -> None:
    often, rarely = (flash.a_day(tmp_path / one.value, shim, one) for one in (Flash.NORMAL, Flash.POOR))
    print(f"normal: {often[0]} bytes, {often[1]} times; poor: {rarely[0]} bytes, {rarely[1]} times")
    assert rarely[0] * 4 < often[0]
    assert rarely[0] < flash.MARKS[Flash.POOR][0] * 1e6
    # A sync for each minute in which somebody's time counts, and each quarter of an hour.
    assert rarely[1] < min(flash.MARKS[Flash.POOR][1], often[1])

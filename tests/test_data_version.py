"""The version of the packaged data: raised with each change of the data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gateway.feed.data_set import read_data_set
from profiles import DATA
from tests.data_version import checksum, raise_version, recorded
from tests.feed.publisher import data_with

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_the_version_belongs_to_the_data() -> None:
    """An older feed with the same or a higher version would replace newer packaged data."""
    assert recorded(DATA) == checksum(DATA), "run: make data-version"


def test_a_change_raises_the_version(tmp_path: Path) -> None:
    files = {"data.yaml": "format: 1\nversion: 2026113001\n"}
    data = data_with(tmp_path / "data", files)
    assert raise_version(data, NOW) == 2026120100
    assert raise_version(data, NOW) == 2026120100, "nothing has changed"
    with (data / "lists" / "gambling.txt").open("a") as seed:
        seed.write("one-more.example\n")
    assert recorded(data) != checksum(data)
    assert raise_version(data, NOW) == 2026120101
    found = read_data_set(data)
    assert (found.format, found.version) == (1, 2026120101)
    assert recorded(data) == checksum(data)

"""The table in force: the built one, mapped; before the first build the seed; a damaged one is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ListError
from gateway.lists.table import TABLE_NAME, open_table, seed_names
from gateway.policy.categories import parse_categories
from gateway.policy.domains import pack_table
from profiles import DATA

BUILT = "2026-11-24T06:00:00Z"


def built(state: Path, **names: str) -> Path:
    path = state / TABLE_NAME
    hosts = {f"{name}.example": {what} for name, what in names.items()}
    path.write_bytes(pack_table(hosts, salt=bytes(16), built=BUILT))
    return path


def test_without_a_table_the_seed_filters(tmp_path: Path) -> None:
    table = open_table(tmp_path / "nothing")
    name, categories = next(iter(seed_names().items()))
    assert table.table.categories(f"www.{name}") >= categories
    assert len(table.table) == len(seed_names()) > 1000
    table.close()


def test_every_seed_is_of_a_category_that_there_is() -> None:
    known = parse_categories((DATA / "categories.yaml").read_bytes(), "categories.yaml").by_id
    assert {category for categories in seed_names().values() for category in categories} <= set(known)


def test_the_built_table_is_mapped_and_let_go(tmp_path: Path) -> None:
    path = built(tmp_path, casino="gambling")
    table = open_table(tmp_path)
    assert table.table.categories("casino.example") == {"gambling"}
    assert str(path) in Path("/proc/self/maps").read_text()
    table.close()
    table.close()
    assert str(path) not in Path("/proc/self/maps").read_text()


def test_an_open_table_outlives_its_replacement(tmp_path: Path) -> None:
    built(tmp_path, casino="gambling")
    table = open_table(tmp_path)
    folder = tmp_path / "new"
    folder.mkdir()
    built(folder, casino="dating").replace(tmp_path / TABLE_NAME)
    assert table.table.categories("casino.example") == {"gambling"}
    fresh = open_table(tmp_path)
    assert fresh.table.categories("casino.example") == {"dating"}
    table.close()
    fresh.close()


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "longer"])
def test_a_damaged_table_is_one_line_that_says_what_to_do(tmp_path: Path, damage: str) -> None:
    path = built(tmp_path, casino="gambling", dates="dating")
    whole = path.read_bytes()
    contents = {"empty": b"", "cut": whole[:-7], "other": b"<html>" * 40, "longer": whole + b"x"}
    path.write_bytes(contents[damage])
    with pytest.raises(ListError) as refused:
        open_table(tmp_path)
    assert str(refused.value).startswith(str(path))
    assert str(refused.value).endswith("qalqan lists build")
    assert "\n" not in str(refused.value)


def test_a_folder_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / TABLE_NAME).mkdir()
    with pytest.raises(ListError, match="cannot be read"):
        open_table(tmp_path)

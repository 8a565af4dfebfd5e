"""A category table that is damaged: at a start, at a reload, and while it is in use; real files."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from gateway.core.bus import Bus
from gateway.core.turns import finish
from gateway.household.rule_book import CategoryTableLost, RuleBook
from gateway.lists.table import TABLE_NAME, seed_names
from gateway.policy.names.domain_table import HEAD, MIN_BUCKET_BITS, pack_table
from tests.household.household_files import DAUGHTER, write

BUILT = "2026-11-24T06:00:00Z"
LISTED = next(iter(seed_names()))
REMAINDERS = HEAD.size + 4 * ((1 << MIN_BUCKET_BITS) + 1)  # where a table of one name has it


def build(path: Path, host: str = "casino.example") -> None:
    """As the build does it: the new file replaces the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pack_table({host: {"gambling"}}, salt=bytes(16), built=BUILT))
    if path.is_dir():
        path.rmdir()
    fresh.replace(path)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write(tmp_path, {"daughter": DAUGHTER})


@pytest.fixture
def table(config: Path) -> Path:
    path = config.parent / "state" / TABLE_NAME
    build(path)
    return path


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    else:
        contents = {
            "empty": b"",
            "cut": whole[:-7],
            "half a head": whole[:30],
            "another file": b"<html>" * 99,
        }
        path.write_bytes(contents[how])


@pytest.mark.parametrize("how", ["empty", "cut", "half a head", "another file", "a folder"])
def test_a_start_with_a_damaged_table_has_the_packaged_lists(config: Path, table: Path, how: str) -> None:
    damage(table, how)
    rules = RuleBook(config)
    assert rules.table_damaged
    assert rules.world.table.categories(f"www.{LISTED}") >= seed_names()[LISTED]
    (line,) = rules.problems()
    assert line.startswith(f"{table}: the category table ")
    assert line.endswith(". Until then only the packaged lists filter.")
    assert "\n" not in line

    build(table)
    rules.reload()
    assert (rules.table_damaged, rules.problems()) == (False, [])
    assert rules.world.table.categories("casino.example") == {"gambling"}


@pytest.mark.parametrize("how", ["empty", "cut", "a folder"])
def test_a_reload_with_a_damaged_table_keeps_the_previous_one(config: Path, table: Path, how: str) -> None:
    bus, calls = Bus(), list[bool]()
    rules = RuleBook(config, bus=bus)
    bus.subscribe(CategoryTableLost, lambda _: calls.append(rules.table_damaged))
    damage(table, how)  # another file in its place, so the open one is whole
    rules.reload()
    assert rules.world.table.categories("casino.example") == {"gambling"}
    (line,) = rules.problems()
    fix = "or rebuild it" if how == "a folder" else "build it again"
    assert line.endswith(f"{fix}: qalqan lists build. Until then the previous table is in use.")
    assert calls == [True]


@pytest.mark.parametrize("size", [0, 100])
def test_a_table_that_is_cut_while_it_is_in_use(
    config: Path, table: Path, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    bus, calls = Bus(), list[bool]()
    rules = RuleBook(config, bus=bus)
    world = rules.world
    bus.subscribe(CategoryTableLost, lambda _: calls.append(rules.table_damaged))
    os.truncate(table, size)
    with caplog.at_level(logging.ERROR):
        assert world.table.categories("casino.example") == frozenset()
    assert world.table.categories(LISTED) == seed_names()[LISTED]
    assert calls == [True]
    (line,) = rules.problems()
    assert line in caplog.messages
    assert line.startswith(f"{table}: the category table was damaged while it was in use")
    assert line.endswith("Until then only the packaged lists filter.")

    rules.reload()
    (line,) = rules.problems()
    assert line.endswith("Until then only the packaged lists filter."), "the previous table is lost"
    build(table, "dice.example")
    rules.reload()
    assert rules.problems() == []
    assert rules.world.table.categories("dice.example") == {"gambling"}


def test_a_table_that_no_look_up_reads_is_reported_as_well(config: Path, table: Path) -> None:
    rules = RuleBook(config)
    os.truncate(table, 0)
    before = rules.table_damaged
    assert len(rules.problems()) == 1
    assert (before, rules.table_damaged) == (False, True)


def test_one_damaged_byte_is_found_after_a_start_and_the_same_file_is_not_used_again(
    config: Path, table: Path
) -> None:
    data = bytearray(table.read_bytes())
    data[REMAINDERS] ^= 1
    table.write_bytes(data)
    bus, calls = Bus(), list[bool]()
    rules = RuleBook(config, bus=bus)
    bus.subscribe(CategoryTableLost, lambda _: calls.append(rules.table_damaged))
    assert not rules.table_damaged, "a start does not read the whole file"
    assert rules.world.table.categories("casino.example") == frozenset(), "a wrong verdict"
    finish(rules.verify_table_steps())
    assert calls == [True]
    assert rules.world.table.categories(LISTED) == seed_names()[LISTED]
    (line,) = rules.problems()
    assert line.startswith(f"{table}: the category table does not match its seal; build it again")
    assert line.endswith("Until then only the packaged lists filter.")

    rules.reload()
    assert rules.problems() == [line]
    assert rules.world.table.categories(LISTED) == seed_names()[LISTED]
    assert calls == [True, True], "it is built again, if that is due"
    build(table)
    rules.reload()
    finish(rules.verify_table_steps())
    assert (rules.table_damaged, rules.problems()) == (False, [])
    assert rules.world.table.categories("casino.example") == {"gambling"}

"""The table in use: the built one or the seed, damage while it is opened, and damage while it is in use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.core.errors import ListError
from gateway.lists.table import CHUNK, TABLE_NAME, StoredTable, open_table, seed_names
from gateway.policy.names.categories import parse_categories
from gateway.policy.names.domain_table import pack_table
from profiles import DATA

BUILT = "2026-11-24T06:00:00Z"
ROOT = Path(__file__).parents[2]


def built(state: Path, **names: str) -> Path:
    path = state / TABLE_NAME
    hosts = {f"{name}.example": {what} for name, what in names.items()}
    path.write_bytes(pack_table(hosts, salt=bytes(16), built=BUILT))
    return path


def test_without_a_table_the_seed_filters(tmp_path: Path) -> None:
    table = open_table(tmp_path / "nothing")
    name, categories = next(iter(seed_names().items()))
    assert table.categories(f"www.{name}") >= categories
    assert len(table) == len(seed_names()) > 1000
    table.close()


def test_every_seed_is_of_a_category_that_there_is() -> None:
    known = parse_categories((DATA / "categories.yaml").read_bytes(), "categories.yaml").by_id
    assert {category for categories in seed_names().values() for category in categories} <= set(known)


def is_open(path: Path) -> bool:
    """Whether this process has the file open or mapped."""
    links = [one for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
    return str(path) in [os.readlink(one) for one in links] or mapped(path)


def mapped(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text()


def test_the_built_table_is_open_and_let_go(tmp_path: Path) -> None:
    path = built(tmp_path, casino="gambling")
    table = open_table(tmp_path)
    assert table.categories("casino.example") == {"gambling"}
    assert is_open(path)
    assert not mapped(path), "SIGBUS ends a process that reads beyond the end of a mapped file"
    table.close()
    table.close()
    assert not is_open(path)
    with pytest.raises(ValueError, match="closed"):
        table.categories("casino.example")


def test_an_open_table_outlives_its_replacement(tmp_path: Path) -> None:
    built(tmp_path, casino="gambling")
    table = open_table(tmp_path)
    folder = tmp_path / "new"
    folder.mkdir()
    built(folder, casino="dating").replace(tmp_path / TABLE_NAME)
    assert table.categories("casino.example") == {"gambling"}
    fresh = open_table(tmp_path)
    assert fresh.categories("casino.example") == {"dating"}
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
    assert not is_open(path)
    assert str(refused.value).startswith(str(path))
    assert str(refused.value).endswith("qalqan lists build")
    assert "\n" not in str(refused.value)


def test_a_folder_in_its_place_is_one_line(tmp_path: Path) -> None:
    (tmp_path / TABLE_NAME).mkdir()
    with pytest.raises(ListError, match="cannot be read"):
        open_table(tmp_path)
    assert not is_open(tmp_path / TABLE_NAME)


def test_a_pipe_in_its_place_is_one_line(tmp_path: Path) -> None:
    """To open one waits for a writer."""
    os.mkfifo(tmp_path / TABLE_NAME)
    with pytest.raises(ListError, match=r"cannot be read \(it is not a file\)"):
        open_table(tmp_path)


NAMES = {f"n{number}.example": {"games"} for number in range(40_000)}
LISTED = next(iter(seed_names()))


def large(state: Path, when_lost: Callable[[], None] = lambda: None) -> tuple[Path, StoredTable]:
    path = state / TABLE_NAME
    path.write_bytes(pack_table(NAMES, salt=bytes(16), built=BUILT))
    table = open_table(state, when_lost)
    assert isinstance(table, StoredTable)
    return path, table


@pytest.mark.parametrize("left", [0, 64, 5000, 150_000])
def test_a_table_that_is_cut_in_place_continues_as_the_seed(tmp_path: Path, left: int) -> None:
    calls: list[str] = []
    path, table = large(tmp_path, lambda: calls.append(table.lost))
    assert table.categories("n7.example") == {"games"}
    os.truncate(path, left)
    for name in NAMES:
        assert table.categories(name) in (frozenset(), {"games"})
    assert table.categories(f"www.{LISTED}") >= seed_names()[LISTED]
    assert table.entry("192.0.2.1") == frozenset()
    assert table.matches(f"www.{LISTED}") == ((LISTED, seed_names()[LISTED]),)
    assert len(table) == len(seed_names())
    table.check()
    assert len(calls) == 1, "reported once"
    assert calls[0].startswith(f"{path}: the category table was damaged while it was in use; build it again")
    table.close()


def test_a_table_that_is_written_to_in_place_is_found_by_a_check(tmp_path: Path) -> None:
    path, table = large(tmp_path)
    table.check()
    assert table.lost == ""
    path.write_bytes(bytes(path.stat().st_size))
    table.check()
    assert table.lost
    assert table.categories(LISTED) == seed_names()[LISTED]
    table.close()


def test_a_file_that_cannot_be_read_any_more_continues_as_the_seed(tmp_path: Path) -> None:
    """A worn flash: here a folder is behind the descriptor, which cannot be read either."""
    _, table = large(tmp_path)
    folder = os.open(tmp_path, os.O_RDONLY)
    os.dup2(folder, table._fd)
    os.close(folder)
    assert table.categories(LISTED) == seed_names()[LISTED]
    assert table.lost
    table.close()


_LOOK_UP = """
import sys
from collections.abc import Callable
from pathlib import Path
from gateway.lists.table import open_table
table = open_table(Path(sys.argv[1]))
print("ready", flush=True)
while not table.lost:
    for number in range(40_000):
        table.categories(f"n{number}.example")
print(table.lost, flush=True)
"""


@pytest.mark.parametrize("cut", ["truncated", "written anew", "copied over"])
def test_a_process_survives_that_the_table_is_cut_during_its_look_ups(tmp_path: Path, cut: str) -> None:
    path, table = large(tmp_path)
    table.close()
    argv = [sys.executable, "-c", _LOOK_UP, str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if cut == "truncated":
            os.truncate(path, 4096)
        elif cut == "written anew":
            path.write_bytes(b"")
        else:
            shutil.copyfile(built(tmp_path.parent, casino="gambling"), path)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "the category table was damaged while it was in use" in said


@pytest.mark.parametrize("at", [30, 100_000, 200_000], ids=["salt", "name", "set of categories"])
def test_one_damaged_byte_is_found_by_the_seal(tmp_path: Path, at: int) -> None:
    calls: list[str] = []
    path, table = large(tmp_path)
    table.close()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    damaged = open_table(tmp_path, lambda: calls.append(path.name))
    assert isinstance(damaged, StoredTable)
    assert damaged.lost == "", "opening does not read the whole file"
    assert len(list(damaged.verify_steps())) == -(-path.stat().st_size // CHUNK)
    assert calls == [path.name]
    problem = "the category table does not match its seal; build it again: qalqan lists build"
    assert damaged.lost == f"{path}: {problem}"
    assert damaged.categories(LISTED) == seed_names()[LISTED]
    assert list(damaged.verify_steps()) == [], "once"
    damaged.close()


def test_the_seal_of_a_whole_table_matches(tmp_path: Path) -> None:
    _, table = large(tmp_path)
    assert len(list(table.verify_steps())) > 1
    assert table.lost == ""
    assert table.categories("n7.example") == {"games"}
    table.close()


def test_the_check_of_the_seal_ends_with_the_table(tmp_path: Path) -> None:
    calls: list[str] = []
    _, table = large(tmp_path, lambda: calls.append(table.lost))
    steps = table.verify_steps()
    next(steps)
    table.close()
    assert list(steps) == []
    assert calls == []

"""`lists update` over a real server: what fails is said, and what is good stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from gateway.commands.library import Library, read_library
from gateway.commands.lists import Progress
from gateway.errors import ListError
from gateway.lists.build import Canaries
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList
from gateway.lists.table import open_table
from tests.lists.served import fetcher, served
from tests.pace import longest

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
BODIES = {"/usual": b"casino.example\n", "/chosen": b"dates.example\n", "/broken": b"<html>moved</html>\n"}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with served(BODIES) as server:
        lists = [
            a_list("usual", "gambling", server.address, default=True),
            a_list("chosen", "dating", server.address, default=False),
            a_list("broken", "games", server.address, default=False),
        ]
        yield Library({one.id: one for one in lists}, (), Canaries(["www.help.example"]), tmp_path / "state")


def a_list(name: str, category: str, address: str, *, default: bool) -> PublishedList:
    url = f"{address}/{name}"
    return PublishedList(name, name, url, Format.DOMAINS, "CC0-1.0", category, 1, 1 << 20, False, default)


def update(library: Library, *named: str, now: datetime = NOW) -> list[str]:
    return library.fetch(named, fetcher(sleep=lambda _: None), now)


def test_what_is_due(library: Library) -> None:
    assert [one.id for one in library.due()] == ["usual"]
    assert update(library, "chosen") == []
    # Once asked for, it is kept fresh.
    assert [one.id for one in library.due()] == ["usual", "chosen"]


def test_a_failed_list_is_said_and_the_others_are_built(library: Library) -> None:
    problems = update(library, "chosen", "broken")
    assert len(problems) == 1
    assert problems[0].startswith("broken: line 1: a web page, not a list")
    info, reports = library.build(NOW)
    assert info.count == 2
    assert [one.id for one in reports] == ["chosen", "usual"]
    table = open_table(library.state)
    assert table.table.categories("www.dates.example") == {"dating"}
    table.close()


def test_a_fresh_list_is_not_fetched_again_unless_forced(library: Library) -> None:
    told: list[str] = []
    one = fetcher(progress=lambda source, done, total: told.append(source), sleep=lambda _: None)
    library.fetch((), one, NOW)
    library.fetch((), one, NOW + timedelta(hours=1))
    assert told == ["usual"]
    library.fetch((), one, NOW + timedelta(hours=1), force=True)
    assert told == ["usual", "usual"]


def test_nothing_to_build_from_is_refused(library: Library) -> None:
    with pytest.raises(ListError, match="there is no list to build from; run: qalqan lists update"):
        library.build(NOW)


def test_the_products_own_library(tmp_path: Path) -> None:
    library = read_library(tmp_path)
    assert any(one.default for one in library.published.values())
    assert len(library.seeds) > 10


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    for done in range(0, 3 << 20, 1 << 16):
        progress("long", done, None)
    progress("short", 2048, 2048)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["long: 1024 kB", "long: 2048 kB", "short: 2 kB of 2 kB"]


@pytest.mark.lab
def test_an_update_without_internet_is_one_line_at_once(config: Path) -> None:
    """In a network namespace with nothing in it: every lookup of a name fails."""
    argv = ["unshare", "--net", sys.executable, "-m", "gateway", "--config", str(config), "lists", "update"]
    begun = monotonic()
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("qalqan: no internet: neither ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert monotonic() - begun < longest(10.0, below=50.0)

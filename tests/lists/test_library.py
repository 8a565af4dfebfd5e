"""`lists update` over a real server: what fails is said, and what is good stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from unittest.mock import Mock

import pytest
import yaml

from gateway.cli import list_updates
from gateway.cli.list_updates import Bar, Lines
from gateway.cli.main import main
from gateway.core.errors import ListError
from gateway.core.memory import MachineMemory
from gateway.household.list_library import ListLibrary, read_library
from gateway.household.loading import load_product
from gateway.lists.canaries import Canaries
from gateway.lists.formats import Format
from gateway.lists.own_lists import read_own
from gateway.lists.progress import UpdateProgress, UpdateStep
from gateway.lists.sources import PublishedList
from gateway.lists.table import open_table
from gateway.lists.tier import NEEDED_MEMORY
from gateway.policy.config.list_tiers import ListTier
from tests.lists.served import fetcher, served
from tests.pace import longest

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
BODIES = {"/usual": b"casino.example\n", "/chosen": b"dates.example\n", "/broken": b"<html>moved</html>\n"}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[ListLibrary]:
    with served(BODIES) as server:
        published = [
            a_list("usual", "gambling", server.address, tier=ListTier.MEDIUM),
            a_list("chosen", "dating", server.address, tier=None),
            a_list("broken", "games", server.address, tier=None),
        ]
        yield ListLibrary(
            {one.id: one for one in published}, (), Canaries(["www.help.example"]), tmp_path / "state"
        )


def a_list(name: str, category: str, address: str, *, tier: ListTier | None) -> PublishedList:
    url = f"{address}/{name}"
    return PublishedList(name, name, url, Format.DOMAINS, "CC0-1.0", category, 1, 1 << 20, False, tier)


def update(library: ListLibrary, *named: str, now: datetime = NOW) -> list[str]:
    return library.fetch(named, fetcher(sleep=lambda _: None), now)


def test_what_is_due(library: ListLibrary) -> None:
    assert [one.id for one in library.due()] == ["usual"]
    assert update(library, "chosen") == []
    # Once asked for, it is kept fresh.
    assert [one.id for one in library.due()] == ["usual", "chosen"]


def test_a_failed_list_is_said_and_the_others_are_built(library: ListLibrary) -> None:
    problems = update(library, "chosen", "broken")
    assert len(problems) == 1
    assert problems[0].startswith("broken: line 1: a web page, not a list")
    info, reports = library.build(NOW)
    assert info.count == 2
    assert [one.id for one in reports] == ["chosen", "usual"]
    table = open_table(library.state)
    assert table.categories("www.dates.example") == {"dating"}
    table.close()


def test_a_fresh_list_is_not_fetched_again_unless_forced(library: ListLibrary) -> None:
    told: list[str] = []
    one = fetcher(progress=lambda source, done, total: told.append(source), sleep=lambda _: None)
    library.fetch((), one, NOW)
    library.fetch((), one, NOW + timedelta(hours=1))
    assert told == ["usual"]
    library.fetch((), one, NOW + timedelta(hours=1), force=True)
    assert told == ["usual", "usual"]


def update_command(
    library: ListLibrary, monkeypatch: pytest.MonkeyPatch, *argv: str, now: datetime = NOW
) -> int:
    """Run `qalqan lists update` on ``library``, with a server of the test as the internet."""
    monkeypatch.setattr(list_updates, "read_library", lambda *_: library)
    monkeypatch.setattr(list_updates, "become_owner", lambda _: None)
    monkeypatch.setattr(
        list_updates, "Fetcher", lambda progress: fetcher(progress=progress, sleep=lambda _: None)
    )
    monkeypatch.setattr(list_updates, "datetime", Mock(now=lambda _: now))
    config = library.state.parent / "qalqan.yaml"
    config.write_text(f"state: {library.state}\nruntime: {library.state.parent / 'run'}\n")
    return main(["--config", str(config), "lists", "update", *argv])


def test_one_dead_list_is_a_warning_and_all_dead_is_a_failure(
    library: ListLibrary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = library.published["usual"].url.removesuffix("/usual")
    gone = replace(library.published["chosen"], id="gone", url=f"{address}/gone", tier=ListTier.MEDIUM)
    some = replace(library, published={**library.published, "gone": gone})
    assert update_command(some, monkeypatch) == 0
    said = capsys.readouterr()
    moved = f"check whether {address}/gone has moved; keeping the previous copy"
    assert [one for one in said.err.splitlines() if one.startswith("qalqan:")] == [
        f"qalqan: gone: the server responded with 404 Not Found; {moved}"
    ]
    assert said.out.startswith("1 names of 1 lists")
    # An hour later nothing but the dead one is due; the other is still current.
    assert update_command(some, monkeypatch, now=NOW + timedelta(hours=1)) == 0
    # Two days later nothing can be updated, and what there was is still in the table.
    dead = {key: replace(one, url=f"{address}/gone-{key}") for key, one in some.published.items()}
    assert update_command(replace(some, published=dead), monkeypatch, now=NOW + timedelta(days=2)) == 1
    said = capsys.readouterr()
    assert said.err.count("the server responded with 404 Not Found") == 3
    table = open_table(library.state)
    assert table.categories("casino.example") == {"gambling"}
    table.close()


def test_a_damaged_copy_is_a_warning(
    library: ListLibrary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert update_command(library, monkeypatch, "chosen") == 0
    library.shelf.path("chosen").write_bytes(b"")
    capsys.readouterr()
    assert update_command(library, monkeypatch, now=NOW + timedelta(hours=1)) == 0
    fault = "qalqan: chosen: no domain in 0 lines; is its format really domains?"
    advice = "the list is left out until the next update"
    assert f"{fault}; {advice}" in capsys.readouterr().err.splitlines()


def test_without_internet_what_is_current_is_built(
    library: ListLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert update_command(library, monkeypatch) == 0
    # No route leads to a multicast address over TCP: the kernel says so, and nothing is sent.
    far = replace(library.published["chosen"], id="far", url="http://224.0.0.1/far", tier=ListTier.MEDIUM)
    more = replace(library, published={**library.published, "far": far})
    assert update_command(more, monkeypatch, now=NOW + timedelta(hours=1)) == 0
    assert update_command(more, monkeypatch, "--force", now=NOW + timedelta(days=2)) == 0
    alone = replace(library, published={"far": far})
    assert update_command(alone, monkeypatch) == 1


def test_nothing_to_build_from_is_refused(library: ListLibrary) -> None:
    with pytest.raises(ListError, match="there is no list to build from; run: qalqan lists update"):
        library.build(NOW)


def test_the_products_own_library(tmp_path: Path) -> None:
    library = read_library(tmp_path)
    assert any(one.tier is not None for one in library.published.values())
    assert len(library.seeds) > 10


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    progress = UpdateProgress(Lines()).received
    for done in range(0, 3 << 20, 1 << 16):
        progress("long", done, None)
    progress("short", 2048, 2048)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["long: 1024 kB", "long: 2048 kB", "short: 2 kB of 2 kB"]


def test_progress_on_a_terminal_is_one_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    progress = UpdateProgress(bar)
    progress.begin("first", 1, 2)
    progress.received("first", 2048, 4096)
    progress.build()
    bar.end()
    drawn = capsys.readouterr().err.split("\r")
    assert drawn == [
        "",
        f"[{'-' * 30}]   0 %  first, 0 kB\x1b[K",
        f"[{'#' * 6}{'-' * 24}]  22 %  first, 2 kB\x1b[K",
        f"[{'#' * 27}---]  90 %  building the table\x1b[K",
        "\x1b[K",
    ]


def test_the_progress_of_an_update_never_goes_back() -> None:
    """A list in two files begins anew with the second, and a mirror with the whole list."""
    steps: list[UpdateStep] = []
    progress = UpdateProgress(steps.append)
    progress.begin("split", 1, 2)
    progress.received("split", 100, 100)
    progress.received("split", 10, 100)
    progress.begin("other", 2, 2)
    progress.received("other", 50, 100)
    progress.received("other", 300, None)
    progress.build()
    assert [step.percent for step in steps] == [0, 45, 45, 45, 67, 67, 90]


def test_a_list_that_is_named_is_turned_on_and_one_outside_the_tier_is_deleted(
    library: ListLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {key: replace(one, tier=ListTier.LARGE) for key, one in library.published.items()}
    small = replace(library, published=large, tier=ListTier.SMALL)
    assert small.due() == []
    assert update_command(small, monkeypatch, "chosen") == 0
    own = read_own(small.state.parent / "lists.yaml", load_product().categories)
    assert own.on == {"chosen"}
    assert [one.id for one in replace(small, own=own).due()] == ["chosen"]

    assert update_command(replace(small, tier=ListTier.LARGE), monkeypatch, now=NOW + timedelta(days=1)) == 0
    assert small.is_here("usual")
    assert update_command(replace(small, own=own), monkeypatch, now=NOW + timedelta(days=2)) == 0
    assert [one for one in small.published if small.is_here(one)] == ["chosen"]


def test_a_smaller_tier_leaves_copies_out_of_the_table(library: ListLibrary) -> None:
    large = {key: replace(one, tier=ListTier.LARGE) for key, one in library.published.items()}
    update(replace(library, published=large, tier=ListTier.LARGE))
    info, _ = replace(library, published=large, tier=ListTier.LARGE).build(NOW)
    assert [one["id"] for one in info.sources] == ["chosen", "usual"]
    usual = {**large, "usual": replace(large["usual"], tier=ListTier.SMALL)}
    info, _ = replace(library, published=usual, tier=ListTier.SMALL).build(NOW)
    assert [one["id"] for one in info.sources] == ["usual"]


def test_an_update_does_not_start_while_memory_is_short(
    library: ListLibrary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program's own memory counts: it is a part of what an update takes."""
    needed = NEEDED_MEMORY[ListTier.SMALL] >> 20
    memory = MachineMemory(total=128 << 20, available=15 << 20)
    monkeypatch.setattr(list_updates, "machine_memory", lambda: memory)
    monkeypatch.setattr(list_updates, "own_memory", lambda: 5 << 20)
    usual = replace(library.published["usual"], tier=ListTier.SMALL)
    small = replace(library, published={"usual": usual}, tier=ListTier.SMALL)
    assert update_command(small, monkeypatch) == 1
    assert capsys.readouterr().err == (
        f"qalqan: 20 MB of memory are available, and an update of the tier small needs {needed} MB; stop "
        "other programs, or turn off lists that you do not need\n"
    )
    assert not library.is_here("usual")
    monkeypatch.setattr(list_updates, "own_memory", lambda: (needed - 15) << 20)
    assert update_command(small, monkeypatch) == 0


def test_two_updates_never_run_at_the_same_time(config: Path) -> None:
    """Another process has the lock; the command, a process too, ends with one line and changes nothing."""
    folder = yaml.safe_load(config.read_text())["state"]
    read_library(Path(folder)).state.joinpath("lists").mkdir(parents=True, exist_ok=True)
    script = "from pathlib import Path; import sys; from gateway.household.list_library import read_library\n"
    script += f"with read_library(Path({folder!r})).locked(): print('locked', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        for action in ("update", "build"):
            argv = [sys.executable, "-m", "gateway", "--config", str(config), "lists", action]
            done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60)
            said = "qalqan: another update of the lists is running; try again when it has ended\n"
            assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
        other.communicate("")
    argv = [sys.executable, "-m", "gateway", "--config", str(config), "lists", "build"]
    assert subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


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

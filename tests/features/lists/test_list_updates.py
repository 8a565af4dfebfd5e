"""The daemon starts updates of the lists: when, when not, and what it reports meanwhile."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from gateway.app import features
from gateway.cli.list_updates import OOM_SCORE
from gateway.core.bus import Bus, ControlEvent
from gateway.core.clock import WallClock
from gateway.core.loop import Loop
from gateway.core.memory import MachineMemory
from gateway.core.optional_packages import LIST_UPDATES, MissingPackageError
from gateway.features.lists import updates as list_updates
from gateway.features.lists.updates import FIRST_LOOK, MEMORY_LOOK, ListUpdates, UpdateRunner
from gateway.household.context import HomeContext
from gateway.household.rule_book import RuleBook
from gateway.lists.book import SHELF, Copy, CopyIndex
from gateway.lists.sources import parse_sources
from gateway.lists.tier import NEEDED_FOR_FEED, NEEDED_MEMORY
from gateway.policy.accounts.people import Account
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.categories import parse_categories
from profiles import DATA
from tests.features.conftest import Make
from tests.features.desk import NOON, Desk, RightClock, Running
from tests.household.household_files import MUM, write
from tests.lists.served import served

DAUGHTER = {"name": "Daughter", "band": "10-12"}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAILY = {"update": "daily"}


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """``total``, ``available``: bytes. The minute of each night is the one in its middle."""
    figures = {"total": 256 << 20, "available": 1 << 30}
    monkeypatch.setattr(features, "machine_memory", lambda: MachineMemory(**figures))
    monkeypatch.setattr(features, "random", lambda: 0.5)
    return figures


@pytest.fixture
def desk(make: Make, memory: dict[str, int]) -> Desk:
    return make(NOON, lists=DAILY)


class Process(Running):
    """An update that takes three minutes, and ends with ``status``; None: it goes on until ``end``."""

    def __init__(self, desk: Desk, status: int | None) -> None:
        super().__init__()
        self._desk = desk
        self.status = status
        self.starts: list[str] = []  # local times

    def start(self, arguments: Sequence[str]) -> None:
        super().start(arguments)
        self.starts.append(f"{self._desk.local_now():%d. %H:%M}")
        if self.status is not None:
            self._desk.loop.call_later(180.0, partial(self.end, self.status))

    def end(self, status: int = 0, words: str = "") -> None:
        self.running = False
        self._desk.list_updates.runner._finished(status, words)


def fetched(desk: Desk, at: datetime) -> None:
    book = CopyIndex(Path(desk.rules.household.config.state) / SHELF)
    book.folder.mkdir(parents=True, exist_ok=True)
    book.copies["ut1-games"] = Copy(fetched=at)
    book.save()


def started(desk: Desk, status: int | None = None, *, awake: bool = True) -> Process:
    process = Process(desk, status)
    desk.list_updates.runner._process = cast("Any", process)
    desk.list_updates.start()
    if awake:
        desk.go(timedelta(seconds=FIRST_LOOK))
    return process


def setting(desk: Desk, update: str) -> None:
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("edit_family", set={"lists/update": update}, by="Mum")


def schedule(desk: Desk) -> dict[str, Any]:
    return cast("dict[str, Any]", desk.ask("lists")["schedule"])


def test_the_first_update_starts_as_soon_as_the_daemon_is_awake(desk: Desk) -> None:
    process = started(desk, awake=False)
    assert process.arguments == [], "the internet connection comes up first"
    desk.go(timedelta(seconds=FIRST_LOOK))
    path = str(desk.folder / "qalqan.yaml")
    assert process.arguments == [["gateway", "lists", "update", "--steps", "--config", path]]
    desk.go(timedelta(hours=30))
    assert len(process.arguments) == 1, "never two at the same time"


def test_afterwards_one_starts_every_night(desk: Desk) -> None:
    process = started(desk, 0)
    desk.go(4 * MINUTE)
    assert schedule(desk)["next"] == datetime.fromisoformat("2026-11-25T03:30+05:00")
    desk.go(timedelta(days=4))
    assert process.starts == ["24. 12:00", "25. 03:30", "26. 03:30", "27. 03:30", "28. 03:30"]


def test_nothing_is_fetched_before_there_is_a_child(desk: Desk) -> None:
    for name in ("daughter", "son"):
        (desk.folder / "profiles" / f"{name}.yaml").unlink()
    desk.reload()
    process = started(desk)
    desk.go(timedelta(days=2))
    assert process.arguments == []
    assert (schedule(desk)["next"], schedule(desk)["warning"]) == (None, "")
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("add_profile", name="Aruzhan", band="6-9", by="Mum")
    assert len(process.arguments) == 1, "the first child's profile starts the first update"


def test_lists_that_are_there_are_not_fetched_again_at_a_start(desk: Desk) -> None:
    fetched(desk, desk.clock.at - 9 * HOUR)  # at 03:00
    desk.reload()
    process = started(desk)
    assert process.arguments == []
    desk.restart()
    process = started(desk)
    desk.go(timedelta(days=1))
    assert process.starts == ["25. 03:30"]


def test_missed_nights_are_made_up_for_at_the_next_start(desk: Desk) -> None:
    fetched(desk, desk.clock.at - timedelta(days=3))
    desk.restart()
    assert len(started(desk).arguments) == 1


@pytest.mark.system  # simulates weeks, minute by minute
def test_off_and_weekly(desk: Desk) -> None:
    setting(desk, "off")
    process = started(desk, 0)
    desk.go(timedelta(days=9))
    assert process.arguments == []
    assert (schedule(desk)["interval"], schedule(desk)["warning"]) == ("off", "none")
    setting(desk, "weekly")
    assert process.running, "a change applies immediately"
    desk.go(timedelta(days=15))
    assert process.starts == ["03. 12:00", "10. 03:30", "17. 03:30"]
    setting(desk, "off")
    desk.go(timedelta(days=9))
    assert len(process.starts) == 3


def test_a_failed_update_is_tried_again(desk: Desk) -> None:
    process = started(desk, 1)
    desk.go(4 * MINUTE)
    assert schedule(desk)["failures"] == 1
    desk.go(12 * HOUR)
    # After 15 minutes, 1 hour and 4 hours, each with half of the jitter, and then every 4 hours.
    assert process.starts == ["24. 12:00", "24. 12:20", "24. 13:30", "24. 18:03", "24. 22:36"]
    process.status = 0
    desk.go(5 * HOUR)
    assert (process.starts[-1], schedule(desk)["failures"]) == ("25. 03:09", 0)


def test_retries_after_an_earlier_success_end_in_the_next_night(desk: Desk) -> None:
    process = started(desk, 0)
    desk.go(timedelta(days=1))
    process.status = 1
    desk.go(timedelta(days=1, hours=23))
    assert process.starts[1:] == [
        "25. 03:30",
        "26. 03:30",
        "26. 03:49",
        "26. 05:00",
        "26. 09:33",
        "27. 03:30",
    ]


def test_no_program_that_can_be_started_is_a_failure(desk: Desk) -> None:
    process = started(desk, awake=False)

    def fail(arguments: Sequence[str]) -> None:
        raise OSError(12, "Cannot allocate memory")

    process.start = fail  # type: ignore[method-assign]
    desk.go(timedelta(seconds=FIRST_LOOK))
    assert schedule(desk)["failures"] == 1
    assert schedule(desk)["next"] > desk.clock.at


def test_it_waits_while_memory_is_short_and_says_so(desk: Desk, memory: dict[str, int]) -> None:
    memory["available"] = NEEDED_MEMORY[ListTier.MEDIUM] - 1
    process = started(desk)
    assert process.arguments == []
    plan = schedule(desk)
    assert (plan["waits_for"], plan["next"]) == ("memory", None)
    assert desk.list_updates.problems() == [
        "lists: the update waits for memory: 63 MB of memory are available, and an update of the tier medium "
        "needs 64 MB; stop other programs, or set a smaller tier in qalqan.yaml: lists: {tier: small}"
    ]
    desk.go(timedelta(hours=1))
    assert process.arguments == []
    memory["available"] = NEEDED_MEMORY[ListTier.MEDIUM]
    desk.go(timedelta(seconds=MEMORY_LOOK))
    assert len(process.arguments) == 1
    assert desk.list_updates.problems() == []
    assert schedule(desk)["waits_for"] == ""


def test_without_the_package_of_list_updates_it_waits_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.store.people.put(Account("Mum", secret="stamp"))
    monkeypatch.setitem(sys.modules, LIST_UPDATES, None)
    process = started(desk)
    assert (schedule(desk)["waits_for"], schedule(desk)["next"]) == ("package", None)
    assert desk.list_updates.problems() == [
        "lists: updates need the package qalqan-lists; install it, or turn them off"
    ]
    with pytest.raises(MissingPackageError, match="list updates need the package qalqan-lists"):
        desk.ask("list_update", by="Mum")
    assert process.arguments == []
    setting(desk, "off")
    assert desk.list_updates.problems() == [], "a router without updates is a choice"
    assert schedule(desk)["waits_for"] == "package", "the page offers none"
    setting(desk, "daily")
    monkeypatch.undo()
    desk.go(timedelta(seconds=MEMORY_LOOK))
    assert len(process.arguments) == 1
    assert desk.list_updates.problems() == []
    process.end()
    monkeypatch.setitem(sys.modules, LIST_UPDATES, None)  # it is removed while the daemon runs
    desk.go(timedelta(days=2))
    assert len(process.arguments) == 1
    assert schedule(desk)["waits_for"] == "package"
    assert len(desk.list_updates.problems()) == 1


def test_a_machine_that_does_not_tell_its_memory_updates_all_the_same(
    desk: Desk, memory: dict[str, int]
) -> None:
    memory["available"] = 0
    assert len(started(desk).arguments) == 1


def test_it_waits_until_the_time_is_known(desk: Desk) -> None:
    desk.watch.known = False
    process = started(desk)
    desk.go(timedelta(days=1))
    assert process.arguments == []
    assert schedule(desk)["waits_for"] == "clock"
    assert desk.list_updates.problems() == [], "the clock has a line of its own"
    desk.jump(timedelta(days=300))
    assert len(process.arguments) == 1


def test_a_clock_that_is_set_moves_no_retry(desk: Desk) -> None:
    process = started(desk)
    process.end(1)
    desk.jump(timedelta(days=-400))
    desk.go(20 * MINUTE)
    assert len(process.starts) == 2
    process.end()
    desk.jump(timedelta(days=400))
    assert len(process.starts) == 2, "it succeeded a moment ago, whatever the date is"


def test_an_update_of_the_command_line_counts(desk: Desk, memory: dict[str, int]) -> None:
    memory["available"] = 1
    process = started(desk)
    fetched(desk, desk.clock.at)
    memory["available"] = NEEDED_MEMORY[ListTier.MEDIUM]
    desk.reload()
    desk.go(12 * HOUR)
    assert process.arguments == []
    assert schedule(desk)["next"] == datetime.fromisoformat("2026-11-25T03:30+05:00")


def test_a_parent_s_update_counts_too(desk: Desk) -> None:
    fetched(desk, desk.clock.at - 9 * HOUR)
    desk.restart()
    process = started(desk)
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("list_update", by="Mum", force=True)
    desk.go(timedelta(days=1))
    assert len(process.arguments) == 1, "the planned one does not start beside it"
    process.end()
    assert schedule(desk)["next"] == datetime.fromisoformat("2026-11-26T03:30+05:00")


def test_what_is_wrong_with_the_lists(desk: Desk) -> None:
    assert schedule(desk)["warning"] == "none"
    fetched(desk, desk.clock.at - timedelta(days=7))
    desk.reload()
    assert (schedule(desk)["warning"], schedule(desk)["newest"]) == ("", desk.clock.at - timedelta(days=7))
    desk.go(MINUTE)
    assert schedule(desk)["warning"] == "old"
    assert desk.ask("status")["lists"] == schedule(desk)


def test_the_pages_hear_of_a_new_plan_once(desk: Desk) -> None:
    process = started(desk)
    process.end()
    desk.go(10 * HOUR)
    desk.reassign()
    kinds = [one["what"] for one in desk.heard("lists")]
    assert kinds == ["begun", "ended", "planned"]


def test_a_book_that_cannot_be_read_is_a_problem(desk: Desk) -> None:
    (desk.folder / "state" / "lists" / "sources.json").mkdir(parents=True)
    desk.reload()
    (line,) = desk.list_updates.problems()
    assert "sources.json: cannot be read" in line


# -------------------------------------------------------------------- with a real process


LOOPBACK = """
import gateway.core.http_client

gateway.core.http_client.Outside.addresses = lambda self, host, port: self._resolve(host, port)
"""


@pytest.fixture
def served_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, list[tuple[int, int]]]]:
    """A household with one list, on a server of loopback; and nice value and OOM score of who fetches it."""
    (tmp_path / "sitecustomize.py").write_text(LOOPBACK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(list_updates, "FIRST_LOOK", 0.0)
    categories = parse_categories(DATA.joinpath("categories.yaml").read_bytes(), "categories.yaml")
    published = parse_sources(DATA.joinpath("sources.yaml").read_bytes(), "sources.yaml", categories)
    seen: list[tuple[int, int]] = []
    others = children()  # of tests before

    class Bodies(Mapping[str, bytes]):
        """One list at any path. Its download is the moment to look at who downloads it."""

        def __getitem__(self, path: str) -> bytes:
            seen.extend((os.getpriority(os.PRIO_PROCESS, pid), oom_score(pid)) for pid in children() - others)
            return b"play.example\nother.example\n"

        def __iter__(self) -> Iterator[str]:
            return iter(())

        def __len__(self) -> int:
            return 0

    with served(Bodies()) as server:
        path = write(tmp_path, {"daughter": DAUGHTER, "mum": MUM}, lists=DAILY)
        one = {"name": "Mine", "url": f"{server.address}/games.txt", "category": "games"}
        own = {"lists": {"own-00000001": one}, "off": list(published)}
        (tmp_path / "lists.yaml").write_text(yaml.safe_dump(own))
        yield path, seen


def oom_score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def children() -> set[int]:
    thread = threading.main_thread().native_id
    return {int(pid) for pid in Path(f"/proc/self/task/{thread}/children").read_text().split()}


def test_the_real_program_fetches_at_the_lowest_priority_and_is_killed_first(
    served_home: tuple[Path, list[tuple[int, int]]],
) -> None:
    path, seen = served_home
    own = os.getpriority(os.PRIO_PROCESS, 0), oom_score(os.getpid())
    loop, bus = Loop(), Bus()
    rules = RuleBook(path, bus=bus)
    context = HomeContext(loop, WallClock(), RightClock(), rules, bus)
    events: list[str] = []

    def hear(notice: ControlEvent) -> None:
        events.append(str(notice.values["what"]))
        if notice.values["what"] == "planned":
            loop.stop()

    bus.subscribe(ControlEvent, hear)
    runner = UpdateRunner(context, lambda: None)
    updates = ListUpdates(context, runner, memory=MachineMemory, random=lambda: 0.5)
    updates.start()
    loop.call_later(60.0, loop.stop)
    loop.run()
    plan = updates.plan()
    updates.close()
    loop.close()
    assert runner.state().problems == ()
    assert (events[0], *events[-2:]) == ("begun", "ended", "planned")
    assert seen == [(19, OOM_SCORE)]
    assert (os.getpriority(os.PRIO_PROCESS, 0), oom_score(os.getpid())) == own, "the daemon keeps its own"
    assert (plan.failures, plan.warning) == (0, "")
    assert plan.newest is not None
    assert plan.next is not None
    assert datetime.now(UTC) - plan.newest < timedelta(minutes=2)
    assert plan.next > datetime.now(UTC)
    rules.reload()
    assert rules.table.categories("www.play.example") == {"games"}


def test_the_tier_fits_the_memory_unless_one_is_set(make: Make, memory: dict[str, int]) -> None:
    memory["total"] = 118 << 20
    desk = make(NOON, lists=DAILY)
    assert (schedule(desk)["tier"], schedule(desk)["tier_chosen"]) == ("small", False)
    sources = {one["id"]: one for one in desk.ask("lists")["sources"]}
    assert (sources["ut1-games"]["on"], sources["ut1-games"]["tier"]) == (True, "small")
    assert not sources["stevenblack-base"]["on"]
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("edit_family", set={"lists/tier": "medium"}, by="Mum")
    assert (schedule(desk)["tier"], schedule(desk)["tier_chosen"]) == ("medium", True)
    assert desk.ask("family")["lists"] == {"update": "daily", "tier": "medium"}
    assert {one["id"]: one for one in desk.ask("lists")["sources"]}["stevenblack-base"]["on"]
    desk.ask("edit_family", set={"lists/tier": "auto"}, by="Mum")
    assert (schedule(desk)["tier"], schedule(desk)["tier_chosen"]) == ("small", False)


def test_a_smaller_tier_needs_less_memory(desk: Desk, memory: dict[str, int]) -> None:
    memory["available"] = NEEDED_MEMORY[ListTier.SMALL]
    process = started(desk)
    assert schedule(desk)["waits_for"] == "memory"
    desk.store.people.put(Account("Mum", secret="stamp"))
    desk.ask("edit_family", set={"lists/tier": "small"}, by="Mum")
    assert len(process.arguments) == 1


def test_after_an_update_by_the_command_no_retry_is_planned(desk: Desk) -> None:
    """The command held the lock, so the daemon's own process ended with an error."""
    process = started(desk)
    process.end(1, "another update of the lists is running")
    assert schedule(desk)["failures"] == 1
    fetched(desk, desk.clock.at)
    desk.reload()
    assert schedule(desk)["failures"] == 0
    assert schedule(desk)["next"] == datetime.fromisoformat("2026-11-25T03:30+05:00")


def test_an_update_with_a_feed_needs_less_memory(desk: Desk, memory: dict[str, int]) -> None:
    """The feed may have the table. If it has none, the update itself checks the memory for building one."""
    memory["available"] = NEEDED_FOR_FEED
    process = started(desk)
    assert schedule(desk)["waits_for"] == "memory"
    settings = desk.folder / "qalqan.yaml"
    settings.write_text(f"{settings.read_text()}\nfeed: {{url: 'https://feed.example'}}\n")
    desk.reload()
    assert len(process.arguments) == 1

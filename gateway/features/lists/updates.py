"""Updates the lists of sites: every night or as configured, and when a parent starts an update.

`UpdateRunner` runs `qalqan lists update` in another process. `ListUpdates` decides when.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.control.contract.lists import ListUpdate, UpdatePlan
from gateway.core.errors import ListError
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Timer
from gateway.core.memory import MachineMemory
from gateway.core.optional_packages import LIST_UPDATES, PACKAGES, is_installed
from gateway.features.lists.feed import feed_state
from gateway.household.context import HomeContext
from gateway.household.rule_book import CategoryTableLost, RulesRead
from gateway.lists.book import SHELF, STALE, CopyIndex
from gateway.lists.tier import memory_shortage
from gateway.policy.config.list_tiers import ListTier, tier_for_memory
from gateway.policy.time.clock_changes import Jump
from gateway.policy.time.list_update_times import UpdateHistory, next_update

FIRST_LOOK = 20.0  # seconds after the daemon starts; the internet connection comes up meanwhile
LONGEST_SLEEP = 3600.0  # seconds between two looks at the clock
CLOCK_LOOK = 60.0  # seconds between two looks while the time is unknown
BUSY_LOOK = 60.0  # seconds between two looks while a process runs
MEMORY_LOOK = 300.0  # seconds between two looks while memory is short or the package is missing
TIMEOUT = 3600.0  # seconds; all lists over a line of 1 Mbit/s, and the table on a small router
NICE = 19  # of the update's process: packets and pages go first
SOURCE_LENGTH = 60  # characters of a list's id in the progress
PROBLEMS = 16  # lines of the last update that are shown
REBUILD_AGAIN = 3600.0  # seconds between two rebuilds: one that did not help is not repeated soon
WARNING = "qalqan: "  # how a line of the command begins that reports a problem

CLOCK, MEMORY = "clock", "memory"  # what an update that is due waits for
PACKAGE = "package"  # what every update waits for, if the optional package is not installed
NO_LISTS, OLD_LISTS = "none", "old"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UpdateEnded:
    """Published on the bus when an update of the lists has ended. ``succeeded``: without an error.

    It is not published after a mere rebuild of the category table.
    """

    succeeded: bool


class UpdateRunner:
    """Runs one list update process at a time, publishes its progress as `lists` events, stores its result.

    It also rebuilds a damaged category table. ``regroup`` makes the daemon judge all connections again.
    """

    def __init__(self, home: HomeContext, regroup: Callable[[], None]) -> None:
        self._home, self._regroup = home, regroup
        self._fetches = False  # whether the process fetches lists, and does not only build the table
        self._progress: Mapping[str, Any] = {}
        self._problems: list[str] = []
        self._ended_at: datetime | None = None
        self._process = HelperProcess(home.loop, self._stepped, self._finished, TIMEOUT, NICE)
        self.close = self._process.close
        self._next_rebuild = home.loop.now()
        home.bus.subscribe(CategoryTableLost, self._table_lost)
        if home.rules.table_damaged:
            home.loop.call_later(0.0, self._rebuild)

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def percent(self) -> int | None:
        """How much of the running update is done, 0 to 99; None while that is unknown or none runs."""
        percent = self._progress.get("percent")
        return min(max(percent, 0), 99) if self.running and isinstance(percent, int) else None

    def start(self, *, force: bool = False) -> bool:
        """Start a list update, unless one runs already; return whether it started.

        ``force`` also fetches the lists that are still fresh. Raises OSError if no process can start.
        """
        if self._process.running:
            return False
        self._run("update", "--steps", *(["--force"] if force else []))
        return True

    def start_or_report(self) -> None:
        """Start a list update, unless one runs already. If no process can start, report a failed update."""
        try:
            self.start()
        except OSError as error:
            self._fetches = True
            self._finished(1, f"lists update: no program can be started: {error.strerror or error}")

    def _run(self, action: str, *options: str) -> None:
        self._process.start(["gateway", "lists", action, *options, "--config", str(self._home.rules.path)])
        self._fetches = action == "update"
        self._progress, self._problems = {}, []
        self._home.publish("lists", what="begun")

    def _table_lost(self, _: CategoryTableLost) -> None:
        """Judge all connections again and rebuild the category table, in the next turn of the event loop.

        The event may come from within a look-up, while a packet is judged.
        """
        self._home.loop.call_later(0.0, self._regroup)
        self._home.loop.call_later(0.0, self._rebuild)

    def _rebuild(self) -> None:
        """Start to build the category table again from the stored lists, if it is damaged.

        Do nothing while a process runs, or within an hour after the last try (REBUILD_AGAIN).
        """
        now = self._home.loop.now()
        if not self._home.rules.table_damaged or self._process.running or now < self._next_rebuild:
            return
        self._next_rebuild = now + REBUILD_AGAIN
        try:
            self._run("build", "--nice")
        except OSError as error:
            self._problems = [f"lists build: no program can be started: {error.strerror or error}"]

    def _stepped(self, line: Mapping[str, Any]) -> None:
        """Store the progress that the update process printed, and publish it as a `lists` event."""
        self._progress = {
            "source": str(line.get("source", ""))[:SOURCE_LENGTH],
            "done": line.get("done"),
            "percent": line.get("percent"),
        }
        self._home.publish("lists", what="step", **self._progress)

    def _finished(self, status: int, words: str) -> None:
        """Store the warnings of the ended process (``words``), or all lines if it failed; publish its end.

        Only the last PROBLEMS lines are stored. The process has already made the daemon load the new table.
        """
        lines = [line.strip() for line in words.splitlines()]
        shown = [line for line in lines if line and (status or line.startswith(WARNING))]
        self._problems = [line.removeprefix(WARNING) for line in shown[-PROBLEMS:]]
        self._ended_at = self._home.now()
        self._home.publish("lists", what="ended", problems=self._problems)
        if self._fetches:
            self._home.bus.publish(UpdateEnded(succeeded=status == 0))
        self._rebuild()  # if the table is still damaged, since an update failed before it built one

    def state(self) -> ListUpdate:
        """Return the progress of the running update, or the result of the last one, in local time."""
        zone = self._home.rules.household.config.zone
        ended = None if self._ended_at is None else self._ended_at.astimezone(zone)
        problems = tuple(self._problems)
        if not self.running:
            return ListUpdate(running=False, ended=ended, problems=problems)
        source, done = self._progress.get("source"), self._progress.get("done")
        return ListUpdate(
            running=True, ended=ended, problems=problems, source=source, done=done, percent=self.percent
        )


class ListUpdates:
    """Starts automatic list updates at the interval of `lists.update`, if the household has a child.

    ``memory``: returns the machine's memory. ``random``: returns a number from 0 to 1 (exclusive), by which
    the time within an interval is chosen.
    """

    def __init__(
        self,
        home: HomeContext,
        runner: UpdateRunner,
        *,
        memory: Callable[[], MachineMemory],
        random: Callable[[], float],
    ) -> None:
        self.runner = runner
        self._home = home
        self._memory, self._random = memory, random
        self._fitting_tier = tier_for_memory(memory().total)
        self._book_problem = ""
        self._newest = self._read_newest()
        self._awake = False
        self._timer: Timer | None = None
        # Times of the loop: setting the clock does not change them.
        self._succeeded_at: float | None = None
        self._tried_at: float | None = None
        self._failures = 0
        self._fraction = random()
        self._next: datetime | None = None
        self._waits_for = ""
        self._shortage = ""  # why an update waits for memory
        home.bus.subscribe(UpdateEnded, lambda event: self._ended(event.succeeded))
        home.bus.subscribe(RulesRead, lambda _: self._rules_read())
        home.bus.subscribe(Jump, lambda _: self._look())

    def start(self) -> None:
        self._later(FIRST_LOOK, self._wake)

    def _wake(self) -> None:
        self._awake = True
        self._look()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.runner.close()

    def _rules_read(self) -> None:
        """Plan the next update again after a reload, with the time of the newest list.

        Rules may have changed, or `qalqan lists update` may have fetched a newer list.
        """
        before, self._newest = self._newest, self._read_newest()
        if self._newest is not None and (before is None or self._newest > before):
            self._succeeded_at, self._failures = self._home.loop.now(), 0
        self._look()

    def _look(self) -> None:
        """Start the update if it is due and possible; else plan another look.

        It needs a trusted clock, the optional package, and enough memory.
        """
        if not self._awake:
            return
        if self.runner.running:
            self._later(BUSY_LOOK, self._look)
            return
        due, now = self._due(), self._home.now()
        if due is None:
            self._plan(None, LONGEST_SLEEP)
        elif not self._home.clock_trusted:
            self._plan(None, CLOCK_LOOK, CLOCK)
        elif due > now:
            self._plan(due, min((due - now).total_seconds(), LONGEST_SLEEP))
        elif not is_installed(LIST_UPDATES):
            self._plan(None, MEMORY_LOOK, PACKAGE)
        elif self._is_memory_short():
            self._plan(None, MEMORY_LOOK, MEMORY)
        else:
            self._begin()

    def _due(self) -> datetime | None:
        household = self._home.rules.household
        if not household.children:
            return None
        now, config = self._home.now(), household.config
        succeeded = self._newest if self._succeeded_at is None else self._time(self._succeeded_at)
        tried = None if self._tried_at is None else self._time(self._tried_at)
        history = UpdateHistory(succeeded, tried, self._failures)
        return next_update(now, config.lists_update, history, config.zone, self._fraction)

    def _time(self, at: float) -> datetime:
        return self._home.now() - timedelta(seconds=self._home.loop.now() - at)

    def _is_memory_short(self) -> bool:
        has_feed = self._home.rules.household.config.feed is not None
        self._shortage = memory_shortage(self.tier, self._memory().usable, has_feed=has_feed)
        return bool(self._shortage)

    @property
    def tier(self) -> ListTier:
        """The set of lists, by size, that the gateway updates: as configured, or one that fits its memory."""
        return self._home.rules.household.config.lists_tier or self._fitting_tier

    def _plan(self, due: datetime | None, delay: float, waits_for: str = "") -> None:
        self._later(delay, self._look)
        if (due, waits_for) != (self._next, self._waits_for):
            self._next, self._waits_for = due, waits_for
            self._home.publish("lists", what="planned")

    def _later(self, delay: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._home.loop.call_later(delay, callback)

    def _begin(self) -> None:
        self._next, self._waits_for = None, ""
        try:
            self.runner.start()
        except OSError as error:
            _log.error("Cannot start the update of the lists: %s. Trying again later.", error)
            self._ended(False)

    def _ended(self, succeeded: bool) -> None:
        self._tried_at, self._fraction = self._home.loop.now(), self._random()
        self._failures = 0 if succeeded else self._failures + 1
        self._newest = self._read_newest()
        if succeeded:
            self._succeeded_at = self._tried_at
        self._look()

    def _read_newest(self) -> datetime | None:
        """Return when the newest stored list was fetched; None without one or if the index is unreadable."""
        self._book_problem = ""
        try:
            return CopyIndex(Path(self._home.rules.household.config.state) / SHELF).newest
        except ListError as error:
            self._book_problem = str(error)
            return None

    def problems(self) -> list[str]:
        """Return one line for each reason why list updates cannot run; an empty list if there is none."""
        found = [self._book_problem] if self._book_problem else []
        if self._waits_for == MEMORY:
            found.append(f"lists: the update waits for memory: {self._shortage}")
        if self._waits_for == PACKAGE:
            package = PACKAGES[LIST_UPDATES]
            found.append(f"lists: updates need the package {package}; install it, or turn them off")
        return found

    def plan(self) -> UpdatePlan:
        """Return the state of automatic updates: interval, last and next fetch, failures, what they wait for.

        Times are local. ``warning`` is ``none`` (no list was ever fetched) or ``old`` (the newest is older
        than STALE), else empty. In a household without a child it is always empty.
        """
        config, now = self._home.rules.household.config, self._home.now()
        next_at = None if self.runner.running else self._next
        return UpdatePlan(
            interval=config.lists_update,
            running=self.runner.running,
            newest=None if self._newest is None else self._newest.astimezone(config.zone),
            next=None if next_at is None else next_at.astimezone(config.zone),
            waits_for=self._waits_for if is_installed(LIST_UPDATES) else PACKAGE,
            failures=self._failures,
            warning=self._warning(now),
            percent=self.runner.percent,
            tier=self.tier,
            tier_chosen=config.lists_tier is not None,
            feed=feed_state(self._home),
        )

    def _warning(self, now: datetime) -> str:
        if not self._home.rules.household.children:
            return ""
        if self._newest is None:
            return NO_LISTS
        return OLD_LISTS if now - self._newest > STALE else ""

"""Fetches lists of sites, builds the category table, and shows their state: most of `qalqan lists`.

On OpenWrt the package `qalqan-lists` has this module, and those that it alone imports.
"""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.cli import output
from gateway.cli.commands.feed import check_feed
from gateway.cli.owner import become_owner
from gateway.cli.rule_files import config_if_there
from gateway.cli.settings import config_path, control_socket, describe_tier
from gateway.control.client import Client, Unreachable
from gateway.control.contract.lists import LISTS
from gateway.control.contract.status import RELOAD
from gateway.core.errors import ControlError, GatewayError, ListError
from gateway.core.memory import machine_memory, own_memory
from gateway.feed.data_set import downloaded_table
from gateway.feed.status import store_check
from gateway.household.list_library import ListLibrary, lock_lists, read_library
from gateway.household.loading import product_in_use
from gateway.lists.book import PREBUILT, SHELF, STALE, Copy, CopyIndex
from gateway.lists.fetch import Fetcher
from gateway.lists.own_lists import has_own_choice, lists_file, write_own
from gateway.lists.progress import UpdateProgress, UpdateStep
from gateway.lists.sources import PublishedList
from gateway.lists.table import TABLE_NAME, open_table
from gateway.lists.tier import memory_shortage, tier_here
from gateway.policy.config.config import Config
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names.domain_table import TableInfo

RELOAD_PATIENCE = 30.0  # seconds; the daemon reads every rule file again
# Least seconds between two lines for the daemon, with the same and with another percentage. Each line makes
# open pages reload.
STEP, QUICK_STEP = 5.0, 1.0
FOLLOW_EVERY = 0.5  # seconds between two looks at an update that the daemon runs
NICE = 10  # of a process that the daemon started: packets go first
OOM_SCORE = 500  # oom_score_adj of such a process, at most 1000: the kernel ends it before the daemon
BAR = 30  # characters of the progress bar
SHOW_EVERY = 1 << 20  # bytes between two lines of progress without a terminal
MEGABYTE = 1 << 20


def run(args: Namespace) -> int:
    config = config_if_there(args)
    now = datetime.now(UTC)
    if args.action in ("update", "build"):
        return _update(args, config, now)
    library = _library(args, config)
    if args.action == "status":
        return _status(library, now, chosen=config.lists_tier is not None, as_json=args.json)
    if args.action == "reports":
        return _reports(library, as_json=args.json)
    return _check(library)


def _update(args: Namespace, config: Config, now: datetime) -> int:
    """Carry out ``qalqan lists update`` or ``build``, and let the daemon load the new table.

    Return the exit status: 1 if lists failed and none is up to date, or if the feed failed and an
    earlier table of the feed stays in use. If the daemon runs an update already, ``update`` at a terminal
    and without options shows the progress of that one in place of a new one.
    """
    state = Path(config.state)
    is_update = args.action == "update"
    if is_update and args.source:
        _library(args, config).due(args.source)  # an unknown list is an error before anything is written
    become_owner(state)
    by_daemon: bool = args.steps if is_update else args.nice
    if is_update and not (by_daemon or args.source or args.force) and sys.stderr.isatty():
        status = _follow(config)
        if status is not None:
            return status
    if by_daemon:
        os.nice(NICE)
        _offer_to_be_killed()
    with lock_lists(state):
        if is_update and args.source:
            _turn_on(args, _library(args, config))
        # A table from the feed has no copies of lists from which it could be built.
        fetches = is_update or PREBUILT in CopyIndex(state / SHELF).copies
        taken = None
        if fetches and config.feed is not None:
            taken = _take_from_feed(args, config, now)
        if taken is None:
            library = _library(args, config)
            _check_memory(library.tier)
            problems = _renew(args, library, now, fetches=fetches, by_daemon=by_daemon)
            # A list that fails is a warning: the others are up to date, and the table has its previous copy.
            taken = not problems or library.is_any_current(now)
    _reload_daemon(config, quiet=by_daemon)
    return 0 if taken else 1


def _follow(config: Config) -> int | None:
    """Draw the progress of an update of the lists that the daemon runs, until it ends.

    Return the exit status: 1 if the daemon's update failed. Return None if the daemon runs no update, only
    builds the table again, or does not respond.
    """
    client, bar = Client(control_socket(config)), Bar()
    percent: int | None = None
    try:
        lists = client.ask(LISTS)
        while lists.update.running:
            percent = lists.update.percent
            if percent is not None:  # otherwise it has just begun, or only the table is built again
                bar(UpdateStep(lists.update.source or "", lists.update.done or 0, None, percent))
            time.sleep(FOLLOW_EVERY)
            lists = client.ask(LISTS)
    except ControlError:  # `lock_lists` then decides whether an update can run
        return None
    finally:
        bar.end()
    if percent is None:
        return None
    for line in lists.update.problems:
        output.problem(line)
    info = _built(Path(config.state))
    if info is not None:
        print(_describe(info))
    return 1 if lists.schedule.failures else 0


def _take_from_feed(args: Namespace, config: Config, now: datetime) -> bool | None:
    """Download and check the signed data feed, and use its ready-made category table.

    A failure is a warning. Return True if the table is up to date now, False if an earlier table of
    the feed stays in use, None if the table has to be built on this machine. Raises ListError if there is
    too little memory.
    """
    path, tier = config_path(args), tier_here(config.lists_tier)
    _check_memory(tier, has_feed=True)
    is_default = not has_own_choice(lists_file(path)) and not any(
        register.on for register in config.registers
    )
    worked = True
    try:
        check_feed(path, config, tier if is_default else None)
    except GatewayError as error:
        worked = False
        output.problem(str(error))
    library = _library(args, config)  # its sources may be new
    if not library.is_default:
        return None
    packed = downloaded_table(library.state)
    if packed.exists():
        try:
            library.install(packed)
        except ListError as error:
            worked = False
            output.problem(str(error))
            store_check(library.state, now, str(error))
        finally:
            packed.unlink(missing_ok=True)
    info = _built(library.state)
    if info is None or info.release is None or info.release.tier != library.tier or _is_old(info, now):
        return None
    if worked and info.release != library.release:
        return None  # the feed has no tables any more
    if worked:
        library.confirm_prebuilt(now)
        print(_describe(info))
    return worked


def _is_old(info: TableInfo, now: datetime) -> bool:
    return now - datetime.fromisoformat(info.built) > STALE


def _renew(
    args: Namespace, library: ListLibrary, now: datetime, *, fetches: bool, by_daemon: bool
) -> list[str]:
    """Download the lists that are due, if ``fetches``, and build the category table.

    Print the problems and a line about the table. Return a line for each list that failed. ``by_daemon``:
    print the progress as JSON lines for the daemon.
    """
    shows = StepLines() if by_daemon else Bar() if sys.stderr.isatty() else Lines()
    progress = UpdateProgress(shows)
    problems: list[str] = []
    try:
        if fetches:
            fetcher = Fetcher(progress=progress.received)
            named, force = (args.source, args.force) if args.action == "update" else ((), False)
            problems = library.fetch(named, fetcher, now, force=force, begin=progress.begin)
            progress.build()
        info, reports = library.build(now)
    finally:
        if isinstance(shows, Bar):
            shows.end()
    for line in problems:
        output.problem(line)
    for report in reports:
        if report.error:
            output.problem(f"{report.error}; the list is left out until the next update")
    print(_describe(info))
    return problems


def _library(args: Namespace, config: Config) -> ListLibrary:
    product, _ = product_in_use(config)
    own_file = lists_file(config_path(args))
    return read_library(Path(config.state), own_file, config.registers, config.lists_tier, product)


def _turn_on(args: Namespace, library: ListLibrary) -> None:
    """Turn on the lists that the command names, so that later updates download them too.

    Raises ListError for an unknown list.
    """
    named = [published for published in library.due(args.source) if published.id in args.source]
    added = [published for published in named if not library.is_on(published)]
    if not added:
        return
    own = library.own
    for published in added:
        own = own.switched(published, on=True)
    write_own(lists_file(config_path(args)), own)


def _check_memory(tier: ListTier, *, has_feed: bool = False) -> None:
    """Raise ListError if there is too little memory to update the lists of a ``tier`` (their size).

    ``has_feed``: the table is taken ready-made from the signed feed.
    """
    available = machine_memory().usable
    if available:  # otherwise the kernel does not report it
        available += own_memory()  # the program itself is a part of what an update needs
    shortage = memory_shortage(tier, available, has_feed=has_feed)
    if shortage:
        raise ListError(shortage)


def _offer_to_be_killed() -> None:
    """Make the kernel end this process first if memory runs out, rather than the daemon that started it."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))


class Bar:
    """Draws the progress of an update as one line on the terminal of standard error."""

    def __init__(self) -> None:
        self._drawn = False

    def __call__(self, step: UpdateStep) -> None:
        filled = BAR * step.percent // 100
        bar = "#" * filled + "-" * (BAR - filled)
        what = f"{step.source}, {step.done >> 10} kB" if step.source else "building the table"
        print(f"\r[{bar}] {step.percent:3} %  {what}\x1b[K", end="", file=sys.stderr, flush=True)
        self._drawn = True

    def end(self) -> None:
        """Clear the progress line, so that the result can be printed."""
        if self._drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._drawn = False


class Lines:
    """Prints the progress of an update as lines on standard error, if that is not a terminal.

    There is a line for each megabyte of a list, and for each complete list whose size the server reports.
    """

    def __init__(self) -> None:
        self._printed: dict[str, int] = {}

    def __call__(self, step: UpdateStep) -> None:
        size = f"{step.done >> 10} kB" + (f" of {step.total >> 10} kB" if step.total else "")
        if step.done and (
            step.done == step.total or step.done - self._printed.get(step.source, 0) >= SHOW_EVERY
        ):
            self._printed[step.source] = step.done
            print(f"{step.source}: {size}", file=sys.stderr)


class StepLines:
    """Prints the progress of an update as JSON lines on standard output, which the daemon reads.

    It leaves out most steps of downloads: between two lines is at least a second if the percentage has
    changed, else at least five seconds. The step that builds the table always has a line.
    """

    def __init__(self) -> None:
        self._percent, self._at = -1, -STEP

    def __call__(self, step: UpdateStep) -> None:
        now = time.monotonic()
        wait = QUICK_STEP if step.percent != self._percent and step.source else STEP
        if now - self._at >= wait or not step.source:
            self._percent, self._at = step.percent, now
            print(json.dumps(asdict(step)), flush=True)


def _reload_daemon(config: Config, *, quiet: bool) -> None:
    """Make the daemon load the new category table. Do nothing if it does not run; warn if it refuses.

    ``quiet``: do not print the problems of the rules that the daemon reports; the daemon shows them itself.
    """
    try:
        answer = Client(control_socket(config), RELOAD_PATIENCE).ask(RELOAD)
    except Unreachable:
        return  # the next start reads it
    except ControlError as error:
        output.problem(f"the daemon still uses the old table: {error}")
        return
    for line in () if quiet else answer.problems:
        output.problem(line)


def _status(library: ListLibrary, now: datetime, *, chosen: bool, as_json: bool) -> int:
    """Print size and date of the category table, the tier (set of lists) and each list's state. Return 0.

    The table maps host names to categories. ``chosen``: the tier is set in qalqan.yaml.
    """
    info = _built(library.state)
    rows = list(_sources(library, info, now))
    if as_json:
        seeds = [seed.category for seed in library.seeds]
        tier = {"tier": library.tier, "chosen": chosen}
        output.as_json({"table": _table(info), **tier, "lists": rows, "seeds": seeds})
        return 0
    if info is None:
        print(
            f"No table is built; the seeds of {len(library.seeds)} categories are in use: qalqan lists update"
        )
    else:
        print(_describe(info))
    print(f"Tier {library.tier}, {describe_tier(chosen=chosen)}")
    output.rows(
        (
            (
                row["id"],
                row["category"],
                row["tier"] or "-",
                row["names"] or "-",
                _age(row),
                row["licence"],
                row["error"] or (f"from its mirror {row['mirror']}" if row["mirror"] else ""),
            )
            for row in rows
        ),
        ("LIST", "CATEGORY", "TIER", "NAMES", "AGE", "LICENCE", ""),
    )
    return 0


def _check(library: ListLibrary) -> int:
    """Print the entries of lists that block a site that must be reachable from age ten on.

    Return the exit status: 1 if a list in the package has such an entry, else 0. Such entries of downloaded
    lists are left out of the table.
    """
    ours = [line for seed in library.seeds for line in library.refusing(seed.source)]
    here = [published for published in library.published.values() if library.is_here(published.id)]
    others = [
        line
        for published in here
        for line in library.refusing(published.copy(library.shelf.path(published.id)))
    ]
    for line in ours:
        output.problem(line)
    for line in others:
        print(f"{line}; left out of the table")
    lists, entries = len(library.seeds) + len(here), len(ours) + len(others)
    print(f"{lists} lists; entries that block a site that must open from age 10 on: {entries}")
    return 1 if ours else 0


def _reports(library: ListLibrary, *, as_json: bool) -> int:
    """Print the hosts that parents reported as wrongly blocked, with the lists in use of their category.

    Return 0.
    """
    rows = [
        {
            "host": report.host,
            "category": report.category,
            "at": report.at.isoformat(),
            "lists": [
                published.id
                for published in library.published.values()
                if published.category == report.category
                and (library.is_here(published.id) or (library.is_prebuilt and library.is_on(published)))
            ],
        }
        for report in library.own.wrong
    ]
    if as_json:
        output.as_json(rows)
        return 0
    output.rows(
        ((row["host"], row["category"], row["at"], ", ".join(row["lists"]) or "built-in") for row in rows),
        ("HOST", "CATEGORY", "REPORTED", "ONE OF THESE LISTS HAS IT"),
    )
    return 0


def _built(state: Path) -> TableInfo | None:
    if not (state / TABLE_NAME).exists():
        return None
    try:
        table = open_table(state)
    except ListError as error:
        output.problem(str(error))
        return None
    info = table.info
    table.close()
    return info


def _describe(info: TableInfo) -> str:
    size = info.size / MEGABYTE
    return f"{info.count} names of {len(info.sources)} lists, {size:.1f} MB, built {info.built}"


def _table(info: TableInfo | None) -> Mapping[str, Any] | None:
    return None if info is None else {"names": info.count, "bytes": info.size, "built": info.built}


def _sources(library: ListLibrary, info: TableInfo | None, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the state of each published list of sites as JSON values, the downloaded lists first."""
    shelf = library.shelf
    built = {} if info is None else {str(source.get("id")): source.get("domains") for source in info.sources}
    for published in sorted(
        library.published.values(),
        key=lambda published: (not shelf.path(published.id).exists(), published.id),
    ):
        copy = shelf.copies.get(published.id)
        here = shelf.path(published.id).exists()
        fetched = shelf.fetched(published.id, is_in_table=published.id in built)
        yield {
            "id": published.id,
            "category": published.category,
            "licence": published.licence,
            "default": library.tier.includes(published.tier),
            "tier": published.tier,
            "on": library.is_on(published),
            "here": here,
            "names": built.get(published.id),
            "fetched": None if fetched is None else fetched.isoformat(timespec="seconds"),
            "age_hours": None if fetched is None else round((now - fetched).total_seconds() / 3600),
            "stale": fetched is not None and now - fetched > STALE,
            "mirror": _mirror(published, copy) if here else "",
            "error": copy.error if copy is not None else "",
        }


def _mirror(published: PublishedList, copy: Copy | None) -> str:
    """Return the host of the mirror from which a list was downloaded; empty if it was no mirror."""
    url = "" if copy is None else copy.validators.url
    return urlsplit(url).hostname or "" if any(url in place for place in published.mirrors) else ""


def _age(row: Mapping[str, Any]) -> str:
    hours = row["age_hours"]
    if hours is None:
        return "here" if row["here"] else "due" if row["on"] else "-"
    age = f"{hours} h" if hours < 48 else f"{hours // 24} d"
    return f"{age}, too old" if row["stale"] else age

"""`qalqan lists`: fetches lists of sites, builds the category table, and shows their state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.cli import output
from gateway.cli.owner import become_owner
from gateway.cli.rule_files import SealedAsked, config_if_there
from gateway.cli.settings import config_path, control_socket
from gateway.control.client import Client, Unreachable
from gateway.control.contract.status import RELOAD
from gateway.core.errors import ControlError, ListError
from gateway.household.list_library import ListLibrary, read_library
from gateway.household.loading import product_in_use
from gateway.lists.book import STALE
from gateway.lists.fetch import Fetcher
from gateway.lists.lookup import Lookup, look_up
from gateway.lists.own_lists import lists_file
from gateway.lists.table import TABLE_NAME, open_table
from gateway.policy.config.config import Config
from gateway.policy.config.registers import register_title
from gateway.policy.names.categories import PROXY
from gateway.policy.names.domain_table import TableInfo

RELOAD_PATIENCE = 30.0  # seconds; the daemon reads every rule file again
STEP = 5.0  # seconds between two lines for the daemon: each makes open pages reload
NICE = 10  # of a process that the daemon started: packets go first
SHOW_EVERY = 1 << 20  # bytes between two lines of progress without a terminal
MEGABYTE = 1 << 20
FEED_PATIENCE = 1800.0  # seconds for a check of the signed feed; each of its servers has ten minutes
FEED_LINES = 4  # of the check's warnings that are shown
REFUSED_FOR_EVERYONE = "blocked for everyone"


def run(args: Namespace) -> int:
    config = config_if_there(args)
    state = Path(config.state)
    now = datetime.now(UTC)
    if args.action == "lookup":
        return _lookup(args, config)
    if args.action == "update" and config.feed is not None:
        _update_feed(config_path(args), nice=args.steps)
    library = _library(args, config)
    if args.action == "status":
        return _status(library, now, as_json=args.json)
    if args.action == "check":
        return _check(library)
    become_owner(state)
    problems: list[str] = []
    by_daemon: bool = args.steps if args.action == "update" else args.nice
    if by_daemon:
        os.nice(NICE)
    if args.action == "update":
        fetcher = Fetcher(progress=Steps() if by_daemon else Progress())
        problems = library.fetch(args.source, fetcher, now, force=args.force)
        for line in problems:
            output.problem(line)
    info, reports = library.build(now)
    for report in reports:
        if report.error:
            output.problem(f"{report.error}; the list is left out until the next update")
    print(_describe(info))
    _reload_daemon(config, quiet=by_daemon)
    # A list that fails is a warning: the others are up to date, and its previous copy is in the table.
    return 1 if problems and not library.is_any_current(now) else 0


def _update_feed(path: Path, *, nice: bool) -> None:
    """Check the signed feed first: it may bring other list sources. A failure is a warning.

    It runs in a process of its own, whose memory is free before the table is built.
    """
    command = [sys.executable, "-m", "gateway", "feed", "update", "--config", str(path)]
    try:
        done = subprocess.run(
            [*command, *(["--nice"] if nice else [])],
            capture_output=True,
            text=True,
            timeout=FEED_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        output.problem(f"feed: the check did not run ({error})")
        return
    for line in done.stderr.splitlines()[-FEED_LINES:]:
        output.problem(line.removeprefix("qalqan: "))


def _library(args: Namespace, config: Config) -> ListLibrary:
    product, _ = product_in_use(config)
    return read_library(Path(config.state), lists_file(config_path(args)), config.registers, product)


class Progress:
    """Prints one progress line for each list on standard error, updated in place on a terminal."""

    def __init__(self) -> None:
        self._printed: dict[str, int] = {}

    def __call__(self, source: str, done: int, total: int | None) -> None:
        size = f"{done >> 10} kB" + (f" of {total >> 10} kB" if total else "")
        if sys.stderr.isatty():
            print(f"\r{source}: {size}\x1b[K", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done == total or done - self._printed.get(source, 0) >= SHOW_EVERY:
            self._printed[source] = done
            print(f"{source}: {size}", file=sys.stderr)


class Steps:
    """Prints progress as JSON lines on standard output, for the daemon."""

    def __init__(self) -> None:
        self._printed = ("", 0.0)

    def __call__(self, source: str, done: int, total: int | None) -> None:
        last, at = self._printed
        now = time.monotonic()
        if source != last or now - at >= STEP or done == total:
            self._printed = (source, now)
            print(json.dumps({"source": source, "done": done, "total": total}), flush=True)


def _reload_daemon(config: Config, *, quiet: bool) -> None:
    """Let the daemon load the new table. ``quiet``: the daemon shows problems of its rules itself."""
    try:
        answer = Client(control_socket(config), RELOAD_PATIENCE).ask(RELOAD)
    except Unreachable:
        return  # the next start reads it
    except ControlError as error:
        output.problem(f"{error}; until then the daemon uses the old table")
        return
    for line in () if quiet else answer.problems:
        output.problem(line)


def _status(library: ListLibrary, now: datetime, *, as_json: bool) -> int:
    info = _built(library.state)
    rows = list(_sources(library, info, now))
    if as_json:
        seeds = [seed.category for seed in library.seeds]
        output.as_json({"table": _table(info), "lists": rows, "seeds": seeds})
        return 0
    if info is None:
        print(
            f"No table is built; the seeds of {len(library.seeds)} categories are in use: qalqan lists update"
        )
    else:
        print(_describe(info))
    output.rows(
        (
            (row["id"], row["category"], row["names"] or "-", _age(row), row["licence"], row["error"] or "")
            for row in rows
        ),
        ("LIST", "CATEGORY", "NAMES", "AGE", "LICENCE", ""),
    )
    return 0


def _check(library: ListLibrary) -> int:
    """Print the list entries that block a site that must open from age ten on.

    Return 1 if a built-in list has such an entry. Those of downloaded lists are left out of the table.
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
    """Yield the state of each published list as JSON values, the downloaded lists first."""
    shelf = library.shelf
    built = {} if info is None else {str(source.get("id")): source.get("domains") for source in info.sources}
    for published in sorted(
        library.published.values(),
        key=lambda published: (not shelf.path(published.id).exists(), published.id),
    ):
        copy = shelf.copies.get(published.id)
        here = shelf.path(published.id).exists()
        fetched = copy.fetched if copy is not None and here else None
        yield {
            "id": published.id,
            "category": published.category,
            "licence": published.licence,
            "default": published.default,
            "here": here,
            "names": built.get(published.id),
            "fetched": None if fetched is None else fetched.isoformat(timespec="seconds"),
            "age_hours": None if fetched is None else round((now - fetched).total_seconds() / 3600),
            "stale": fetched is not None and now - fetched > STALE,
            "error": copy.error if copy is not None else "",
        }


def _age(row: Mapping[str, Any]) -> str:
    hours = row["age_hours"]
    if hours is None:
        return "here" if row["here"] else "due" if row["default"] else "-"
    age = f"{hours} h" if hours < 48 else f"{hours // 24} d"
    return f"{age}, too old" if row["stale"] else age


def _lookup(args: Namespace, config: Config) -> int:
    product, _ = product_in_use(config)
    table = open_table(Path(config.state))
    sealed = SealedAsked(config)
    found = look_up(args.host, table, product.categories, product.catalogue, product.resolvers, sealed)
    if args.json:
        output.as_json(asdict(found))
    else:
        output.rows(_rows(found))
    return 0


def _rows(found: Lookup) -> Iterator[tuple[str, str]]:
    if found.refused_for_everyone:
        yield found.host, REFUSED_FOR_EVERYONE
        return
    for match in found.matches:
        yield match.name, ", ".join(map(register_title, match.categories))
    for service in found.services:
        yield found.host, f"service:{service}"
    if found.resolver:
        yield found.host, f"{PROXY}, a resolver of {found.resolver}"
    if not found.matches and not found.services and not found.resolver:
        yield found.host, "in no category and no service"

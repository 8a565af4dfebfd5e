"""`lists build|update|status|lookup`: fetch public lists, build the category table, ask what is in it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from gateway.commands.live import SOCKET
from gateway.commands.rulebook import RuleBook, read
from gateway.control.client import Client
from gateway.errors import ControlError, PolicyError
from gateway.lists.build import Canaries, describe
from gateway.lists.fetch import Fetcher
from gateway.lists.sources import PublishedList, parse_canaries, parse_sources
from gateway.lists.table import SEED_FOLDER
from gateway.lists.update import Seed, Shelf, build_all
from gateway.policy import fields
from gateway.policy.hosts import public_suffix_check
from gateway.policy.why import parse_host

FOLDER = "lists"  # of fetched copies, in the state folder


def lists(args: argparse.Namespace) -> int:
    rules = read(args.config)
    if args.action == "build":
        return _build(rules)
    actions = {"update": _update, "status": _status, "lookup": _lookup}
    return actions[args.action](args, rules)


def published(rules: RuleBook) -> dict[str, PublishedList]:
    root = resources.files("profiles")
    source = root.joinpath("sources.yaml").read_bytes()
    return dict(parse_sources(source, "profiles/sources.yaml", rules.product.categories))


def canaries() -> Canaries:
    source = resources.files("profiles").joinpath("canaries.yaml").read_bytes()
    return Canaries(parse_canaries(source, "profiles/canaries.yaml"))


@contextmanager
def seeds() -> Iterator[list[Seed]]:
    """The lists of our own, as files for as long as the block runs."""
    with resources.as_file(resources.files("profiles").joinpath(SEED_FOLDER)) as folder:
        yield [Seed(file.stem, file) for file in sorted(folder.glob("*.txt"))]


def _shelf(rules: RuleBook) -> Shelf:
    return Shelf(Path(rules.config.state) / FOLDER)


def _build(rules: RuleBook) -> int:
    state = Path(rules.config.state)
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PolicyError(
            str(state), f"cannot be made ({error.strerror})", "run as root, or set `state`"
        ) from error
    with seeds() as own:
        info, reports = build_all(
            _shelf(rules),
            published(rules).values(),
            own,
            state,
            canaries=canaries(),
            is_public_suffix=public_suffix_check(),
            now=datetime.now(UTC),
        )
    for report in reports:
        if report.canaries:
            print(f"{report.id}: left out {', '.join(report.canaries[:5])}: innocent sites", file=sys.stderr)
    print(describe(info))
    _tell_daemon(rules)
    return 0


def _update(args: argparse.Namespace, rules: RuleBook) -> int:
    known = published(rules)
    for name in args.names:
        if name not in known:
            raise PolicyError(name, "there is no such list", fields.suggestion(name, known))
    chosen = [one for one in known.values() if one.default or one.id in args.names]
    fetcher = Fetcher(progress=_progress if sys.stderr.isatty() else None)
    problems = _shelf(rules).fetch(chosen, fetcher, canaries(), datetime.now(UTC), force=args.force)
    for line in problems:
        print(f"problem: {line}", file=sys.stderr)
    _build(rules)
    return 1 if problems else 0


def _progress(source: str, done: int, total: int | None) -> None:
    share = f" of {total >> 10}" if total else ""
    print(f"\r{source}: {done >> 10}{share} kB", end="", file=sys.stderr, flush=True)
    if total == done:
        print(file=sys.stderr)


def _tell_daemon(rules: RuleBook) -> None:
    """A running daemon changes over at once; without one there is nothing to do."""
    path = Path(rules.config.runtime) / SOCKET
    if not path.exists():
        return
    try:
        Client(path).call("reload")
    except ControlError as error:
        print(f"the new table is there, but the daemon did not take it: {error}", file=sys.stderr)


def _status(args: argparse.Namespace, rules: RuleBook) -> int:
    shelf, info = _shelf(rules), rules.table.table.info
    rows = []
    for one in published(rules).values():
        copy = shelf.copies.get(one.id)
        fetched = copy.fetched if copy else None
        rows.append(
            {
                "id": one.id,
                "category": one.category,
                "licence": one.licence,
                "default": one.default,
                "fetched": fetched.isoformat(timespec="minutes") if fetched else None,
                "error": copy.error if copy else "",
            }
        )
    if args.json:
        table = {"names": info.count, "bytes": info.size, "built": info.built}
        print(json.dumps({"table": table, "lists": rows}, ensure_ascii=False))
        return 0
    print(f"table: {describe(info)}")
    for row in rows:
        when = row["fetched"] or ("never fetched" if row["default"] else "not chosen")
        print(f"{row['id']:26} {row['category']:28} {when:24} {row['licence']} {row['error']}")
    return 0


def _lookup(args: argparse.Namespace, rules: RuleBook) -> int:
    host = parse_host(args.host)
    binding = rules.product.categories.binding
    found = [
        {"name": suffix, "categories": _shown(categories, binding)}
        for suffix, categories in rules.table.table.matches(host)
    ]
    services = list(rules.product.catalogue.services_of(host))
    if args.json:
        print(json.dumps({"host": host, "lists": found, "services": services}, ensure_ascii=False))
        return 0
    for row in found:
        print(f"{row['name']}: {', '.join(row['categories'])}")
    for service in services:
        print(f"service:{service}")
    if not found and not services:
        print(f"{host} is on no list")
    return 0


def _shown(categories: Iterable[str], binding: frozenset[str]) -> list[str]:
    """What binds everyone is never told apart."""
    shown = {"refused_for_everyone" if one in binding else one for one in categories}
    return sorted(shown)

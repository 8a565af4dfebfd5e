"""`qalqan check`: what is wrong with files and system, and how to mend it. Needs no daemon and no root."""

from __future__ import annotations

import json
import mmap
import os
from argparse import Namespace
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.check import other_programs as check_beside
from gateway.check import system as check_system
from gateway.check.certificate import certificate_findings
from gateway.check.findings import Finding, Level, note, ok, problem, refused, unseen, warning
from gateway.check.firewall import firewall_findings
from gateway.check.lan import lan_findings
from gateway.check.marks import mark_findings
from gateway.check.own_rules import must_findings
from gateway.check.registers import register_findings
from gateway.check.router import router_findings
from gateway.check.rulesets import read_rules, rule_findings
from gateway.check.sealed import sealed_findings
from gateway.check.trusted_name import name_findings
from gateway.cli import output
from gateway.cli.settings import config_path, read_config
from gateway.core.errors import GatewayError, ListError, PolicyError
from gateway.household import loading as household
from gateway.household.list_library import must_resolve
from gateway.lan.machine import read_machine
from gateway.lists.book import BOOK_NAME, SHELF, STALE, Book
from gateway.lists.table import TABLE_NAME, seed_names
from gateway.policy.config.config import Config
from gateway.policy.names import domain_table as domains
from gateway.policy.names.countries import COMMON, country_of
from gateway.policy.time.list_updates import UpdateInterval

UPDATE = "run: qalqan lists update"
NICE = 10  # of a check that the daemon started: packets go first


def run(args: Namespace) -> int:
    if args.steps:
        return _steps(config_path(args))
    findings = list(findings_of(config_path(args)))
    healthy = all(one.level is not Level.ERROR for one in findings)
    if args.json:
        counts = {
            f"{one}s": sum(found.level is one for found in findings) for one in Level if one is not Level.OK
        }
        output.as_json({"ok": healthy, **counts, "findings": [one.as_json() for one in findings]})
    else:
        for one in findings:
            print(output.clean(one))
    return 0 if healthy else 1


def _steps(path: Path) -> int:
    """For the daemon, which reads each line as it comes; that something is wrong is no failure to it."""
    os.nice(NICE)
    for one in findings_of(path):
        print(json.dumps(one.as_json()), flush=True)
    return 0


def findings_of(path: Path) -> Iterator[Finding]:
    product, has_child = None, False
    try:
        product = household.load_product()
    except PolicyError as error:
        yield refused("product", error)
    else:
        count = len(product.catalogue.services)
        yield ok("product", f"{len(product.categories.by_id)} categories, {count} services")
    try:
        config = read_config(path)
    except PolicyError as error:
        yield refused("config", error)
    else:
        yield ok("config", str(path))
        yield from router_findings(config)
        if product is not None:
            yield from _country(config, product)
            has_child = yield from _profiles(path, config, product)
        yield from check_beside.folders(config)
        yield from _table(Path(config.state))
        yield from _copies(Path(config.state), needed=_mend(config) if has_child else "")
        yield from sealed_findings(config)
        yield from register_findings(config)
        yield from check_beside.clock(config)
        yield from _network(config)
        yield from check_system.pages(config)
        yield from certificate_findings(config)
        yield from name_findings(config)
    yield from check_system.kernel()
    yield from check_system.accounting()
    yield from check_beside.beside()


def _network(config: Config) -> Iterator[Finding]:
    rules = read_rules()
    try:
        machine = read_machine()
    except OSError as error:
        yield note("lan", f"the kernel does not tell of its interfaces ({error.strerror or error})")
    else:
        yield from lan_findings(config, machine)
        yield from firewall_findings(config, machine, rules)
    yield from rule_findings(config, rules)
    yield from mark_findings(config.marks, rules)


def _country(config: Config, product: household.Product) -> Iterator[Finding]:
    """Countries without a file of their own are served, with less."""
    known = ", ".join(sorted(code for code in product.countries if code != COMMON))
    if not config.country:
        yield note(
            "country", f"none chosen: no public holidays, help lines that hold everywhere; known: {known}"
        )
    elif country_of(product.countries, config.country) is None:
        yield note("country", f"there is no file for {config.country}: no public holidays; known: {known}")


def _profiles(path: Path, config: Config, product: household.Product) -> Generator[Finding, None, bool]:
    """Check the profiles; return whether one of them is a child's."""
    folder = Path(config.profiles)
    hidden = next((one for one in (folder, *_files(folder)) if _hidden(one)), None)
    if hidden is not None:
        yield unseen("profiles", hidden)
        return False
    try:
        family = household.load(path, product)
    except PolicyError as error:
        yield refused("profiles", error)
        return False
    for broken in family.problems.values():
        yield refused("profile", broken)
    for one in family.profiles.values():
        yield ok("profile", f"{one.id}: band {one.band.value}, {len(one.devices)} devices")
        if one.warning is not None:
            yield warning("profile", f"{one.warning.where}: {one.warning.problem}", one.warning.fix)
    try:
        yield from must_findings(family, must_resolve(product))
    except PolicyError as error:
        yield refused("product", error)
    if not family.profiles and not family.problems:
        yield ok("profiles", f"none yet in {family.config.profiles}: one file a child")
    return bool(family.children)


def _files(folder: Path) -> list[Path]:
    try:
        return household.profile_files(folder)
    except PolicyError:
        return []


def _hidden(path: Path) -> bool:
    """Whether it is root's alone, and we are somebody else: nothing is wrong with it then."""
    if os.geteuid() == 0:
        return False
    try:
        return path.exists() and not os.access(path, os.R_OK, effective_ids=True)
    except PermissionError:
        return True


def _table(state: Path) -> Iterator[Finding]:
    """Whole and as it was built: all of it is read."""
    path = state / TABLE_NAME
    if _hidden(path):
        yield unseen("lists", path)
        return
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
            info = domains.verify(mapping[:])
    except FileNotFoundError:
        yield ok("lists", f"no table is built: the {len(seed_names())} names that come along are in use")
    except OSError as error:
        yield problem("lists", f"{path} cannot be read ({error.strerror})", "mend its permissions")
    except ValueError:
        yield problem("lists", f"{path} is empty", "build it again: qalqan lists build")
    except GatewayError as error:
        yield refused("lists", error)
    else:
        yield ok("lists", f"{info.count} names, built {info.built}")


def _copies(state: Path, *, needed: str = "") -> Iterator[Finding]:
    """Report failed downloads and old lists. ``needed``: how to get lists where a child's rules need them."""
    now, shelf = datetime.now(UTC), state / SHELF
    if _hidden(shelf / BOOK_NAME):
        yield unseen("lists", shelf)
        return
    try:
        book = Book(shelf)
    except ListError as error:
        yield refused("lists", error)
        return
    newest = book.newest
    all_old = bool(needed) and newest is not None and now - newest > STALE
    for name, copy in sorted(book.copies.items()):
        if copy.fetched is not None and now - copy.fetched > STALE and not all_old:
            days = (now - copy.fetched).days
            yield warning("lists", f"{name} is {days} days old", UPDATE)
        if copy.error:
            yield warning("lists", f"the last try failed: {copy.error}", UPDATE)
    if all_old and newest is not None:
        yield warning("lists", f"the newest is {(now - newest).days} days old", needed)
    elif newest is None and needed:
        yield warning("lists", "none was fetched yet: most sites of blocked categories are open", needed)


def _mend(config: Config) -> str:
    if config.lists_update is UpdateInterval.OFF:
        return f"{UPDATE}, or set lists: {{update: daily}} in qalqan.yaml"
    return f"{UPDATE}; where it fails, see: qalqan lists status"

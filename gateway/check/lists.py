"""`qalqan check`: checks the table of sites, downloaded lists, sealed lists and enabled state registers.

A finding never has a name from a sealed list or a register.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.check.findings import Finding, is_hidden, note, ok, problem, refused, unseen, warning
from gateway.core.errors import GatewayError, ListError, PolicyError
from gateway.core.optional_packages import LIST_UPDATES, PACKAGES, is_installed
from gateway.feed.data_set import FEED
from gateway.feed.status import read_check
from gateway.household.loading import Product, product_in_use
from gateway.lists.book import BOOK_NAME, SHELF, STALE, CopyIndex
from gateway.lists.sealed import SealedShelf, SealedState
from gateway.lists.table import TABLE_NAME, seed_names
from gateway.policy.config.config import Config
from gateway.policy.config.registers import Register
from gateway.policy.names import domain_table as domains
from gateway.policy.time.list_update_times import UpdateInterval

UPDATE = "run: qalqan lists update"


def table_findings(state: Path) -> Iterator[Finding]:
    """Yield a finding about the category table: how many names it has and when it was built, or a problem.

    Reads all of it. A table that is not built yet is no problem.
    """
    path = state / TABLE_NAME
    if is_hidden(path):
        yield unseen("lists", path)
        return
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
            info = domains.verify(mapping[:])
    except FileNotFoundError:
        yield ok("lists", f"no table is built: the {len(seed_names())} built-in names are in use")
    except OSError as error:
        yield problem(
            "lists", f"{path} cannot be read ({error.strerror})", "fix its permissions", code="table_broken"
        )
    except ValueError:
        yield problem("lists", f"{path} is empty", "build it again: qalqan lists build", code="table_broken")
    except GatewayError as error:
        yield refused("lists", error, code="table_broken")
    else:
        yield ok("lists", f"{info.count} names, built {info.built}")


def copy_findings(state: Path, *, needed: str = "") -> Iterator[Finding]:
    """Yield warnings about downloaded lists: failed downloads, lists older than a week, or none at all.

    ``needed``: the advice how to get lists, if there is a child whose rules need them; else empty, and
    missing lists are no problem. An index of the lists that is damaged is an error.
    """
    now, shelf = datetime.now(UTC), state / SHELF
    if is_hidden(shelf / BOOK_NAME):
        yield unseen("lists", shelf)
        return
    try:
        book = CopyIndex(shelf)
    except ListError as error:
        yield refused("lists", error, code="table_broken")
        return
    newest = book.newest
    all_old = bool(needed) and newest is not None and now - newest > STALE
    for name, copy in sorted(book.copies.items()):
        if copy.fetched is not None and now - copy.fetched > STALE and not all_old:
            days = (now - copy.fetched).days
            yield warning(
                "lists", f"{name} is {days} days old", UPDATE, code="list_old", name=name, days=days
            )
        if copy.error:
            yield warning("lists", f"the last update failed: {copy.error}", UPDATE, code="list_failed")
    if all_old and newest is not None:
        yield warning(
            "lists",
            f"the newest is {(now - newest).days} days old",
            needed,
            code="lists_old",
            days=(now - newest).days,
        )
    elif newest is None and needed:
        yield warning(
            "lists",
            "none was downloaded yet: most sites of blocked categories are open",
            needed,
            code="lists_none",
        )


def how_to_update(config: Config) -> str:
    if not is_installed(LIST_UPDATES):
        return f"install the package {PACKAGES[LIST_UPDATES]}"
    if config.lists_update is UpdateInterval.OFF:
        return f"{UPDATE}, or set lists: {{update: daily}} in qalqan.yaml"
    return f"{UPDATE}; if it fails, see: qalqan lists status"


def feed_findings(config: Config, product: Product | None = None) -> Iterator[Finding]:
    """Yield findings about the signed data feed, if one is set: the version in use, and a failed check.

    ``product``: the data in use, if it is loaded already.
    """
    if config.feed is None:
        return
    state = Path(config.state)
    if is_hidden(state / FEED):
        yield unseen("feed", state / FEED)
        return
    try:
        product, problem = product_in_use(config, product)
    except PolicyError:  # reported by the check of the packaged data
        return
    data, check = product.data, read_check(state)
    origin = "packaged" if data.is_packaged else "from the feed"
    if problem or check.problem:
        yield warning("feed", problem or check.problem, "try again: qalqan feed update", code="feed_failed")
    elif check.checked is None and not is_installed("tuf"):
        yield warning(
            "feed",
            "the feed cannot be checked",
            f"install the package {PACKAGES['tuf']}",
            code="feed_unchecked",
        )
    elif check.checked is None:
        yield warning("feed", "it was never checked", "run: qalqan feed update", code="feed_unchecked")
    yield ok("feed", f"data of version {data.version}, {origin}")


def register_findings(config: Config) -> Iterator[Finding]:
    """Yield a finding for each state register that is turned on: who turned it on, and a failed download.

    A note if the index of downloaded lists cannot be read. `copy_findings` reports the reason.
    """
    on = [register for register in config.registers if register.on]
    if not on:
        return
    try:
        index = CopyIndex(Path(config.state) / SHELF)
    except ListError:
        index = None
    for register in on:
        yield _register_finding(register, index)


def _register_finding(register: Register, index: CopyIndex | None) -> Finding:
    who = f", turned on by {register.by}" if register.by else ", turned on by hand"
    since = f" on {register.since}" if register.since else ""
    text = f"{register.name} applies to everyone in the home{who}{since}"
    if index is None:
        return note("lists", f"{text}; whether it is downloaded cannot be read", code="unread")
    copy = index.copies.get(register.source)
    if copy is not None and copy.error:
        return warning(
            "lists",
            f"{text}: {copy.error}",
            "see docs/families/lists.md, State registers",
            code="register_failed",
            name=register.name,
        )
    if not index.path(register.source).exists():
        return warning(
            "lists",
            f"{text}, and is not downloaded yet",
            "run: qalqan lists update",
            code="register_failed",
            name=register.name,
        )
    return ok("lists", text)


def sealed_findings(config: Config) -> Iterator[Finding]:
    if not config.sealed:
        return
    shelf = SealedShelf(Path(config.state))
    if os.geteuid() != 0 and not os.access(shelf.folder, os.R_OK | os.X_OK, effective_ids=True):
        yield unseen("lists", shelf.folder)
        return
    now = time.time()
    for held in shelf.load(config.sealed)[1]:
        yield _sealed_finding(held, now)


def _sealed_finding(held: SealedState, now: float) -> Finding:
    head = held.head
    if head is None:
        return warning(
            "lists",
            f"a sealed list is not in use: {held.problem}",
            "run: qalqan sealed update",
            code="sealed_unused",
        )
    until = datetime.fromtimestamp(head.expires, UTC).date()
    if held.is_late(now):
        text = f"the sealed list of {head.issuer} expired on {until}; it stays in use until a new one comes"
        return warning(
            "lists", text, "run: qalqan sealed update, or ask its issuer", code="sealed_old", name=head.issuer
        )
    return ok("lists", f"sealed list of {head.issuer} ({head.scope}): {head.count} names, until {until}")

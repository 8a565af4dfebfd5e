"""`qalqan check`: which states' registers the home names, and who turned one on; never a name of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.check.findings import Finding, ok, warning
from gateway.lists.book import SHELF, Book
from gateway.policy.config.config import Config


def register_findings(config: Config) -> Iterator[Finding]:
    on = [one for one in config.registers if one.on]
    book = Book(Path(config.state) / SHELF) if on else None
    for one in on:
        who = f", turned on by {one.by}" if one.by else ", turned on by hand"
        since = f" on {one.since}" if one.since else ""
        text = f"{one.name} binds everyone in the home{who}{since}"
        copy = None if book is None else book.copies.get(one.source)
        if copy is not None and copy.error:
            yield warning("lists", f"{text}: {copy.error}", "see docs/families/lists.md, State registers")
        elif book is not None and not book.path(one.source).exists():
            yield warning("lists", f"{text}, and is not here yet", "run: qalqan lists update")
        else:
            yield ok("lists", text)

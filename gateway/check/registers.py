"""`qalqan check`: the enabled state registers and who enabled them; never a name from a register."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.check.findings import Finding, ok, warning
from gateway.lists.book import SHELF, Book
from gateway.policy.config.config import Config


def register_findings(config: Config) -> Iterator[Finding]:
    on = [register for register in config.registers if register.on]
    book = Book(Path(config.state) / SHELF) if on else None
    for register in on:
        who = f", turned on by {register.by}" if register.by else ", turned on by hand"
        since = f" on {register.since}" if register.since else ""
        text = f"{register.name} applies to everyone in the home{who}{since}"
        copy = None if book is None else book.copies.get(register.source)
        if copy is not None and copy.error:
            yield warning("lists", f"{text}: {copy.error}", "see docs/families/lists.md, State registers")
        elif book is not None and not book.path(register.source).exists():
            yield warning("lists", f"{text}, and is not downloaded yet", "run: qalqan lists update")
        else:
            yield ok("lists", text)

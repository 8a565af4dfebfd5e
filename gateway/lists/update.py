"""Fetch what is due, then build one table from all that is here; what fails leaves the last good state."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.errors import ListError
from gateway.lists.build import Canaries, Report, Source, build_table, survey
from gateway.lists.fetch import Fetcher, Validators
from gateway.lists.formats import Format
from gateway.lists.sources import PublishedList
from gateway.lists.table import TABLE_NAME
from gateway.policy.domains import TableInfo

FRESH = timedelta(hours=20)  # most lists change once a day; asking more often is rude
STALE = timedelta(days=7)  # older than that is shown as a problem
BOOK_NAME = "sources.json"


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of our copy of a list."""

    validators: Validators = field(default_factory=Validators)
    fetched: datetime | None = None  # when the server last gave it or said it is the newest
    error: str = ""  # one line, of the last try; empty after a good one


class Shelf:
    """The copies in ``folder`` and the book about them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._book = folder / BOOK_NAME
        self.copies: dict[str, Copy] = self._read()

    def path(self, source: str) -> Path:
        return self.folder / f"{source}.list"

    def _read(self) -> dict[str, Copy]:
        try:
            rows = json.loads(self._book.read_bytes())
            return {key: _copy(row) for key, row in rows.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, AttributeError):
            # A lost book costs one download more; the copies themselves are checked when they are read.
            return {}

    def save(self) -> None:
        rows = {key: _row(copy) for key, copy in sorted(self.copies.items())}
        temporary = self._book.with_suffix(".new")
        temporary.write_text(json.dumps(rows, indent=1))
        temporary.replace(self._book)

    def fetch(
        self,
        lists: Iterable[PublishedList],
        fetcher: Fetcher,
        canaries: Canaries,
        now: datetime,
        *,
        force: bool = False,
    ) -> list[str]:
        """Fetch the lists that are due; a new copy that is not fit for use does not replace the old one.

        The lines of what went wrong, each naming its source.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        problems = []
        for published in lists:
            copy = self.copies.get(published.id, Copy())
            present = self.path(published.id).exists()
            if present and not force and copy.fetched is not None and now - copy.fetched < FRESH:
                continue
            try:
                validators = self._renew(published, fetcher, canaries, copy.validators if present else None)
                self.copies[published.id] = Copy(validators, now)
            except (ListError, OSError) as error:
                problems.append(str(error))
                self.copies[published.id] = replace(copy, error=str(error))
        self.save()
        return problems

    def _renew(
        self, published: PublishedList, fetcher: Fetcher, canaries: Canaries, known: Validators | None
    ) -> Validators:
        target = self.path(published.id)
        new = target.with_suffix(f".{os.getpid()}.new")
        try:
            got = fetcher.fetch(published.id, published.url, new, known or Validators(), published.max_bytes)
            if got.path is not None:
                survey(published.copy(got.path), canaries)
                got.path.replace(target)
        finally:
            new.unlink(missing_ok=True)
        return got.validators


@dataclass(frozen=True, slots=True)
class Seed:
    """The names of our own that come with the package, one file a category."""

    category: str
    path: Path


def build_all(
    shelf: Shelf,
    lists: Iterable[PublishedList],
    seeds: Iterable[Seed],
    state: Path,
    *,
    canaries: Canaries,
    is_public_suffix: Callable[[str], bool],
    now: datetime,
) -> tuple[TableInfo, list[Report]]:
    """Build the table in ``state`` from the seeds and from every list of which a copy is here."""
    sources = [Source(f"own-{seed.category}", seed.category, seed.path, Format.DOMAINS) for seed in seeds]
    sources += [one.copy(shelf.path(one.id)) for one in lists if shelf.path(one.id).exists()]
    return build_table(
        sources,
        state / TABLE_NAME,
        built=now.astimezone(UTC).isoformat(timespec="seconds"),
        canaries=canaries,
        is_public_suffix=is_public_suffix,
    )


def _copy(row: Mapping[str, Any]) -> Copy:
    fetched = row.get("fetched")
    return Copy(
        Validators(row.get("etag"), row.get("modified")),
        datetime.fromisoformat(fetched) if fetched else None,
        str(row.get("error", "")),
    )


def _row(copy: Copy) -> dict[str, Any]:
    return {
        "etag": copy.validators.etag,
        "modified": copy.validators.modified,
        "fetched": copy.fetched.isoformat() if copy.fetched else None,
        "error": copy.error,
    }

"""Fetch what is due, then build one table from all that is here; what fails leaves the last good state."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ListError
from gateway.lists.book import Book, Copy, Validators
from gateway.lists.build import Canaries, Report, Source, build_table, must_hits, survey
from gateway.lists.fetch import Fetcher, Offline, Unwritable
from gateway.lists.formats import Format
from gateway.lists.must import MustResolve
from gateway.lists.sources import PublishedList
from gateway.lists.table import TABLE_NAME
from gateway.policy.domains import TableInfo

FRESH = timedelta(hours=20)  # most lists change once a day; asking more often is rude


class Shelf(Book):
    """The copies, and how they become new ones."""

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

        The lines of what went wrong, each naming its source. Raises ListError where two hosts, or the only
        one, cannot even be reached, and where nothing can be written: then it is the internet or the disk
        that fails, and no other is tried.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        problems = []
        due = [one for one in lists if force or not self._is_fresh(one.id, now)]
        unreached = ""
        while due:
            published = due.pop(0)
            copy = self.copies.get(published.id, Copy())
            try:
                validators = self._renew(published, fetcher, canaries, copy.validators)
                self.copies[published.id] = Copy(validators, now)
            except Offline as error:
                elsewhere = next((one for one in due if _host(one) != _host(published)), None)
                if unreached or elsewhere is None:
                    raise ListError(_no_internet({unreached, _host(published)}, error)) from error
                unreached = _host(published)
                due.remove(elsewhere)
                due[:0] = [elsewhere, published]
            except Unwritable:
                with suppress(ListError):  # of the two it is the first that is told
                    self.save()
                raise
            except (ListError, OSError) as error:
                problems.append(str(error))
                self.copies[published.id] = replace(copy, error=str(error))
        self.save()
        return problems

    def _is_fresh(self, source: str, now: datetime) -> bool:
        fetched = self.copies.get(source, Copy()).fetched
        return self.path(source).exists() and fetched is not None and abs(now - fetched) < FRESH

    def _renew(
        self, published: PublishedList, fetcher: Fetcher, canaries: Canaries, known: Validators
    ) -> Validators:
        target = self.path(published.id)
        if not target.exists():
            known = Validators()
        new = target.with_suffix(f".{os.getpid()}.new")
        try:
            got = fetcher.fetch(published.id, published.url, new, known, published.max_bytes)
            if got.path is not None:
                survey(published.copy(got.path), canaries)
                if target.exists():
                    _refuse_drift(published.copy(got.path), published.copy(target), canaries.must)
                got.path.replace(target)
        finally:
            new.unlink(missing_ok=True)
        return got.validators


def _refuse_drift(new: Source, old: Source, must: MustResolve) -> None:
    """Raises ListError where a new copy refuses a site that has to open, and the one before did not.

    Of a list of which there is no copy yet such entries are left out of the table, and nothing more.
    """
    found = must_hits(new, must)
    fresh = found.keys() - must_hits(old, must).keys() if found else ()
    if fresh:
        name = min(fresh)
        msg = (
            f"{new.id}: it lists {name} now, and so refuses {found[name]}, which has to open from 10 years "
            "on; the copy of before stays in use"
        )
        raise ListError(msg)


@dataclass(frozen=True, slots=True)
class Seed:
    """The names of our own that come with the package, one file a category."""

    category: str
    path: Path

    @property
    def source(self) -> Source:
        return Source(f"own-{self.category}", self.category, self.path, Format.DOMAINS, own=True)


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
    sources = [seed.source for seed in seeds]
    sources += [one.copy(shelf.path(one.id)) for one in lists if shelf.path(one.id).exists()]
    return build_table(
        sources,
        state / TABLE_NAME,
        built=now.astimezone(UTC).isoformat(timespec="seconds"),
        canaries=canaries,
        is_public_suffix=is_public_suffix,
    )


def _host(published: PublishedList) -> str:
    return urlsplit(published.url).hostname or ""


def _no_internet(hosts: set[str], error: Offline) -> str:
    reason = getattr(error.__cause__, "reason", error)
    tried = sorted(hosts - {""})
    what = f"neither {' nor '.join(tried)} can" if len(tried) > 1 else f"{tried[0]} cannot"
    why = getattr(reason, "strerror", None) or reason
    return f"no internet: {what} be reached ({why}); the old table stays in force"

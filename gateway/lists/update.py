"""Fetches the lists that are due and builds one table from all copies. A failure keeps the previous state."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from gateway.core.errors import ListError
from gateway.lists.book import Copy, CopyIndex, Validators
from gateway.lists.build import BuildReport, BuildSource, build_table, must_hits, survey
from gateway.lists.canaries import Canaries
from gateway.lists.fetch import KEEPING, Fetcher, Offline, Unwritable, unwritable
from gateway.lists.formats import Format
from gateway.lists.must_resolve import MustResolve
from gateway.lists.sources import PublishedList
from gateway.lists.table import TABLE_NAME
from gateway.policy.names.domain_table import TableInfo, TableRelease

FRESH = timedelta(hours=2)  # a repeated command sends the servers no further request
# The least part of the previous copy's bytes. A maker's broken script can publish a nearly empty list; one of
# adult sites went from 500,000 names to one (blocklistproject/Lists, issue 1658).
SMALLEST_PART = 0.01


Begin = Callable[[str, int, int], None]
"""Called before a download: ``begin(source, its number from 1, number of lists)``."""


class NoInternet(ListError):
    """Raised if the servers of two lists, or of the only list, could not be reached: probably offline."""


class Shelf(CopyIndex):
    """The folder of downloaded copies of lists, with an index of when each was fetched.

    ``fetch`` downloads new copies.
    """

    def fetch(
        self,
        lists: Iterable[PublishedList],
        fetcher: Fetcher,
        canaries: Canaries,
        now: datetime,
        *,
        force: bool = False,
        begin: Begin | None = None,
    ) -> list[str]:
        """Download the lists that are due, and save the index; return one line for each list that failed.

        Due is a list that was not fetched in the last two hours; with ``force``, every list.
        ``begin`` is called before each list. A new copy that cannot be used does not replace the
        old one.

        Raises NoInternet if two hosts, or the only one, cannot be reached, and ListError if nothing
        can be written: the other lists would fail in the same way.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        problems = []
        due = [due_list for due_list in lists if force or not self.is_fresh(due_list.id, now)]
        unreached, count = "", len(due)
        while due:
            published = due.pop(0)
            if begin is not None:
                begin(published.id, count - len(due), count)
            copy = self.copies.get(published.id, Copy())
            try:
                first, *further = self._renew(published, fetcher, canaries, copy)
                self.copies[published.id] = Copy(first, now, further=tuple(further))
            except Offline as error:
                elsewhere = next((other for other in due if _host(other) != _host(published)), None)
                if unreached or elsewhere is None:
                    raise NoInternet(_no_internet({unreached, _host(published)}, error)) from error
                unreached = _host(published)
                due.remove(elsewhere)
                due[:0] = [elsewhere, published]
            except Unwritable:
                with suppress(ListError):  # the first error is the one to report
                    self.save()
                raise
            except (ListError, OSError) as error:
                problems.append(str(error))
                self.copies[published.id] = replace(copy, error=str(error))
        self.save()
        return problems

    def is_fresh(self, source: str, now: datetime) -> bool:
        """Return whether the list has a copy that was fetched or confirmed within the last two hours."""
        fetched = self.copies.get(source, Copy()).fetched
        return self.path(source).exists() and fetched is not None and abs(now - fetched) < FRESH

    def forget(self, source: str, problem: str) -> None:
        """Delete a list's stored copy and record ``problem``, so that the next update downloads it again.

        The index is not saved.
        """
        self.path(source).unlink(missing_ok=True)
        self.copies[source] = Copy(error=problem)

    def _renew(
        self, published: PublishedList, fetcher: Fetcher, canaries: Canaries, copy: Copy
    ) -> list[Validators]:
        """Download a list from the first of its servers that works; return the HTTP validators of its files.

        Raises the error of the first server, with the last mirror's error added; Offline only if no
        server could be reached; Unwritable if the copy cannot be written.
        """
        errors: list[ListError | OSError] = []
        for urls in published.places:
            try:
                return self._renew_from(published, urls, fetcher, canaries, copy)
            except Unwritable:
                raise
            except (ListError, OSError) as error:
                errors.append(error)
        first = next((error for error in errors if not isinstance(error, Offline)), errors[0])
        if len(errors) == 1 or isinstance(first, Offline):
            raise first
        msg = f"{errors[0]}; its mirror failed too: {str(errors[-1]).removeprefix(f'{published.id}: ')}"
        raise ListError(msg) from first

    def _renew_from(
        self,
        published: PublishedList,
        urls: tuple[str, ...],
        fetcher: Fetcher,
        canaries: Canaries,
        copy: Copy,
    ) -> list[Validators]:
        target = self.path(published.id)
        known = [copy.validators, *copy.further]
        if not target.exists() or len(known) != len(urls):
            known = [Validators() for _ in urls]
        new = target.with_suffix(f".{os.getpid()}.new")
        try:
            validators = _download(published, urls, fetcher, known, new)
            if new.exists():
                survey(published.copy(new), canaries)
                if target.exists():
                    _refuse_emptied(published, new.stat().st_size, target.stat().st_size)
                    _refuse_drift(published.copy(new), published.copy(target), canaries.must)
                new.replace(target)
        finally:
            new.unlink(missing_ok=True)
        return validators


def _download(
    published: PublishedList,
    urls: tuple[str, ...],
    fetcher: Fetcher,
    known: list[Validators],
    new: Path,
) -> list[Validators]:
    """Download a list's files to ``new``, joined in order. Return their validators (ETag, Last-Modified).

    Nothing is written if no file has changed since ``known``. If one of several has changed, all are
    downloaded. Raises ListError if a download fails or the files together are larger than ``max_bytes``.
    """
    most = published.max_bytes
    parts = [new.with_name(f"{new.name}.{number}") for number in range(len(urls))]
    jobs = list(zip(urls, parts, known, strict=True))
    try:
        got = [fetcher.fetch(published.id, url, part, validators, most) for url, part, validators in jobs]
        if all(fetched.path is None for fetched in got):
            return [fetched.validators for fetched in got]
        for number, (url, part, _) in enumerate(jobs):
            if got[number].path is None:
                got[number] = fetcher.fetch(published.id, url, part, Validators(), most)
        if sum(part.stat().st_size for part in parts) > most:
            msg = f"{published.id}: more than {most} bytes; raise its `max_bytes` if it has grown"
            raise ListError(msg)
        _join(parts, new)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return [fetched.validators for fetched in got]


def _join(parts: list[Path], new: Path) -> None:
    """Join downloaded files: move the first to ``new``, append and delete the others.

    Raises Unwritable if the others cannot be appended, for example to a full disk.
    """
    # No separator: makers split a list at any byte, not only at the end of a line.
    first, *others = parts
    first.replace(new)
    try:
        with new.open("ab") as out:
            for part in others:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out)
                part.unlink()
    except OSError as error:
        raise Unwritable(unwritable(new.parent, error)) from error


def _refuse_emptied(published: PublishedList, new: int, old: int) -> None:
    """Raise ListError if a new copy has less than SMALLEST_PART (1 %) of the previous copy's bytes.

    ``new`` and ``old``: sizes in bytes.
    """
    if new < old * SMALLEST_PART:
        msg = f"{published.id}: it has {new:,} bytes, and the copy before has {old:,}; {KEEPING}"
        raise ListError(msg)


def _refuse_drift(new: BuildSource, old: BuildSource, must: MustResolve) -> None:
    """Raise ListError if a new copy of a list blocks a site of must_resolve.yaml that the old one does not.

    Such a list has changed its purpose. Without a previous copy, the build leaves such entries out of the
    table.
    """
    found = must_hits(new, must)
    fresh = found.keys() - must_hits(old, must).keys() if found else ()
    if fresh:
        name = min(fresh)
        msg = (
            f"{new.id}: it now lists {name}, and so blocks {found[name]}, which must open from age 10 on; "
            "keeping the previous copy"
        )
        raise ListError(msg)


@dataclass(frozen=True, slots=True)
class Seed:
    """A small built-in list of names of one category.

    It is a part of every table, and filters before the first list update.
    """

    category: str
    path: Path

    @property
    def source(self) -> BuildSource:
        return BuildSource(f"own-{self.category}", self.category, self.path, Format.DOMAINS, packaged=True)


def build_all(
    shelf: Shelf,
    lists: Iterable[PublishedList],
    seeds: Iterable[Seed],
    state: Path,
    *,
    canaries: Canaries,
    is_public_suffix: Callable[[str], bool],
    now: datetime,
    release: TableRelease | None = None,
) -> tuple[TableInfo, list[BuildReport]]:
    """Build the category table in ``state`` from the packaged ``seeds`` and each list with a stored copy.

    Return the table's description and a report for each source. A copy that cannot be used is left out of the
    table, and its file is deleted, so that the next update downloads it again; its report has the error.

    ``shelf``: the stored copies. ``canaries``: well-known sites, which no list may block. ``release``:
    written into a table for the signed data feed. Raises ListError for an unusable seed, or if a file
    cannot be read or written; the old table then stays, unless only the index of the copies cannot be
    written.
    """
    sources = [seed.source for seed in seeds]
    left_out: list[BuildReport] = []
    for published in lists:
        if not shelf.path(published.id).exists():
            continue
        try:
            sources.append(published.copy(shelf.path(published.id)))
        except ListError as error:
            if isinstance(error.__cause__, OSError):
                raise
            left_out.append(BuildReport(published.id, published.category, 0, 0, error=str(error)))
    info, reports = build_table(
        sources,
        state / TABLE_NAME,
        built=now.astimezone(UTC).isoformat(timespec="seconds"),
        canaries=canaries,
        is_public_suffix=is_public_suffix,
        leave_out=True,
        release=release,
    )
    reports += left_out
    unusable = [report for report in reports if report.error]
    for report in unusable:
        shelf.forget(report.id, report.error)
    if unusable:
        shelf.save()
    return info, reports


def _host(published: PublishedList) -> str:
    return urlsplit(published.url).hostname or ""


def _no_internet(hosts: set[str], error: Offline) -> str:
    reason = getattr(error.__cause__, "reason", error)
    tried = sorted(hosts - {""})
    what = f"neither {' nor '.join(tried)} can" if len(tried) > 1 else f"{tried[0]} cannot"
    why = getattr(reason, "strerror", None) or reason
    return f"no internet: {what} be reached ({why}); keeping the old table"

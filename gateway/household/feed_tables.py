"""Builds the category tables of a feed on its publisher's machine: one for each tier, as a gateway does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gateway.core.errors import ListError
from gateway.feed.data_set import DataSet
from gateway.feed.target import FeedTable
from gateway.household.list_library import ListLibrary, read_library
from gateway.household.loading import load_product
from gateway.lists.fetch import Fetcher
from gateway.lists.prebuilt import pack_prebuilt
from gateway.lists.public_suffixes import public_suffix_check
from gateway.lists.table import TABLE_NAME
from gateway.lists.tier import MAX_TABLE
from gateway.policy.config.list_tiers import ListTier


def fetch_lists(data: DataSet, folder: Path, fetcher: Fetcher, now: datetime) -> list[str]:
    """Download the lists of all tiers into ``folder``, except those fetched in the last two hours.

    Return one line for each failed list. Raises ListError if another process updates lists in ``folder``,
    and if there is no internet, unless a list was fetched in the last two hours. Raises PolicyError for
    damaged data.
    """
    library = _library(data, folder)
    with library.locked():
        return library.fetch((), fetcher, now)


def make_tables(data: DataSet, folder: Path, now: datetime) -> Iterator[FeedTable]:
    """Build the table of each tier from the copies of lists in ``folder``, and yield it for both byte orders.

    ``folder`` is like a gateway's state directory. Raises ListError if a list of a tier has no usable copy,
    or if a table is too large for gateways, and PolicyError for damaged data. The work is done, and errors
    are raised, while it is iterated.
    """
    library = _library(data, folder)
    with library.locked():
        for tier in ListTier:
            yield from _tables(_of_tier(library, tier), now)


def _tables(library: ListLibrary, now: datetime) -> Iterator[FeedTable]:
    missing = [published for published in library.published if not library.is_here(published)]
    if missing:
        msg = f"{library.shelf.path(missing[0])}: this list has no copy; get it with: --fetch"
        raise ListError(msg)
    _, reports = library.build(now, library.release)
    for report in reports:
        if report.error:
            raise ListError(report.error)
    table = (library.state / TABLE_NAME).read_bytes()
    if len(table) > MAX_TABLE[library.tier]:
        msg = f"the table {library.tier} has {len(table)} bytes, more than {MAX_TABLE[library.tier]}"
        raise ListError(msg)
    for order, packed in pack_prebuilt(table).items():
        yield FeedTable(library.tier, order, now, packed)


def _library(data: DataSet, folder: Path) -> ListLibrary:
    """Return the lists of all tiers, whose copies are in ``folder``."""
    product = load_product(public_suffix_check(), data)
    return _of_tier(read_library(folder, tier=ListTier.LARGE, product=product), ListTier.LARGE)


def _of_tier(library: ListLibrary, tier: ListTier) -> ListLibrary:
    """Return the library with the lists of a tier only, even if other lists have copies."""
    published = {key: value for key, value in library.published.items() if tier.includes(value.tier)}
    return replace(library, published=published, tier=tier)

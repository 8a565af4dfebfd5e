"""Category tables that the publisher of a signed feed built, so that a router only has to download one.

The publisher packs each table for machines of both byte orders. A gateway unpacks the table of its tier,
checks it, and puts it in the place of the table that it would build.
"""

from __future__ import annotations

import gzip
import os
import zlib
from array import array
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from struct import Struct
from sys import byteorder
from typing import NoReturn

from gateway.core.errors import ListError
from gateway.lists.build import CHUNK, replacing_table, verified
from gateway.lists.canaries import Canaries
from gateway.lists.table import TABLE_NAME, stored_table
from gateway.lists.tier import MAX_TABLE
from gateway.policy.config.list_tiers import ListTier
from gateway.policy.names import domain_table as domains
from gateway.policy.names.domain_table import DomainTable, TableInfo, TableRelease

ORDERS = ("little", "big")
KEEPING = "keeping the previous table"


def pack_prebuilt(table: bytes) -> Mapping[str, bytes]:
    """Return a category table as gzip data for each byte order (``little``, ``big``).

    ``table`` is one that was built on this machine.
    """
    other = next(order for order in ORDERS if order != byteorder)
    return {
        byteorder: gzip.compress(table, mtime=0),
        other: gzip.compress(swap_byte_order(table), mtime=0),
    }


def swap_byte_order(table: bytes) -> bytes:
    """Return a category table of this machine's byte order in the other byte order, with a new head."""
    head = domains.HEAD
    _, _, _, count, bits, salt, json_length, _ = head.unpack(table[: head.size])
    numbers_at = head.size + 4 * ((1 << bits) + 1 + count)
    about_at = numbers_at + 2 * count
    words, numbers = array("I", table[head.size : numbers_at]), array("H", table[numbers_at:about_at])
    words.byteswap()
    numbers.byteswap()
    body = words.tobytes() + numbers.tobytes() + table[about_at:]
    return (
        domains.pack_head(
            count=count,
            bits=bits,
            salt=salt,
            json_length=json_length,
            digest=domains.digest_of([body]),
            form=Struct(("<" if byteorder == "big" else ">") + head.format[1:]),
        )
        + body
    )


def install_prebuilt(
    packed: Path, state: Path, release: TableRelease, categories: Collection[str], canaries: Canaries
) -> TableInfo:
    """Unpack and check a table from the data feed; make it the category table in ``state``.

    Return its description. Raises ListError if it is damaged or too large, is another table than ``release``,
    has no build time, names a category that is not in ``categories``, or blocks a site that no list may
    block; also if ``packed`` cannot be read or the table cannot be written. The previous table stays then.
    """
    with replacing_table(state / TABLE_NAME) as temporary:
        _unpack(packed, temporary, MAX_TABLE[ListTier(release.tier)])
        try:
            info = verified(temporary)
        except ListError as error:
            _refuse(str(error).partition(";")[0].removeprefix("the category table "), error)
        if not _has_time_zone(info.built):
            _refuse("does not say when it was built")
        if info.release != release:
            _refuse(f"is not that of the tier {release.tier} and of version {release.version}")
        table = stored_table(temporary)
        try:
            _check_content(table, categories, canaries)
        finally:
            table.close()
    return info


def _has_time_zone(built: str) -> bool:
    try:
        return datetime.fromisoformat(built).tzinfo is not None
    except ValueError:
        return False


def _unpack(packed: Path, out: Path, most: int) -> None:
    """Decompress ``packed`` to ``out`` and flush it to the disk. Raises OSError if reading or writing fails.

    Raises ListError if it is damaged, empty, or has more than ``most`` bytes.
    """
    size = 0
    with packed.open("rb") as file, gzip.GzipFile(fileobj=file) as source, out.open("wb") as written:
        while chunk := _read(source):
            size += len(chunk)
            if size > most:
                _refuse(f"has more than {most >> 20} MB")
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    if not size:
        _refuse("is empty")


def _read(source: gzip.GzipFile) -> bytes:
    try:
        return source.read(CHUNK)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        _refuse(f"is damaged ({error})", error)


def _check_content(table: DomainTable, categories: Collection[str], canaries: Canaries) -> None:
    unknown = table.known_categories.difference(categories)
    if unknown:
        _refuse(f"has the category {min(unknown)!r}, which this version of Qalqan does not know")
    blocked = canaries.blocked_by(table.entry)
    if blocked is not None:
        _refuse(f"blocks {blocked}, which no list may block")


def _refuse(problem: str, cause: Exception | None = None) -> NoReturn:
    msg = f"feed: the table of names {problem}; {KEEPING}"
    raise ListError(msg) from cause

"""The names and descriptions of a feed's files, which publisher and gateway share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

VERSION_KEY = "version"  # in the signed description of a target
FORMAT_KEY = "format"  # of a category table
BUILT_KEY = "built"  # when a category table was built: seconds since 1970


def target_name(data_format: int) -> str:
    """Return the name of the bundle with the data of a format. A feed can serve several formats."""
    return f"data-{data_format}.tar.gz"


def table_name(data_format: int, tier: str, order: str) -> str:
    """Return the name of a tier's category table for machines of a byte order, ``little`` or ``big``."""
    return f"{table_prefix(data_format)}{tier}-{order}.gz"


def table_prefix(data_format: int) -> str:
    """Return how the names of all category tables begin that belong to the data of a format."""
    return f"table-{data_format}-"


@dataclass(frozen=True, slots=True)
class FeedTable:
    """A packed category table for the feed. ``order``: the byte order of the machines that read it."""

    tier: str
    order: str
    built: datetime
    packed: bytes

"""The names and descriptions of a feed's files, which publisher and gateway share.

A file can have a candidate: its next version, which a percentage of all gateways takes. The candidate of
``folder/name`` is ``folder/next-name``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

VERSION_KEY = "version"  # in the signed description of a target
FORMAT_KEY = "format"  # of a category table
BUILT_KEY = "built"  # when a category table was built: seconds since 1970
ROLLOUT_KEY = "rollout"  # of a candidate: how many of 100 gateways take it
CANDIDATE = "next-"  # begins the name of a candidate, after its folder
SHARES = 100  # percent


def target_name(data_format: int) -> str:
    """Return the feed's name of the data bundle of a format. A feed can serve several formats."""
    return f"data-{data_format}.tar.gz"


def table_name(data_format: int, tier: str, order: str) -> str:
    """Return the feed's name of a category table: for a data format, a tier and a byte order.

    ``tier``: size of the lists. ``order``: ``little`` or ``big``.
    """
    return f"{table_prefix(data_format)}{tier}-{order}.gz"


def table_prefix(data_format: int) -> str:
    """Return the prefix of the feed's names of all category tables for the data of a format."""
    return f"table-{data_format}-"


def candidate_name(name: str) -> str:
    """Return the name of a file's candidate (next version in a roll-out): ``folder/next-name``."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{CANDIDATE}{file}"


def is_candidate(name: str) -> bool:
    return name.rpartition("/")[2].startswith(CANDIDATE)


def final_name(candidate: str) -> str:
    """Return the name of the file that a candidate replaces later: without ``next-``."""
    folder, slash, file = candidate.rpartition("/")
    return f"{folder}{slash}{file.removeprefix(CANDIDATE)}"


def takes_candidate(gateway_id: bytes, digest: str, percent: int) -> bool:
    """Return whether a gateway is among the ``percent`` of all gateways that take a candidate file.

    ``gateway_id`` is random and never leaves the gateway; ``digest`` is the candidate's SHA-256. So each
    release reaches other gateways first, and a gateway of the first 1 % is also one of the first 10 %.
    """
    share = hashlib.sha256(gateway_id + digest.encode()).digest()
    return int.from_bytes(share[:8], "big") % SHARES < percent


@dataclass(frozen=True, slots=True)
class FeedTable:
    """A compressed category table (host names to categories) for the feed.

    ``tier``: the size of its lists. ``order``: the byte order of the machines that read it.
    """

    tier: str
    order: str
    built: datetime
    packed: bytes

"""The names of a feed's files, which publisher and gateway share."""

from __future__ import annotations

VERSION_KEY = "version"  # in the signed description of a target


def target_name(data_format: int) -> str:
    """Return the name of the bundle with the data of a format. A feed can serve several formats."""
    return f"data-{data_format}.tar.gz"

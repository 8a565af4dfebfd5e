"""`make data-version`: raises the version in `profiles/data.yaml` after a change of the data.

The version's line ends with a checksum of the data. A test compares it, so that no change keeps the version.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

from gateway.feed.bundle import pack
from gateway.feed.data_set import RELEASE, read_data_set
from profiles import DATA

_LINE = re.compile(r"^version: (\d+)  # sum (\w+)$", re.MULTILINE)


def checksum(folder: Path) -> str:
    """Return a checksum of the data that a signed feed publishes, without its version."""
    return hashlib.sha256(gzip.decompress(pack(folder, b""))).hexdigest()[:16]


def recorded(folder: Path) -> str:
    """Return the checksum in the line of the version; empty if it has none."""
    found = _LINE.search((folder / RELEASE).read_text("utf-8"))
    return "" if found is None else found[2]


def raise_version(folder: Path, now: datetime) -> int:
    """Write the next version and the checksum if the data has changed. Return the version."""
    version, new = read_data_set(folder).version, checksum(folder)
    if new == recorded(folder):
        return version
    version = max(version + 1, int(f"{now:%Y%m%d}00"))
    file = folder / RELEASE
    lines = file.read_text("utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("version:")]
    file.write_text("\n".join([*kept, f"version: {version}  # sum {new}"]) + "\n", "utf-8")
    return version


if __name__ == "__main__":
    print(f"profiles/{RELEASE}: version {raise_version(DATA, datetime.now(UTC))}")

"""The Python packages of OpenWrt's packages feed, recorded from a clone of it: what ours may depend on.

`python -m tests.openwrt.feed.official CLONE BRANCH…` writes the record again.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

RECORD = Path(__file__).with_name("official.json")
DEFINED = r"^define Package/(python3-[a-z0-9.-]+)$"  # not its parts, such as /description


def official() -> Mapping[str, frozenset[str]]:
    """Return the packages of each recorded branch."""
    found = json.loads(RECORD.read_text("ascii"))
    return {branch: frozenset(record["packages"]) for branch, record in found.items()}


def record(clone: Path, branch: str) -> dict[str, object]:
    """Return the commit of a branch, and its Python packages."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(clone), *words], capture_output=True, text=True, check=True)
        return done.stdout

    lines = git("grep", "-hE", DEFINED, branch, "--", "lang/python").splitlines()
    names = sorted({match[1] for line in lines if (match := re.search(DEFINED, line))})
    return {"commit": git("rev-parse", branch).strip(), "packages": names}


if __name__ == "__main__":
    where, *branches = sys.argv[1:]
    found = {branch.rpartition("/")[2]: record(Path(where), branch) for branch in branches}
    RECORD.write_text(json.dumps(found, indent=1) + "\n", "ascii")

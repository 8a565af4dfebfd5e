"""Stands in for `uci -q -c FOLDER delete PACKAGE.SECTION.OPTION`, which here needs no `commit`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fleet.gateway_agent import read_uci, write_uci


def main() -> int:
    _, _, folder, action, what = sys.argv[1:]
    if action == "commit":
        return 0
    package, section, option = what.split(".")
    sections = read_uci(Path(folder) / package)
    del sections[section].options[option]
    write_uci(Path(folder) / package, sections)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

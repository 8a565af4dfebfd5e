"""`make feed`: our packages, as far as they can be made without OpenWrt's build, into dist/feed.

python -m tests.openwrt.feed [--out FOLDER]

For 24.10 an ipk with an index. For 25.12 the tree that its `apk mkpkg` gets, and the .apk with an index where
apk-tools 3 are. Bytecode is of one version of Python alone: that of 24.10 is made where there is a
python3.11, that of 25.12 where there is a python3.13.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.openwrt.feed import apk, ipk
from tests.openwrt.feed.recipes import TREE, RecipeError, install, makefiles, read

BRANCHES = {"24.10": "3.11", "25.12": "3.13"}
OUT = TREE / "dist" / "feed"


def interpreter(version: str) -> str | None:
    """The path of one of that version that works: a name in PATH alone says little."""
    for path in (shutil.which(f"python{version}"), f"/usr/bin/python{version}"):
        ask = [path or "", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            continue
        if said == version:
            return path
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="make feed")
    parser.add_argument("--out", type=Path, default=OUT)
    folder = parser.parse_args().out
    for branch, version in BRANCHES.items():
        python = interpreter(version)
        if python is None:
            print(f"  {branch}: skipped, no python{version} is here, whose bytecode it takes")
            continue
        try:
            build(branch, python, folder / branch)
        except RecipeError as error:
            print(f"make feed: {error}", file=sys.stderr)
            return 1
    return 0


def build(branch: str, python: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    packs = apk.is_here()
    for makefile in makefiles():
        with tempfile.TemporaryDirectory() as temporary:
            for package in read(makefile, Path(temporary)):
                if package.from_pypi:
                    continue  # OpenWrt's build downloads it
                root = install(package, Path(temporary), python)
                if branch == "24.10":
                    made = ipk.write(package, root, folder)
                    print(f"  {branch}: {made.name}, {made.stat().st_size:,} bytes")
                    continue
                staged = apk.stage(package, root, folder)
                if packs:
                    made = apk.build(staged)
                    print(f"  {branch}: {made.name}, {made.stat().st_size:,} bytes")
    if branch == "24.10":
        ipk.write_index(folder)
    elif packs:
        apk.write_index(folder)
    else:
        print(f"  {branch}: no .apk, as apk-tools 3 are not installed; {apk.PROGRAM} in each folder makes it")


if __name__ == "__main__":
    raise SystemExit(main())

"""What OpenWrt 25.12 hands to `apk mkpkg`: a tree with its lists, the scripts, and the facts. The package
itself and the feed's index are made where apk-tools 3 are. Debian, PyPI and npm do not have them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.openwrt.feed import ipk, scripts
from tests.openwrt.feed.recipes import EPOCH, Package

LISTS = "lib/apk/packages"
PROGRAM = "mkpkg.sh"
INDEX = "packages.adb"


def stage(package: Package, root: Path, folder: Path) -> Path:
    """A folder with `root`, the scripts, and `mkpkg.sh`, which makes the package of them."""
    staged = folder / f"{package.name}-{package.version}"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(root, staged / "root", symlinks=True)
    ipk.keep(package, staged / "root")
    _write_lists(package, staged / "root")
    for name, text in scripts.of_apk(package).items():
        (staged / name).write_text(text, "utf-8")
        (staged / name).chmod(0o755)
    command = " \\\n\t".join(shlex.quote(word) for word in arguments(package))
    program = staged / PROGRAM
    program.write_text(
        f'#!/bin/sh\n# As root, or under fakeroot.\ncd "$(dirname "$0")" || exit 1\n'
        f"export SOURCE_DATE_EPOCH={EPOCH}\n{command}\n",
        "utf-8",
    )
    for path in (program, staged):
        path.chmod(0o755)
    for path in [*staged.rglob("*"), staged]:
        os.utime(path, (int(EPOCH), int(EPOCH)), follow_symlinks=False)
    return staged


def is_here() -> bool:
    """Return whether apk-tools 3 are installed. Older ones have no `apk mkpkg`."""
    try:
        said = subprocess.run(["apk", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return re.match(r"apk-tools [3-9]\.", said) is not None


def build(staged: Path) -> Path:
    """Make the package of a staged folder, next to it. Raises CalledProcessError where `apk` refuses."""
    subprocess.run([staged / PROGRAM], check=True, stdout=subprocess.DEVNULL)
    return staged.parent / f"{staged.name}.apk"


def write_index(folder: Path) -> None:
    """Write the index of the packages in a folder, without a signature."""
    names = sorted(path.name for path in folder.glob("*.apk"))
    argv = ["apk", "mkndx", "--allow-untrusted", "--output", INDEX, *names]
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def arguments(package: Package) -> list[str]:
    words = ["apk", "mkpkg"]
    for key, value in info(package).items():
        words += ["--info", f"{key}:{value}"]
    for name in scripts.of_apk(package):
        words += ["--script", f"{name}:{name}"]
    return [*words, "--files", "root", "--output", f"../{package.name}-{package.version}.apk"]


def info(package: Package) -> dict[str, str]:
    facts = package.facts
    told = {
        "name": package.name,
        "version": package.version,
        "description": " ".join(facts["description"].split()),
        "arch": "noarch" if package.architecture == "all" else package.architecture,
        "license": facts["PKG_LICENSE"],
        "origin": f"feeds/qalqan/{package.folder.name}",
        "url": facts["URL"],
        "maintainer": facts["PKG_MAINTAINER"],
        "depends": " ".join(package.depends),
    }
    return {key: value for key, value in told.items() if value}


def _write_lists(package: Package, root: Path) -> None:
    def add(name: str, lines: Iterable[str]) -> None:
        ipk.add_file(root / LISTS / f"{package.name}.{name}", lines)

    # In the order of OpenWrt's rules: the list has the file of users, but not the files that come after it.
    if package.facts["USERID"]:
        add("rusers", [package.facts["USERID"]])
    add("list", sorted(f"/{one.relative_to(root)}" for one in root.rglob("*") if not one.is_dir()))
    if package.conffiles:
        add("conffiles", package.conffiles)
        add("conffiles_static", _sums(package, root))


def _sums(package: Package, root: Path) -> Iterator[str]:
    """Of what is a file of the package: apk knows by it whether somebody has changed it."""
    for one in package.conffiles:
        path = root / one.lstrip("/")
        if path.is_file():
            yield f"{one} {hashlib.sha256(path.read_bytes()).hexdigest()}"

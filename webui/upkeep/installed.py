"""Detects how this gateway was installed, which decides how to update it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parents[2]
ROOT = Path("/")


class Installed(StrEnum):
    OPENWRT = "openwrt"  # by opkg or apk
    DEBIAN = "debian"  # by apt
    GIT = "git"  # a clone, started in its folder
    PYTHON = "python"  # by pip


def installed(here: Path = HERE, root: Path = ROOT) -> Installed:
    if (here / ".git").exists():
        return Installed.GIT
    if (root / "etc/openwrt_release").exists():
        return Installed.OPENWRT
    if (root / "var/lib/dpkg/info/qalqan.list").exists():
        return Installed.DEBIAN
    return Installed.PYTHON

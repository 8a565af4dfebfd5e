"""How this gateway came onto its machine: that decides how a newer version does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parents[2]
ROOT = Path("/")


class Installed(StrEnum):
    OPENWRT = "openwrt"  # by its package manager
    DEBIAN = "debian"  # by apt
    GIT = "git"  # a clone, started from where it lies
    PYTHON = "python"  # by pip


def installed(here: Path = HERE, root: Path = ROOT) -> Installed:
    if (here / ".git").exists():
        return Installed.GIT
    if (root / "etc/openwrt_release").exists():
        return Installed.OPENWRT
    if (root / "var/lib/dpkg/info/qalqan.list").exists():
        return Installed.DEBIAN
    return Installed.PYTHON

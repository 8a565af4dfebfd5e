"""What the feed's Makefiles say, as GNU make reads them beside a small build root of ours (buildroot/)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.release.archive import made_suffixes

TREE = Path(__file__).parents[3]
FEED = TREE / "openwrt"
BUILDROOT = Path(__file__).parent / "buildroot"
EPOCH = "1764201600"  # of every file in a package: the same source makes the same bytes
LUCI = "luci-app-qalqan"  # built by LuCI's own rules


class RecipeError(Exception):
    """A Makefile of the feed cannot be used; make's own words."""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    folder: Path  # of its Makefile
    facts: Mapping[str, str]  # by the names that OpenWrt gives them

    @property
    def version(self) -> str:
        return f"{self.facts['PKG_VERSION']}-r{self.facts['PKG_RELEASE']}"

    @property
    def depends(self) -> tuple[str, ...]:
        """Names of packages, in the Makefile's order."""
        return tuple(one.removeprefix("+") for one in self.facts["DEPENDS"].split() if one[0] != "@")

    @property
    def conffiles(self) -> tuple[str, ...]:
        return tuple(self.facts.get("conffiles", "").split())

    @property
    def architecture(self) -> str:
        return self.facts["PKGARCH"]

    @property
    def from_pypi(self) -> bool:
        return bool(self.facts["PYPI_NAME"])

    @property
    def list_updates(self) -> tuple[str, ...]:
        """The files of the source tree that are in qalqan-lists."""
        return tuple(self.facts["LIST_UPDATES"].split())

    @property
    def build_depends(self) -> tuple[str, ...]:
        """Names of host packages, in the Makefile's order."""
        return tuple(self.facts["PKG_BUILD_DEPENDS"].split())

    @property
    def removed(self) -> tuple[str, ...]:
        """Paths below site-packages that the recipe leaves out of the package."""
        lines = self.facts.get("filespec", "").splitlines()
        return tuple(one.partition("/site-packages/")[2] for one in lines if one.startswith("-|"))


def makefiles() -> list[Path]:
    """Those that BuildPackage is called in."""
    return [one for one in sorted(FEED.glob("*/Makefile")) if one.parent.name != LUCI]


def read(makefile: Path, out: Path) -> Iterator[Package]:
    _make(makefile, "facts", out)
    for folder in sorted((out / "facts").iterdir()):
        facts = {one.name: one.read_text("utf-8").strip("\n") for one in sorted(folder.iterdir())}
        if not folder.name.endswith("-src"):
            yield Package(folder.name, makefile.parent, facts)


def install(package: Package, out: Path, python: str = sys.executable, downloads: Path | None = None) -> Path:
    """Return the folder that becomes the root of a router. ``downloads``: the folder of source archives."""
    if package.folder.is_relative_to(FEED):
        made_suffixes(TREE)
    _make(package.folder / "Makefile", f"install-{package.name}", out, python, downloads)
    return out / "root" / package.name


def _make(
    makefile: Path, goal: str, out: Path, python: str = sys.executable, downloads: Path | None = None
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    given = (f"TOPDIR={BUILDROOT}", f"OUT={out.resolve()}", f"PYTHON={python}", f"DL_DIR={downloads}")
    env = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "MAKEFLAGS": "", "LC_ALL": "C.UTF-8"}
    argv = ["make", "--no-print-directory", "-s", "-C", str(makefile.parent), goal, *given]
    done = subprocess.run(argv, env=env, umask=0o022, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().partition("\n")[0]
        msg = f"{makefile.parent.name}: {said}"
        raise RecipeError(msg)

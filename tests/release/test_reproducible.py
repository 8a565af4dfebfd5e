"""Packages and source archives have the same bytes, wherever and under whatever settings they are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.openwrt.feed import apk
from tests.openwrt.feed.recipes import EPOCH
from tests.release import archive, build

PARTS = (*archive.PARTS, ".gitignore", "debian", "pyproject.toml", "tests")
_FEED = """
import sys
from pathlib import Path
from tests.openwrt.feed import apk, ipk
from tests.openwrt.feed.recipes import install, makefiles, read

out = Path(sys.argv[1])
for makefile in makefiles():
    for package in read(makefile, out / "facts" / makefile.parent.name):
        if not package.from_pypi:
            for form, write in (("apk", apk.stage), ("ipk", ipk.write)):
                root = install(package, out / f"built-{form}" / package.name)
                print(write(package, root, out / form).name)
"""

_APK = """
import sys
from pathlib import Path
from tests.openwrt.feed import apk

folder = Path(sys.argv[1])
for program in folder.glob(f"*/{apk.PROGRAM}"):
    apk.build(program.parent)
apk.write_index(folder)
"""

_SOURCE = """
import sys
from pathlib import Path
from tests.release.build import write_source

write_source(Path(sys.argv[1]), "https://example.org/releases", int(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Builder:
    """One person's checkout, and the settings of that person's shell."""

    folder: Path
    umask: int
    date: int  # of all files, in seconds
    settings: Mapping[str, str]

    def check_out(self) -> None:
        """Copy the tracked files, as git would write them under this umask."""
        for name in archive.tracked(build.ROOT, PARTS):
            source, target = build.ROOT / name, self.folder / name
            if source.is_file() or source.is_symlink():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target, follow_symlinks=False)
                if not source.is_symlink():
                    target.chmod((0o777 if source.stat().st_mode & stat.S_IXUSR else 0o666) & ~self.umask)
        for path in self.folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o777 & ~self.umask)
            os.utime(path, (self.date, self.date), follow_symlinks=False)

    def run(self, *argv: str) -> None:
        """Run a command in the checkout, with nothing of this process's own environment."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **self.settings}
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=environment,
            umask=self.umask,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def builders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Builder, Builder]:
    """One checkout is older than the packages' date, the other one newer."""
    folder = tmp_path_factory.mktemp("reproducible")
    one = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "1"}
    two = {"LC_ALL": "POSIX", "TZ": "Asia/Almaty", "PYTHONHASHSEED": "2"}
    found = (
        Builder(folder / "one", 0o022, int(EPOCH) - 10**8, one),
        Builder(folder / "a-longer-name/two", 0o077, int(EPOCH) + 10**7, two),
    )
    for builder in found:
        builder.check_out()
    return found


def contents(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return type, mode, date and content of everything below a folder."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (oct(status.st_mode), int(status.st_mtime), content)
    return found


def files(folder: Path, pattern: str) -> dict[str, bytes]:
    """Return the content of files by name."""
    return {path.name: path.read_bytes() for path in folder.glob(pattern)}


@pytest.mark.slow
def test_the_packages_of_the_feed_are_the_same(builders: tuple[Builder, Builder]) -> None:
    """The .ipk files, and all that `apk mkpkg` gets. Where apk-tools 3 are, also the .apk and their index."""
    made = []
    for builder in builders:
        builder.run(sys.executable, "-c", _FEED, "out")
        made.append(builder.folder / "out")
    one, two = (files(folder / "ipk", "*.ipk") for folder in made)
    assert [name for name in one if two.get(name) != one[name]] == []
    assert len(one) == len(two) >= 2
    one_tree, two_tree = (contents(folder / "apk") for folder in made)
    assert {name: what for name, what in one_tree.items() if two_tree.get(name) != what} == {}
    assert one_tree.keys() == two_tree.keys()
    assert len(one_tree) > 300
    if apk.is_here():
        for folder, builder in zip(made, builders, strict=True):
            builder.run(sys.executable, "-c", _APK, str(folder / "apk"))
        one, two = (files(folder / "apk", "*.apk") | files(folder / "apk", apk.INDEX) for folder in made)
        assert [name for name in one if two.get(name) != one[name]] == []
        assert one.keys() == two.keys() > {apk.INDEX}


@pytest.mark.system
def test_bytecode_names_its_source_by_hash(builders: tuple[Builder, Builder]) -> None:
    """PEP 552: a date of the source would differ between checkouts."""
    builder = builders[0]
    if not (builder.folder / "out").exists():
        builder.run(sys.executable, "-c", _FEED, "out")
    compiled = list((builder.folder / "out/built-ipk").glob("*/root/**/*.pyc"))
    assert len(compiled) > 300
    assert [path for path in compiled if not path.read_bytes()[4] & 1] == []


@pytest.mark.system
def test_the_source_archive_and_its_recipe_are_the_same(builders: tuple[Builder, Builder]) -> None:
    """The recipe has the checksum of the archive, so both must be the same wherever a release is made."""
    made = []
    for builder in builders:
        (builder.folder / "source").mkdir()
        builder.run("git", "init", "--quiet")  # the archive has what git tracks
        builder.run("git", "add", "--all")
        builder.run(sys.executable, "-c", _SOURCE, "source", EPOCH)
        made.append(files(builder.folder / "source", "*.tar.gz"))
    assert set(made[0]) == {build.SOURCE, build.RECIPE}
    assert made[0] == made[1]
    with tarfile.open(builders[0].folder / "source" / build.SOURCE) as opened:
        assert len(opened.getnames()) > 500


@pytest.mark.slow
@pytest.mark.needs("dh")
@pytest.mark.needs("pybuild")
def test_the_debian_package_is_the_same(builders: tuple[Builder, Builder]) -> None:
    made = []
    for builder in builders:
        (builder.folder / "dist").mkdir()
        builder.run("debian/build", "dist")
        (package,) = (builder.folder / "dist").glob("*.deb")
        made.append(package.read_bytes())
    assert made[0] == made[1]

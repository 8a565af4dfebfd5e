"""The feed's archive: the same bytes every time, and complete enough to build from."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

import pytest

from gateway import __version__
from tests.openwrt.feed.recipes import BUILDROOT, RecipeError, install, read
from tests.release import archive, build

pytestmark = pytest.mark.system

EPOCH = 1764201600
TOP = f"qalqan-{__version__}"


def write(folder: Path, name: str = "feed.tar.gz") -> Path:
    archive.write(build.ROOT, archive.members(build.ROOT), TOP, EPOCH, folder / name)
    return folder / name


def test_the_same_tree_makes_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path).read_bytes() == write(tmp_path, "again.tar.gz").read_bytes()


def test_members_are_sorted_and_belong_to_root(tmp_path: Path) -> None:
    with tarfile.open(write(tmp_path)) as opened:
        members = opened.getmembers()
    assert [member.name for member in members] == sorted(
        (member.name for member in members), key=lambda name: Path(name)
    )
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, EPOCH)}
    assert {member.mode for member in members if member.isfile()} == {0o644, 0o755}
    assert all(member.name.startswith(f"{TOP}/") for member in members)


WITHOUT_FILES = {
    "qalqan-calendars",
    "qalqan-feed",
    "qalqan-passkeys",
    "qalqan-second-factor",
}  # they only depend on other packages


def test_the_feed_builds_from_the_unpacked_archive(tmp_path: Path) -> None:
    with tarfile.open(write(tmp_path)) as opened:
        opened.extractall(tmp_path, filter="data")
    makefile = tmp_path / TOP / "openwrt/qalqan/Makefile"
    for package in read(makefile, tmp_path / "facts"):
        root = install(package, tmp_path / "out")
        files = sum(path.is_file() for path in root.rglob("*"))
        least = {"qalqan-lists": len(package.list_updates) - 1, "qalqan-mqtt": 8, "qalqan-usp": 15}.get(
            package.name, 20
        )
        assert files == 0 if package.name in WITHOUT_FILES else files > least, package.name
    pages = next((tmp_path / "out").rglob("webui/CHANGELOG.md"))
    assert pages.read_text("utf-8").startswith("# Changelog")


def test_the_recipe_of_a_release_builds_the_same_from_the_source_archive(tmp_path: Path) -> None:
    build.write_source(tmp_path, "https://example.org/releases", EPOCH)
    with tarfile.open(tmp_path / build.RECIPE) as opened:
        opened.extractall(tmp_path / "feed", filter="data")
    (tmp_path / "feed/lang").mkdir()
    (tmp_path / "feed/lang/python").symlink_to(BUILDROOT / "feeds/packages/lang/python")
    makefile = tmp_path / "feed/net/qalqan/Makefile"
    digest = hashlib.sha256((tmp_path / build.SOURCE).read_bytes()).hexdigest()
    here = {package.name: package for package in read(build.ROOT / build.MAKEFILE, tmp_path / "here")}
    for package in read(makefile, tmp_path / "facts"):
        facts = dict(package.facts)
        source = [facts.pop(name) for name in ("PKG_SOURCE", "PKG_SOURCE_URL", "PKG_HASH")]
        assert source == [build.SOURCE, "https://example.org/releases", digest]
        assert facts.items() <= here[package.name].facts.items()
        roots = (
            install(package, tmp_path / "released", downloads=tmp_path),
            install(here[package.name], tmp_path / "here-built"),
        )
        assert contents(roots[0]) == contents(roots[1]), package.name
    assert len(here) == 9


def contents(root: Path) -> dict[str, tuple[int, bytes]]:
    """The mode and the content of each file."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(file.relative_to(root)): (file.stat().st_mode, file.read_bytes()) for file in files}


def test_another_source_archive_is_refused(tmp_path: Path) -> None:
    build.write_source(tmp_path, "https://example.org/releases", EPOCH)
    with tarfile.open(tmp_path / build.RECIPE) as opened:
        opened.extractall(tmp_path / "feed", filter="data")
    (tmp_path / "feed/lang").mkdir()
    (tmp_path / "feed/lang/python").symlink_to(BUILDROOT / "feeds/packages/lang/python")
    package = next(read(tmp_path / "feed/net/qalqan/Makefile", tmp_path / "facts"))
    with (tmp_path / build.SOURCE).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(RecipeError):
        install(package, tmp_path / "out", downloads=tmp_path)


def test_sums_name_every_file(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    for name in ("a.img.xz", "apt/Release"):
        (tmp_path / name).write_text(name, "utf-8")
    build.write_sums(tmp_path)
    done = subprocess.run(["sha256sum", "--check", build.SUMS], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == ["a.img.xz: OK", "apt/Release: OK"]
    (tmp_path / "a.img.xz").write_text("changed", "utf-8")
    assert subprocess.run(["sha256sum", "--check", "--status", build.SUMS], cwd=tmp_path).returncode == 1


def test_the_date_is_the_changelogs_unless_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert build.release_date() > EPOCH
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "5")
    assert build.release_date() == 5

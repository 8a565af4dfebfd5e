"""tests/requirements: every dependency is pinned with hashes, and this environment has those versions."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.lock import FOLDER, GROUPS, PYTHONS, Pin, needed, pinned, read

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
# Each file is installed together with those that it includes.
INSTALLED = {"build": ["build"], "run": ["run"], "dev": ["run", "dev"], "fuzz": ["run", "dev", "fuzz"]}


def versions(group: str, python: str) -> dict[str, str]:
    """Return the pinned versions that a group installs on one Python version."""
    return {pin.name: pin.version for pin in pinned(INSTALLED[group]) if pin.python in ("", python)}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("python", PYTHONS)
def test_each_dependency_of_the_project_is_pinned_to_a_version_that_it_allows(
    group: str, python: str
) -> None:
    """`make lock` pins what is missing."""
    found = versions(group, python)
    for line in needed(group):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            version = found.get(canonicalize_name(requirement.name))
            assert version is not None, f"{line} is not in tests/requirements/{group}.txt; run `make lock`"
            assert requirement.specifier.contains(version, prereleases=True), line


def test_each_pin_has_hashes_and_is_in_one_file() -> None:
    pins = pinned()
    assert all(pin.hashes for pin in pins)
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for pin in pins for sha256 in pin.hashes)
    assert {pin.python for pin in pins} <= {"", *PYTHONS}
    for python in PYTHONS:
        names = [pin.name for pin in pinned(INSTALLED["fuzz"]) if pin.python in ("", python)]
        assert len(names) == len(set(names))


def test_what_a_pinned_package_needs_is_pinned_too() -> None:
    """By the metadata of the packages that are installed here."""
    found = versions("dev", HERE)
    for name in found:
        for line in metadata.distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                version = found.get(canonicalize_name(requirement.name), "")
                assert version, f"{name} needs {line}"
                assert requirement.specifier.contains(version, prereleases=True), f"{name} needs {line}"


def test_this_environment_has_the_pinned_versions() -> None:
    wanted = versions("dev", HERE)
    assert {name: metadata.version(name) for name in wanted} == wanted


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    pins = [
        Pin("one", "1.0", "", frozenset({"a" * 64, "b" * 64})),
        Pin("two", "2", "3.11", frozenset({"c" * 64})),
    ]
    (tmp_path / "run.txt").write_text("# A comment.\n--requirement x.txt\n" + "".join(map(Pin.text, pins)))
    assert read(tmp_path / "run.txt") == pins


def test_pip_refuses_a_file_with_another_hash(tmp_path: Path) -> None:
    """With the wheel of a made-up package, from a folder: no network is needed."""
    with ZipFile(tmp_path / "small-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("small.py", "")
        wheel.writestr("small-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: small\nVersion: 1\n")
        wheel.writestr(
            "small-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("small-1.dist-info/RECORD", "")
    (tmp_path / "run.txt").write_text(Pin("small", "1", "", frozenset({"0" * 64})).text())
    argv = [sys.executable, "-m", "pip", "install", "--isolated", "--no-index", "--require-hashes",
            "--find-links=.", "--requirement=run.txt", "--target=out"]  # fmt: skip
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_the_files_name_no_registry() -> None:
    for path in FOLDER.glob("*.txt"):
        assert "://" not in path.read_text("utf-8")

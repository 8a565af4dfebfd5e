"""What is installed is what is in the repository: a wheel, built without a network and opened."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.system  # builds the package

ROOT = Path(__file__).parent.parent
PACKAGES = ("gateway", "profiles", "webui")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """Built from a copy, since a build leaves its folders in the tree."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    for package in PACKAGES:
        copytree(ROOT / package, source / package, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, source)
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    argv += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    with ZipFile(next(out.glob("qalqan-*.whl"))) as built:
        yield built


def packaged() -> set[str]:
    """Of the catalogues what is compiled; what it is compiled from is of no use where it runs."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if _belongs(path)}


def _belongs(path: Path) -> bool:
    return "__pycache__" not in path.parts and path.suffix not in (".po", ".pot")


def test_every_file_of_the_packages_is_in_it(wheel: ZipFile) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {"profiles/README.md", "profiles/NOTICE", "profiles/ech.yaml"} <= inside
    assert inside == packaged()


def test_whose_it_is_goes_with_it(wheel: ZipFile) -> None:
    papers = {name.partition("licenses/")[2] for name in wheel.namelist() if ".dist-info/licenses/" in name}
    assert papers == {"LICENSE", "profiles/NOTICE"}


def test_it_works_where_it_is_unpacked(wheel: ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        "import profiles; from gateway.household.loading import load_product; from webui.serve import run;"
        "print(len(load_product().bands), profiles.DATA)"
    )
    argv = [sys.executable, "-c", code]
    env = {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["6", str(tmp_path / "profiles")], done.stderr

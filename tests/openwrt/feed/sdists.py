"""Facts about the source archives (sdists) that the python-* recipes build, recorded in sdists.json.

Tests read the record, because they have no network. After a recipe gets another version, write it again:

    python -m tests.openwrt.feed.sdists

This downloads each sdist with pip, checks it against the recipe's PKG_HASH, and asks the sdist's build
backend what it needs, in an environment that has nothing but the sdist's declared requirements.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.requirements import Requirement

from tests.openwrt.feed.recipes import makefiles, read

RECORD = Path(__file__).with_name("sdists.json")
# What a build frontend assumes for an sdist without a [build-system] table (PEP 517).
LEGACY = {"requires": ["setuptools"], "build-backend": "setuptools.build_meta:__legacy__"}
TESTS = {"test", "tests"}
# The versions of host packages in OpenWrt's packages feed, of 24.10 and of 25.12.
# In 24.10 setuptools is a part of python3/host.
HOSTS = {
    "cython": ("3.1.5", "3.1.5"),
    "flit-core": ("3.12.0", "3.12.0"),
    "hatch-vcs": ("0.4.0", "0.5.0"),
    "hatchling": ("1.27.0", "1.27.0"),
    "poetry-core": ("1.8.1", "2.3.1"),
    "setuptools": ("79.0.1", "80.9.0"),
    "wheel": ("0.45.1", "0.45.1"),
}

_ASK_BACKEND = """
import importlib, json, os, sys
sys.path.insert(0, os.getcwd())
module, _, attribute = sys.argv[1].partition(":")
backend = importlib.import_module(module)
for name in filter(None, attribute.split(".")):
    backend = getattr(backend, name)
ask = getattr(backend, "get_requires_for_build_wheel", list)
sys.stdout = sys.stderr
print(json.dumps(ask()), file=sys.__stdout__)
"""


@dataclass(frozen=True, slots=True)
class Sdist:
    """One source archive."""

    file: str  # name of the archive
    sha256: str
    name: str  # of the distribution, as its metadata has it
    requires: tuple[str, ...]  # normalised names of the distributions that a build needs
    pins: tuple[str, ...]  # requirements that the host packages of 24.10 or of 25.12 do not meet
    paths: tuple[str, ...]  # modules and folders below site-packages, without the content of test folders

    @property
    def wheel_name(self) -> str:
        """The first part of the wheel's file name (binary distribution format, "File name convention")."""
        return normalised(self.name).replace("-", "_")


def normalised(name: str) -> str:
    """Return the name of a distribution in the form that is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def recorded() -> Mapping[str, Sdist]:
    """Return the recorded sdists by the name of the recipe's folder."""
    rows = json.loads(RECORD.read_text("utf-8"))
    return {
        folder: Sdist(**{**row, **{key: tuple(row[key]) for key in ("requires", "pins", "paths")}})
        for folder, row in rows.items()
    }


def examine(archive: Path, temporary: Path) -> Sdist:
    """Read an sdist's metadata and files, and ask its backend for build requirements."""
    with tarfile.open(archive) as opened:
        opened.extractall(temporary, filter="data")
    root = temporary / archive.name.removesuffix(".tar.gz")
    metadata = HeaderParser().parsestr((root / "PKG-INFO").read_text("utf-8"))
    project = root / "pyproject.toml"
    declared: dict[str, Any] = tomllib.loads(project.read_text("utf-8")) if project.exists() else {}
    build = {**LEGACY, **declared.get("build-system", {})}
    requires = [*build["requires"], *_backend_requires(root, build, temporary / "requirements")]
    return Sdist(
        archive.name,
        hashlib.sha256(archive.read_bytes()).hexdigest(),
        metadata["Name"],
        tuple(sorted({normalised(re.split(r"[^\w.-]", one, maxsplit=1)[0]) for one in requires})),
        tuple(sorted(text for text in requires if not is_met(Requirement(text)))),
        tuple(sorted(_paths(root))),
    )


def is_met(requirement: Requirement) -> bool:
    """Return whether the host packages of both releases meet a requirement. Raises KeyError for others."""
    versions = HOSTS[normalised(requirement.name)]
    return all(requirement.specifier.contains(version) for version in versions)


def _backend_requires(root: Path, build: Mapping[str, Any], site: Path) -> list[str]:
    """Return what the backend asks for beyond the declared requirements (get_requires_for_build_wheel)."""
    _pip("install", "--target", str(site), *build["requires"])
    # -S: nothing that happens to be installed here may answer for a requirement.
    done = subprocess.run(
        [sys.executable, "-S", "-c", _ASK_BACKEND, build["build-backend"]],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        check=True,
    )
    asked: list[str] = json.loads(done.stdout)
    return asked


def _paths(root: Path) -> set[str]:
    found: set[PurePosixPath] = set()
    source = root / "src" if (root / "src").is_dir() else root
    for file in source.rglob("*"):
        path = PurePosixPath(file.relative_to(source))
        is_module = file.suffix == ".py"
        if not is_module:
            path = path.parent  # a folder may have other files only, such as data
        is_in_folder = len(path.parts) > 1 or not is_module
        if path.name == "setup.py" or (
            is_in_folder and not (path.parts and (source / path.parts[0] / "__init__.py").exists())
        ):
            continue  # the build itself, documentation and examples are not installed
        kept = next((number for number, part in enumerate(path.parts) if part in TESTS), len(path.parts))
        found |= {PurePosixPath(*path.parts[: end + 1]) for end in range(min(kept + 1, len(path.parts)))}
    return {str(path) for path in found}


def _pip(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True
    )


def main() -> int:
    rows = {}
    for makefile in makefiles():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            package = next(read(makefile, folder / "facts"))
            if not package.from_pypi:
                continue
            wanted = f"{package.facts['PYPI_NAME']}=={package.facts['PKG_VERSION']}"
            _pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder / "sdist"), wanted)
            sdist = examine(next((folder / "sdist").iterdir()), folder)
            if sdist.sha256 != package.facts["PKG_HASH"]:
                print(
                    f"{makefile}: PKG_HASH is not the SHA-256 of {sdist.file}: {sdist.sha256}",
                    file=sys.stderr,
                )
                return 1
            rows[makefile.parent.name] = asdict(sdist)
    RECORD.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

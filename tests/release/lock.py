"""`make lock`: pins every Python package that make installs, with hashes, in tests/requirements/*.txt.

python -m tests.release.lock [--upgrade]

Without --upgrade, pinned versions stay and only packages that are not pinned yet get their newest version.
Needs pip's access to its registry, and an interpreter of each Python version.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.openwrt.feed.__main__ import interpreter

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "requirements"
PYTHONS = ("3.11", "3.13")  # Debian 12 and OpenWrt 24.10; Debian 13 and OpenWrt 25.12
MACHINES = ("x86_64", "aarch64")
GLIBC = range(36, 4, -1)  # minor versions of wheels that Debian 12 can run, the best first
# NetfilterQueue has no wheels. These build its source archive.
SOURCE_BUILDS = ("cython", "wheel")
HEAD = "# Written by `make lock`. Change pyproject.toml instead.\n"
# A file has everything of the files before it, except build.txt, which is installed first.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "build": (),
    "run": ("crypto", "factor", "passkeys"),
    "dev": ("crypto", "factor", "passkeys", "feed", "messages", "mqtt", "dev"),
    "fuzz": ("crypto", "factor", "passkeys", "feed", "messages", "mqtt", "dev", "fuzz"),
}

# The packages of `make fleet`, in an environment of their own: none of this project's (Debian 13 only).
FLEET, FLEET_PYTHON = "fleet", "3.13"


class LockError(Exception):
    """Why the packages cannot be pinned; one line."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of a distribution, for all Python versions or for one."""

    name: str  # normalised (PEP 503)
    version: str
    python: str = ""  # such as "3.11"; empty: all
    hashes: frozenset[str] = field(default_factory=frozenset)  # SHA-256 of the files that pip may install

    def text(self) -> str:
        """Return the lines of a requirements file."""
        marker = f' ; python_version == "{self.python}"' if self.python else ""
        lines = [
            f"{self.name}=={self.version}{marker}",
            *(f"    --hash=sha256:{h}" for h in sorted(self.hashes)),
        ]
        return " \\\n".join(lines) + "\n"


def read(path: Path) -> list[Pin]:
    """Return the pins of one file, without those of the files that it includes."""
    pins = []
    for line in path.read_text("utf-8").replace("\\\n", " ").splitlines():
        if not line or line.startswith(("#", "--requirement ")):
            continue
        requirement, *hashes = re.split(r"\s+--hash=sha256:", line)
        parsed = Requirement(requirement)
        (version,) = (part.version for part in parsed.specifier)
        pins.append(Pin(parsed.name, version, _python_of(parsed.marker), frozenset(hashes)))
    return pins


def _python_of(marker: Marker | None) -> str:
    match = re.fullmatch(r'python_version == "([0-9.]+)"', str(marker or ""))
    return match[1] if match else ""


def pinned(groups: Iterable[str] = GROUPS) -> list[Pin]:
    """Return the pins of these files; of all without an argument."""
    return [pin for group in groups for pin in read(FOLDER / f"{group}.txt")]


def needed(group: str) -> list[str]:
    """Return the requirements of pyproject.toml that a file has to satisfy."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    build = [*project["build-system"]["requires"], *SOURCE_BUILDS]
    if group == "build":
        return build
    extras = project["project"]["optional-dependencies"]
    of_extras = [requirement for extra in GROUPS[group] for requirement in extras[extra]]
    return [*project["project"]["dependencies"], *of_extras]


def write(folder: Path, *, upgrade: bool) -> None:
    """Resolve all groups for each Python version and write their files. Raises LockError."""
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        constraints = temporary / "constraints.txt"
        kept = [] if upgrade else _pinned_before(folder)
        without_hashes = (Pin(pin.name, pin.version, pin.python).text() for pin in kept)
        constraints.write_text("".join(without_hashes), "utf-8")
        found: dict[str, dict[str, dict[str, str]]] = {}  # group → Python → name → version
        hashes: dict[tuple[str, str], set[str]] = {}
        for python in PYTHONS:
            resolved = _resolve(python, constraints, temporary)
            for group, versions in resolved.items():
                found.setdefault(group, {})[python] = versions
            everything = sorted({pin for versions in resolved.values() for pin in versions.items()})
            for machine in MACHINES:
                for pin, sha256 in _files(python, machine, everything, temporary):
                    hashes.setdefault(pin, set()).add(sha256)
        fleet = _fleet([] if upgrade else [folder / f"{FLEET}.txt"], temporary)
    folder.mkdir(exist_ok=True)
    for group, text in _texts(found, hashes).items():
        (folder / f"{group}.txt").write_text(text, "utf-8")
    (folder / f"{FLEET}.txt").write_text(fleet, "utf-8")


def _fleet(before: Iterable[Path], temporary: Path) -> str:
    """Return the pins of `make fleet`; those in ``before`` stay. Raises LockError."""
    constraints = temporary / "fleet-constraints.txt"
    kept = (pin for path in before if path.exists() for pin in read(path))
    constraints.write_text("".join(Pin(pin.name, pin.version).text() for pin in kept), "utf-8")
    words = ["--constraint", str(constraints), "--requirement", str(FOLDER / f"{FLEET}.in")]
    path = interpreter(FLEET_PYTHON)
    if path is None:
        msg = f"Python {FLEET_PYTHON} is not installed, so the packages of make fleet cannot be resolved"
        raise LockError(msg)
    rows = _pip(["--python", path], words, temporary)
    hashes: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        name, version = canonicalize_name(row["metadata"]["name"]), row["metadata"]["version"]
        hashes.setdefault((name, version), set()).add(
            row["download_info"]["archive_info"]["hashes"]["sha256"]
        )
    for machine in MACHINES:
        for pin, sha256 in _files(FLEET_PYTHON, machine, sorted(hashes), temporary):
            hashes[pin].add(sha256)
    pins = (Pin(*pin, hashes=frozenset(found)) for pin, found in sorted(hashes.items()))
    return f"# Written by `make lock`. Change {FLEET}.in instead.\n" + "".join(pin.text() for pin in pins)


def _pinned_before(folder: Path) -> list[Pin]:
    paths = (folder / f"{group}.txt" for group in GROUPS)
    return [pin for path in paths if path.exists() for pin in read(path)]


def _resolve(python: str, constraints: Path, temporary: Path) -> dict[str, dict[str, str]]:
    """Return the version of each distribution that a group needs under one Python version."""
    path = interpreter(python)
    if path is None:
        msg = f"Python {python} is not installed, so its packages cannot be resolved"
        raise LockError(msg)
    found: dict[str, dict[str, str]] = {}
    pins = constraints
    for group in reversed(list(GROUPS)):  # the largest first: its versions are those of the others
        rows = _pip(["--python", path], ["--constraint", str(pins), *needed(group)], temporary)
        found[group] = {
            canonicalize_name(row["metadata"]["name"]): row["metadata"]["version"] for row in rows
        }
        if pins is constraints and group != "build":
            pins = temporary / f"pins-{python}.txt"
            pins.write_text(
                "".join(f"{name}=={version}\n" for name, version in found[group].items()), "utf-8"
            )
    return found


def _files(
    python: str, machine: str, pins: Sequence[tuple[str, str]], temporary: Path
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the hash of the file that pip installs for each pin on such a machine."""
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBC]
    options = ["--no-deps", f"--python-version={python}", "--implementation=cp", *platforms,
               f"--platform=manylinux2014_{machine}", f"--target={temporary / 'none'}"]  # fmt: skip
    left = dict(pins)
    while True:
        try:
            rows = _pip([], [*options, *(f"{name}=={version}" for name, version in left.items())], temporary)
            break
        except LockError as error:
            missing = re.search(r"No matching distribution found for ([\w.-]+)==", str(error))
            if missing is None:
                raise
            print(f"  {missing[1]} {left.pop(missing[1])}: nothing for {machine} and Python {python}")
    for row in rows:
        pin = canonicalize_name(row["metadata"]["name"]), row["metadata"]["version"]
        yield pin, row["download_info"]["archive_info"]["hashes"]["sha256"]


def _pip(options: Sequence[str], words: Sequence[str], temporary: Path) -> list[dict[str, Any]]:
    """Return what pip would install."""
    report = temporary / "report.json"
    argv = [sys.executable, "-m", "pip", *options, "install", "--quiet", "--disable-pip-version-check",
            "--dry-run", "--ignore-installed", f"--report={report}", *words]  # fmt: skip
    done = subprocess.run(argv, cwd=temporary, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LockError(done.stderr.strip().replace("\n", " / "))
    rows: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))["install"]
    return rows


def _texts(
    found: Mapping[str, Mapping[str, Mapping[str, str]]], hashes: Mapping[tuple[str, str], set[str]]
) -> dict[str, str]:
    """Return the content of each file."""
    texts, included, before = {}, "", set[tuple[str, str]]()  # name and Python of what the files before have
    for group in GROUPS:
        pins = []
        for python in PYTHONS:
            for name, version in found[group][python].items():
                if (name, python) not in before:
                    pins.append(Pin(name, version, python, frozenset(hashes[name, version])))
        texts[group] = HEAD + included + "".join(pin.text() for pin in _merged(pins))
        if group != "build":
            included = f"--requirement {group}.txt\n"
            before |= {(pin.name, pin.python) for pin in pins}
    return texts


def _merged(pins: Sequence[Pin]) -> list[Pin]:
    """Return one pin for all Python versions where they agree, sorted."""
    merged = {}
    for pin in pins:
        same = [other for other in pins if (other.name, other.version) == (pin.name, pin.version)]
        python = "" if len(same) == len(PYTHONS) else pin.python
        merged[pin.name, python] = replace(pin, python=python)
    return [merged[key] for key in sorted(merged)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make lock")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args()
    before = {(pin.name, pin.version) for pin in _pinned_before(FOLDER)}
    try:
        write(FOLDER, upgrade=options.upgrade)
    except LockError as error:
        print(f"make lock: {error}", file=sys.stderr)
        return 1
    after = {(pin.name, pin.version) for pin in pinned()}
    for name, version in sorted(after - before):
        print(f"  {name} {version}")
    print(f"{len(after)} packages are pinned, {len(after - before)} of them now.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

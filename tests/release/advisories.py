"""Compares pinned Python packages with published advisories in OSV's format (ossf.github.io/osv-schema).

QALQAN_ADVISORIES is a folder, a .zip or .tar archive, or an https address of such an archive; it has one
record a file, in JSON or YAML. By default it is OSV's own archive of all advisories for Python packages.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePath
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

VARIABLE = "QALQAN_ADVISORIES"
PUBLISHED = "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip"
WAIT_S = 60.0
ECOSYSTEM = "PyPI"
_UNREADABLE = (tarfile.TarError, zipfile.BadZipFile, yaml.YAMLError)


class AdvisoriesError(Exception):
    """Why there are no advisories to compare with; one line."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One advisory about one version of a package."""

    package: str
    version: str
    names: tuple[str, ...]  # its identifiers, such as PYSEC-2023-62 and CVE-2023-30861
    fixed: tuple[str, ...]  # later versions without the fault

    def line(self) -> str:
        """Return a line for the report of a release."""
        fix = f"fixed in {', '.join(self.fixed)}" if self.fixed else "not fixed yet"
        return f"{self.package} {self.version}: {', '.join(self.names)}, {fix}"


def compare(versions: Iterable[tuple[str, str]], place: str = "") -> list[Advisory]:
    """Return the advisories that concern these names and versions, sorted.

    Raises AdvisoriesError if the records cannot be had.
    """
    place = place or os.environ.get(VARIABLE, "") or PUBLISHED
    wanted: dict[str, set[str]] = {}
    for name, version in versions:
        wanted.setdefault(canonicalize_name(name), set()).add(version)
    try:
        found, number = set[Advisory](), 0
        for record in records(place):
            number += 1
            found.update(_matches(record, wanted))
    except (OSError, HTTPException, ValueError, *_UNREADABLE) as error:
        msg = f"{place}: {error}"
        raise AdvisoriesError(msg) from error
    if not number:
        msg = f"{place}: no advisories in it"
        raise AdvisoriesError(msg)
    return sorted(found, key=lambda advisory: (advisory.package, advisory.version, advisory.names))


def records(place: str) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a folder or an archive."""
    if place.startswith("https://"):
        with urllib.request.urlopen(place, timeout=WAIT_S) as answer:
            yield from _of_archive(answer.read())
    elif Path(place).is_dir():
        for path in sorted(Path(place).rglob("*")):
            yield from _parsed(path, path.read_bytes) if path.is_file() else ()
    else:
        yield from _of_archive(Path(place).read_bytes())


def _of_archive(data: bytes) -> Iterator[Mapping[str, Any]]:
    stream = io.BytesIO(data)
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            for name in archive.namelist():
                yield from _parsed(PurePath(name), lambda name=name: archive.read(name))
        return
    stream.seek(0)
    with tarfile.open(fileobj=stream) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                yield from _parsed(PurePath(member.name), file.read)


def _parsed(path: PurePath, read: Any) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".json":
        record = json.loads(read())
    elif path.suffix in (".yaml", ".yml"):
        record = yaml.load(read(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    else:
        return
    if isinstance(record, dict) and "affected" in record:
        yield record


def _matches(record: Mapping[str, Any], wanted: Mapping[str, set[str]]) -> Iterator[Advisory]:
    if record.get("withdrawn"):
        return
    for affected in record["affected"]:
        package = affected.get("package", {})
        name = canonicalize_name(package.get("name", ""))
        if package.get("ecosystem") != ECOSYSTEM or name not in wanted:
            continue
        names = tuple(dict.fromkeys((record["id"], *record.get("aliases", ()))))
        for version in wanted[name]:
            if _affects(affected, version):
                yield Advisory(name, version, names, _fixes(affected, Version(version)))


def _affects(affected: Mapping[str, Any], version: str) -> bool:
    """Return whether a version is listed, or in one of the ranges of versions."""
    ranges = [entry["events"] for entry in affected.get("ranges", ()) if entry["type"] == "ECOSYSTEM"]
    return version in affected.get("versions", ()) or any(
        _in_range(events, Version(version)) for events in ranges
    )


def _in_range(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    inside = False
    for kind, limit in sorted((_event(event) for event in events), key=lambda event: event[1]):
        if kind == "introduced" and version >= limit:
            inside = True
        elif (kind == "fixed" and version >= limit) or (kind == "last_affected" and version > limit):
            inside = False
    return inside


def _event(event: Mapping[str, str]) -> tuple[str, Version]:
    ((kind, limit),) = event.items()
    return kind, _version(limit)


def _version(text: str) -> Version:
    """Return a version; "0" is before all others (OSV schema, `introduced`)."""
    try:
        return Version("0.dev0" if text == "0" else text)
    except InvalidVersion as error:
        msg = f"{text!r} is not a version of a Python package"
        raise ValueError(msg) from error


def _fixes(affected: Mapping[str, Any], version: Version) -> tuple[str, ...]:
    events = [event for entry in affected.get("ranges", ()) for event in entry["events"] if "fixed" in event]
    found = [event["fixed"] for event in events if _is_later(event["fixed"], version)]
    return tuple(dict.fromkeys(found))


def _is_later(text: str, version: Version) -> bool:
    """Return whether ``text`` is a later version; False for the hash of a commit."""
    try:
        return Version(text) > version
    except InvalidVersion:
        return False

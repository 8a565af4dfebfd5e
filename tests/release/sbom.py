"""Writes what a release consists of and depends on, as CycloneDX 1.6 documents in JSON.

The same input makes the same bytes: the serial number is a hash of the content.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway import __version__
from tests.debian.arm64 import codename, needs
from tests.openwrt.feed.recipes import Package

SUFFIX = ".cdx.json"
DOCUMENTS = Path("/usr/share/doc")
_NAMESPACE = uuid.UUID("6c2d5b3e-0f0a-5a0e-9a52-2f3f8f0d7a11")  # of the serial numbers
# Debian's short names of licences (DEP-5), and the SPDX identifiers. Others are written as Debian has them.
_SPDX = {"Apache-2.0": "Apache-2.0", "BSD-2-clause": "BSD-2-Clause", "BSD-2-Clause": "BSD-2-Clause",
         "BSD-3-clause": "BSD-3-Clause", "BSD-3-Clause": "BSD-3-Clause", "CC0-1.0": "CC0-1.0", "Expat": "MIT",
         "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later", "GPL-2.0": "GPL-2.0-only",
         "GPL-3": "GPL-3.0-only", "GPL-3+": "GPL-3.0-or-later", "ISC": "ISC", "LGPL-2+": "LGPL-2.0-or-later",
         "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
         "LGPL-3.0-or-later": "LGPL-3.0-or-later",
         "MIT": "MIT", "MPL-2.0": "MPL-2.0", "Zlib": "Zlib", "ZPL-2.1": "ZPL-2.1"}  # fmt: skip
Stanza = Mapping[str, str]
_OPERATORS = re.compile(r" (AND|OR|WITH) ")


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a release, or something that it needs."""

    kind: str  # as in CycloneDX: application, library, firmware
    name: str
    version: str
    purl: str
    licences: tuple[str, ...] = ()
    sha256: str = ""  # of the file that it is published in
    required: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return the component as CycloneDX has it."""
        fields: dict[str, Any] = {
            "type": self.kind,
            "bom-ref": self.purl,
            "name": self.name,
            "purl": self.purl,
        }
        if self.version:
            fields["version"] = self.version
        fields["purl"] = self.purl
        if self.licences:
            fields["licenses"] = licence_choice(self.licences)
        if self.sha256:
            fields["hashes"] = [{"alg": "SHA-256", "content": self.sha256}]
        return fields


def licence_choice(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return one SPDX expression, or a list of single licences: the schema allows no mixture."""
    if len(names) == 1 and _OPERATORS.search(names[0]):
        return [{"expression": names[0]}]
    return [{"license": {"id": _SPDX[name]} if name in _SPDX else {"name": name}} for name in names]


def write(path: Path, subject: Component, parts: Iterable[Component], epoch: int) -> None:
    """Write a document about ``subject`` and its parts. ``epoch``: its date, in seconds."""
    path.write_text(json.dumps(document(subject, parts, epoch), indent=1) + "\n", "utf-8")


def document(subject: Component, parts: Iterable[Component], epoch: int) -> dict[str, Any]:
    """Return a CycloneDX document."""
    ordered = sorted(parts, key=lambda part: part.purl)
    scoped = [part.to_dict() | {"scope": "required" if part.required else "optional"} for part in ordered]
    program = {"type": "application", "name": "make release", "version": __version__}
    content = {
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "tools": {"components": [program]},
            "component": subject.to_dict(),
        },
        "components": scoped,
        "dependencies": [{"ref": subject.purl, "dependsOn": [part.purl for part in ordered]}],
    }
    serial = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True))
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": serial.urn, "version": 1}
    return head | content


def published(file: Path, kind: str, purl: str) -> Component:
    """Return the subject of a document: a file of this release."""
    with file.open("rb") as data:
        sha256 = hashlib.file_digest(data, "sha256").hexdigest()
    return Component(kind, "qalqan", __version__, purl, ("Apache-2.0",), sha256)


def of_package(package: Path) -> list[Component]:
    """Return what a Debian package depends on and recommends, as apt on this machine knows it."""
    found = []
    for field, required in (("Depends", True), ("Recommends", False)):
        names = needs(package, field)
        known = {stanza["Package"]: stanza for stanza in stanzas(_show(names))}
        stanzas_of = (known.get(name, {"Package": name}) for name in names)
        found += [debian(stanza, Path("/"), required=required) for stanza in stanzas_of]
    return found


def _show(names: Sequence[str]) -> str:
    """Return apt's records of these packages, without those that it does not know."""
    argv = ["apt-cache", "show", "--no-all-versions", *names]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def of_root(root: Path, records: str) -> list[Component]:
    """Return every Debian package that is installed in ``root``.

    ``records``: the stanzas of apt's Packages files, for the hashes.
    """
    hashes = {_key(stanza): stanza.get("SHA256", "") for stanza in stanzas(records)}
    return [
        debian({**stanza, "SHA256": hashes.get(_key(stanza), "")}, root)
        for stanza in stanzas((root / "var/lib/dpkg/status").read_text("utf-8"))
        if stanza["Status"].endswith(" installed")
    ]


def _key(stanza: Stanza) -> tuple[str, ...]:
    return tuple(stanza.get(field, "") for field in ("Package", "Version", "Architecture"))


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the first line of each field, for each paragraph of a Debian control file."""
    for paragraph in text.split("\n\n"):
        lines = (line for line in paragraph.splitlines() if line and not line[0].isspace())
        if fields := {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}:
            yield fields


def debian(stanza: Stanza, root: Path, *, required: bool = True) -> Component:
    """Return a Debian package. ``root``: where it is installed, for its licences."""
    name, version = stanza["Package"], stanza.get("Version", "")
    known = f"@{quote(version, safe='')}?arch={stanza['Architecture']}&distro={codename()}" if version else ""
    purl = f"pkg:deb/debian/{quote(name, safe='')}{known}"
    return Component("library", name, version, purl, licences(name, root), stanza.get("SHA256", ""), required)


def licences(name: str, root: Path) -> tuple[str, ...]:
    """Return the licences that an installed package names; empty if it is not installed."""
    path = root / DOCUMENTS.relative_to("/") / name / "copyright"
    if not path.exists():
        return ()
    text = path.read_text("utf-8", "replace")
    if not re.match(r"Format(-Specification)?:", text):  # not machine-readable (DEP-5)
        return (f"see {DOCUMENTS}/{name}/copyright",)
    return tuple(dict.fromkeys(re.findall(r"^License: *(\S.*?) *$", text, re.MULTILINE)))


def of_feed(feed: Iterable[Package]) -> list[Component]:
    """Return the source archives that the OpenWrt feed builds, and OpenWrt's packages that it needs."""
    packages = {package.name: package for package in feed}
    foreign = {name for package in packages.values() for name in package.depends} - packages.keys()
    return [
        *(sdist(package) for package in packages.values() if package.from_pypi),
        *(Component("library", name, "", f"pkg:generic/openwrt/{name}") for name in foreign),
    ]


def sdist(package: Package) -> Component:
    """Return the source archive that a recipe builds."""
    facts = package.facts
    name, version = facts["PYPI_NAME"], facts["PKG_VERSION"]
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return Component("library", name, version, purl, (facts["PKG_LICENSE"],), facts["PKG_HASH"])

"""Makes a signed apt repository: a folder for any web server, without a program of its own."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from pathlib import Path

from tests.release.signing import SigningKey

SUITE, COMPONENT = "stable", "main"
ARCHITECTURES = ("all", "amd64", "arm64", "armhf")
KEYRING = "qalqan-archive-keyring.pgp"
_TITLE = "Qalqan, a family filter for home gateways"


def write(folder: Path, packages: Iterable[Path], key: SigningKey, epoch: int) -> None:
    """Write the repository into an empty or new ``folder``. ``epoch``: its date, in seconds.

    Everything but the signatures depends on the packages and ``epoch`` only.
    """
    for package in packages:
        name = _field(package, "Package")
        pool = folder / "pool" / COMPONENT / name[0] / name
        pool.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package, pool / package.name)
    index = subprocess.run(
        ["dpkg-scanpackages", "--multiversion", "pool"], cwd=folder, capture_output=True, check=True
    ).stdout
    suite = folder / "dists" / SUITE
    for architecture in ARCHITECTURES:
        place = suite / COMPONENT / f"binary-{architecture}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "Packages").write_bytes(index)
        (place / "Packages.gz").write_bytes(gzip.compress(index, 9, mtime=0))
        (place / "Packages.xz").write_bytes(lzma.compress(index))
    indexes = {str(path.relative_to(suite)): path.read_bytes() for path in sorted(suite.rglob("Packages*"))}
    release = suite / "Release"
    release.write_text(release_text(indexes, epoch), "utf-8")
    key.sign_inline(release, suite / "InRelease")
    key.sign_apart(release, suite / "Release.gpg")
    key.export(folder / KEYRING)


def release_text(indexes: Mapping[str, bytes], epoch: int) -> str:
    """Return the content of a Release file. ``indexes``: the files of the suite, by path."""
    head = {
        "Origin": "Qalqan",
        "Label": "Qalqan",
        "Suite": SUITE,
        "Codename": SUITE,
        "Date": formatdate(epoch, usegmt=True),
        "Architectures": " ".join(ARCHITECTURES),
        "Components": COMPONENT,
        "Description": _TITLE,
    }
    lines = [f"{name}: {value}\n" for name, value in head.items()]
    sums = (
        f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n" for path, data in sorted(indexes.items())
    )
    return "".join((*lines, "SHA256:\n", *sums))


def source_text(address: str, keyring: str = f"/usr/share/keyrings/{KEYRING}") -> str:
    """Return the file for /etc/apt/sources.list.d that names the repository at ``address``."""
    head = ("Types: deb", f"URIs: {address}", f"Suites: {SUITE}", f"Components: {COMPONENT}")
    return "".join(f"{line}\n" for line in (*head, f"Signed-By: {keyring}"))


def _field(package: Path, name: str) -> str:
    argv = ["dpkg-deb", "--field", str(package), name]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

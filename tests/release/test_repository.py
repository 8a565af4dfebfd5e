"""The apt repository, read by apt itself over HTTP: accepted as it is, refused after any change."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.release import repository, signing
from tests.release.signing import SigningError, signing_key

pytestmark = [
    pytest.mark.system,
    pytest.mark.needs("gpg"),
    pytest.mark.needs("dpkg-scanpackages"),
]

EPOCH = 1764201600
Serve = Callable[[Path], str]


class Apt:
    """apt with folders of its own, so that this machine's packages and sources take no part."""

    def __init__(self, folder: Path, address: str, keyring: Path) -> None:
        for name in ("lists/partial", "cache/archives/partial", "etc"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        source = folder / "etc/qalqan.sources"
        source.write_text(repository.source_text(address, str(keyring)), "utf-8")
        values = {
            "Dir::State": folder,
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": source,
            "Dir::Etc::sourceparts": "/dev/null",
            "APT::Architecture": "arm64",
            "APT::Architectures": "arm64",
            "APT::Sandbox::User": "root",
            "Acquire::http::Proxy::127.0.0.1": "DIRECT",
        }
        self._folder = folder
        self._options = [part for name, value in values.items() for part in ("-o", f"{name}={value}")]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["apt-get", *self._options, *words]
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        return subprocess.run(argv, cwd=self._folder, env=env, capture_output=True, text=True, check=False)

    def update(self) -> str:
        """Return apt's errors; empty if it accepts the repository."""
        done = self("update", "--error-on=any")
        return done.stderr if done.returncode else ""


@pytest.fixture
def published(tmp_path: Path, small_package: Path, key_file: Path) -> Path:
    with signing_key(str(key_file)) as key:
        repository.write(tmp_path / "apt", [small_package], key, EPOCH)
    return tmp_path / "apt"


@pytest.fixture
def apt(tmp_path: Path, published: Path, served: Serve) -> Apt:
    keyring = tmp_path / repository.KEYRING
    shutil.copyfile(published / repository.KEYRING, keyring)
    return Apt(tmp_path / "machine", served(published), keyring)


def test_apt_verifies_it_and_downloads_the_package(apt: Apt, tmp_path: Path, small_package: Path) -> None:
    assert apt.update() == ""
    assert apt("download", "small").returncode == 0
    assert (tmp_path / "machine" / small_package.name).read_bytes() == small_package.read_bytes()


@pytest.mark.parametrize("name", ["Packages.xz", "Packages.gz", "Packages"])
def test_each_compression_has_the_same_index(published: Path, name: str) -> None:
    release = (published / "dists/stable/Release").read_text("utf-8")
    for architecture in repository.ARCHITECTURES:
        path = f"main/binary-{architecture}/{name}"
        data = (published / "dists/stable" / path).read_bytes()
        assert f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n" in release


def test_a_changed_index_is_refused(apt: Apt, published: Path) -> None:
    for path in published.rglob("Packages*"):
        path.write_bytes(b"x" + path.read_bytes())
    assert re.search(r"Hash Sum mismatch|unexpected size", apt.update())


def test_a_changed_release_file_is_refused(apt: Apt, published: Path) -> None:
    path = published / "dists/stable/InRelease"
    path.write_text(path.read_text("utf-8").replace("Label: Qalqan", "Label: Other!"), "utf-8")
    assert re.search(r"signature|BADSIG|not signed|verif", apt.update())


def test_a_repository_without_signature_is_refused(apt: Apt, published: Path) -> None:
    (published / "dists/stable/InRelease").unlink()
    (published / "dists/stable/Release.gpg").unlink()
    assert "is not signed" in apt.update()


def test_a_repository_signed_with_another_key_is_refused(apt: Apt, published: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.asc"
    signing.create_key(other, "Other <other@qalqan.invalid>")
    suite = published / "dists/stable"
    with signing_key(str(other)) as key:
        key.sign_inline(suite / "Release", suite / "InRelease")
        key.sign_apart(suite / "Release", suite / "Release.gpg")
    assert re.search(r"not signed|verif|signature", apt.update())


def test_a_changed_package_is_refused(apt: Apt, published: Path) -> None:
    assert apt.update() == ""
    (path,) = published.rglob("*.deb")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = apt("download", "small")
    assert done.returncode != 0
    assert "Hash Sum mismatch" in done.stderr


def test_the_same_package_makes_the_same_files(
    published: Path, tmp_path: Path, small_package: Path, key_file: Path
) -> None:
    with signing_key(str(key_file)) as key:
        repository.write(tmp_path / "again", [small_package], key, EPOCH)
    signed = {"InRelease", "Release.gpg"}  # a signature has its time
    for path in published.rglob("*"):
        if path.is_file() and path.name not in signed:
            assert (tmp_path / "again" / path.relative_to(published)).read_bytes() == path.read_bytes()


def test_the_keyring_has_no_secret_key(published: Path) -> None:
    said = subprocess.run(
        ["gpg", "--list-packets", published / repository.KEYRING], capture_output=True, text=True, check=True
    )
    assert ":public key packet:" in said.stdout
    assert "secret" not in said.stdout


def test_without_a_key_nothing_is_signed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    with pytest.raises(SigningError, match=r"^QALQAN_SIGN_KEY is not set"), signing_key():
        pass
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(SigningError, match=r"^gpg: .*no valid OpenPGP data"), signing_key(str(empty)):
        pass

"""SHA256SUMS of a release and its signature, checked as a person who downloads it does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.release import build
from tests.release.signing import SigningError, gpg, signing_key

pytestmark = [pytest.mark.system, pytest.mark.needs("gpg")]


@pytest.fixture
def release(tmp_path: Path, key_file: Path) -> Path:
    """A signed folder, next to the file of the public key."""
    out = tmp_path / "release"
    (out / "apt").mkdir(parents=True)
    (out / "apt" / "Packages").write_text("Package: small\n", "utf-8")
    (out / "image.xz").write_bytes(bytes(range(256)))
    with signing_key(str(key_file)) as key:
        build.sign_sums(out, key)
        key.export(tmp_path / "public.pgp")
    return out


def verify(release: Path, tmp_path: Path) -> None:
    """Verify the signature with nothing but the public key. Raises SigningError."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    sums = release / build.SUMS
    keyring = ["--no-default-keyring", "--keyring", str(tmp_path / "public.pgp")]
    gpg(home, "--trust-model", "always", *keyring, "--verify", f"{sums}.asc", str(sums))


def check(release: Path) -> int:
    argv = ["sha256sum", "--check", "--strict", "--quiet", build.SUMS]
    return subprocess.run(argv, cwd=release, capture_output=True, check=False).returncode


def test_signature_and_sums_are_accepted(release: Path, tmp_path: Path) -> None:
    verify(release, tmp_path)
    assert check(release) == 0
    named = [line.split("  ")[1] for line in (release / build.SUMS).read_text("utf-8").splitlines()]
    assert named == ["apt/Packages", "image.xz"], "each file, also in folders"


def test_a_changed_file_is_noticed(release: Path) -> None:
    (release / "image.xz").write_bytes(b"another image")
    assert check(release) != 0


def test_changed_sums_are_refused(release: Path, tmp_path: Path) -> None:
    (release / "image.xz").write_bytes(b"another image")
    build.write_sums(release)
    assert check(release) == 0
    with pytest.raises(SigningError, match="BAD signature"):
        verify(release, tmp_path)

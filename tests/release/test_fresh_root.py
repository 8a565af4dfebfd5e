"""A fresh Debian installs Qalqan with apt from the repository, and refuses a repository that was changed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import __version__
from tests.debian.arm64 import apt_settings, codename, run
from tests.release import repository
from tests.release.image import sources
from tests.release.signing import signing_key

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("root"),
    pytest.mark.needs("dh"),
    pytest.mark.needs("mmdebstrap"),
]

EPOCH = 1764201600


class Root:
    """A root filesystem with nothing but Debian's required packages and apt."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "root"
        (folder / "debian.sources").write_text(sources() + "\n", "utf-8")
        run(["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", f"--aptopt={apt_settings(folder)}",
             codename(), str(self.path), str(folder / "debian.sources")])  # fmt: skip

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        variables = (
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
        )
        argv = ["chroot", str(self.path), "/usr/bin/env", "-i", *variables, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    made = Root(tmp_path_factory.mktemp("fresh"))
    (made.path / "etc/apt/apt.conf.d/99local").write_text(
        'Acquire::http::Proxy::127.0.0.1 "DIRECT";\n', "utf-8"
    )
    yield made
    subprocess.run(["rm", "-rf", made.path], check=True)


def test_it_is_installed_and_a_changed_repository_is_refused(
    root: Root, package: Path, key_file: Path, tmp_path: Path, served: Callable[[Path], str]
) -> None:
    folder = tmp_path / "apt"
    with signing_key(str(key_file)) as key:
        repository.write(folder, [package], key, EPOCH)
    source = root.path / "etc/apt/sources.list.d/qalqan.sources"
    source.write_text(repository.source_text(served(folder)), "utf-8")

    refused = root("apt-get", "update", "--error-on=any")
    assert refused.returncode != 0, "no key is installed yet"

    keyring = root.path / "usr/share/keyrings" / repository.KEYRING
    keyring.write_bytes((folder / repository.KEYRING).read_bytes())
    assert root("apt-get", "update", "--error-on=any").returncode == 0
    done = root("apt-get", "install", "-y", "--no-install-recommends", "qalqan")
    assert done.returncode == 0, done.stderr[-2000:]
    assert root("qalqan", "--version").stdout == f"qalqan {__version__}\n"
    assert repository.SUITE in root("apt-cache", "policy", "qalqan").stdout

    for path in folder.rglob("Packages*"):
        path.write_bytes(b"x" + path.read_bytes())
    (root.path / "var/lib/apt/lists").rename(root.path / "var/lib/apt/former")
    (root.path / "var/lib/apt/lists/partial").mkdir(parents=True)
    refused = root("apt-get", "update", "--error-on=any")
    assert refused.returncode != 0
    again = root("apt-get", "install", "-y", "--reinstall", "qalqan")
    assert "Reinstallation of qalqan is not possible, it cannot be downloaded." in again.stdout

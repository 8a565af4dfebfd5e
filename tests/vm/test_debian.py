"""What is fetched, and the one line that comes when it cannot be had. apt is played by small scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.home import ROOT
from tests.vm.debian import VmError, find_busybox, find_kernel

RELEASE = "6.12.1+deb13-amd64"
_APT_CACHE = f"echo '  Depends: linux-image-{RELEASE}'"
_APT_GET = 'case "$*" in *download*) for package; do :; done; echo "$package" > "$package.deb";; esac'
_DPKG = f"""\
case "$2" in
  *linux-image*)
    /bin/mkdir -p "$3/boot" "$3/usr/lib/modules/{RELEASE}"
    echo kernel > "$3/boot/vmlinuz-{RELEASE}";;
  *) /bin/mkdir -p "$3/usr/bin"; echo busybox > "$3/usr/bin/busybox";;
esac"""
_DEPMOD = 'echo made > "$2/lib/modules/$3/modules.dep"'
_NO_PACKAGE = 'case "$*" in *update*) ;; *) echo "E: Unable to locate package" >&2; exit 100;; esac'


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of commands, with an apt that has everything."""
    folder = tmp_path / "bin"
    folder.mkdir()
    scripts = {"apt-cache": _APT_CACHE, "apt-get": _APT_GET, "dpkg": _DPKG, "depmod": _DEPMOD}
    for name, body in scripts.items():
        _script(folder / name, body)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_the_kernel_is_fetched_once(tmp_path: Path, bin_folder: Path) -> None:
    cache = tmp_path / "cache"
    kernel = find_kernel(cache)
    assert kernel.image.read_text() == "kernel\n"
    assert kernel.modules.name == RELEASE
    assert (kernel.modules / "modules.dep").read_text() == "made\n"
    assert find_busybox(cache).read_text() == "busybox\n"
    for name in ("apt-get", "apt-cache"):
        (bin_folder / name).unlink()
    assert find_kernel(cache) == kernel
    assert sorted(entry.name for entry in cache.iterdir()) == ["busybox-static", f"linux-image-{RELEASE}"]


def test_no_kernel_package_is_one_line(tmp_path: Path, bin_folder: Path) -> None:
    _script(bin_folder / "apt-cache", "echo E: No packages found >&2; exit 100")
    with pytest.raises(VmError, match=r"^apt knows no package linux-image-amd64; [^\n]+$"):
        find_kernel(tmp_path / "cache")


def test_a_failed_download_is_one_line_and_leaves_nothing(tmp_path: Path, bin_folder: Path) -> None:
    _script(bin_folder / "apt-get", _NO_PACKAGE)
    with pytest.raises(VmError, match=r"^apt-get -qq download linux-image-\S+: E: Unable to locate package$"):
        find_kernel(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_broken_cache_says_so(tmp_path: Path) -> None:
    (tmp_path / "linux-image-6.12.1").mkdir()
    with pytest.raises(VmError, match=r"linux-image-6.12.1 is no kernel package; remove it"):
        find_kernel(tmp_path)


@pytest.mark.lab
def test_without_qemu_it_is_one_clear_line(bin_folder: Path) -> None:
    _script(bin_folder / "apt-get", _NO_PACKAGE)
    done = _make_vm()
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("make vm: apt-get -qq install -y --no-install-recommends qemu-system-x86")
    assert line.endswith(": E: Unable to locate package")
    assert done.stdout == ""


@pytest.mark.lab
def test_without_root_it_is_one_clear_line() -> None:
    done = _make_vm("setpriv", "--reuid=65534", "--clear-groups", "--")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "make vm: it installs packages and boots from this machine's own files; run it as root"
    ]


def _make_vm(*before: str) -> subprocess.CompletedProcess[str]:
    argv = [*before, sys.executable, "-m", "tests.vm"]
    return subprocess.run(argv, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)

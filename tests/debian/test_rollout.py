"""The script that installs a provider's release, with the real apt and dpkg, and a repository of versions."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.debian.overlay import Overlay
from tests.lab.home import ROOT

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs("dpkg-deb"), pytest.mark.needs("apt-get")]

OLD, NEW, BAD, HALF = "0.1.0-1", "0.2.0-1", "0.3.0-1", "0.4.0-1"
RELEASE = "/var/lib/qalqan/feed/provider/release"
SCRIPT = "/usr/lib/qalqan/rollout"
CONTROL = """\
Package: qalqan
Version: {version}
Architecture: all
Maintainer: Tests <tests@qalqan.invalid>
Description: stands in for the program
"""


def build(folder: Path, version: str, program: str = "", postinst: str = "") -> Path:
    """A package with the real script. One version is not healthy, and one cannot be installed.

    ``program``, ``postinst``: shell commands, instead of those that exit so.
    """
    root = folder / version
    for place, text in {
        "DEBIAN/control": CONTROL.format(version=version),
        "DEBIAN/conffiles": "/etc/qalqan-test.conf\n",
        "DEBIAN/postinst": f"#!/bin/sh\n{postinst or f'exit {int(version == HALF)}'}\n",
        "etc/qalqan-test.conf": f"of {version}\n",
        "usr/bin/qalqan": f"#!/bin/sh\n{program or f'exit {int(version == BAD)}'}\n",
        SCRIPT.lstrip("/"): (ROOT / "openwrt/qalqan/files/rollout").read_text(),
    }.items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o644 if "conf" in place or place.endswith("control") else 0o755)
    built = folder / f"qalqan_{version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", root, built], check=True, capture_output=True
    )
    return built


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    return {version: build(folder, version) for version in (OLD, NEW, BAD, HALF)}


@pytest.fixture
def machine(packages: dict[str, Path], tmp_path: Path) -> Iterator[Overlay]:
    """With the old version installed, and apt's only source a repository with all versions."""
    with Overlay(tmp_path) as overlay:
        install(overlay, packages)
        overlay.run("mkdir", "-p", RELEASE.rpartition("/")[0])
        yield overlay


def install(overlay: Overlay, packages: dict[str, Path]) -> None:
    """Install the old version, and make a repository with all versions apt's only source."""
    overlay.run("sh", "-c", "rm -rf /etc/apt/sources.list* /var/lib/apt/lists/* && mkdir -p /repository")
    overlay.write("/etc/apt/sources.list", "deb [trusted=yes] file:///repository ./\n")
    index = ""
    for package in packages.values():
        place = overlay.put(package)
        overlay.run("mv", place, "/repository/")
        about = overlay.run("dpkg-deb", "--field", f"/repository/{package.name}").stdout
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        size = package.stat().st_size
        index += f"{about}Filename: ./{package.name}\nSize: {size}\nSHA256: {digest}\n\n"
    overlay.write("/repository/Packages", index)
    overlay.run("dpkg", "--install", f"/repository/{packages[OLD].name}")


def roll_out(machine: Overlay, version: str) -> subprocess.CompletedProcess[str]:
    machine.write(RELEASE, f"apt {version}\napk 9.9.9-r1\nset brand.name Alma Net\n")
    return run(machine)


def run(machine: Overlay) -> subprocess.CompletedProcess[str]:
    return machine.run("env", "QALQAN_ROLLOUT_STEP=0", SCRIPT, check=False)


def version(machine: Overlay) -> str:
    return machine.run(
        "dpkg-query", "--show", "--showformat", "${Version} ${db:Status-Status}", "qalqan"
    ).stdout


def held(machine: Overlay) -> set[str]:
    return set(machine.run("ls", "/var/lib/qalqan-rollout").stdout.split()) - {"log", "release"}


def test_a_release_is_installed_and_withdrawn(machine: Overlay) -> None:
    machine.write("/etc/qalqan-test.conf", "of the family\n")
    done = roll_out(machine, NEW)
    assert done.returncode == 0, done.stderr
    assert version(machine) == f"{NEW} installed"
    assert held(machine) == {"taken"}
    assert roll_out(machine, OLD).returncode == 0, "the feed names the version before again"
    assert version(machine) == f"{OLD} installed"
    assert machine.run("cat", "/etc/qalqan-test.conf").stdout == "of the family\n"
    assert machine.run("dpkg", "--audit").stdout == ""


def test_an_unhealthy_release_gives_way_to_the_version_before(machine: Overlay) -> None:
    done = roll_out(machine, BAD)
    assert f"the filter is not healthy with {BAD}. Going back to {OLD}\n" in done.stderr
    assert done.stderr.endswith(f"back at {OLD} and its settings. This release is not tried again\n")
    assert version(machine) == f"{OLD} installed"
    assert held(machine) == {"failed"}
    assert run(machine).stderr == "", "it is not tried again"
    assert machine.run("dpkg", "--audit").stdout == ""


def test_a_release_that_cannot_be_installed_gives_way_too(machine: Overlay) -> None:
    """Its postinst fails: dpkg leaves it half configured, with the new program in place."""
    done = roll_out(machine, HALF)
    assert f"{HALF} cannot be installed: " in done.stderr
    assert version(machine) == f"{OLD} installed"
    assert machine.run("dpkg", "--audit").stdout == ""


def test_the_version_before_is_here_when_the_repository_is_not(machine: Overlay) -> None:
    machine.run("sh", "-c", "cp /usr/bin/apt-get /usr/bin/apt-get.real")
    gone = 'case "$*" in *install*) rm -rf /repository ;; esac'
    machine.write("/usr/bin/apt-get.new", f'#!/bin/sh\n{gone}\nexec /usr/bin/apt-get.real "$@"\n')
    machine.run("sh", "-c", "chmod 755 /usr/bin/apt-get.new && mv /usr/bin/apt-get.new /usr/bin/apt-get")
    roll_out(machine, BAD)
    assert version(machine) == f"{OLD} installed"


def test_without_the_version_before_in_the_repository_nothing_changes(
    machine: Overlay, packages: dict[str, Path]
) -> None:
    machine.run("rm", f"/repository/{packages[OLD].name}")
    done = roll_out(machine, NEW)
    assert done.returncode == 1
    assert f"no repository has {OLD}" in done.stderr
    assert version(machine) == f"{OLD} installed"


def test_a_changed_package_is_refused(machine: Overlay, packages: dict[str, Path]) -> None:
    machine.run("sh", "-c", f"echo >> /repository/{packages[NEW].name}")
    assert roll_out(machine, NEW).returncode == 1
    assert version(machine) == f"{OLD} installed"

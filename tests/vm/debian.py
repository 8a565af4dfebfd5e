"""What the virtual machine is made of: QEMU and kmod installed, the kernel and busybox only unpacked.

The kernel never becomes this machine's own: it lies in a folder that git ignores, and the next run finds it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KERNEL = "linux-image-amd64"  # names the newest one; the cloud flavour has no 9p
BUSYBOX = "busybox-static"
_TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "depmod": "kmod"}
_COMMAND_S = 600.0


class VmError(Exception):
    """The virtual machine cannot be had; one line that says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    image: Path
    modules: Path  # the folder with modules.dep, named like the release


def require_host() -> None:
    """Raises VmError where this machine cannot do it at all."""
    if platform.machine() != "x86_64":
        raise VmError(
            f"this is {platform.machine()}; the virtual machine runs this one's programs, on x86_64"
        )
    if os.geteuid() != 0:
        raise VmError("it installs packages and boots from this machine's own files; run it as root")


def install_tools() -> None:
    """QEMU and depmod, where they are missing."""
    missing = [package for command, package in _TOOLS.items() if shutil.which(command) is None]
    if missing:
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *missing)


def find_busybox(cache: Path) -> Path:
    return _unpacked(BUSYBOX, cache) / "usr/bin/busybox"


def find_kernel(cache: Path) -> Kernel:
    """The kernel in ``cache``, else the one that apt offers now, fetched and unpacked there."""
    present = sorted(cache.glob("linux-image-*"), key=lambda folder: folder.stat().st_mtime)
    folder = present[-1] if present else _unpacked(_newest_kernel(), cache)
    images, modules = list(folder.glob("boot/vmlinuz-*")), list(folder.glob("lib/modules/*"))
    if len(images) != 1 or len(modules) != 1:
        raise VmError(f"{folder} is no kernel package; remove it and start again")
    return Kernel(images[0], modules[0])


def _newest_kernel() -> str:
    """The package that the name of the newest stands for."""
    depends = re.compile(r"Depends: (linux-image-\S+)")
    for update in (False, True):
        if update:
            _apt_get("update")
        said = _run(["apt-cache", "depends", KERNEL], check=False)
        if match := depends.search(said):
            return match[1]
    raise VmError(f"apt knows no package {KERNEL}; a Debian mirror in the sources of apt has it")


def _unpacked(package: str, cache: Path) -> Path:
    """The folder of the package's files; it appears when it is complete, and stays."""
    folder = cache / package
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as name:
        new = Path(name)
        _download(package, new)
        (archive,) = new.glob("*.deb")
        files = new / "files"
        _run(["dpkg", "-x", str(archive), str(files)])
        for modules in files.glob("usr/lib/modules/*"):
            (files / "lib").symlink_to("usr/lib")
            _run(["depmod", "--basedir", str(files), modules.name])
        if not folder.is_dir():
            files.rename(folder)
    return folder


def _download(package: str, folder: Path) -> None:
    try:
        _apt_get("download", package, cwd=folder)
    except VmError:
        _apt_get("update")
        _apt_get("download", package, cwd=folder)


def _apt_get(*arguments: str, cwd: Path | None = None) -> None:
    _run(["apt-get", "-qq", *arguments], cwd)


def _run(argv: Sequence[str], cwd: Path | None = None, *, check: bool = True) -> str:
    """What it printed. Raises VmError in its own words when it fails."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=env, capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise VmError(f"{argv[0]} did not run: {error}") from error
    if check and done.returncode:
        said = [line for line in (*done.stderr.splitlines(), *done.stdout.splitlines()) if line.strip()]
        errors = [line for line in said if line.startswith("E:")]
        reason = (errors or said[-1:] or ["no reason given"])[0]
        raise VmError(f"{' '.join(argv)}: {reason}")
    return done.stdout

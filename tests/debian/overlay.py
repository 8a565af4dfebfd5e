"""This machine's root with a sheet of paper over it: what is installed there is gone at the end.

A process that only waits holds a mount namespace of its own, in which an overlay of / lies on a tmpfs; none
of it is seen outside. /usr/local is empty there: Python has Debian's own modules and no others.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

COMMAND_S = 120.0
_ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8")
_HOLD = """
set -e
mount -t tmpfs -o mode=755 none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" none "$1/root"
mount -t tmpfs -o mode=755 none "$1/root/usr/local"
mount -t tmpfs -o mode=755 none "$1/root/run"
mount -t tmpfs -o mode=1777 none "$1/root/tmp"
mount --rbind /proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
echo ready
exec sleep infinity
"""


class Overlay:
    """``with Overlay(folder) as overlay``: ``run`` is as root in it, with a bare environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLD, "hold", str(folder)]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stderr is not None
        if self._holder.stdout.readline() != "ready\n":
            raise RuntimeError(self._holder.stderr.read())

    def __enter__(self) -> Overlay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()

    def beside(self, argv: Sequence[str]) -> list[str]:
        """The command ``argv`` where the overlay is seen, but not in it."""
        return ["nsenter", "--target", str(self._holder.pid), "--mount", *argv]

    def command(self, argv: Sequence[str | Path]) -> list[str]:
        inside = ["chroot", str(self.root), "/usr/bin/env", "-i", *_ENVIRONMENT, *map(str, argv)]
        return self.beside(inside)

    def run(self, *argv: str | Path, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(argv), input=stdin, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, argv))}: {done.stdout}{done.stderr}")
        return done

    def write(self, path: str, text: str) -> None:
        self.run("sh", "-c", f"cat >{path}", stdin=text)

    def put(self, file: Path) -> str:
        """A copy of a file of outside; its path in here."""
        with file.open("rb") as data:
            subprocess.run(self.command(["sh", "-c", f"cat >/root/{file.name}"]), stdin=data, check=True)
        return f"/root/{file.name}"

    def bare(self) -> None:
        """Without what an init brings by itself; ``run`` has no /dev and no /proc from now on."""
        for place in ("dev", "proc", "run", "tmp"):
            subprocess.run(self.beside(["umount", "--recursive", str(self.root / place)]), check=True)

    def changed(self) -> list[str]:
        """Every file that is not as it is outside; a folder only where it is new."""
        done = subprocess.run(
            self.beside(["find", str(self.folder / "upper"), "-mindepth", "1", "-printf", "%y %P\\n"]),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = (line.split(" ", 1) for line in done.stdout.splitlines())
        return sorted(path for kind, path in found if kind != "d" or not Path("/", path).exists())

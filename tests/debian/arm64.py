"""`make test-arm64`: the package in an arm64 system, as on a Raspberry Pi, its processor emulated by qemu.

The system is made of the packages that apt's own sources have, and is gone at the end.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.debian.conftest import build
from tests.lab.home import ROOT

EMULATOR = "qemu-aarch64"
BINFMT = Path("/proc/sys/fs/binfmt_misc")
# A program for that processor begins so, and which bits count; F: the emulator is found in a chroot too.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
CAPTURE = ROOT / "tests/vectors/lab_clients.pcapng"
PROFILE = "name: Daughter\nband: 10-12\nblock: [openssl.example, quic.example, one.example]\nbedtime: {}\n"
AT = "2026-11-24T16:00:00"


class Arm64Error(Exception):
    """Why the arm64 system cannot be made, or where it differs from this machine; one line."""


def main() -> int:
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="qalqan-arm64-"))
    try:
        with emulated():
            _try(folder)
    except (Arm64Error, OSError) as error:
        print(f"make test-arm64: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"All of it took {time.monotonic() - began:.0f} s.")
    return 0


def _try(folder: Path) -> None:
    with _step("the package is built"):
        package = build(folder)
    root = folder / "root"
    with _step("an arm64 system with what it depends on is made"):
        _bootstrap(root, needs(package))
    shutil.copy(package, root / "root")
    with _step("it is installed"):
        run(_inside(root, "dpkg", "--install", f"/root/{package.name}"))
    with _step("its commands and the module of the queue run"):
        said = run(
            _inside(root, "python3", "-c", "import netfilterqueue, platform; print(platform.machine())")
        )
        _same(said, "aarch64\n", "the processor")
        _same(run(_inside(root, "qalqan", "--version")), _here("--version"), "the version")
        _same(run(_inside(root, "/usr/lib/qalqan/dhcp-event", "add", "x", "y")), "", "the hook's words")
        run(_inside(root, "qalqan", "lists", "build"))
    with _step("a capture is judged as it is here"):
        there, here = root / "root", folder
        for place in (there, here):
            (place / "daughter.yaml").write_text(PROFILE, "utf-8")
            shutil.copy(CAPTURE, place)
        words = ("replay", CAPTURE.name, "--profile", "./daughter.yaml", "--at", AT, "--json")
        judged = run(_inside(root, "sh", "-c", f"cd /root && qalqan {' '.join(words)}"))
        _same(judged, _here(*words, folder=here), "the verdicts")
        print(f"  {len(judged.splitlines())} verdicts")


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)


@contextmanager
def emulated() -> Iterator[None]:
    """Let the kernel run arm64 programs with qemu. Restores the previous setting at the end."""
    if not (BINFMT / "register").exists():
        run(["mount", "-t", "binfmt_misc", "none", str(BINFMT)])
    if (BINFMT / EMULATOR).exists():
        yield
        return
    program = shutil.which(EMULATOR)
    if program is None:
        msg = f"{EMULATOR} is not here; install qemu-user"
        raise Arm64Error(msg)
    (BINFMT / "register").write_text(f":{EMULATOR}:M::{_MAGIC}:{_MASK}:{program}:F")
    try:
        yield
    finally:
        (BINFMT / EMULATOR).write_text("-1")


def needs(package: Path, field: str = "Depends") -> list[str]:
    """Return the first alternative of each package in a field of relations."""
    relations = run(["dpkg-deb", "--field", str(package), field])
    return [item.split("|")[0].split("(")[0].split(":")[0].strip() for item in relations.split(",")]


def _bootstrap(root: Path, needs: Sequence[str]) -> None:
    """Install a root with apt's sources and settings of this machine."""
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.sources"))]
    argv = ["mmdebstrap", "--quiet", "--architectures=arm64", "--variant=apt", f"--include={','.join(needs)}",
            f"--aptopt={apt_settings(root.parent)}", codename(), str(root)]  # fmt: skip
    run([*argv, *(str(one) for one in places if one.exists())])


def codename() -> str:
    """Return the name of this machine's Debian release."""
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]


def apt_settings(folder: Path) -> Path:
    """Write how apt reaches its sources on this machine into a file, and return it."""
    settings = folder / "apt.conf"
    settings.write_text(run(["apt-config", "dump", "Acquire"]), "utf-8")
    return settings


def _inside(root: Path, *argv: str) -> list[str]:
    return [
        "chroot",
        str(root),
        "/usr/bin/env",
        "-i",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8",
        *argv,
    ]


def _here(*words: str, folder: Path = ROOT) -> str:
    code = f"import sys; sys.path[0] = {str(ROOT)!r}; from gateway.cli.main import main; sys.exit(main())"
    return run([sys.executable, "-c", code, *words], folder)


def run(argv: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return its output. Raises Arm64Error with its last lines if it fails."""
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        msg = f"{' '.join(argv)[:200]}: {' / '.join(lines[-3:])}"
        raise Arm64Error(msg)
    return done.stdout


def _same(there: str, here: str, what: str) -> None:
    if there != here:
        pairs = zip(there.splitlines() or [""], here.splitlines() or [""], strict=False)
        first = next(((one, other) for one, other in pairs if one != other), ("fewer lines", "more"))
        msg = f"{what}: {first[0]!r} there, {first[1]!r} here"
        raise Arm64Error(msg)


if __name__ == "__main__":
    sys.exit(main())

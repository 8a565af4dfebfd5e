"""`make test-arm64`: the package in an arm64 system, as on a Raspberry Pi, its processor emulated by qemu.

The system is made of the packages that apt's own sources have, and is gone at the end.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
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
    """Why it could not be done, or what is another there than here."""


def main() -> int:
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="qalqan-arm64-"))
    try:
        with _emulated():
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
        _bootstrap(root, _needs(package))
    shutil.copy(package, root / "root")
    with _step("it is installed"):
        _run(_inside(root, "dpkg", "--install", f"/root/{package.name}"))
    with _step("its commands and the module of the queue run"):
        said = _run(
            _inside(root, "python3", "-c", "import netfilterqueue, platform; print(platform.machine())")
        )
        _same(said, "aarch64\n", "the processor")
        _same(_run(_inside(root, "qalqan", "--version")), _here("--version"), "the version")
        _same(_run(_inside(root, "/usr/lib/qalqan/dhcp-event", "add", "x", "y")), "", "the hook's words")
        _run(_inside(root, "qalqan", "lists", "build"))
    with _step("a capture is judged as it is here"):
        there, here = root / "root", folder
        for place in (there, here):
            (place / "daughter.yaml").write_text(PROFILE, "utf-8")
            shutil.copy(CAPTURE, place)
        words = ("replay", CAPTURE.name, "--profile", "./daughter.yaml", "--at", AT, "--json")
        judged = _run(_inside(root, "sh", "-c", f"cd /root && qalqan {' '.join(words)}"))
        _same(judged, _here(*words, folder=here), "the verdicts")
        print(f"  {len(judged.splitlines())} verdicts")


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:5.0f} s  {what}", flush=True)


@contextmanager
def _emulated() -> Iterator[None]:
    """The kernel hands programs for arm64 to qemu; as before at the end."""
    if not (BINFMT / "register").exists():
        _run(["mount", "-t", "binfmt_misc", "none", str(BINFMT)])
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


def _needs(package: Path) -> list[str]:
    """The first of each choice of what it depends on."""
    depends = _run(["dpkg-deb", "--field", str(package), "Depends"])
    return [one.split("|")[0].split("(")[0].split(":")[0].strip() for one in depends.split(",")]


def _bootstrap(root: Path, needs: Sequence[str]) -> None:
    """Of what apt is set up with here: its sources, and how it reaches them."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.sources"))]
    settings = root.with_name("apt.conf")
    settings.write_text(_run(["apt-config", "dump", "Acquire"]))
    argv = ["mmdebstrap", "--quiet", "--architectures=arm64", "--variant=apt", f"--include={','.join(needs)}",
            f"--aptopt={settings}", release["VERSION_CODENAME"], str(root)]  # fmt: skip
    _run([*argv, *(str(one) for one in places if one.exists())])


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
    return _run([sys.executable, "-c", code, *words], folder)


def _run(argv: Sequence[str], folder: Path | None = None) -> str:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
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

"""Makes the image for a Raspberry Pi: Debian for arm64 with Debian's own Pi firmware, and Qalqan.

No loop device and no arm64 machine is needed: qemu runs the programs of the packages, and the filesystems are
made from folders.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from gateway import __version__
from tests.debian.arm64 import Arm64Error, apt_settings, codename, emulated, needs, run
from tests.release import sbom
from tests.release.repository import source_text

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "debian" / "image"
NAME = f"qalqan-{__version__}-raspberry-pi.img"
MIB = 1 << 20
FIRMWARE_MIB = 512  # kernels and initramfs: two of each while an upgrade runs
SPARE_MIB = 512  # free space of the root filesystem before it grows to the card's size
ALIGNED_MIB = 4  # where the first partition begins; cards erase blocks of that size
FIRMWARE, SYSTEM = "QALQAN", "qalqan-root"  # labels of the filesystems, as in files/etc/fstab
COMPONENTS = "main non-free-firmware"  # raspi-firmware is in the second
ADDRESS = re.compile(r"^URIs: *https?:", re.MULTILINE)


class ImageError(Exception):
    """Why the image cannot be made; one line."""


def build(path: Path, package: Path, keyring: Path, address: str) -> list[sbom.Component]:
    """Write the image to ``path``, compressed with xz if its name ends in ``.xz``. Return its packages.

    ``keyring``: the public key of the apt repository. ``address``: where the repository is published; empty:
    the image gets updates of Debian only. Raises ImageError.
    """
    if os.geteuid() != 0:
        msg = "the image contains files of root; run this as root"
        raise ImageError(msg)
    with tempfile.TemporaryDirectory(prefix="qalqan-image-", dir=path.parent) as name:
        folder = Path(name)
        try:
            with emulated():
                _bootstrap(folder, package, keyring, address)
            installed = sbom.of_root(folder / "root", _records(folder / "lists"))
            raw = folder / NAME
            assemble(folder / "root", raw)
            if path.suffix == ".xz":
                run(["xz", "--threads=0", "-3", str(raw)])
                raw = raw.with_name(f"{raw.name}.xz")
        except Arm64Error as error:
            raise ImageError(str(error)) from error
        raw.rename(path)
    return installed


def _records(lists: Path) -> str:
    """Return the stanzas of all packages that apt knows, whatever its lists are compressed with."""
    files = [str(path) for path in sorted(lists.glob("*_Packages*"))]
    return run(["/usr/lib/apt/apt-helper", "cat-file", *files])


def packages() -> list[str]:
    """Return the packages that the recipe names."""
    lines = (RECIPE / "packages").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def sources() -> str:
    """Return apt's sources of this machine that any other machine reaches too, with Debian's firmware."""
    files = sorted(Path("/etc/apt/sources.list.d").glob("*.sources"))
    stanzas = [
        part for file in files for part in file.read_text("utf-8").split("\n\n") if ADDRESS.search(part)
    ]
    if not stanzas:
        msg = "apt's sources on this machine have no address in /etc/apt/sources.list.d/*.sources"
        raise ImageError(msg)
    # Comments and blank lines of the file stay out.
    kept = ["\n".join(line for line in part.splitlines() if line and line[0] != "#") for part in stanzas]
    return "\n\n".join(
        re.sub(r"^Components:.*$", f"Components: {COMPONENTS}", part, flags=re.MULTILINE) for part in kept
    )


def _bootstrap(folder: Path, package: Path, keyring: Path, address: str) -> None:
    (folder / "debian.sources").write_text(sources() + "\n", "utf-8")
    source = folder / "qalqan.sources"
    if address:
        source.write_text(source_text(address), "utf-8")
    wanted = [*packages(), *needs(package), *needs(package, "Recommends")]
    argv = ["mmdebstrap", "--quiet", "--mode=root", "--architectures=arm64", "--variant=minbase",
            f"--include={','.join(dict.fromkeys(wanted))}", f"--aptopt={apt_settings(folder)}",
            "--dpkgopt=force-unsafe-io",
            # Before the kernel is installed: the initramfs gets the fsck of the filesystems in fstab.
            f"--essential-hook=install -D -m 0644 {RECIPE / 'files/etc/fstab'} \"$1/etc/fstab\"",
            f"--customize-hook={RECIPE / 'customize'}",
            # The lists are removed at the end; they have the hash of each package.
            f"--customize-hook=cp -R \"$1/var/lib/apt/lists\" {folder / 'lists'}",
            codename(), str(folder / "root"), str(folder / "debian.sources")]  # fmt: skip
    settings = {"PACKAGE": str(package), "KEYRING": str(keyring), "SOURCE": str(source) if address else ""}
    run(argv, environment=settings)


def assemble(root: Path, path: Path) -> None:
    """Write an image of two partitions: /boot/firmware of ``root``, and the rest, which loses that folder."""
    firmware, system = path.with_suffix(".firmware"), path.with_suffix(".system")
    _make_firmware(root / "boot" / "firmware", firmware)
    shutil.rmtree(root / "boot" / "firmware")
    (root / "boot" / "firmware").mkdir()
    used = int(run(["du", "--summarize", "--block-size=1M", str(root)]).split()[0])
    size = used * 5 // 4 + SPARE_MIB
    run(["truncate", f"--size={size}M", str(system)])
    run(["mkfs.ext4", "-q", "-F", "-L", SYSTEM, "-d", str(root), str(system)])
    run(["truncate", f"--size={ALIGNED_MIB + FIRMWARE_MIB + size}M", str(path)])
    # The board's own loader reads MBR on every model; "c" is FAT32.
    table = (
        f"label: dos\nstart={ALIGNED_MIB}MiB, size={FIRMWARE_MIB}MiB, type=c, bootable\n"
        f"start={ALIGNED_MIB + FIRMWARE_MIB}MiB, type=83\n"
    )
    subprocess.run(["sfdisk", "--quiet", str(path)], input=table, text=True, check=True)
    for part, at in ((firmware, ALIGNED_MIB), (system, ALIGNED_MIB + FIRMWARE_MIB)):
        run(["dd", f"if={part}", f"of={path}", "bs=1M", f"seek={at}", "conv=notrunc,sparse", "status=none"])
        part.unlink()


def _make_firmware(content: Path, path: Path) -> None:
    run(["truncate", f"--size={FIRMWARE_MIB}M", str(path)])
    run(["mkfs.vfat", "--invariant", "-F", "32", "-n", FIRMWARE, str(path)])
    run(["mcopy", "-s", "-i", str(path), *map(str, sorted(content.iterdir())), "::"])


def read_firmware(image: Path, folder: Path) -> None:
    """Copy the files of the firmware partition into ``folder``."""
    run(["mcopy", "-s", "-n", "-i", f"{image}@@{ALIGNED_MIB * MIB}", "::*", str(folder)])

"""The image's two filesystems and its partition table, made from a small root; and its apt sources."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.debian.arm64 import run
from tests.release import image
from tests.release.image import RECIPE

SECTOR = 512


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    (made / "boot/firmware/overlays").mkdir(parents=True)
    (made / "boot/firmware/config.txt").write_text("arm_64bit=1\n", "utf-8")
    (made / "boot/firmware/overlays/one.dtbo").write_bytes(b"\0" * 100)
    (made / "etc").mkdir()
    (made / "etc/hostname").write_text("qalqan\n", "utf-8")
    return made


@pytest.mark.slow
@pytest.mark.needs("mkfs.vfat")
@pytest.mark.needs("mcopy")
@pytest.mark.needs("sfdisk")
@pytest.mark.needs("mkfs.ext4")
def test_both_partitions_have_their_files(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "card.img"
    image.assemble(root, path)
    table = json.loads(run(["sfdisk", "--json", str(path)]))["partitiontable"]
    assert table["label"] == "dos"
    first, second = table["partitions"]
    assert (first["type"], first["bootable"], second["type"]) == ("c", True, "83")
    assert first["start"] * SECTOR == image.ALIGNED_MIB * image.MIB
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    image.read_firmware(path, firmware)
    assert (firmware / "config.txt").read_text("utf-8") == "arm_64bit=1\n"
    assert (firmware / "overlays/one.dtbo").stat().st_size == 100
    system = tmp_path / "system"
    offset = second["start"] * SECTOR // image.MIB
    run(["dd", f"if={path}", f"of={system}", "bs=1M", f"skip={offset}", "conv=sparse", "status=none"])
    assert subprocess.run(["fsck.ext4", "-n", "-f", system], capture_output=True, check=False).returncode == 0
    assert run(["debugfs", "-R", "cat /etc/hostname", str(system)]) == "qalqan\n"
    assert run(["debugfs", "-R", "ls -p /boot/firmware", str(system)]).count("/") <= 16, "not twice"
    assert image.SYSTEM in run(["dumpe2fs", "-h", str(system)])


def test_filesystems_have_the_labels_of_fstab() -> None:
    fstab = (RECIPE / "files/etc/fstab").read_text("utf-8")
    assert f"LABEL={image.SYSTEM} / ext4" in fstab
    assert f"LABEL={image.FIRMWARE} /boot/firmware vfat" in fstab
    settings = (RECIPE / "files/etc/default/raspi-firmware").read_text("utf-8")
    assert f"ROOTPART=LABEL={image.SYSTEM}\n" in settings
    assert len(image.FIRMWARE) <= 11, "FAT allows no longer label"


def test_the_firmware_package_can_be_found() -> None:
    found = image.sources()
    assert "non-free-firmware" in found
    assert "file:" not in found, "no other machine has that folder"
    assert {"raspi-firmware", "linux-image-arm64", "dnsmasq"} <= set(image.packages())


@pytest.mark.system
@pytest.mark.needs("shellcheck")
@pytest.mark.needs("shfmt")
def test_the_scripts_are_clean() -> None:
    scripts = [RECIPE / "customize", RECIPE / "files/usr/lib/qalqan-image/grow"]
    for argv in (["shellcheck"], ["shfmt", "-d", "-s"]):
        done = subprocess.run([*argv, *scripts], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")

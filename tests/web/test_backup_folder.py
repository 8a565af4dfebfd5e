"""Automatic backups in a folder of a drive (/dev/shm): the key, the files, and what counts as a drive."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.core.reason_codes import Code
from gateway.web.backup_encryption import (
    BackupFileError,
    decrypt_backup,
    derive_key,
    encrypt_with_key,
)
from gateway.web.backup_folder import FolderError, check_mounted, drives, store, stored
from tests.sentences import sentence

PASSPHRASE, CONTENT = "four quiet words", b'{"format": 1}'
DAY = date(2026, 11, 24)


@pytest.fixture
def drive() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_the_stored_key_makes_files_that_the_passphrase_opens_and_is_not_the_passphrase() -> None:
    key = derive_key(b"", PASSPHRASE).decode()
    first, second = encrypt_with_key(CONTENT, key), encrypt_with_key(CONTENT, key)
    assert first != second, "each has a nonce of its own"
    assert [decrypt_backup(file, PASSPHRASE) for file in (first, second)] == [CONTENT, CONTENT]
    with pytest.raises(BackupFileError, match=sentence(Code.BACKUP_LOCKED)):
        decrypt_backup(first, "another one")
    assert PASSPHRASE not in key
    assert derive_key(b"", PASSPHRASE).decode() != key, "each has a salt of its own"
    with pytest.raises(BackupFileError, match=sentence(Code.BACKUP_PASSWORD, least=8, most=200)):
        derive_key(b"", "short")


@pytest.mark.parametrize("key", ["", "x", "00" * 32, f"{'00' * 32}:{'00' * 32}", "ab" * 32 + ":" + "cd" * 32])
def test_a_damaged_key_is_refused(key: str) -> None:
    with pytest.raises(BackupFileError):
        encrypt_with_key(CONTENT, key)


def test_the_last_files_stay_and_others_are_not_touched(drive: Path) -> None:
    for name in ("qalqan-2020-01-01.backup", "holiday.jpg", "qalqan-auto-2026-99-99.backup"):
        (drive / name).write_text("a parent's")
    for day in range(5):
        assert store(drive, bytes([day]), DAY + timedelta(day), keep=3) == min(day + 1, 3)
    assert list(stored(drive)) == [DAY + timedelta(day) for day in (2, 3, 4)]
    assert store(drive, b"again", DAY + timedelta(4), keep=3) == 3
    assert stored(drive)[DAY + timedelta(4)].read_bytes() == b"again"
    assert sum(path.read_bytes() == b"a parent's" for path in drive.iterdir()) == 3
    assert store(drive, b"late", DAY, keep=1) == 1, "a clock that was ahead: the new one stays"
    assert list(stored(drive)) == [DAY]


def test_a_folder_of_the_gateway_s_own_storage_is_no_drive(drive: Path, tmp_path: Path) -> None:
    check_mounted(drive, tmp_path)
    for folder in (tmp_path, tmp_path / "missing", Path("/mnt")):
        with pytest.raises(FolderError, match=r"no drive is mounted at .*\. Plug in the USB stick"):
            check_mounted(folder, tmp_path)
    with pytest.raises(FolderError, match="cannot be used"):
        store(drive / "gone", b"", DAY, keep=1)


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    ("fault", "said"), [("full", "the disk is full"), ("read-only", "Read-only file system")]
)
def test_a_drive_that_cannot_be_written_keeps_its_backups(tmp_path: Path, fault: str, said: str) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(stick)], check=True)
    try:
        store(stick, b"old", DAY, keep=1)
        if fault == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", str(stick)], check=True)
        with pytest.raises(FolderError, match=said):
            store(stick, bytes(100_000), DAY + timedelta(1), keep=1)
        assert [path.name for path in stick.iterdir()] == [f"qalqan-auto-{DAY}.backup"]
        assert stored(stick)[DAY].read_bytes() == b"old"
    finally:
        subprocess.run(["umount", str(stick)], check=True)


def test_drives_are_found_in_the_kernel_s_list(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "overlay / overlay rw 0 0\n"
        "/dev/sda1 /mnt/usb vfat rw,relatime 0 0\n"
        "/dev/sdb1 /media/My\\040stick ext4 rw 0 0\n"
        "/dev/sdc1 /mnt/cd iso9660 ro 0 0\n"
        "/dev/mmcblk0p1 /boot vfat rw 0 0\n"
        "tmpfs /mnt/ram tmpfs rw 0 0\n"
        "broken\n"
    )
    assert drives(mounts) == ("/mnt/usb", "/media/My stick")
    assert drives(tmp_path / "none") == ()

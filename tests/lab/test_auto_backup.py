"""Automatic backups of the real daemon on a drive, which /dev/shm is: made, missed, and restored from.

A drive that is full or read-only is a file system of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from gateway.web.backup_encryption import derive_key
from tests.lab.daemon import Daemon
from tests.lab.filtering import fresh
from tests.lab.home import ROOT, Home
from tests.lab.test_full_disk import Disk, small_disk
from tests.pace import longest

pytestmark = pytest.mark.lab

PASSPHRASE = "four quiet words"


@pytest.fixture
def drive() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def files(drive: Path) -> list[Path]:
    return sorted(drive.glob("qalqan-auto-*.backup"))


def line(daemon: Daemon, *, wanted: bool) -> str:
    """Wait for a problem line about automatic backups, or for its end."""
    end = monotonic() + longest(20.0)
    while monotonic() < end:
        lines = [
            one for one in daemon.client.call("status")["problems"] if one.startswith("Automatic backup:")
        ]
        if bool(lines) == wanted:
            return "".join(lines)
        sleep(0.1)
    pytest.fail(daemon.log.read_text()[-2000:])


def test_a_backup_is_made_a_missing_stick_is_told_and_the_rules_come_back(home: Home, drive: Path) -> None:
    home.begin_anew()
    daemon = fresh(home, backup={"folder": str(drive), "keep": 2})
    with daemon:
        key = derive_key(b"", PASSPHRASE).decode()
        daemon.client.call("auto_backup", action="set", folder=str(drive), keep=2, key=key)
        end = monotonic() + longest(20.0)
        while not files(drive) and monotonic() < end:
            sleep(0.1)
        (made,) = files(drive)
        state = daemon.client.call("auto_backup", action="show")
        assert PASSPHRASE.encode() not in b"".join(
            path.read_bytes() for path in daemon.state.iterdir() if path.is_file()
        )
        assert (state["has_key"], state["problem"]) == (True, "")

        # The stick is out, and in again.
        away = drive.with_name(f"{drive.name}-out")
        drive.rename(away)
        daemon.client.call("auto_backup", action="now")
        missing = f"Automatic backup: no drive is mounted at {drive}. Plug in the USB stick"
        assert line(daemon, wanted=True).startswith(missing)
        away.rename(drive)
        daemon.client.call("auto_backup", action="now")
        line(daemon, wanted=False)

        # Such a file restores what was changed since.
        daemon.client.call("edit", id="daughter", set={"block": None})
        password = daemon.folder / "passphrase"
        password.write_text(f"{PASSPHRASE}\n")
        argv = [sys.executable, "-m", "gateway", "--config", str(daemon.config), "restore", str(made)]
        done = subprocess.run(
            [*argv, "--password-file", str(password), "--yes"],
            cwd=ROOT, capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "tiktok" in str(daemon.client.call("rules", id="daughter"))


@pytest.mark.parametrize(
    ("fault", "said"), [("full", "the disk is full"), ("read-only", "Read-only file system")]
)
def test_a_stick_that_cannot_be_written_is_a_problem_until_it_can(
    home: Home, tmp_path: Path, fault: str, said: str
) -> None:
    home.begin_anew()
    stick = tmp_path / "stick"
    daemon = fresh(home, backup={"folder": str(stick), "keep": 2})
    disk = Disk(stick, fault)
    with small_disk(stick), daemon:
        key = derive_key(b"", PASSPHRASE).decode()
        daemon.client.call("auto_backup", action="set", folder=str(stick), keep=2, key=key)
        end = monotonic() + longest(20.0)
        while not files(stick) and monotonic() < end:
            sleep(0.1)
        (made,) = files(stick)
        before = made.read_bytes()
        disk.spoil()
        daemon.client.call("auto_backup", action="now")
        assert f"cannot be used ({said})" in line(daemon, wanted=True)
        assert files(stick) == [made]
        assert made.read_bytes() == before, "the last backup stays"
        assert not list(home.folder.rglob("qalqan-auto-*")), "nothing is written elsewhere"
        disk.repair(daemon.pid)
        daemon.client.call("auto_backup", action="now")
        line(daemon, wanted=False)
        assert made.read_bytes() != before

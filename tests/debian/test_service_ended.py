"""`service-ended` on a machine without systemd: a false systemctl lists jobs, a false nft writes a log."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.lab.home import ROOT

DAEMON, TABLE = "qalqan.service", "qalqan-table.service"
SHUTDOWN = "1 shutdown.target start waiting"
BOTH = ["destroy table inet qalqan", "destroy table bridge qalqan"]
SYSTEMCTL = """#!/bin/sh
case $1 in
list-jobs) grep " $3 " jobs ;;
show) echo "$MAIN_PID" ;;
esac
"""
NFT = """#!/bin/sh
echo "$*" >>nft.log
"""


def removed(folder: Path, *jobs: str, unit: str = DAEMON, main_pid: int = 0) -> list[str]:
    """Return the commands for nft. ``jobs``: systemd's, as `systemctl list-jobs` shows them."""
    (folder / "jobs").write_text("".join(f"{job}\n" for job in jobs))
    (folder / "nft.log").touch()
    for name, text in (("systemctl", SYSTEMCTL), ("nft", NFT)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    script = (ROOT / "debian/bin/service-ended").read_text().replace("/run/qalqan", str(folder))
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "MAIN_PID": str(main_pid)}
    argv = ["sh", "-c", script, "service-ended", unit]
    subprocess.run(argv, cwd=folder, env=environment, check=True, timeout=60)
    return (folder / "nft.log").read_text().splitlines()


@pytest.mark.parametrize("unit", [DAEMON, TABLE])
def test_a_stop_removes_the_tables(tmp_path: Path, unit: str) -> None:
    connections = tmp_path / "connections"
    connections.touch()
    assert removed(tmp_path, f"71 {unit} stop running", unit=unit) == BOTH
    assert not connections.exists()


def test_a_restart_and_a_failure_leave_them(tmp_path: Path) -> None:
    assert removed(tmp_path, f"71 {DAEMON} restart running") == []
    assert removed(tmp_path) == []


def test_while_the_daemon_runs_its_table_stays(tmp_path: Path) -> None:
    assert removed(tmp_path, f"71 {TABLE} stop running", unit=TABLE, main_pid=812) == []


@pytest.mark.parametrize("unit", [DAEMON, TABLE])
def test_at_a_shutdown_the_tables_stay(tmp_path: Path, unit: str) -> None:
    """The interfaces still forward then, and the kernel drops the tables when it ends."""
    connections = tmp_path / "connections"
    connections.touch()
    assert removed(tmp_path, SHUTDOWN, f"71 {unit} stop running", unit=unit) == []
    assert connections.exists()

"""`check`: programs beside us, the disk, the clock."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy

import pytest

from gateway.check import system as check_system
from gateway.check.system import MIB, clock, file_system, folders, other_filters
from gateway.check.trusted_name import announcement_findings
from gateway.policy.config.config import Config
from gateway.policy.config.web import Https, Listen
from tests.entering import as_another_user


def lines_of(findings: object) -> list[str]:
    assert hasattr(findings, "__iter__")
    return [str(finding) for finding in findings if not str(finding).startswith("ok ")]


def test_another_filter_that_runs(tmp_path: Path) -> None:
    program = tmp_path / "AdGuardHome"
    copy("/bin/sleep", program)
    with subprocess.Popen([program, "30"]) as running:
        try:
            assert any(
                line.startswith("note dns: AdGuard Home is on this machine too: ")
                for line in lines_of(other_filters())
            )
        finally:
            running.kill()
    assert not any("AdGuard" in line for line in lines_of(other_filters()))


@pytest.mark.parametrize(("value", "there"), [("'1'", True), ("'0'", False)])
def test_an_adblock_that_is_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, there: bool
) -> None:
    monkeypatch.setattr(check_system, "UCI", tmp_path)
    (tmp_path / "adblock").write_text(f"config adblock 'global'\n\toption adb_enabled {value}\n")
    assert any("adblock is on" in line for line in lines_of(other_filters())) == there


def test_no_dnsmasq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_system, "find_program", lambda _: None)
    assert lines_of(other_filters())[-1].startswith(
        "warning help: there is no dnsmasq: while no daemon runs, help is reachable"
    )


@pytest.mark.lab
def test_small_full_read_only_and_fleeting_disks(tmp_path: Path) -> None:
    """Real file systems in a mount namespace of their own."""
    script = f"""
import subprocess, sys
from gateway.check.system import folders
from gateway.policy.config.config import Config
def say(*options):
    subprocess.run(["mount", "-t", "tmpfs", *options, "none", {str(tmp_path)!r}], check=True)
    config = Config(state={str(tmp_path)!r}, runtime="/run")
    print(next(iter([str(finding) for finding in folders(config) if not finding.ok]), "well"))
    subprocess.run(["umount", {str(tmp_path)!r}], check=True)
say("-o", "size=100m")
say("-o", "ro")
say("-o", "size=64k")
"""
    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    fleeting, read_only, full = done.stdout.splitlines()
    assert fleeting.startswith(f"warning disk: {tmp_path} is in memory: ")
    assert read_only.startswith(f"error state: {tmp_path} is not writable: ")
    assert full.startswith(f"error state: {tmp_path} is full: ")


@pytest.mark.parametrize(
    ("size", "free", "line"),
    [
        (
            16,
            9,
            "note disk: {} is on 16 MB of flash: large lists do not fit: give `state` a path on a larger",
        ),
        (1000, 30, "warning disk: 30 MB are free in {}, and lists need up to 64: give `state`"),
        (1000, 900, ""),
    ],
)
def test_room_for_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, free: int, line: str
) -> None:
    disk = os.statvfs_result((MIB, MIB, size, free, free, 0, 0, 0, 0, 255))
    monkeypatch.setattr("gateway.check.system.os.statvfs", lambda _: disk)
    monkeypatch.setattr(check_system, "file_system", lambda _: "ext4")
    found = lines_of(folders(Config(state=str(tmp_path), runtime=str(tmp_path))))
    assert [shown.startswith(line.format(tmp_path)) for shown in found] == ([True] if line else [])


def test_the_innermost_file_system_is_found(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / /var rw shared:1 - tmpfs none rw\n"
        "nonsense\n3 1 0:3 / /v rw - x y\n"
    )
    assert [file_system(Path(place), mounts) for place in ("/var/lib", "/usr", "/v/x")] == [
        "tmpfs",
        "ext4",
        "x",
    ]
    assert file_system(Path("/var"), tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("synchronised", "host", "line"),
    [
        (True, False, ""),
        (False, True, ""),
        (
            None,
            False,
            "warning time: no time service runs: while the time is unknown, `clock_unset` applies",
        ),
    ],
)
def test_who_keeps_the_clock(
    monkeypatch: pytest.MonkeyPatch, synchronised: bool | None, host: bool, line: str
) -> None:
    monkeypatch.setattr("gateway.check.system.clocks.synchronised", lambda: synchronised)
    monkeypatch.setattr("gateway.check.system.clocks.is_virtual_machine", lambda: host)
    found = lines_of(clock(Config(timezone="Asia/Almaty"), datetime(2026, 11, 25, tzinfo=UTC)))
    assert [shown.startswith(line) for shown in found] == ([True] if line else [])


def test_a_clock_that_is_wrong_and_no_zone() -> None:
    found = lines_of(clock(Config(), datetime(1970, 1, 1, tzinfo=UTC)))
    assert found[0].startswith("error time: it is Thu 01 Jan 1970, 00:00 in UTC: the clock is wrong: set it")
    assert found[1].startswith("note time: no time zone is set: bedtimes use UTC")


@pytest.mark.parametrize("is_openwrt", [False, True])
def test_the_announcement_of_the_captive_portal_is_proposed_and_then_found(
    tmp_path: Path, is_openwrt: bool
) -> None:
    config = Config(web=Listen(https=Https("gw.example.net", "/chain.pem", "/key.pem")))
    assert lines_of(announcement_findings(config, tmp_path)) == [], "another machine gives addresses"
    file = tmp_path / ("etc/config/dhcp" if is_openwrt else "etc/dnsmasq.d/own.conf")
    file.parent.mkdir(parents=True)
    file.write_text("# ours\n")
    (proposed,) = lines_of(announcement_findings(config, tmp_path))
    assert proposed.startswith("note dhcp: ")
    assert "114,https://gw.example.net/captive" in proposed
    assert ("uci commit dhcp" in proposed) is is_openwrt
    assert file.read_text() == "# ours\n", "it is another package's"
    file.write_text("dhcp-option=114,https://gw.example.net/captive\n")
    assert lines_of(announcement_findings(config, tmp_path)) == []
    assert lines_of(announcement_findings(Config(), tmp_path)) == [], "without a trusted name"


@pytest.mark.needs("root")  # to give it up
def test_files_of_dnsmasq_that_only_root_can_read_are_no_error(tmp_path: Path) -> None:
    config = Config(web=Listen(https=Https("gw.example.net", "/chain.pem", "/key.pem")))
    folder = tmp_path / "etc/dnsmasq.d"
    folder.mkdir(parents=True)
    file = folder / "own.conf"
    file.write_text("# ours\n")
    file.chmod(0o600)
    for mode, hidden in ((0o755, file), (0o744, file), (0o700, folder)):
        folder.chmod(mode)
        with as_another_user(folder.parent):
            found = lines_of(announcement_findings(config, tmp_path))
        assert found == [f"note dhcp: {hidden} cannot be read without root"]
    main = tmp_path / "etc/dnsmasq.conf"
    main.write_text("dhcp-option=114,https://gw.example.net/captive\n")
    main.chmod(0o644)
    with as_another_user(folder.parent):
        assert lines_of(announcement_findings(config, tmp_path)) == [], "a file that it can read has it"

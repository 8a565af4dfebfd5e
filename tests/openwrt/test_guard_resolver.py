"""Tests the script that runs the boot guard's dnsmasq: busybox ash, another user, real dnsmasq."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.openwrt.router import BUSYBOX, FILES, PAGES_ID
from tests.pace import until
from tests.webui.serving import free_port

pytestmark = [pytest.mark.needs("root"), pytest.mark.needs("busybox"), pytest.mark.needs("dnsmasq")]


class Guard:
    """The script with a file as the daemon writes it."""

    def __init__(self, folder: Path) -> None:
        self.note = folder / "guard-names.pid"
        config = folder / "guard-names.conf"
        fixed = ("no-resolv", "no-hosts", "bind-dynamic", "user=nobody", "interface=lo")
        lines = (*fixed, f"port={free_port()}", f"pid-file={self.note}", "address=/help.example/192.0.2.7")
        config.write_text("\n".join(lines) + "\n")
        command = [BUSYBOX, "ash", str(FILES / "guard-resolver"), str(config)]
        self.script = subprocess.Popen(command, user=PAGES_ID, group=PAGES_ID, extra_groups=[])

    @property
    def dnsmasq(self) -> int:
        """Return the process id of the running dnsmasq; 0 if there is none."""
        try:
            pid = int(self.note.read_text())
            return pid if b"dnsmasq" in Path(f"/proc/{pid}/cmdline").read_bytes() else 0
        except (OSError, ValueError):
            return 0

    def started(self, before: int = 0) -> int:
        assert until(lambda: self.dnsmasq not in (0, before), 5.0) is not None
        return self.dnsmasq


@pytest.fixture
def guard() -> Iterator[Guard]:
    folder = Path("/var/tmp") / f"qalqan-{os.getpid()}-guard"  # another user reaches it
    folder.mkdir()
    os.chown(folder, PAGES_ID, PAGES_ID)
    guard = Guard(folder)
    try:
        yield guard
    finally:
        if pid := guard.dnsmasq:
            os.kill(pid, signal.SIGTERM)
        guard.script.kill()
        guard.script.wait(10)
        shutil.rmtree(folder)


def test_a_killed_resolver_is_started_again_and_the_daemon_ends_it(guard: Guard) -> None:
    pid = guard.started()
    assert Path(f"/proc/{pid}").stat().st_uid == PAGES_ID
    for _ in range(2):
        os.kill(pid, signal.SIGKILL)
        pid = guard.started(pid)
    os.kill(pid, signal.SIGTERM)  # as `GuardFile.taken_over` does
    assert guard.script.wait(10) == 0
    assert guard.dnsmasq == 0


def test_it_does_not_start_again_once_the_daemon_has_deleted_the_pid_file(guard: Guard) -> None:
    pid = guard.started()
    os.kill(pid, signal.SIGKILL)
    guard.note.unlink()
    assert guard.script.wait(10) == 1
    assert guard.dnsmasq == 0

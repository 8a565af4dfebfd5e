"""The overlay as a machine that boots: Debian's own init in it, in a network namespace of the lab's home."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests import processes
from tests.debian.overlay import COMMAND_S, Overlay
from tests.lab.netns import Namespace
from tests.pace import longest

READY_S = longest(20.0)
_EACH_S = 0.2
_ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8")
# Containers have the second form of control groups here, whatever the machine itself has.
# Switches of the network may be set, as on a machine of its own.
_CONTAINER = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}


class Booted:
    """``with Booted(overlay, home.gateway) as machine``: systemd is process 1 there; ``run`` is root's."""

    def __init__(self, overlay: Overlay, namespace: Namespace) -> None:
        # Nothing of this machine's own services.
        overlay.run(
            "sh", "-c", "rm -rf /etc/systemd/system/*.wants /usr/sbin/policy-rc.d; : >/etc/machine-id"
        )
        overlay.bare()
        self._overlay, self._namespace = overlay, namespace
        self._leader = 0

    def __enter__(self) -> Booted:
        self.boot(self._is_up)
        return self

    def boot(self, ready: Callable[[], bool]) -> None:
        """Again after `cut_off`; tables and switches are what its network namespace has then."""
        argv = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no",
                "--console=pipe", f"--network-namespace-path=/run/netns/{self._namespace.name}",
                "--capability=CAP_NET_ADMIN",
                f"--directory={self._overlay.root}", "--boot", "systemd.unit=multi-user.target"]  # fmt: skip
        self._log = self._overlay.folder.with_suffix(".log").open("ab")
        self._nspawn = subprocess.Popen(
            self._overlay.beside(argv), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env={**os.environ, **_CONTAINER}, start_new_session=True,
        )  # fmt: skip
        try:
            self.wait_for(lambda: self._begins() and ready(), READY_S)
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begins(self) -> bool:
        if self._nspawn.poll() is not None:
            raise AssertionError(Path(self._log.name).read_text("utf-8", "replace")[-2000:])
        children = processes.children(self._nspawn.pid)
        self._leader = children[0] if children else 0
        return bool(children)

    def _is_up(self) -> bool:
        said = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return said in ("running", "degraded")

    def command(self, argv: Sequence[str]) -> list[str]:
        enter = [
            "nsenter",
            f"--target={self._leader}",
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--cgroup",
        ]
        return [*enter, "/usr/bin/env", "-i", *_ENVIRONMENT, *argv]

    def run(self, *argv: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(argv), input=stdin, capture_output=True, text=True, timeout=COMMAND_S, check=False
        )
        if check and done.returncode:
            journal = self.run("journalctl", "--no-pager", "--lines=20", "--output=cat", check=False).stdout
            raise AssertionError(f"{' '.join(argv)}: {done.stdout}{done.stderr}{journal}")
        return done

    def write(self, path: str, text: str) -> None:
        self.run("sh", "-c", f"mkdir -p $(dirname {path}) && cat >{path}", stdin=text)

    def shown(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def pid(self, unit: str) -> int:
        return int(self.shown(unit, "MainPID"))

    def active(self, *units: str) -> list[str]:
        """The state of each."""
        return self.run("systemctl", "is-active", *units, check=False).stdout.split()

    def tables(self) -> list[str]:
        return self.run("nft", "list", "tables").stdout.splitlines()

    @staticmethod
    def wait_for(ready: object, seconds: float = READY_S) -> None:
        assert callable(ready)
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, "it did not come"
            time.sleep(_EACH_S)

    def cut_off(self) -> None:
        """The power is gone: nobody says goodbye."""
        os.kill(self._leader, signal.SIGKILL)
        self._nspawn.wait(READY_S)
        self._log.close()

    def close(self) -> None:
        self._nspawn.terminate()
        try:
            self._nspawn.wait(READY_S)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._log.close()

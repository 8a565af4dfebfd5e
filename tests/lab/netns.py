"""Network namespaces: run programs in them, find and remove those that a dead run left behind.

Every name starts with ``qq<pid>x<random>-``: two labs never collide, and a name tells if its owner lives.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_OURS = re.compile(r"^(?:qalqan-lab-)?qq(?P<pid>\d+)x[0-9a-f]+(?:-|$)")
_PROCESS_END_S = 10.0


class LabError(Exception):
    """The lab cannot be built or used; one line that says why."""


class Namespace:
    """One network namespace, by name. It is created and removed by the topology."""

    def __init__(self, name: str) -> None:
        self.name = name

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *argv]

    def run(
        self, argv: Sequence[str], *, timeout: float = 60.0, stdin: str | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end with captured text; with ``check`` a failure raises LabError in its own words."""
        done = subprocess.run(
            self.command(argv), input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise LabError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
        return done

    def popen(
        self,
        argv: Sequence[str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
        stderr: int | IO[bytes] | None = subprocess.STDOUT,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        env: dict[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start without waiting, in a session of its own so that Ctrl-C reaches the lab alone."""
        return subprocess.Popen(
            self.command(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            pass_fds=pass_fds,
            env=env,
            start_new_session=True,
        )

    def pids(self) -> list[int]:
        done = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        return [int(word) for word in done.stdout.split()]

    def set_resolvers(self, *addresses: str) -> None:
        """What ``ip netns exec`` shows as /etc/resolv.conf inside this namespace."""
        folder = Path("/etc/netns") / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text("".join(f"nameserver {address}\n" for address in addresses))


@contextmanager
def stopping(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Stop ``process`` when the block ends, also by an error.

    pytest keeps the traceback of a failed test. A pipe that is still open there is collected during a later
    test, which then fails by its ResourceWarning.
    """
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes], timeout: float = 20.0) -> int:
    """End one process by SIGTERM, then by SIGKILL, and close its pipes. Return its exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()
    return process.returncode


def names() -> list[str]:
    """All namespaces of this machine that have a name."""
    done = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False)
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()]


def remove(namespaces: Sequence[str]) -> None:
    """Kill what runs in them and remove them with their links; missing ones are no error."""
    present = set(names())
    for name in namespaces:
        if name in present:
            _end_processes(Namespace(name))
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        shutil.rmtree(Path("/etc/netns") / name, ignore_errors=True)
    _remove_if_empty(Path("/etc/netns"))


def _end_processes(namespace: Namespace) -> None:
    until = time.monotonic() + _PROCESS_END_S
    while (pids := namespace.pids()) and time.monotonic() < until:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def run_folder(prefix: str) -> Path:
    return Path(tempfile.gettempdir()) / f"qalqan-lab-{prefix}"


def sweep() -> list[str]:
    """Remove the namespaces and folders of runs whose process is gone; what was removed."""
    stale = [name for name in names() if is_stale(name)]
    remove(stale)
    etc = Path("/etc/netns")
    folders = [*(etc.iterdir() if etc.is_dir() else ()), *Path(tempfile.gettempdir()).glob("qalqan-lab-qq*")]
    for folder in folders:
        if is_stale(folder.name):
            shutil.rmtree(folder, ignore_errors=True)
            stale.append(folder.name)
    _remove_if_empty(etc)
    return stale


def is_stale(name: str) -> bool:
    """Whether a namespace or folder of ours belongs to a run whose process is gone."""
    match = _OURS.match(name)
    return bool(match) and not Path("/proc", match["pid"]).exists() if match else False

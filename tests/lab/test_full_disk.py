"""The real daemon and pages with a full or read-only state or runtime folder, at start and while running."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import processes
from tests.lab import clients, names
from tests.lab.daemon import WEB_PORT, Daemon
from tests.lab.filtering import ALLOWED, CUT, PROFILES, REFUSED, fetch, fresh, until
from tests.lab.home import ROOT, Home
from tests.lab.netns import stopping
from tests.pace import longest

pytestmark = pytest.mark.lab

FILLER = "filler"
HELP = "befrienders.org"
AGAIN = 12.0  # seconds within which the daemon notices that it can write again
SETTLED = 3.0  # seconds without another answer for a help line: all have been looked up


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of 4 MiB and 1024 files at ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=4m,nr_inodes=1024", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def failing_disk(folder: Path) -> Iterator[None]:
    """Mount an ext4 file system at ``folder``, as on an SD card. `abort` makes it read-only.

    A plain remount is refused while files are open for writing.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    image = folder.with_name("disk.img")
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    _mount("-o", "loop", str(image), str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        image.unlink()


def abort(folder: Path) -> None:
    _mount("-o", "remount,abort", str(folder))


def repaired(folder: Path) -> None:
    """Mount the file system again, as after a check of the disk. The daemon must not run."""
    subprocess.run(["umount", str(folder)], check=True)
    image = folder.with_name("disk.img")
    # The kernel releases the mounts of the daemon's own namespace a moment after its end.
    assert until(lambda: not _loops(image), longest(5.0)) is not None
    subprocess.run(["e2fsck", "-p", str(image)], check=False, stdout=subprocess.DEVNULL)
    _mount("-o", "loop", str(image), str(folder))


def _loops(image: Path) -> str:
    listed = ["losetup", "--associated", str(image)]
    return subprocess.run(listed, check=True, capture_output=True, text=True).stdout


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True)


def fill(folder: Path) -> None:
    with suppress(OSError), (folder / FILLER).open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


class Disk:
    """The disk below a folder, which can become full (of data, or of files) or read-only and recover."""

    def __init__(self, folder: Path, fault: str) -> None:
        self._folder, self._fault = folder, fault

    def spoil(self) -> None:
        if self._fault == "full":
            fill(self._folder)
        elif self._fault == "no inodes":
            with suppress(OSError):
                for number in range(1024):
                    (self._folder / f"{FILLER}{number}").touch()
        else:
            _mount("-o", "remount,ro", str(self._folder))

    def repair(self, pid: int) -> None:
        """``pid``: the daemon's, which has a mount namespace of its own."""
        if self._fault in ("full", "no inodes"):
            for file in self._folder.glob(f"{FILLER}*"):
                file.unlink()
        else:
            remount = ["mount", "-o", "remount,rw", str(self._folder)]
            subprocess.run(remount, check=True)
            subprocess.run(["nsenter", f"--target={pid}", "--mount", *remount], check=True)


def problems(daemon: Daemon) -> list[str]:
    return list(daemon.client.call("status")["problems"])


def paused(daemon: Daemon, who: str) -> bool:
    profiles = daemon.client.call("status")["profiles"]
    return next(str(child["state"]) for child in profiles if child["id"] == who) == "paused"


def filters(home: Home) -> bool:
    tablet = home.devices["tablet"]
    passed = fetch(tablet, f"https://{ALLOWED}/", 4).how
    refused = fetch(tablet, f"https://{REFUSED}/", 4).how
    return (passed, refused in CUT) == ("HTTP 200", True)


@pytest.mark.parametrize(
    ("fault", "before"),
    [
        ("full", "no state"),
        ("full", "a clean stop"),
        ("full", "a power cut"),
        ("read-only", "a clean stop"),
        ("read-only", "a power cut"),
    ],
)
def test_a_start_on_a_disk_that_cannot_be_written(home: Home, fault: str, before: str) -> None:
    daemon = fresh(home)
    disk = Disk(daemon.state, fault)
    with small_disk(daemon.state):
        if before != "no state":
            daemon.start()
            daemon.client.call("pause", who="son", minutes=60, by="Mum")
            if before == "a clean stop":
                daemon.stop()
            else:
                daemon.kill()
        disk.spoil()
        with daemon:
            (problem,) = [line for line in problems(daemon) if str(daemon.database) in line]
            assert ("the disk is full" if fault == "full" else "the disk is read-only") in problem
            assert filters(home)
            assert paused(daemon, "son") == (before != "no state"), "the stored state is read"
            daemon.client.call("pause", who="daughter", minutes=60, by="Mum")
            assert paused(daemon, "daughter"), "in memory"
            disk.repair(daemon.pid)
            assert until(lambda: not any("qalqan.db" in line for line in problems(daemon)), AGAIN) is not None
            daemon.stop()
            daemon.start()
            assert problems(daemon) == []
            assert paused(daemon, "daughter"), "written when the disk took it"
            assert paused(daemon, "son") == (before != "no state")


def test_a_disk_that_fills_up_while_the_daemon_runs(home: Home) -> None:
    daemon = fresh(home)
    disk = Disk(daemon.state, "full")
    with small_disk(daemon.state), daemon:
        disk.spoil()
        daemon.client.call("pause", who="daughter", minutes=60, by="Mum")
        assert any(str(daemon.database) in line for line in problems(daemon))
        daemon.reload()
        daemon.client.call("resume", who="daughter", by="Mum")
        assert filters(home)
        daemon.client.call("pause", who="daughter", minutes=60, by="Mum")
        disk.repair(daemon.pid)
        assert until(lambda: not any("qalqan.db" in line for line in problems(daemon)), AGAIN) is not None
        daemon.kill()
        daemon.start()
        assert paused(daemon, "daughter")


def test_a_disk_that_becomes_read_only_while_the_daemon_runs(home: Home) -> None:
    daemon = fresh(home)
    with failing_disk(daemon.state), daemon:
        daemon.client.call("pause", who="son", minutes=60, by="Mum")
        abort(daemon.state)
        with pytest.raises(OSError, match="Read-only file system"):
            (daemon.state / FILLER).touch()
        daemon.client.call("pause", who="daughter", minutes=60, by="Mum")
        assert any(str(daemon.database) in line for line in problems(daemon)), problems(daemon)
        assert paused(daemon, "daughter"), "in memory"
        daemon.client.call("assign", mac=names.NEW.mac, profile="guest", by="Mum")
        daemon.reload()
        daemon.client.call("resume", who="daughter", by="Mum")
        assert filters(home)
        daemon.start_web()
        page = clients.curl(home.devices["parent"], f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/")
        assert page.how == "HTTP 200", daemon.web_log.read_text()

        daemon.stop()
        daemon.start()
        assert filters(home)
        assert any(str(daemon.database) in line for line in problems(daemon)), problems(daemon)
        assert paused(daemon, "son"), "the stored state is read"

        daemon.stop()
        repaired(daemon.state)
        daemon.start()
        assert problems(daemon) == []
        assert paused(daemon, "son")
        assert filters(home)


def test_a_full_runtime_folder(home: Home) -> None:
    daemon = fresh(home)
    runtime = daemon.socket.parent
    disk = Disk(runtime, "full")
    with small_disk(runtime):
        disk.spoil()
        with daemon:
            config = str(runtime / "help.conf")
            said = until(lambda: any(config in line for line in problems(daemon)), longest(5.0))
            assert said is not None, "the names of help lines are resolved after the start"
            assert filters(home)
            daemon.stop()
            daemon.start()
            assert filters(home)
            assert "standard output" not in daemon.log.read_text()


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_runtime_folder_that_cannot_be_written_while_the_daemon_runs(home: Home, fault: str) -> None:
    """The resolver of help lines is restarted with the previous addresses; the pages reach the daemon."""
    daemon = fresh(home)
    runtime = daemon.socket.parent
    note = runtime / "help.pid"
    with small_disk(runtime) if fault == "full" else failing_disk(runtime), daemon:
        assert until(lambda: names.ipv4_of(HELP) in _help(home), 10.0) is not None
        assert until(note.exists, 10.0) is not None
        # The names of help lines are looked up one after the other, and each answer writes the file again.
        config = runtime / "help.conf"
        assert until(lambda: time.time() - config.stat().st_mtime > SETTLED, 10.0) is not None
        names_before = config.read_bytes()
        if fault == "full":
            fill(runtime)
        else:
            abort(runtime)
        killed = int(note.read_text())
        home.gateway.run(["kill", "-KILL", str(killed)], check=True)
        said = until(lambda: any(str(note) in line for line in problems(daemon)), 10.0)
        assert said is not None, problems(daemon)
        assert f"{note}: cannot be written" in daemon.log.read_text(), "the log names the path"
        assert until(lambda: set(_children(daemon)) - {killed}, 10.0) is not None, "it is started again"
        (resolver,) = set(_children(daemon)) - {killed}
        assert config.read_bytes() == names_before
        daemon.reload()
        assert filters(home)
        daemon.client.call("pause", who="daughter", minutes=60, by="Mum")
        assert paused(daemon, "daughter")
        daemon.start_web()
        page = clients.curl(home.devices["parent"], f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/")
        assert page.how == "HTTP 200", daemon.web_log.read_text()
        if fault == "full":
            (runtime / FILLER).unlink()
            assert until(lambda: note.read_text() == f"{resolver}\n", AGAIN) is not None
            assert not any(str(note) in line for line in problems(daemon))
        daemon.stop()
        assert "table inet qalqan" not in home.gateway.run(["nft", "list", "tables"]).stdout


def _help(home: Home) -> str:
    return home.gateway.run(["nft", "list", "set", "inet", "qalqan", "help4"]).stdout


def _children(daemon: Daemon) -> list[int]:
    """Return the process ids of the daemon's children that are dnsmasq."""
    return processes.with_argument(processes.children(daemon.pid), b"dnsmasq")


@pytest.mark.parametrize("fault", ["read-only", "no inodes"])
def test_a_runtime_folder_without_room_for_the_socket(home: Home, fault: str) -> None:
    daemon = fresh(home)
    runtime = daemon.socket.parent
    with small_disk(runtime):
        disk = Disk(runtime, fault)
        disk.spoil()
        argv = [sys.executable, "-m", "gateway", "run", "--config", str(daemon.config)]
        log = daemon.log.open("wb")
        with log, stopping(home.gateway.popen(argv, cwd=ROOT, stdout=log)) as process:
            assert until(lambda: filters(home), longest(10.0), every=0.2) is not None
            assert not daemon.socket.exists()
            (line,) = [line for line in daemon.log.read_text().splitlines() if "cannot reach it yet" in line]
            assert f"{daemon.socket}.lock: " in line
            disk.repair(process.pid)
            assert until(daemon.socket.exists, AGAIN) is not None
            assert daemon.client.call("status")["backend"]


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_the_pages_start_and_show_the_problem(home: Home, fault: str) -> None:
    daemon = fresh(home, PROFILES)
    with small_disk(daemon.state):
        Disk(daemon.state, fault).spoil()
        with daemon:
            daemon.start_web()
            page = clients.curl(home.devices["parent"], f"http://{names.GATEWAY_IPV4}:{WEB_PORT}/")
            assert page.how == "HTTP 200", daemon.web_log.read_text()

"""Runs a resolver for the names of help lines, for fail-closed devices while no daemon runs.

The resolver is a separate dnsmasq, which survives a kill or a restart of the daemon; another clean stop ends
it. When the daemon's lease expires, the table redirects the DNS queries of fail-closed devices to it.

On OpenWrt a service of its own can run it, in a jail and under another user. The daemon then writes the
configuration, and watches whether the port is in use.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import sleep

from gateway.core.files import write_atomically, write_error_text
from gateway.core.loop import Loop, Timer
from gateway.core.programs import find_program

_log = logging.getLogger(__name__)

PROGRAM = "dnsmasq"
STOP = 2.0  # seconds from SIGTERM to SIGKILL
WATCH = 5.0  # seconds between two checks whether it runs; a pidfd would need a descriptor
RESTARTING = 0.02  # seconds between two checks after SIGTERM
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0  # seconds until the next start; each failure doubles them
HEALTHY = 60.0  # seconds; after so long a run, the next failure counts as the first
WRITE_AGAIN = 60.0  # seconds until the configuration is written again, after a full disk
REPORTED = 3  # failures in a row that `status` reports
SERVICE_PATIENCE = 30.0  # seconds without a resolver of the other service until the daemon runs one itself


class HelpResolver:
    """Runs a dnsmasq process that resolves only the names of help lines, and restarts it if it ends.

    ``port`` is None if dnsmasq is not installed. Help lines are then reachable by address only.
    ``stays``: the process outlives a clean stop, until the next daemon ends it.
    ``service``: a file of another service, which runs dnsmasq with its content, and no dnsmasq while it is
    empty. If that resolver does not run for `SERVICE_PATIENCE` seconds, or the file cannot be written, this
    class empties the file and runs dnsmasq as a child process.
    """

    def __init__(
        self,
        loop: Loop,
        runtime: Path,
        lan: Iterable[str],
        *,
        stays: bool = False,
        service: Path | None = None,
    ) -> None:
        self._loop = loop
        self._service = service
        self._config = runtime / "help.conf"
        self._pid_file = runtime / "help.pid"
        self._lan = tuple(lan)
        self._stays = stays
        self._program = find_program(PROGRAM)
        self._pid: int | None = None
        self._pid_noted = True  # in its file
        self._timer: Timer | None = None
        self._again: Timer | None = None  # until the next try to write the configuration
        self._kill_at: float | None = None  # when a process that does not end is killed
        self._began = 0.0
        self._failures = 0
        self._unwritable = ""  # why its files cannot be written
        self._names: Mapping[str, frozenset[bytes]] = {}
        self._end_stale()
        self.port = _free_port() if self._program else None

    def serve(self, names: Mapping[str, frozenset[bytes]]) -> None:
        """Start or restart dnsmasq with these names, their subdomains, and their packed addresses.

        With another service, write its file instead. If this class runs dnsmasq and the configuration cannot
        be written, a running dnsmasq continues with the previous one, and the write is repeated after
        `WRITE_AGAIN` seconds. Without dnsmasq on the machine, do nothing.
        """
        if self.port is None:
            return
        self._names = names
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._service is not None:
            self._serve_there(self._service)
            return
        try:
            write_atomically(self._config, configuration(names, self._lan, self.port).encode("ascii"))
        except OSError as error:
            self._not_written(self._config, error)
            self._again = self._loop.call_later(WRITE_AGAIN, partial(self.serve, names))
            return
        self._unwritable = ""
        # dnsmasq reads the file only at its start, before it drops its privileges.
        if self._pid is None:
            self._start()
        elif self._kill_at is None:
            os.kill(self._pid, signal.SIGTERM)  # safe: the process id stays reserved until waitpid
            self._kill_at = self._loop.now() + STOP
            self._check_after(RESTARTING)

    def _serve_there(self, file: Path) -> None:
        """Write the configuration to ``file`` for the other service, which then runs dnsmasq with it.

        The first line has a checksum: the service reads the file again if that changes. If the file cannot be
        written, the daemon runs dnsmasq itself.
        """
        assert self.port is not None
        text = configuration(self._names, self._lan, self.port).encode("ascii")
        try:
            # Another user reads it.
            write_atomically(file, b"# %08x\n%b" % (zlib.crc32(text), text), mode=0o644)
        except OSError as error:
            self._leave_service(f"{file}: cannot be written ({write_error_text(error)})")
            return
        if self._timer is None:
            self._began = self._loop.now()
            self._check_after(WATCH)

    def _check_service(self) -> None:
        assert self.port is not None
        if _is_used(self.port):
            self._began = self._loop.now()
        elif self._loop.now() - self._began >= SERVICE_PATIENCE:
            self._leave_service("Its own service does not run the resolver of help lines")
            return
        self._check_after(WATCH)

    def _leave_service(self, why: str) -> None:
        """Log ``why``, empty the other service's file, and run dnsmasq as a child process from now on."""
        _log.warning("%s. The daemon runs it itself.", why)
        self._empty_service()
        self._service = None
        self.serve(self._names)

    def _empty_service(self) -> None:
        """Empty the file of the other service, which then ends its resolver."""
        if self._service is not None:
            with suppress(OSError):
                os.truncate(self._service, 0)

    def problems(self) -> list[str]:
        """Return sentences for `status`: its files cannot be written, or it ends again and again."""
        found = []
        if self._unwritable:
            meanwhile = "Without the filter, blocked devices reach help lines only at known addresses."
            found.append(f"{self._unwritable}. {meanwhile}")
        if self._failures >= REPORTED:
            found.append(
                f"The resolver of help lines has ended {self._failures} times in a row. "
                "While the filter does not run, help lines work by address only. Look at the log of dnsmasq."
            )
        return found

    def _start(self) -> None:
        assert self._program is not None
        command = [self._program, "--keep-in-foreground", f"--conf-file={self._config}", "--pid-file="]
        self._began = self._loop.now()
        try:
            self._pid = spawn(command)
        except OSError as error:
            _log.error("The resolver of help lines does not start: %s. They work by address only.", error)
        else:
            self._note_pid()
        if self._pid is None:
            self._failed()
        else:
            self._check_after(WATCH)

    def _note_pid(self) -> None:
        """Write the process id, by which the next daemon ends this process after a kill."""
        try:
            write_atomically(self._pid_file, f"{self._pid}\n".encode())
        except OSError as error:
            self._pid_noted = False
            if not self._unwritable:
                self._not_written(self._pid_file, error)
            return
        self._pid_noted = True
        if self._unwritable.startswith(f"{self._pid_file}:"):
            self._unwritable = ""

    def _not_written(self, path: Path, error: OSError) -> None:
        trouble = f"{path}: cannot be written ({write_error_text(error)})"
        if trouble != self._unwritable:
            _log.error("%s. The addresses of help lines are not renewed.", trouble)
        self._unwritable = trouble

    def _check(self) -> None:
        """Restart the process if it has ended. Kill it if it ignores SIGTERM."""
        self._timer = None
        if self._service is not None:
            self._check_service()
            return
        if self._pid is None:
            self._start()
            return
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if ended:
            self._pid = None
            if self._kill_at is not None:
                self._kill_at = None
                self._start()
            else:
                _log.warning("The resolver of help lines ended with status %d.", status)
                self._failed()
        elif self._kill_at is None:
            if not self._pid_noted:
                self._note_pid()
            self._check_after(WATCH)
        else:
            if self._loop.now() >= self._kill_at:
                os.kill(self._pid, signal.SIGKILL)
            self._check_after(RESTARTING)

    def _failed(self) -> None:
        healthy = self._loop.now() - self._began >= HEALTHY
        self._failures = 1 if healthy else self._failures + 1
        self._check_after(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._failures - 1, 6)))

    def _check_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._check)

    def _end_stale(self) -> None:
        """End the dnsmasq of an earlier daemon, unless another program has its process id now."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path("/proc", str(pid), "cmdline").read_bytes()
            if str(self._config).encode() in command:
                os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        """End the dnsmasq process and delete its files, unless it is to outlive the daemon (``stays``).

        Also empties the file of another service, which then ends its resolver. Waits for the end of the
        process, which is killed after `STOP` seconds.
        """
        for timer in (self._timer, self._again):
            if timer is not None:
                timer.cancel()
        if self._stays:
            return
        if self._pid is not None:
            os.kill(self._pid, signal.SIGTERM)
            patience = self._loop.now() + STOP
            while os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                if self._loop.now() >= patience:
                    os.kill(self._pid, signal.SIGKILL)
                sleep(RESTARTING)
        self._empty_service()
        with suppress(OSError):  # on a read-only file system
            for file in (self._pid_file, self._config):
                file.unlink(missing_ok=True)


def configuration(names: Mapping[str, frozenset[bytes]], lan: Iterable[str], port: int, *more: str) -> str:
    """Return the configuration of a dnsmasq that resolves only ``names`` and their subdomains.

    It listens on ``port`` of the interfaces ``lan``. ``names``: the packed addresses of each name, which may
    begin with ``=``. ``more``: further lines.
    """
    fixed = ("no-resolv", "no-hosts", "bind-dynamic", "user=nobody", f"port={port}", "local-ttl=10")
    lines = [
        f"address=/{name.removeprefix('=')}/{_text(address)}"
        for name in sorted(names)
        for address in sorted(names[name])
    ]
    return "\n".join((*fixed, *more, *(f"interface={name}" for name in lan), *lines)) + "\n"


def spawn(command: list[str]) -> int:
    """Start ``command`` in a session of its own, without input and output. Return its process id.

    A daemon without root gives it none of its capabilities. A daemon that is root gives it all of them, since
    dnsmasq needs them to give up root. The caller has to reap the process. Used in place of subprocess, which
    takes 0.6 MB of memory. Raise OSError if the program does not start.
    """
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    start = partial(os.posix_spawn, command[0], command, os.environ, file_actions=nothing, setsid=True)
    if os.geteuid() == 0:  # dnsmasq gives up root itself, and needs its capabilities for that
        return start()
    from gateway.core.privileges import without_ambient_capabilities

    with without_ambient_capabilities():
        return start()


def _free_port() -> int:
    """Return a port that is free for both UDP and TCP."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        ):
            udp.bind(("0.0.0.0", 0))
            port: int = udp.getsockname()[1]
            try:
                tcp.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port


def _is_used(port: int) -> bool:
    """Return whether a process receives UDP at this port of 127.0.0.1, where dnsmasq always listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            udp.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)

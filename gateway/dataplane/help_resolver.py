"""Runs a resolver for the names of help lines, for fail-closed devices while no daemon runs.

The resolver is a separate dnsmasq, which survives a kill of the daemon; a clean stop ends it. When the
daemon's lease expires, the table redirects the DNS queries of fail-closed devices to it.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from gateway.core.files import write_atomically, write_error_text
from gateway.core.programs import find_program

_log = logging.getLogger(__name__)

PROGRAM = "dnsmasq"
STOP = 2.0  # seconds from SIGTERM to SIGKILL


class HelpResolver:
    """Runs a dnsmasq process that resolves only the names of help lines.

    ``port`` is None if dnsmasq is not installed. Help lines are then reachable by address only.
    """

    def __init__(self, runtime: Path, lan: Iterable[str]) -> None:
        self._config = runtime / "help.conf"
        self._pid_file = runtime / "help.pid"
        self._lan = tuple(lan)
        self._program = find_program(PROGRAM)
        self._pid: int | None = None
        self._trouble = ""  # why its files cannot be written
        self._end_stale()
        self.port = _free_port() if self._program else None

    def serve(self, names: Mapping[str, frozenset[bytes]]) -> None:
        """Restart dnsmasq with these names, their subdomains, and their packed addresses.

        If its configuration cannot be written, a running dnsmasq continues with the previous one.
        """
        if self.port is None or self._program is None:
            return
        try:
            write_atomically(self._config, configuration(names, self._lan, self.port).encode("ascii"))
        except OSError as error:
            self._failed(self._config, error)
            return
        self._trouble = ""
        self._end()
        # dnsmasq reads the file only at its start, before it drops its privileges.
        command = [self._program, "--keep-in-foreground", f"--conf-file={self._config}", "--pid-file="]
        try:
            self._pid = spawn(command)
        except OSError as error:
            _log.error("The resolver of help lines does not start: %s. They work by address only.", error)
            return
        try:
            write_atomically(self._pid_file, f"{self._pid}\n".encode())
        except OSError as error:  # after a kill, the next daemon leaves this process running
            self._failed(self._pid_file, error)

    def _failed(self, path: Path, error: OSError) -> None:
        trouble = f"{path}: cannot be written ({write_error_text(error)})"
        if trouble != self._trouble:
            _log.error("%s. The addresses of help lines are not renewed.", trouble)
        self._trouble = trouble

    def problems(self) -> list[str]:
        """Return a sentence for `status` if the resolver's files cannot be written; otherwise nothing."""
        if not self._trouble:
            return []
        meanwhile = "Without the filter, blocked devices reach help lines only at addresses that are known"
        return [f"{self._trouble}. {meanwhile}."]

    def _end(self) -> None:
        if self._pid is None:
            return
        os.kill(self._pid, signal.SIGTERM)  # safe: the process id stays reserved until waitpid
        if not _has_ended(self._pid, STOP):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._pid = None

    def _end_stale(self) -> None:
        """End the dnsmasq of a killed daemon, unless another program has its process id now."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path("/proc", str(pid), "cmdline").read_bytes()
            if str(self._config).encode() in command:
                os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        self._end()
        with suppress(OSError):  # on a read-only file system
            for file in (self._pid_file, self._config):
                file.unlink(missing_ok=True)


def configuration(names: Mapping[str, frozenset[bytes]], lan: Iterable[str], port: int, *more: str) -> str:
    """Return the configuration of a dnsmasq that serves ``names`` (with packed addresses) on ``lan``."""
    fixed = ("no-resolv", "no-hosts", "bind-dynamic", "user=nobody", f"port={port}", "local-ttl=10")
    lines = [
        f"address=/{name.removeprefix('=')}/{_text(address)}"
        for name in sorted(names)
        for address in sorted(names[name])
    ]
    return "\n".join((*fixed, *more, *(f"interface={name}" for name in lan), *lines)) + "\n"


def spawn(command: list[str]) -> int:
    """Start ``command`` in a session of its own, without input and output. Return its process id.

    Used in place of subprocess, which takes 0.6 MB of memory. Raises OSError.
    """
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    return os.posix_spawn(command[0], command, os.environ, file_actions=nothing, setsid=True)


def _has_ended(pid: int, patience: float) -> bool:
    """Wait up to ``patience`` seconds for the end of a child process. Return whether it ended."""
    process = os.pidfd_open(pid)
    try:
        return bool(select.select([process], [], [], patience)[0])
    finally:
        os.close(process)


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


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)

"""A resolver that knows the names of help alone, for closed devices while no daemon runs.

It is a dnsmasq of its own that outlives `kill -9` of the daemon; a clean stop ends it. The table leads a
closed device's questions there as soon as the daemon's sign of life is gone.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.core.files import write_atomically
from gateway.core.programs import find_program

_log = logging.getLogger(__name__)

PROGRAM = "dnsmasq"
STOP = 2.0  # seconds that it has to end after SIGTERM


class HelpResolver:
    """``port`` is None where no dnsmasq is installed: then help is reachable by address alone."""

    def __init__(self, runtime: Path, lan: Iterable[str]) -> None:
        self._config = runtime / "help.conf"
        self._pid_file = runtime / "help.pid"
        self._lan = tuple(lan)
        self._program = find_program(PROGRAM)
        self._pid: int | None = None
        self._end_stale()
        self.port = _free_port() if self._program else None

    def serve(self, names: Mapping[str, frozenset[bytes]]) -> None:
        """Answer for these names and all names under them with their packed addresses, from now on."""
        if self.port is None or self._program is None:
            return
        write_atomically(self._config, configuration(names, self._lan, self.port).encode("ascii"))
        self._end()
        # Read at start alone: nothing of ours needs to be readable for whom it runs as.
        command = [self._program, "--keep-in-foreground", f"--conf-file={self._config}", "--pid-file="]
        try:
            self._pid = spawn(command)
        except OSError as error:
            _log.error("the resolver for help does not start (%s); help is reachable by address alone", error)
            return
        write_atomically(self._pid_file, f"{self._pid}\n".encode())

    def _end(self) -> None:
        if self._pid is None:
            return
        os.kill(self._pid, signal.SIGTERM)  # one that has ended is there until it is waited for
        if not _has_ended(self._pid, STOP):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self._pid = None

    def _end_stale(self) -> None:
        """One that a killed daemon left behind; a number that is somebody else's by now is left alone."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path("/proc", str(pid), "cmdline").read_bytes()
            if str(self._config).encode() in command:
                os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        self._end()
        for file in (self._pid_file, self._config):
            file.unlink(missing_ok=True)


def configuration(names: Mapping[str, frozenset[bytes]], lan: Iterable[str], port: int, *more: str) -> str:
    """dnsmasq's: these names and all names under them, with their packed addresses, on these interfaces."""
    fixed = ("no-resolv", "no-hosts", "bind-dynamic", "user=nobody", f"port={port}", "local-ttl=10")
    lines = [
        f"address=/{name.removeprefix('=')}/{_text(address)}"
        for name in sorted(names)
        for address in sorted(names[name])
    ]
    return "\n".join((*fixed, *more, *(f"interface={name}" for name in lan), *lines)) + "\n"


def spawn(command: list[str]) -> int:
    """The process id of ``command``, in a session of its own, with nothing to read and nobody to tell.

    Raises OSError. As subprocess does, which takes 0.6 MB to be there.
    """
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    return os.posix_spawn(command[0], command, os.environ, file_actions=nothing, setsid=True)


def _has_ended(pid: int, patience: float) -> bool:
    """Whether our child ends within ``patience`` seconds."""
    process = os.pidfd_open(pid)
    try:
        return bool(select.select([process], [], [], patience)[0])
    finally:
        os.close(process)


def _free_port() -> int:
    """One that is free for UDP and TCP now."""
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

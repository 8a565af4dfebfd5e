"""Scans the LAN on demand, in a child process that frees its memory when it ends: scapy takes 77 MB."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable

from gateway.core.loop import Loop, Timer
from gateway.policy.identity.macs import parse_mac

PAUSE = 30.0  # seconds between two scans from the pages: each loads scapy and probes every address
TIMEOUT = 20.0  # seconds; the scan needs two to load, and two for each interface
MAX_BYTES = 1 << 16  # of output: a line of 18 bytes for each answer, more than three thousand answers
MAX_FOUND = 1024  # devices

_log = logging.getLogger(__name__)


class Scanning:
    """Calls ``answered`` with each hardware address that answered, then ``ended``."""

    def __init__(
        self,
        loop: Loop,
        interfaces: Iterable[str],
        answered: Callable[[str], None],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._ended = ended
        self._begun = -PAUSE
        self._interfaces = tuple(interfaces)
        self._answered = answered
        self._pid = 0
        self._pipe = -1
        self._output = b""
        self._timer: Timer | None = None
        self.found: frozenset[str] = frozenset()  # by the last scan
        self.problem = ""  # of the last scan

    @property
    def running(self) -> bool:
        return self._pid != 0

    @property
    def wait(self) -> float:
        """Seconds until the pages may start another scan."""
        return max(0.0, self._begun + PAUSE - self._loop.now())

    def start(self) -> None:
        """Start a scan unless one is running. Raises OSError if the process cannot be created."""
        if self._pid:
            return
        self._begun = self._loop.now()
        self._output, self.found, self.problem = b"", frozenset(), ""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        command = [sys.executable, "-m", "gateway.lan.scanner", *self._interfaces]
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, writing, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        try:
            self._pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._pipe = reading
        self._loop.on_readable(reading, self._read)
        self._timer = self._loop.call_later(TIMEOUT, self._late)

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, MAX_BYTES)
        except BlockingIOError:
            return
        self._output += data
        if len(self._output) > MAX_BYTES:
            self._end(f"it printed more than {MAX_BYTES} bytes")
        elif not data:
            self._end("")

    def _late(self) -> None:
        self._end(f"it did not finish within {TIMEOUT:g} s")

    def _end(self, problem: str) -> None:
        """Process the output and end the child."""
        status = self._reap()
        words = self._output.decode("ascii", "replace").split()
        macs = [mac for word in words if (mac := parse_mac(word)) is not None][:MAX_FOUND]
        self.found = frozenset(macs)
        self.problem = problem or ("" if status == 0 else "it failed; is scapy installed?")
        if self.problem:
            _log.warning("Network scan failed: %s", self.problem)
        for mac in sorted(self.found):
            self._answered(mac)
        self._ended()

    def _reap(self) -> int:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.forget(self._pipe)
        os.close(self._pipe)
        try:
            os.kill(self._pid, signal.SIGKILL)  # it has ended or is about to
            _, status = os.waitpid(self._pid, 0)
        except OSError as error:
            if error.errno not in (errno.ESRCH, errno.ECHILD):
                raise
            status = 0
        self._pid, self._pipe = 0, -1
        return status

    def close(self) -> None:
        if self._pid:
            self._reap()

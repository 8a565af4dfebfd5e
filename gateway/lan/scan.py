"""A scan of the LAN on demand, in a child that ends with all that it loaded: scapy takes 77 MB."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable

from gateway.core.loop import Loop, Timer
from gateway.policy.identity.macs import parse_mac

PAUSE = 30.0  # seconds between two that the pages ask for: each loads scapy anew, and asks every address
TIMEOUT = 20.0  # seconds; it needs two to load, and two for each interface
MAX_BYTES = 1 << 16  # of what it tells: a line of 18 bytes for each answer, some thousand answers
MAX_FOUND = 1024  # devices

_log = logging.getLogger(__name__)


class Scanning:
    """``answered`` is called with each hardware address that answered, ``ended`` behind them all."""

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
        self._told = b""
        self._timer: Timer | None = None
        self.found: frozenset[str] = frozenset()  # by the last one
        self.problem = ""  # of the last one

    @property
    def running(self) -> bool:
        return self._pid != 0

    @property
    def wait(self) -> float:
        """Seconds until the pages may ask for another one."""
        return max(0.0, self._begun + PAUSE - self._loop.now())

    def start(self) -> None:
        """Nothing where one runs already. Raises OSError where there can be no child."""
        if self._pid:
            return
        self._begun = self._loop.now()
        self._told, self.found, self.problem = b"", frozenset(), ""
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
        self._told += data
        if len(self._told) > MAX_BYTES:
            self._end("it told more than a home can hold")
        elif not data:
            self._end("")

    def _late(self) -> None:
        self._end(f"it did not end within {TIMEOUT:g} s")

    def _end(self, problem: str) -> None:
        """Take what was told, and be rid of the child."""
        status = self._reap()
        words = self._told.decode("ascii", "replace").split()
        macs = [mac for word in words if (mac := parse_mac(word)) is not None][:MAX_FOUND]
        self.found = frozenset(macs)
        self.problem = problem or ("" if status == 0 else "it could not be made; is scapy installed?")
        if self.problem:
            _log.warning("scan: %s", self.problem)
        for mac in sorted(self.found):
            self._answered(mac)
        self._ended()

    def _reap(self) -> int:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.forget(self._pipe)
        os.close(self._pipe)
        try:
            os.kill(self._pid, signal.SIGKILL)  # it has ended, or shall
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

"""Runs a Python module in a child process that reports its progress as lines of JSON.

Work that takes minutes or megabytes runs this way: the memory is free when the process ends.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from gateway.core.loop import Loop, Timer

MAX_LINE = 4096  # bytes; longer lines are ignored
MAX_ERROR_TEXT = 4096  # bytes of standard error that are stored, the last ones
CHUNK = 1 << 16

_log = logging.getLogger(__name__)

Step = Callable[[Mapping[str, Any]], None]
End = Callable[[int, str], None]
"""``end(status, words)``: 0 is success, a negative status the signal that ended the process.

``words`` is the end of the text from standard error, or the problem; the status is then 1.
"""


class HelperProcess:
    """Runs a Python module in a child process, one at a time, without blocking the event loop.

    Calls ``step`` with each JSON object that the process prints, one a line of at most MAX_LINE bytes, and
    ``end`` with its exit status and error text. After ``timeout`` seconds the process is killed. ``nice`` is
    its nice value, unless that of this process is higher; 0 undoes the raised priority of a daemon that
    starts it.
    """

    def __init__(self, loop: Loop, step: Step, end: End, timeout: float, nice: int = 0) -> None:
        self._loop = loop
        self._nice = nice
        self._step, self._ended = step, end
        self._timeout = timeout
        self._pid = 0
        self._pipes: dict[int, bytearray] = {}
        self._out = -1
        self._words = bytearray()
        self._timer: Timer | None = None

    @property
    def running(self) -> bool:
        return self._pid != 0

    def start(self, arguments: Sequence[str], data: bytes = b"") -> None:
        """Start ``python -m ARGUMENTS`` in the background, with ``data`` on its standard input.

        No other process of this object may be running. Raises OSError if the process cannot be
        created.
        """
        given = _file_of(data)
        try:
            self._spawn(arguments, given)
        finally:
            os.close(given)

    def _spawn(self, arguments: Sequence[str], given: int) -> None:
        out, out_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            errors, errors_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            os.close(out)
            os.close(out_end)
            raise
        actions = [
            (os.POSIX_SPAWN_DUP2, given, 0),
            (os.POSIX_SPAWN_DUP2, out_end, 1),
            (os.POSIX_SPAWN_DUP2, errors_end, 2),
        ]
        command = [sys.executable, "-m", *arguments]
        try:
            self._pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setsid=True)
        except OSError:
            os.close(out)
            os.close(errors)
            raise
        finally:
            os.close(out_end)
            os.close(errors_end)
        # Never below our own: lowering a nice value takes a privilege.
        os.setpriority(os.PRIO_PROCESS, self._pid, max(self._nice, os.getpriority(os.PRIO_PROCESS, 0)))
        self._out, self._pipes = out, {out: bytearray(), errors: bytearray()}
        self._words = self._pipes[errors]
        for pipe in self._pipes:
            self._loop.on_readable(pipe, partial(self._read, pipe))
        self._timer = self._loop.call_later(self._timeout, self._late)

    def _read(self, pipe: int) -> None:
        try:
            data = os.read(pipe, CHUNK)
        except BlockingIOError:
            return
        held = self._pipes[pipe]
        held += data
        if pipe == self._out:
            self._lines(held)
        elif len(held) > MAX_ERROR_TEXT:
            del held[:-MAX_ERROR_TEXT]
        if not data:
            self._loop.forget(pipe)
            os.close(pipe)
            del self._pipes[pipe]
            if not self._pipes:
                self._end("")

    def _lines(self, held: bytearray) -> None:
        while (end := held.find(b"\n")) >= 0:
            line = bytes(held[:end])
            del held[: end + 1]
            try:
                said = json.loads(line) if len(line) <= MAX_LINE else None
            except (ValueError, RecursionError):
                continue
            if isinstance(said, dict):
                self._step(said)
        if len(held) > MAX_LINE:
            held.clear()

    def _late(self) -> None:
        self._end(f"it did not finish within {self._timeout / 60:g} min")

    def _end(self, problem: str) -> None:
        status = self._reap()
        words = problem or self._words.decode("utf-8", "replace")
        if status or problem:
            _log.warning("Helper process failed with status %d: %s", status, words.strip())
        self._ended(1 if problem else status, words)

    def _reap(self) -> int:
        if self._timer is not None:
            self._timer.cancel()
        for pipe in self._pipes:
            self._loop.forget(pipe)
            os.close(pipe)
        self._pipes.clear()
        try:
            # Both of its pipes are closed, so it has ended or is about to.
            os.killpg(self._pid, signal.SIGKILL)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise
        try:
            _, status = os.waitpid(self._pid, 0)
        except ChildProcessError:
            status = 0
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self._pid:
            self._reap()


def _file_of(data: bytes) -> int:
    """Return a file descriptor from which ``data`` can be read: a file in memory, as a full pipe would block.

    Raises OSError.
    """
    if not data:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    file = os.memfd_create("input")
    try:
        with open(file, "wb", closefd=False) as writer:
            writer.write(data)
        os.lseek(file, 0, os.SEEK_SET)
    except OSError:
        os.close(file)
        raise
    return file

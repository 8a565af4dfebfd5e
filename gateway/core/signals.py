"""Turns signals into readable bytes, so that the event loop handles them in its turn."""

from __future__ import annotations

import signal
import socket

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MOST = 64  # per read; the rest waits for the next


class Signals:
    """A pipe for signals. Create it first: signals during the start then wait until the loop runs."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        for sock in (self._reader, self._writer):
            sock.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in HANDLED:
            signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        return self._reader.fileno()

    def received(self) -> list[int]:
        """Return the signal numbers in the order of arrival. Never blocks."""
        try:
            return list(self._reader.recv(_MOST))
        except BlockingIOError:
            return []

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

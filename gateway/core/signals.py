"""Signals as something to read, so that the event loop takes them in its turn."""

from __future__ import annotations

import signal
import socket

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_MOST = 64  # at one reading; the rest is there at the next


class Signals:
    """Made before anything else is: one that comes during the start waits until the loop runs."""

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
        """Numbers in the order of their arrival. Never waits."""
        try:
            return list(self._reader.recv(_MOST))
        except BlockingIOError:
            return []

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

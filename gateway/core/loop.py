"""The event loop: calls back for file descriptors, timers and signals, in one thread, on one clock.

All waiting in the daemon happens here. Two callbacks never run at the same time, so no locks are needed.
"""

from __future__ import annotations

import errno
import heapq
import itertools
import logging
import signal
import socket
from collections.abc import Callable
from resource import RLIMIT_NOFILE, getrlimit
from select import EPOLLIN, EPOLLOUT, epoll
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Protocol

MAX_READY = 64  # descriptors served in one turn; the others are still ready in the next
HANDLED_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
IGNORED_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)  # their default action would end the process
MAX_SIGNALS = 4096  # bytes per read: more than the socket's buffer has
NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
RETRY = 1.0  # seconds until a timer's callback that had no free descriptor is called again

REPORT_FOR = 600.0  # seconds for which `status` reports a missing descriptor

_log = logging.getLogger(__name__)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


Source = int | HasFileno


class Timer:
    """A callback that the loop calls at ``when`` (seconds of CLOCK_BOOTTIME). ``cancel()`` prevents it."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class _Watch:
    """The callbacks of one file descriptor, for reading and for writing."""

    __slots__ = ("fd", "read", "write")

    def __init__(self, fd: int) -> None:
        self.fd = fd  # negative after forget()
        self.read: Callable[[], None] | None = None
        self.write: Callable[[], None] | None = None

    @property
    def events(self) -> int:
        return (EPOLLIN if self.read else 0) | (EPOLLOUT if self.write else 0)


class Loop:
    """Waits for file descriptors (by epoll) and timers, and calls their callbacks.

    A callback that fails because the process has no free descriptor does not end the loop: see
    `report_shortage`. Python's module `selectors`, which it does not use, would take 3 us more per turn.
    """

    def __init__(self) -> None:
        self._epoll = epoll()
        self._watches: dict[int, _Watch] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False
        self.shortage: float | None = None  # when a descriptor was last missing

    @staticmethod
    def now() -> float:
        """Return seconds since boot, including suspend. The daemon measures all durations with it."""
        return clock_gettime(CLOCK_BOOTTIME)

    def on_readable(self, source: Source, callback: Callable[[], None]) -> None:
        """From now on, call ``callback`` whenever the source is readable, in error or closed by its peer.

        It replaces the source's earlier callback for reading.
        """
        watch = self._watch(source)
        watch.read = callback
        self._epoll.modify(watch.fd, watch.events)

    def on_writable(self, source: Source, callback: Callable[[], None]) -> None:
        """From now on, call ``callback`` whenever the source is writable, in error or closed by its peer.

        It replaces the source's earlier callback for writing.
        """
        watch = self._watch(source)
        watch.write = callback
        self._epoll.modify(watch.fd, watch.events)

    def _watch(self, source: Source) -> _Watch:
        fd = _fileno(source)
        watch = self._watches.get(fd)
        if watch is None:
            self._epoll.register(fd, 0)
            watch = self._watches[fd] = _Watch(fd)
        return watch

    def off_writable(self, source: Source) -> None:
        """Remove the source's callback for writing; the one for reading stays."""
        watch = self._watches.get(_fileno(source))
        if watch is None:
            return
        watch.write = None
        if watch.read is None:
            self.forget(source)
        else:
            self._epoll.modify(watch.fd, watch.events)

    def off_readable(self, source: Source) -> None:
        """Remove the source's callback for reading; the one for writing stays."""
        watch = self._watches.get(_fileno(source))
        if watch is None:
            return
        watch.read = None
        if watch.write is None:
            self.forget(source)
        else:
            self._epoll.modify(watch.fd, watch.events)

    def forget(self, source: Source) -> None:
        """Remove both callbacks of a source (a file descriptor). Call it before closing the descriptor."""
        watch = self._watches.pop(_fileno(source), None)
        if watch is not None:
            self._epoll.unregister(watch.fd)
            watch.fd = -1

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Set and return a timer that calls ``callback`` once, when ``now()`` reaches ``when`` (seconds)."""
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Set and return a timer that calls ``callback`` once, after ``delay`` seconds."""
        return self.call_at(self.now() + delay, callback)

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        """Wait and call callbacks until ``stop()``. An exception in a callback ends the loop and propagates.

        OSErrors for a missing file descriptor (EMFILE, ENFILE) are only logged; a timer's callback is then
        repeated after RETRY seconds.
        """
        self._running = True
        while self._running:
            self.run_once(self._timeout())

    def _timeout(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - clock_gettime(CLOCK_BOOTTIME))

    def run_once(self, timeout: float | None) -> None:
        """Wait at most ``timeout`` seconds (None: no limit), then call the callbacks that are ready or due.

        Those of at most MAX_READY descriptors are called; the others are still ready in the next turn. A
        timer that a callback sets by `call_later` is due in the next turn at the earliest: packets are
        judged in between.
        """
        watches = self._watches
        ready = [(watches[fd], events) for fd, events in self._epoll.poll(timeout, MAX_READY)]
        now = clock_gettime(CLOCK_BOOTTIME)
        for watch, events in ready:
            try:
                # EPOLLERR and EPOLLHUP call both: the read or the write reports the error.
                if events & ~EPOLLOUT and watch.fd >= 0 and watch.read is not None:
                    watch.read()
                if events & ~EPOLLIN and watch.fd >= 0 and watch.write is not None:
                    watch.write()
            except OSError as error:
                self.report_shortage(error)
        timers = self._timers
        while timers and timers[0][0] <= now:
            callback_or_none = heapq.heappop(timers)[2].callback
            if callback_or_none is not None:
                try:
                    callback_or_none()
                except OSError as error:
                    self.report_shortage(error)
                    self.call_later(RETRY, callback_or_none)  # a periodic callback sets its next timer last

    def report_shortage(self, error: OSError) -> None:
        """Log and record that no file descriptor was free. Raises ``error`` again if it is another error."""
        if error.errno not in NO_DESCRIPTOR:
            raise error
        self.shortage = self.now()
        _log.error("The daemon has no free file descriptor. What needed one is tried again.")

    def problems(self) -> list[str]:
        """Return a list with one sentence if a file descriptor was missing in the last REPORT_FOR seconds.

        Otherwise it is empty.
        """
        if self.shortage is None or self.now() - self.shortage > REPORT_FOR:
            return []
        limit, _ = getrlimit(RLIMIT_NOFILE)
        return [
            f"The daemon used all of its {limit} file descriptors. The filter works, but some requests "
            "failed or had to wait. If this line stays, restart the daemon and report it."
        ]

    def close(self) -> None:
        self._epoll.close()


class Signals:
    """Makes SIGTERM, SIGINT and SIGHUP readable from a descriptor (``fileno``) instead of their usual effect.

    SIGUSR1 and SIGUSR2 are ignored. Create it before the loop: signals that arrive during the start then
    wait until the loop runs.
    """

    def __init__(self) -> None:
        self._pending: dict[int, None] = {}
        self._reader, self._writer = socket.socketpair()
        for sock in (self._reader, self._writer):
            sock.setblocking(False)
        # A flood of signals fills the socket: the handlers then still note which signals arrived.
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in HANDLED_SIGNALS:
            signal.signal(number, lambda received, _: self._pending.setdefault(received))
        for number in IGNORED_SIGNALS:
            signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        return self._reader.fileno()

    def received(self) -> list[int]:
        """Return the numbers of the signals that arrived since the last call, each once. Never blocks."""
        try:
            read = self._reader.recv(MAX_SIGNALS)
        except BlockingIOError:
            read = b""
        pending, self._pending = self._pending, {}
        return list(dict.fromkeys([*pending, *(number for number in read if number in HANDLED_SIGNALS)]))

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()


def _fileno(source: Source) -> int:
    return source if isinstance(source, int) else source.fileno()

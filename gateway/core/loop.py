"""The one event loop: readable file descriptors and timers, in one thread, on one clock.

Everything that waits in the daemon waits here, so that no two parts ever run at once and no lock exists.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT, epoll
from time import CLOCK_BOOTTIME, clock_gettime
from typing import Protocol

MAX_READY = 64  # descriptors that one turn serves; the others are still ready in the next


class HasFileno(Protocol):
    def fileno(self) -> int: ...


Source = int | HasFileno


class Timer:
    """A call that is due at ``when`` (seconds of CLOCK_BOOTTIME); ``cancel()`` is idempotent."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class _Watch:
    """What is waited for on one descriptor, and what is called then."""

    __slots__ = ("fd", "read", "write")

    def __init__(self, fd: int) -> None:
        self.fd = fd  # negative once it is forgotten
        self.read: Callable[[], None] | None = None
        self.write: Callable[[], None] | None = None

    @property
    def events(self) -> int:
        return (EPOLLIN if self.read else 0) | (EPOLLOUT if self.write else 0)


class Loop:
    """An epoll descriptor and a heap of timers. Used by itself, since `selectors` costs 3 us a turn more."""

    def __init__(self) -> None:
        self._epoll = epoll()
        self._watches: dict[int, _Watch] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False

    @staticmethod
    def now() -> float:
        """Seconds since boot, suspend included: the daemon's only clock for durations."""
        return clock_gettime(CLOCK_BOOTTIME)

    def on_readable(self, source: Source, callback: Callable[[], None]) -> None:
        watch = self._watch(source)
        watch.read = callback
        self._epoll.modify(watch.fd, watch.events)

    def on_writable(self, source: Source, callback: Callable[[], None]) -> None:
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
        """Stop waiting for room to write; reading goes on."""
        watch = self._watches.get(_fileno(source))
        if watch is None:
            return
        watch.write = None
        if watch.read is None:
            self.forget(source)
        else:
            self._epoll.modify(watch.fd, watch.events)

    def off_readable(self, source: Source) -> None:
        """Read nothing for now; waiting for room to write goes on."""
        watch = self._watches.get(_fileno(source))
        if watch is None:
            return
        watch.read = None
        if watch.write is None:
            self.forget(source)
        else:
            self._epoll.modify(watch.fd, watch.events)

    def forget(self, source: Source) -> None:
        """Stop watching; call it before closing the descriptor."""
        watch = self._watches.pop(_fileno(source), None)
        if watch is not None:
            self._epoll.unregister(watch.fd)
            watch.fd = -1

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return self.call_at(self.now() + delay, callback)

    def stop(self) -> None:
        self._running = False

    def run(self) -> None:
        """Run until ``stop()``; an exception in a callback ends it and propagates."""
        self._running = True
        while self._running:
            self.run_once(self._timeout())

    def _timeout(self) -> float | None:
        if not self._timers:
            return None
        return max(0.0, self._timers[0][0] - clock_gettime(CLOCK_BOOTTIME))

    def run_once(self, timeout: float | None) -> None:
        """Wait for at most ``timeout`` seconds (None: for ever), and call what is ready and what is due."""
        watches = self._watches
        ready = [(watches[fd], events) for fd, events in self._epoll.poll(timeout, MAX_READY)]
        for watch, events in ready:
            # Trouble and hang-ups wake both: reading or writing is what tells them apart.
            if events & ~EPOLLOUT and watch.fd >= 0 and watch.read is not None:
                watch.read()
            if events & ~EPOLLIN and watch.fd >= 0 and watch.write is not None:
                watch.write()
        timers = self._timers
        if not timers:
            return
        now = clock_gettime(CLOCK_BOOTTIME)
        while timers and timers[0][0] <= now:
            callback_or_none = heapq.heappop(timers)[2].callback
            if callback_or_none is not None:
                callback_or_none()

    def close(self) -> None:
        self._epoll.close()


def _fileno(source: Source) -> int:
    return source if isinstance(source, int) else source.fileno()

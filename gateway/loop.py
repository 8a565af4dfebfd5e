"""The one event loop: readable file descriptors and timers, in one thread, on one clock.

Everything that waits in the daemon waits here, so that no two parts ever run at once and no lock exists.
"""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from collections.abc import Callable
from typing import Protocol


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


class Loop:
    """A selector and a heap of timers."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._running = False

    @staticmethod
    def now() -> float:
        """Seconds since boot, suspend included: the daemon's only clock for durations."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def on_readable(self, source: Source, callback: Callable[[], None]) -> None:
        self._set(source, selectors.EVENT_READ, callback)

    def on_writable(self, source: Source, callback: Callable[[], None]) -> None:
        self._set(source, selectors.EVENT_WRITE, callback)

    def _set(self, source: Source, event: int, callback: Callable[[], None]) -> None:
        try:
            key = self._selector.get_key(source)
        except KeyError:
            self._selector.register(source, event, {event: callback})
            return
        self._selector.modify(source, key.events | event, {**key.data, event: callback})

    def off_writable(self, source: Source) -> None:
        """Stop waiting for room to write; reading goes on."""
        try:
            key = self._selector.get_key(source)
        except KeyError:
            return
        callbacks = {e: c for e, c in key.data.items() if e != selectors.EVENT_WRITE}
        if callbacks:
            self._selector.modify(source, selectors.EVENT_READ, callbacks)
        else:
            self._selector.unregister(source)

    def forget(self, source: Source) -> None:
        """Stop watching; call it before closing the descriptor."""
        try:
            self._selector.unregister(source)
        except (KeyError, ValueError):
            return

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
        return max(0.0, self._timers[0][0] - self.now())

    def run_once(self, timeout: float | None) -> None:
        for key, events in self._selector.select(timeout):
            for event, callback in tuple(key.data.items()):
                if events & event:
                    callback()
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            callback_or_none = heapq.heappop(self._timers)[2].callback
            if callback_or_none is not None:
                callback_or_none()

    def close(self) -> None:
        self._selector.close()

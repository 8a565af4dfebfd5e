"""Something that is done soon after it was asked for, and not too often: devices can ask again and again."""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.loop import Loop, Timer


class Seldom:
    """``do`` is called in the loop's next turn, and at most once in ``every`` seconds."""

    def __init__(self, loop: Loop, every: float, do: Callable[[], None]) -> None:
        self._loop = loop
        self._every = every
        self._do = do
        self._next = 0.0
        self._timer: Timer | None = None
        self._again = False

    def soon(self) -> None:
        if self._timer is None:
            delay = max(0.0, self._next - self._loop.now())
            self._timer = self._loop.call_later(delay, self._now)

    def later(self) -> None:
        """Not before ``every`` seconds from now: where it is due sooner, it is done once more after that."""
        if self._timer is not None:
            self._again = True
            return
        self._next = self._loop.now() + self._every
        self.soon()

    def rest(self, seconds: float) -> None:
        """Where it took long: not before so many seconds from now."""
        self._next = max(self._next, self._loop.now() + seconds)

    def _now(self) -> None:
        self._timer = None
        self._next = self._loop.now() + self._every
        self._do()
        if self._again:
            self._again = False
            self.later()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

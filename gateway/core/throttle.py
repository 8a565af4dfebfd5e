"""Limits how often an action runs, since devices can trigger it again and again."""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.loop import Loop, Timer


class Throttle:
    """Runs the action ``do`` from the event loop when it is requested, at most once in ``every`` seconds."""

    def __init__(self, loop: Loop, every: float, do: Callable[[], None]) -> None:
        self._loop = loop
        self._every = every
        self._do = do
        self._next = 0.0
        self._timer: Timer | None = None
        self._again = False

    def soon(self) -> None:
        """Run the action once, as soon as the rate allows, from the event loop.

        Does nothing if a run is scheduled.
        """
        if self._timer is None:
            delay = max(0.0, self._next - self._loop.now())
            self._timer = self._loop.call_later(delay, self._now)

    def later(self) -> None:
        """Run the action once, ``every`` seconds from now.

        If a run is scheduled, run it again ``every`` seconds after that.
        """
        if self._timer is not None:
            self._again = True
            return
        self._next = self._loop.now() + self._every
        self.soon()

    def rest(self, seconds: float) -> None:
        """Do not start the action in the next ``seconds``, since it took long.

        A run that is scheduled already still happens; one that is requested meanwhile happens
        afterwards.
        """
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

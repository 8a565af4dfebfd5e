"""The wall clock of the household."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

_SYSTEM = partial(datetime.now, UTC)


class WallClock:
    """Returns the current time: the system clock plus two adjustments.

    ``offset`` is zero except in the simulated network, where tests move time forward. ``correction`` is zero
    unless the machine's clock is known to be wrong (`household.clock_watch`).
    """

    def __init__(self, system: Callable[[], datetime] = _SYSTEM) -> None:
        self.offset = timedelta()
        self.correction = timedelta()
        self._system = system

    def now(self) -> datetime:
        """Return the household's present time as an aware datetime in UTC: the adjusted system clock."""
        if self.offset or self.correction:
            return self._system() + self.offset + self.correction
        return self._system()

"""What time it is for the family: local wall time, from one place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

_SYSTEM = partial(datetime.now, UTC)


class WallClock:
    """The machine's clock, and what is added to it.

    ``offset`` is zero but in the virtual home, where an evening must not be waited for: time is taken to have
    passed. ``correction`` is zero but while the machine's clock is known to be wrong (`daemon.clockwatch`).
    """

    def __init__(self, system: Callable[[], datetime] = _SYSTEM) -> None:
        self.offset = timedelta()
        self.correction = timedelta()
        self._system = system

    def now(self) -> datetime:
        """Aware, in UTC: what is compared most is fastest so."""
        if self.offset or self.correction:
            return self._system() + self.offset + self.correction
        return self._system()

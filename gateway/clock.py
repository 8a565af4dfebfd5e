"""What time it is for the family: local wall time, from one place, so that the virtual home can move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class WallClock:
    """``offset`` is zero but in the virtual home, where an evening must not be waited for."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        """Aware, in UTC: what is compared most is fastest so."""
        return datetime.now(UTC) + self.offset if self.offset else datetime.now(UTC)

"""Numbers the minutes: the numbers only increase, and each minute is at least as long as one of the wall
clock.

Minutes change with those of the wall clock, but are measured by the loop's clock. After the wall clock was
set, one minute is extended until both change together again, so that a jump neither counts a minute twice nor
skips one. This happens once a day at most: whoever can set the clock would otherwise get two minutes counted
as one. Until then they change at different times.
"""

from __future__ import annotations

from math import floor

from gateway.store.minutes_file import ClockRecord

MINUTE = 60.0
SLIP = 0.5  # seconds by which a minute may be shorter, while the wall clock is adjusted gradually
TICK = 10.0
APART = 86_400.0  # seconds at least between two extended minutes


class MinuteClock:
    """``now`` is the loop's clock, ``wall`` the family's, in seconds of Unix time."""

    def __init__(self, now: float, wall: float, boot: bytes, last: ClockRecord | None = None) -> None:
        """Continue the same minute if it still runs.

        ``boot`` identifies this boot of the machine. ``last``: when the last recorded minute began.
        """
        self._boot = boot
        phase = wall % MINUTE
        self.number = floor(wall / MINUTE)
        self.started = now - phase  # as if it had begun with the wall clock's minute
        if last is not None and last.boot == boot and last.started <= now:
            passed = max(0, floor((self.started - last.started + SLIP) / MINUTE))
            self.number = last.minute + passed
            if not passed:
                self.started = last.started
        elif last is not None:
            self.number = (
                last.minute if last.wall == floor(wall / MINUTE) else max(self.number, last.minute + 1)
            )
        self.ends = now + MINUTE - phase
        self._wall = floor(wall / MINUTE)
        self._longer = -APART  # when the last extended minute began

    def turn(self, now: float, wall: float) -> bool:
        """Advance to the minute of ``now``. Returns False if it is still the same."""
        if now < self.ends:
            return False
        passed = 1 + floor((now - self.ends) / MINUTE)  # more than one if the machine was suspended
        self.number += passed
        self.started = self.ends + (passed - 1) * MINUTE
        self.ends = self._end(wall - now)
        self._wall = round((wall + self.started - now) / MINUTE)
        return True

    def _end(self, ahead: float) -> float:
        """Return the end of the minute that has begun. ``ahead``: the wall's seconds minus the loop's."""
        earliest = self.started + MINUTE - SLIP
        together = earliest + -(ahead + earliest) % MINUTE
        if together <= self.started + MINUTE + SLIP:
            return together
        if self.started - self._longer < APART:
            return self.started + MINUTE
        self._longer = self.started
        return together

    def next_tick(self, now: float) -> float:
        """Return the time of the next look: ten-second steps before the minute's end, and the end."""
        steps = max(0, floor((self.ends - now - SLIP) / TICK))
        return self.ends - steps * TICK

    @property
    def record(self) -> ClockRecord:
        return ClockRecord(self.number, self.started, self._wall, self._boot)

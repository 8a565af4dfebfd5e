"""The running minutes: numbers that only rise, each at least as long as a minute of the wall.

Minutes turn with the wall clock's, but last by the loop's clock. Where the wall clock was set, one minute is
made longer until both turn together again; so a jump neither counts a minute twice nor skips one. Once a day
at most: two minutes that count as one are a gift to whoever can set the clock. Until then they turn apart.
"""

from __future__ import annotations

from math import floor

from gateway.store.minute_records import ClockRecord

MINUTE = 60.0
SLIP = 0.5  # seconds; by this much a minute may be shorter, where the wall clock is being slowed or hurried
TICK = 10.0
APART = 86_400.0  # seconds at least between two minutes that were made longer


class MinuteClock:
    """``now`` is the loop's clock, ``wall`` the family's, in seconds of Unix time."""

    def __init__(self, now: float, wall: float, boot: bytes, last: ClockRecord | None = None) -> None:
        """``boot`` tells this start of the machine from others; ``last``: when the last minute that was
        written of began. The same minute goes on where it still runs.
        """
        self._boot = boot
        phase = wall % MINUTE
        self.number = floor(wall / MINUTE)
        self.started = now - phase  # as if it had run from the wall's minute on
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
        self._longer = -APART  # when the last minute began that was made longer

    def turn(self, now: float, wall: float) -> bool:
        """Go on to the minute that runs at ``now``; False where it is still the same."""
        if now < self.ends:
            return False
        passed = 1 + floor((now - self.ends) / MINUTE)  # more than one where the machine slept
        self.number += passed
        self.started = self.ends + (passed - 1) * MINUTE
        self.ends = self._end(wall - now)
        self._wall = round((wall + self.started - now) / MINUTE)
        return True

    def _end(self, ahead: float) -> float:
        """When the minute that has begun shall end; ``ahead``: the wall's seconds less the loop's."""
        earliest = self.started + MINUTE - SLIP
        together = earliest + -(ahead + earliest) % MINUTE
        if together <= self.started + MINUTE + SLIP:
            return together
        if self.started - self._longer < APART:
            return self.started + MINUTE
        self._longer = self.started
        return together

    def next_tick(self, now: float) -> float:
        """When to look next: in steps of ten seconds before the minute's end, and at it."""
        steps = max(0, floor((self.ends - now - SLIP) / TICK))
        return self.ends - steps * TICK

    @property
    def record(self) -> ClockRecord:
        return ClockRecord(self.number, self.started, self._wall, self._boot)

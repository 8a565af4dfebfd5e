"""Decides whether the clock is right, and handles clock changes. Reasons: docs/families/clock.md.

It never sets the system clock. Once the time is known, the household's clock is the system clock, whoever
sets it. Only a guardian's phone can say that the system clock is wrong: the household's clock then differs
from it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.core.clock import WallClock
from gateway.core.errors import KernelError
from gateway.core.loop import Loop, Timer
from gateway.household import clock_files as clockfiles
from gateway.household.clock_files import ClockRun, LastTime
from gateway.household.members import CONSOLE
from gateway.household.time_sources import SERVICES, TOLERANCE, Machine, Reading, Source, at_first
from gateway.kernel.clocks import SetAlarm
from gateway.policy.time.clock_changes import Jump

SMALLEST = 1.0  # seconds; smaller steps are ignored until they add up to it
SAME = 60.0  # seconds by which two guardians' phones may differ and still agree
LOOK = 1.0  # seconds between two looks while the time is unknown
CALM_LOOK = 15.0  # seconds, while it is known
STORE = 900.0  # seconds between two writes of the last time, to spare flash memory
PHONE_MOST = timedelta(days=3653)  # after the last known time; a later time of a phone is refused

_log = logging.getLogger(__name__)


class ClockWatch:
    """Watches the clock. The constructor uses stored times and takes the first look; ``start`` continues.

    ``changed`` is called for every jump, and when the time becomes known. ``played``: None outside of the
    virtual home, else whether its simulated clock is known.
    """

    def __init__(
        self,
        loop: Loop,
        clock: WallClock,
        state: Path,
        runtime: Path,
        changed: Callable[[Jump], None],
        *,
        machine: Machine | None = None,
        played: bool | None = None,
    ) -> None:
        self.played = played is not None
        self._loop = loop
        self._clock = clock
        self._state = state
        self._runtime = runtime
        self._changed = changed
        self._machine = machine or Machine()
        self._started = False
        self._timers: dict[str, Timer] = {}
        self._alarm: SetAlarm | None = None
        self._last = self._written = clockfiles.read_last(state)
        self._looked = -1.0  # seconds since boot
        self._missed: Jump | None = None  # a jump while no daemon ran
        reading = self._machine.read()
        kept = None if self.played else clockfiles.read_run(runtime, self._machine.boot_id)
        if kept is not None and kept.source in [source.value for source in Source]:
            self._go_on(kept, reading)
            return
        self._source = Source.HOME if played else Source.NOBODY
        self._run = ClockRun(
            self._machine.boot_id, reading.system, reading.system, self._source.value, "", -1.0
        )
        if not self.played:
            self._begin(reading)

    def _begin(self, reading: Reading) -> None:
        """Take the first look since boot."""
        found = self._service() or at_first(self._machine, self._last, reading)
        if found is not Source.NOBODY:
            self._conclude(reading, found, reading.system)
            return
        if self._last.rtc:
            # Its battery may be empty, and a script may have set it: a time source must confirm it again.
            self._keep(replace(self._last, rtc=False))
        self._conclude(reading, Source.NOBODY, self._at_least(reading))

    def _go_on(self, kept: ClockRun, reading: Reading) -> None:
        """Continue from an earlier daemon's looks since this boot."""
        self._run = kept
        self._source = Source(kept.source)
        self._looked = kept.doubted
        self._clock.correction = timedelta(seconds=kept.wall - kept.system)
        self._missed = self._examine(reading)

    @property
    def known(self) -> bool:
        return self._source is not Source.NOBODY

    @property
    def source(self) -> Source:
        return self._source

    @property
    def why(self) -> str:
        """Return the source of the time in a few words."""
        if self._source is not Source.PHONE:
            return self._source.value
        return "set by root" if self._run.by == CONSOLE else f"guardian {self._run.by}'s phone"

    @property
    def lower_bound(self) -> datetime:
        """Return the last time that a time service confirmed. The time is later than that; nothing else is
        known.
        """
        return datetime.fromtimestamp(self._last.at, UTC)

    @property
    def aside(self) -> timedelta:
        """Return how far the household's time is ahead of the system clock; zero if they are equal."""
        return self._clock.correction

    def start(self) -> None:
        """Start watching. Reports a jump that happened while no daemon ran.

        The constructor writes nothing, because another daemon may be running.
        """
        self._started = True
        self._note_run()
        if self._last is not self._written:
            clockfiles.write(self._state, self._last)
        missed, self._missed = self._missed, None
        if missed is not None:
            self._tell(missed)
        if self.played:
            return
        try:
            self._alarm = SetAlarm()
        except KernelError as error:
            _log.warning("%s. A jump of the clock is noticed within %d seconds.", error, CALM_LOOK)
        else:
            self._loop.on_readable(self._alarm, self._alarmed)
        self._look_again()
        self._store_again()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._alarm is not None:
            self._loop.forget(self._alarm)
            self._alarm.close()
            self._alarm = None
        self.store()

    def _alarmed(self) -> None:
        if self._alarm is not None and self._alarm.was_set():
            self.look()

    def _look_again(self) -> None:
        self.look()
        self._timers["look"] = self._loop.call_later(CALM_LOOK if self.known else LOOK, self._look_again)

    def _store_again(self) -> None:
        self.store()
        self._timers["store"] = self._loop.call_later(STORE, self._store_again)

    def look(self) -> None:
        """Compare the clocks now."""
        if self.played:
            return
        jump = self._examine(self._machine.read())
        if jump is not None:
            self._tell(jump)

    def _tell(self, jump: Jump) -> None:
        seconds = round(jump.size.total_seconds())
        if seconds:
            way = "forward" if seconds > 0 else "back"
            _log.info("the time went %s by %s", way, timedelta(seconds=abs(seconds)))
        if jump.known and not jump.was_known:
            _log.info("the time is known: %s", self.why)
        self._changed(jump)

    def _examine(self, reading: Reading) -> Jump | None:
        """Apply what changed since the last look, and return the jump if there was one."""
        was_set = abs(reading.system - self._run.system) >= SMALLEST
        if was_set:
            self._run = replace(self._run, doubted=self._looked)
        self._looked = reading.boot
        service = self._service()
        if service is not None:
            return self._conclude(reading, service, reading.system)
        if not self.known:
            return self._conclude(reading, Source.NOBODY, self._at_least(reading))
        if not was_set:
            return None
        if self._source is Source.PHONE and self.objection(datetime.fromtimestamp(reading.real, UTC)):
            return self._conclude(reading, Source.PHONE, self._run.wall)
        return self._conclude(reading, Source.ROOT, reading.system)

    def _service(self) -> Source | None:
        """Return the time service that confirms the clock as it is now."""
        if self._machine.synchronised():
            return Source.SERVICE
        stamp = clockfiles.read_stamp(self._runtime, self._machine.boot_id)
        return Source.STAMP if stamp is not None and stamp > self._run.doubted else None

    def _at_least(self, reading: Reading) -> float:
        """Return the unconfirmed system time, but no earlier than a time that has passed."""
        run = self._run
        ours = run.wall if run.wall >= run.system + SMALLEST else reading.system
        return max(reading.system, ours, max(self._last.at, self._last.heard) - reading.boot)

    def _conclude(self, reading: Reading, source: Source, wall: float, by: str | None = None) -> Jump | None:
        """Set the time to ``wall`` (less the seconds since boot), as ``source`` says. Return the jump."""
        run, was_known = self._run, self.known
        learned = source is not self._source or (by is not None and by != run.by)
        moved = abs(wall - run.wall) >= SMALLEST
        if not learned and not moved and abs(reading.system - run.system) < SMALLEST:
            return None
        self._source = source
        self._run = ClockRun(
            run.boot, wall, reading.system, source.value, run.by if by is None else by, run.doubted
        )
        self._clock.correction = timedelta(seconds=wall - reading.system)
        self._note_run()
        if learned:
            self.store()
        if not moved and was_known == self.known:
            return None
        return Jump(self._moment(reading, run.wall), self._moment(reading, wall), was_known, self.known)

    def _moment(self, reading: Reading, wall: float) -> datetime:
        return datetime.fromtimestamp(wall + reading.boot, UTC) + self._clock.offset

    def store(self) -> None:
        """Store the time, and whether the battery-backed clock agrees with it."""
        if self.played or not self.known or not self._started:
            return
        reading = self._machine.read()
        at = self._run.wall + reading.boot
        rtc_now = self._machine.rtc_now()
        agrees = rtc_now is not None and abs(rtc_now - at) <= TOLERANCE
        if self._source in SERVICES:
            # Also if it is earlier than the known time, which was wrong then.
            self._keep(LastTime(at, heard=at, rtc=agrees))
        else:
            self._keep(replace(self._last, heard=at, rtc=agrees))

    def _keep(self, last: LastTime) -> None:
        self._last = last
        if self._started:
            clockfiles.write(self._state, last)

    def _note_run(self) -> None:
        """Store the clock of this boot, so that a jump is noticed after a restart of the daemon."""
        if self._started and not self.played:
            clockfiles.write(self._runtime, self._run)

    def objection(self, moment: datetime) -> str | None:
        """Return why it cannot be ``moment`` now, whatever the source; None if it can."""
        bound = self.lower_bound
        if moment < bound:
            return f"is before {bound:%Y-%m-%d %H:%M} UTC, which has passed; set the phone's clock"
        if moment > bound + PHONE_MOST:
            return f"is more than ten years after {bound:%Y-%m-%d}; set the phone's clock"
        return None

    def offer(self, moment: datetime, by: str) -> bool:
        """Take the time from a guardian's phone. The caller has checked ``objection``.

        Returns False if nothing changes: the time is known from another source, or another phone said the
        same.
        """
        if self._source not in (Source.NOBODY, Source.PHONE):
            return False
        reading = self._machine.read()
        wall = (moment - self._clock.offset).timestamp() - reading.boot
        if self._source is Source.PHONE and abs(wall - self._run.wall) < SAME:
            return False
        jump = self._conclude(reading, Source.PHONE, wall, by)
        if jump is not None:
            self._tell(jump)
        return True

    def play(
        self, *, offset: timedelta | None = None, known: bool | None = None, jump: timedelta = timedelta()
    ) -> None:
        """Control the virtual home's clock: time passes (``offset``), becomes known or unknown, or jumps."""
        if offset is not None:
            self._clock.offset = offset
        before, was_known = self._clock.now(), self.known
        self._clock.offset += jump
        if known is not None:
            self._source = Source.HOME if known else Source.NOBODY
            self._clock.correction = timedelta()
        self._tell(Jump(before, self._clock.now(), was_known, self.known))

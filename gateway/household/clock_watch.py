"""Decides whether the clock is right, and handles clock changes. Reasons: docs/families/clock.md.

The machine's clock is never set here. Once the time is known, the family's is the machine's, whoever sets
that. Only a guardian's phone says that the machine's is wrong: then the family's runs beside it.
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
from gateway.kernel.timex import SetAlarm
from gateway.policy.time.clock_changes import Jump

SMALLEST = 1.0  # seconds; less is no jump, until several of them add up to it
SAME = 60.0  # seconds between two guardians' phones that are the same time
LOOK = 1.0  # seconds between two looks while the time is unknown
CALM_LOOK = 15.0  # seconds, while it is known
STORE = 900.0  # seconds between two writes of the last time, for the sake of flash
PHONE_MOST = timedelta(days=3653)  # after the last known time; no phone's time is later

_log = logging.getLogger(__name__)


class ClockWatch:
    """Knows what it can know when it is made; ``start`` watches on.

    ``changed`` hears of every jump, and of the time becoming known. ``played``: None outside the virtual
    home, else whether its pretended clock is known.
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
        self._missed: Jump | None = None  # while no daemon ran
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
        """The first look in this start of the machine."""
        found = self._service() or at_first(self._machine, self._last, reading)
        if found is not Source.NOBODY:
            self._conclude(reading, found, reading.system)
            return
        if self._last.rtc:
            # Its battery may be empty, and a script may have written to it: a source of time must agree anew.
            self._keep(replace(self._last, rtc=False))
        self._conclude(reading, Source.NOBODY, self._at_least(reading))

    def _go_on(self, kept: ClockRun, reading: Reading) -> None:
        """An earlier daemon looked in this start of the machine."""
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
        """Who says what time it is, in a few words."""
        if self._source is not Source.PHONE:
            return self._source.value
        return "set by root" if self._run.by == CONSOLE else f"guardian {self._run.by}'s phone"

    @property
    def lower_bound(self) -> datetime:
        """The last time that a time service vouched for. It has passed, and that is all that it says."""
        return datetime.fromtimestamp(self._last.at, UTC)

    @property
    def aside(self) -> timedelta:
        """How far the family's time is ahead of the machine's clock; zero where they are the same."""
        return self._clock.correction

    def start(self) -> None:
        """``changed`` hears at once of a jump while no daemon ran.

        Nothing is written before: another daemon may be at work.
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
            _log.warning("%s; a jump of the clock is noticed within %d seconds", error, CALM_LOOK)
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
        """Take in what has changed since the last look."""
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
        """The time service that vouches for the clock as it is now."""
        if self._machine.synchronised():
            return Source.SERVICE
        stamp = clockfiles.read_stamp(self._runtime, self._machine.boot_id)
        return Source.STAMP if stamp is not None and stamp > self._run.doubted else None

    def _at_least(self, reading: Reading) -> float:
        """A clock that nobody vouches for is followed, but not to before a time that has been."""
        run = self._run
        ours = run.wall if run.wall >= run.system + SMALLEST else reading.system
        return max(reading.system, ours, max(self._last.at, self._last.heard) - reading.boot)

    def _conclude(self, reading: Reading, source: Source, wall: float, by: str | None = None) -> Jump | None:
        """From now on it is ``wall`` (less the seconds since boot), as ``source`` says."""
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
        """Write down the time, and whether the battery's clock has it."""
        if self.played or not self.known or not self._started:
            return
        reading = self._machine.read()
        at = self._run.wall + reading.boot
        rtc_now = self._machine.rtc_now()
        agrees = rtc_now is not None and abs(rtc_now - at) <= TOLERANCE
        if self._source in SERVICES:
            # Also where it is earlier than what was known: then that was wrong.
            self._keep(LastTime(at, heard=at, rtc=agrees))
        else:
            self._keep(replace(self._last, heard=at, rtc=agrees))

    def _keep(self, last: LastTime) -> None:
        self._last = last
        if self._started:
            clockfiles.write(self._state, last)

    def _note_run(self) -> None:
        """A jump is told after a start of the daemon as well."""
        if self._started and not self.played:
            clockfiles.write(self._runtime, self._run)

    def objection(self, moment: datetime) -> str | None:
        """Why it cannot be ``moment`` now, whoever says so; None where it can."""
        bound = self.lower_bound
        if moment < bound:
            return f"is before {bound:%Y-%m-%d %H:%M} UTC, which has passed; set the phone's clock"
        if moment > bound + PHONE_MOST:
            return f"is more than ten years after {bound:%Y-%m-%d}; set the phone's clock"
        return None

    def offer(self, moment: datetime, by: str) -> bool:
        """Take the time from a guardian's phone; False where nothing changes.

        That is so where the time is known from elsewhere, and where another phone said the same. There is no
        ``objection`` to ``moment``.
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
        """The virtual home's clock: time passes (``offset``), becomes known or unknown, or jumps."""
        if offset is not None:
            self._clock.offset = offset
        before, was_known = self._clock.now(), self.known
        self._clock.offset += jump
        if known is not None:
            self._source = Source.HOME if known else Source.NOBODY
            self._clock.correction = timedelta()
        self._tell(Jump(before, self._clock.now(), was_known, self.known))

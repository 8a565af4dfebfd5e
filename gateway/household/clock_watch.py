"""Decides whether the system clock is right, and reports clock changes. Reasons: docs/families/clock.md.

The module never sets the system clock. Once the time is known, the household's clock follows the system
clock. Only the time of a guardian's phone can override it: the household's clock then has an offset.

The runtime folder stores the state of the clock over a restart of the daemon, the state folder over a reboot.
Files that are broken or cannot be written are ignored.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from gateway.core.clock import WallClock
from gateway.core.errors import KernelError
from gateway.core.files import write_atomically
from gateway.core.loop import Loop, Timer
from gateway.household.members import CONSOLE
from gateway.kernel import clocks
from gateway.kernel.clocks import SetAlarm
from gateway.policy.time.clock_changes import Jump

SMALLEST = 1.0  # seconds; smaller steps are ignored until they add up to this
SAME = 60.0  # seconds; phones of guardians that differ by less count as equal
TOLERANCE = 300.0  # seconds; allowed error of the battery-backed clock
LOOK = 1.0  # seconds between two checks while the time is unknown
CALM_LOOK = 15.0  # seconds between two checks while it is known
STORE = 900.0  # seconds between two writes of the last time, to spare flash memory
PHONE_MOST = timedelta(days=3653)  # after `lower_bound`; later times of a phone are refused
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)  # no valid time is earlier: the program is younger

LAST = "clock.last"  # in the state folder
RUN = "clock.run"  # in the runtime folder
STAMP = "clock.synced"  # in the runtime folder; written by the hotplug script of docs/families/clock.md

_MAX_BYTES = 1000  # of a file
_LATEST = 1e11  # Unix seconds (year 5138); larger numbers are invalid
_Stored = TypeVar("_Stored", "LastTime", "ClockRun")
_log = logging.getLogger(__name__)


class TimeSource(StrEnum):
    """The source that confirmed the time, such as a time service, the battery clock or a guardian's phone.

    The value is shown to users. UNKNOWN: none has confirmed it since the boot.
    """

    SERVICE = "synchronised"  # the kernel reports that a time service synchronises the clock
    STAMP = "hotplug stamp"  # the time service's hotplug script reported a synchronised clock
    HOST = "the host's clock"  # this is a virtual machine
    RTC = "battery clock"
    PHONE = "phone"  # a guardian's phone at sign-in, or a time that root entered; the system clock is wrong
    ROOT = "set by root"  # root set the system clock after it was known
    HOME = "virtual home"
    UNKNOWN = "not known"


SERVICES = (TimeSource.SERVICE, TimeSource.STAMP)


@dataclass(frozen=True, slots=True)
class LastTime:
    """The latest known times (Unix seconds), stored for the next boot: of a time service, of any source."""

    at: float = EARLIEST.timestamp()  # from a time service: a lower bound of the right time
    heard: float = EARLIEST.timestamp()  # from any source; a phone or root may be wrong
    # The battery-backed clock agreed with ``heard`` when it was stored. A boot at which no source confirms
    # the time sets this to False.
    rtc: bool = False


@dataclass(frozen=True, slots=True)
class ClockRun:
    """The state of the clock since this boot. ``wall`` and ``system`` are Unix times of the boot."""

    boot: str  # the kernel's boot id
    wall: float  # by the household's clock, without the virtual home's offset
    system: float  # by the system clock
    source: str  # a TimeSource
    by: str  # the guardian whose phone was the source, or CONSOLE; empty: none since the boot
    doubted: float  # seconds since boot; the clock was set after this, so older stamps do not count


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's clocks at one moment."""

    real: float  # Unix seconds
    boot: float  # seconds since boot, including suspend

    @property
    def system(self) -> float:
        """The Unix time of the boot by the system clock; constant unless the clock is set."""
        return self.real - self.boot


class MachineClocks:
    """Reads the machine's clocks. Tests replace it."""

    def __init__(self) -> None:
        self.boot_id = clocks.boot_id()

    def read(self) -> Reading:
        return Reading(*clocks.real_and_boot())

    def synchronised(self) -> bool | None:
        return clocks.synchronised()

    def has_host(self) -> bool:
        return clocks.is_virtual_machine()

    def rtc_at_boot(self) -> float | None:
        return clocks.rtc_boot_time()

    def rtc_now(self) -> int | None:
        return clocks.rtc_time()


class ClockWatch:
    """Decides whether the system clock is right, sets the household's clock, and reports clock changes.

    The household's clock is the program's own: the system clock plus a correction. The system clock
    is never set. The constructor loads the stored state and checks the clock once; `start` begins
    periodic checks.

    Arguments:
        changed: called for each jump, and when the time becomes known.
        played: in the virtual home, whether its simulated clock is known; None otherwise.
    """

    def __init__(
        self,
        loop: Loop,
        clock: WallClock,
        state: Path,
        runtime: Path,
        changed: Callable[[Jump], None],
        *,
        machine: MachineClocks | None = None,
        played: bool | None = None,
    ) -> None:
        self.played = played is not None
        self._loop = loop
        self._clock = clock
        self._state = state
        self._runtime = runtime
        self._changed = changed
        self._machine = machine or MachineClocks()
        self._started = False
        self._timers: dict[str, Timer] = {}
        self._alarm: SetAlarm | None = None
        self._last = self._written = read_last(state)
        self._looked = -1.0  # time of the last check, in seconds since boot
        self._missed: Jump | None = None  # a jump while no daemon ran
        reading = self._machine.read()
        kept = None if self.played else read_run(runtime, self._machine.boot_id)
        if kept is not None and kept.source in [source.value for source in TimeSource]:
            self._resume(kept, reading)
            return
        self._source = TimeSource.HOME if played else TimeSource.UNKNOWN
        self._run = ClockRun(
            self._machine.boot_id, reading.system, reading.system, self._source.value, "", -1.0
        )
        if not self.played:
            self._begin(reading)

    def _begin(self, reading: Reading) -> None:
        """Check the clock for the first time since boot, and set the household's clock."""
        found = self._service() or source_at_boot(self._machine, self._last, reading)
        if found is not TimeSource.UNKNOWN:
            self._set_clock(reading, found, reading.system)
            return
        if self._last.rtc:
            # The battery may be empty, or a script set the clock. A time source must confirm it again.
            self._keep(replace(self._last, rtc=False))
        self._set_clock(reading, TimeSource.UNKNOWN, self._at_least(reading))

    def _resume(self, kept: ClockRun, reading: Reading) -> None:
        """Continue from the stored state of an earlier daemon since this boot."""
        self._run = kept
        self._source = TimeSource(kept.source)
        self._looked = kept.doubted
        self._clock.correction = timedelta(seconds=kept.wall - kept.system)
        self._missed = self._examine(reading)

    @property
    def known(self) -> bool:
        return self._source is not TimeSource.UNKNOWN

    @property
    def source(self) -> TimeSource:
        return self._source

    @property
    def why(self) -> str:
        """The source of the time in a few English words, such as ``guardian Mum's phone``."""
        if self._source is not TimeSource.PHONE:
            return self._source.value
        return "set by root" if self._run.by == CONSOLE else f"guardian {self._run.by}'s phone"

    @property
    def lower_bound(self) -> datetime:
        """The last time that a time service confirmed, or 2026-01-01. The current time is not earlier."""
        return datetime.fromtimestamp(self._last.at, UTC)

    @property
    def aside(self) -> timedelta:
        """How far the household's time is ahead of the system clock, without the virtual home's offset.

        Zero if they are equal, negative if it is behind.
        """
        return self._clock.correction

    def start(self) -> None:
        """Start periodic checks (not in the virtual home); report a jump that happened while no daemon ran.

        The constructor writes nothing, because another daemon may be running.
        """
        self._started = True
        self._note_run()
        if self._last is not self._written:
            write_clock(self._state, self._last)
        missed, self._missed = self._missed, None
        if missed is not None:
            self._report(missed)
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
        """Check the system clock now, and set the household's clock by it; not in the virtual home.

        Calls ``changed`` after a jump of the household's clock, or if the time became known.
        """
        if self.played:
            return
        jump = self._examine(self._machine.read())
        if jump is not None:
            self._report(jump)

    def _report(self, jump: Jump) -> None:
        seconds = round(jump.size.total_seconds())
        if seconds:
            way = "forward" if seconds > 0 else "back"
            _log.info("The clock jumped %s by %s.", way, timedelta(seconds=abs(seconds)))
        if jump.known and not jump.was_known:
            _log.info("The time is known. Source: %s.", self.why)
        self._changed(jump)

    def _examine(self, reading: Reading) -> Jump | None:
        """Set the household's clock from a new reading of the machine's clocks. Return the jump, or None.

        A jump is also returned if only the time became known.
        """
        was_set = abs(reading.system - self._run.system) >= SMALLEST
        if was_set:
            self._run = replace(self._run, doubted=self._looked)
        self._looked = reading.boot
        service = self._service()
        if service is not None:
            return self._set_clock(reading, service, reading.system)
        if not self.known:
            return self._set_clock(reading, TimeSource.UNKNOWN, self._at_least(reading))
        if not was_set:
            return None
        if self._source is TimeSource.PHONE and not self.is_possible(
            datetime.fromtimestamp(reading.real, UTC)
        ):
            return self._set_clock(reading, TimeSource.PHONE, self._run.wall)
        return self._set_clock(reading, TimeSource.ROOT, reading.system)

    def _service(self) -> TimeSource | None:
        """Return the time service that confirms the current clock, or None.

        A report of the hotplug script counts only if the clock was not set after it.
        """
        if self._machine.synchronised():
            return TimeSource.SERVICE
        stamp = read_stamp(self._runtime, self._machine.boot_id)
        return TimeSource.STAMP if stamp is not None and stamp > self._run.doubted else None

    def _at_least(self, reading: Reading) -> float:
        """Return the Unix time of the boot to use while the time is unknown.

        It is so late that the present is not before any of the stored times.
        """
        run = self._run
        ours = run.wall if run.wall >= run.system + SMALLEST else reading.system
        return max(reading.system, ours, max(self._last.at, self._last.heard) - reading.boot)

    def _set_clock(
        self, reading: Reading, source: TimeSource, wall: float, by: str | None = None
    ) -> Jump | None:
        """Set the household's clock, as confirmed by ``source``. Return the jump, or None.

        ``wall``: the Unix time of the boot. ``by``: the guardian whose phone is the source; None:
        as before.
        """
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
        """Write the current time to the state folder, and whether the battery-backed clock agrees with it.

        Does nothing while the time is unknown, before `start`, and in the virtual home.
        """
        if self.played or not self.known or not self._started:
            return
        reading = self._machine.read()
        at = self._run.wall + reading.boot
        rtc_now = self._machine.rtc_now()
        agrees = rtc_now is not None and abs(rtc_now - at) <= TOLERANCE
        if self._source in SERVICES:
            # Store it even if it is earlier than the known time: that one was wrong.
            self._keep(LastTime(at, heard=at, rtc=agrees))
        else:
            self._keep(replace(self._last, heard=at, rtc=agrees))

    def _keep(self, last: LastTime) -> None:
        self._last = last
        if self._started:
            write_clock(self._state, last)

    def _note_run(self) -> None:
        """Store the clock of this boot, so that the next daemon detects a jump."""
        if self._started and not self.played:
            write_clock(self._runtime, self._run)

    def is_possible(self, moment: datetime) -> bool:
        """Return whether ``moment`` can be the current time.

        It cannot if it is before `lower_bound`, or more than ten years (PHONE_MOST) after that.
        """
        return self.lower_bound <= moment <= self.lower_bound + PHONE_MOST

    def offer(self, moment: datetime, by: str) -> bool:
        """Use the time of the phone of the guardian ``by``. The caller has checked `is_possible`.

        Return False if nothing changes: another source confirmed the time, or the phone differs by
        less than a minute from the phone that set it.
        """
        if self._source not in (TimeSource.UNKNOWN, TimeSource.PHONE):
            return False
        reading = self._machine.read()
        wall = (moment - self._clock.offset).timestamp() - reading.boot
        if self._source is TimeSource.PHONE and abs(wall - self._run.wall) < SAME:
            return False
        jump = self._set_clock(reading, TimeSource.PHONE, wall, by)
        if jump is not None:
            self._report(jump)
        return True

    def play(
        self, *, offset: timedelta | None = None, known: bool | None = None, jump: timedelta = timedelta()
    ) -> None:
        """Change the virtual home's simulated clock: its offset, whether it is known, and by a jump.

        ``offset`` is set first and is not reported as a jump. ``jump`` is then added to it, and reported like
        a jump of a real clock.
        """
        if offset is not None:
            self._clock.offset = offset
        before, was_known = self._clock.now(), self.known
        self._clock.offset += jump
        if known is not None:
            self._source = TimeSource.HOME if known else TimeSource.UNKNOWN
            self._clock.correction = timedelta()
        self._report(Jump(before, self._clock.now(), was_known, self.known))


def source_at_boot(machine: MachineClocks, last: LastTime, reading: Reading) -> TimeSource:
    """Return what confirms the system clock at boot if no time service does: HOST, RTC or UNKNOWN.

    UNKNOWN also if the clock is before the time in ``last`` that a time service confirmed.
    """
    if reading.real < last.at:
        return TimeSource.UNKNOWN
    if machine.has_host():
        return TimeSource.HOST
    return TimeSource.RTC if last.rtc and _rtc_is_right(machine, reading) else TimeSource.UNKNOWN


def _rtc_is_right(machine: MachineClocks, reading: Reading) -> bool:
    """Return whether the battery-backed clock confirms the system clock.

    That is: the kernel took its time from it at boot, the system clock was not set since, and it still runs.
    """
    at_boot, now = machine.rtc_at_boot(), machine.rtc_now()
    return (
        at_boot is not None
        and now is not None
        and abs(at_boot - reading.system) <= TOLERANCE
        and abs(now - reading.real) <= TOLERANCE
    )


def read_last(state: Path) -> LastTime:
    return _read(state / LAST, LastTime) or LastTime()


def read_run(runtime: Path, boot: str) -> ClockRun | None:
    """Return the stored clock of this boot; None if there is none."""
    run = _read(runtime / RUN, ClockRun)
    return run if run is not None and run.boot == boot else None


def write_clock(folder: Path, kept: LastTime | ClockRun) -> None:
    path = folder / (LAST if isinstance(kept, LastTime) else RUN)
    try:
        write_atomically(path, json.dumps(asdict(kept)).encode("ascii") + b"\n")
    except OSError as error:
        _log.warning("%s: cannot be written (%s)", path, error.strerror)


def read_stamp(runtime: Path, boot: str) -> float | None:
    """Return when the hotplug script confirmed the time, in seconds since this boot; None if it did not.

    None also for a broken file. The file has the kernel's boot id on its first line and /proc/uptime on its
    second.
    """
    words = _read_bytes(runtime / STAMP).split()
    if len(words) < 2 or words[0] != boot.encode("ascii"):
        return None
    try:
        return float(words[1])
    except ValueError:
        return None


def _read(path: Path, kind: type[_Stored]) -> _Stored | None:
    try:
        values: Any = json.loads(_read_bytes(path))
    except ValueError:
        return None
    if not isinstance(values, Mapping):
        return None
    found: dict[str, Any] = {field.name: values.get(field.name) for field in fields(kind)}
    fit = all(_fits(found[field.name], str(field.type)) for field in fields(kind))
    return kind(**found) if fit else None


def _fits(value: Any, kind: str) -> bool:
    if kind == "float":
        return isinstance(value, float) and abs(value) < _LATEST
    return isinstance(value, bool if kind == "bool" else str)


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""

"""A machine whose clocks are numbers, and which nothing keeps waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.core.clock import WallClock
from gateway.core.loop import Loop
from gateway.household.clock_watch import STAMP, ClockWatch, MachineClocks, Reading
from gateway.policy.time.clock_changes import Jump

RIGHT = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
DAY = 86400.0
NOTHING = timedelta()


class PlayedMachine(MachineClocks):
    """The right time is ``RIGHT`` at its first boot, and goes on while it is off."""

    def __init__(self) -> None:
        self.right = RIGHT.timestamp()
        self.boots = 0
        self.guest = False
        self.start()

    def start(self, *, off: float = 0.0, behind: float = 0.0) -> None:
        """Switched on again after ``off`` seconds; its clock is ``behind`` then."""
        self.boots += 1
        self.boot_id = f"boot-{self.boots}"
        self.right += off
        self.boot = 10.0
        self.ahead = -behind  # of the machine's clock
        self.kept: bool | None = False
        self.rtc: float | None = None  # ahead of the right time; None: there is none
        self.said: float | None = None

    def wait(self, seconds: float) -> None:
        self.right += seconds
        self.boot += seconds

    def read(self) -> Reading:
        return Reading(self.right + self.ahead, self.boot)

    def synchronised(self) -> bool | None:
        return self.kept

    def has_host(self) -> bool:
        return self.guest

    def rtc_at_boot(self) -> float | None:
        return self.said

    def rtc_now(self) -> int | None:
        return None if self.rtc is None else int(self.right + self.rtc)

    def with_battery(self, ahead: float = 0.0) -> None:
        """A battery's clock, from which the kernel took its time."""
        self.rtc = ahead
        self.said = self.right + ahead - self.boot

    def stamp(self, runtime: Path) -> None:
        """As the hotplug script writes it."""
        (runtime / STAMP).write_text(f"{self.boot_id}\n{self.boot:.2f} 4.00\n")


class Scene:
    """A gateway's clock watch: begun, ended, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.state, self.runtime = folder / "state", folder / "run"
        for one in (self.state, self.runtime):
            one.mkdir()
        self.machine = PlayedMachine()
        self.jumps: list[Jump] = []
        self.loop = Loop()
        self._watch: ClockWatch | None = None

    def begin(self, *, played: bool | None = None) -> ClockWatch:
        self.clock = WallClock(lambda: datetime.fromtimestamp(self.machine.read().real, UTC))
        self._watch = ClockWatch(
            self.loop,
            self.clock,
            self.state,
            self.runtime,
            self.jumps.append,
            machine=self.machine,
            played=played,
        )
        self._watch.start()
        return self._watch

    def kill(self) -> None:
        """As by `kill -9`: no last word."""
        assert self._watch is not None
        if self._watch._alarm is not None:
            self.loop.forget(self._watch._alarm)
            self._watch._alarm.close()
            self._watch._alarm = None
        for timer in self._watch._timers.values():
            timer.cancel()
        self._watch = None

    def end(self) -> None:
        assert self._watch is not None
        self._watch.close()
        self._watch = None

    def close(self) -> None:
        if self._watch is not None:
            self.kill()
        self.loop.close()

    def restart(self, act: Callable[[], None] | None = None) -> ClockWatch:
        self.end()
        if act is not None:
            act()
        return self.begin()

    @property
    def wrong_by(self) -> timedelta:
        """The family's time, less the right one."""
        return timedelta(seconds=round(self.clock.now().timestamp() - self.machine.right))

    @property
    def sizes(self) -> list[int]:
        """Of the jumps that were told, in seconds."""
        return [round(one.size.total_seconds()) for one in self.jumps]


def a_scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


def agreed(scene: Scene) -> None:
    """A run in which a time service and the battery's clock agree."""
    scene.machine.with_battery()
    scene.machine.kept = True
    scene.begin()
    scene.machine.wait(100)
    scene.end()

"""The clock is set, where that harms nobody: what the kernel tells, and what the daemon makes of it."""

from __future__ import annotations

import ctypes
import select
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.core.clock import WallClock
from gateway.core.loop import Loop
from gateway.household.clock_watch import STAMP, ClockWatch
from gateway.kernel import clocks
from gateway.policy.time.clock_changes import Jump

HOUR = 3600.0
_PROMPTLY_S = 1.0
_ADJ_STATUS, _ADJ_MAXERROR = 0x10, 0x4  # linux/timex.h
_STA_PLL = 0x1


def points() -> Iterator[tuple[str, Callable[[], str]]]:
    yield "what the battery clock said at the start is found", _battery
    yield "a clock that is set wakes an alarm", _alarm
    yield "a time service is told from none", _service
    yield "the host's clock is known, and followed when it is set", _jump


def _set(ahead: float) -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time() + ahead)


def _vouch() -> None:
    """What a time service tells the kernel."""
    told = clocks._Timex(modes=_ADJ_STATUS | _ADJ_MAXERROR, status=_STA_PLL, maxerror=1000)
    assert ctypes.CDLL(None).adjtimex(ctypes.byref(told)) >= 0


def _battery() -> str:
    real, boot = clocks.real_and_boot()
    said, now = clocks.rtc_boot_time(), clocks.rtc_time()
    assert said is not None, "the kernel's log does not say it"
    assert now is not None, "there is no battery clock"
    assert abs(said - (real - boot)) < 5
    assert abs(now - real) < 5
    return f"{now - real:+.1f} s from the system's"


def _alarm() -> str:
    alarm = clocks.SetAlarm()
    try:
        assert not alarm.was_set()
        for ahead in (HOUR, -HOUR, -20 * HOUR, 20 * HOUR):
            _set(ahead)
            assert select.select([alarm], [], [], _PROMPTLY_S)[0], f"nothing after {ahead:+g} s"
            assert alarm.was_set()
            assert not alarm.was_set(), "one set is told once"
    finally:
        alarm.close()
    return "four times, in both directions"


def _service() -> str:
    _set(1.0)
    assert clocks.synchronised() is False
    _vouch()
    assert clocks.synchronised() is True
    _set(-1.0)
    assert clocks.synchronised() is False, "a set by hand leaves the clock as kept"
    return "a set by hand ends it"


@contextmanager
def _watch(folder: Path) -> Iterator[tuple[Loop, ClockWatch, list[Jump]]]:
    loop, jumps = Loop(), list[Jump]()
    watch = ClockWatch(loop, WallClock(), folder, folder, jumps.append)
    watch.start()
    try:
        yield loop, watch, jumps
    finally:
        watch.close()
        loop.close()


def _run_until(loop: Loop, is_so: Callable[[], bool]) -> None:
    """Let the loop do what is due, also where another of its timers comes first."""
    ends = time.monotonic() + _PROMPTLY_S
    while not is_so():
        assert time.monotonic() < ends, "it was not noticed in time"
        loop.run_once(_PROMPTLY_S / 10)


def _jump() -> str:
    with tempfile.TemporaryDirectory() as name, _watch(Path(name)) as (loop, watch, jumps):
        assert watch.why == "the host's clock", watch.why
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        _set(3 * HOUR)
        _run_until(loop, lambda: watch.why == "set by root")
        took = time.clock_gettime(time.CLOCK_BOOTTIME) - began
        time.sleep(0.02)  # the uptime has hundredths, cut off: it would be before the change
        uptime = Path("/proc/uptime").read_text()
        (Path(name) / STAMP).write_text(f"{clocks.boot_id()}\n{uptime}")
        watch.look()
        assert watch.why == "hotplug stamp", watch.why
        _set(-3 * HOUR)
        _run_until(loop, lambda: watch.why == "set by root")
        _vouch()
        watch.look()
        assert watch.why == "synchronised", watch.why
        assert not watch.aside
        assert [round(jump.size.total_seconds()) for jump in jumps] == [3 * HOUR, -3 * HOUR], jumps
        assert all(one.was_known and one.known for one in jumps)
    return f"told after {took * 1000:.0f} ms"

"""The kernel's clocks themselves; nothing here sets them."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from gateway.core.errors import KernelError
from gateway.kernel import rtc, timex


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    said = timex.synchronised()
    assert said in (True, False)
    program = (
        subprocess.run(["adjtimex", "--print"], capture_output=True, text=True, check=False)
        if _has("adjtimex")
        else None
    )
    if program is not None and program.returncode == 0:
        (status,) = [line.split()[-1] for line in program.stdout.splitlines() if "status:" in line]
        assert said is not bool(int(status) & 0x40)


def _has(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(":"))


def test_a_kernel_that_does_not_tell_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def __init__(self, *_: object, **__: object) -> None: ...

        def adjtimex(self, _: object) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Refuses)
    assert timex.synchronised() is None


def test_both_clocks_are_of_one_moment() -> None:
    real, boot = timex.real_and_boot()
    assert abs(real - time.time()) < 0.1
    assert abs(boot - time.clock_gettime(time.CLOCK_BOOTTIME)) < 0.1
    systems = [real - boot for real, boot in (timex.real_and_boot() for _ in range(200))]
    assert max(systems) - min(systems) < 0.02


def test_the_boot_has_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert timex.boot_id() == timex.boot_id()
    assert len(timex.boot_id()) == 36
    monkeypatch.setattr(timex, "BOOT_ID", tmp_path / "none")
    with pytest.raises(KernelError, match="mount /proc"):
        timex.boot_id()


def test_a_clock_that_nobody_sets_gives_no_alarm() -> None:
    alarm = timex.SetAlarm()
    try:
        assert select.select([alarm], [], [], 0.05) == ([], [], [])
        assert not alarm.was_set()
    finally:
        alarm.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(alarm.fileno())


def test_the_alarm_is_one_for_an_absolute_time_that_never_comes() -> None:
    alarm = timex.SetAlarm()
    try:
        told = dict(
            line.split(":", 1)
            for line in Path(f"/proc/self/fdinfo/{alarm.fileno()}").read_text().splitlines()
            if ":" in line
        )
    finally:
        alarm.close()
    assert told["clockid"].strip() == str(time.CLOCK_REALTIME)
    assert told["settime flags"].strip() == "03"  # TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET
    seconds = int(told["it_value"].strip(" ()").split(",")[0])
    assert seconds > 10**9


def test_an_alarm_that_is_refused_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def __init__(self, *_: object, **__: object) -> None: ...

        def timerfd_create(self, *_: object) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Refuses)
    with pytest.raises(KernelError, match="timerfd_create"):
        timex.SetAlarm()


LINE = "5,{number},{micros},-;{device}: setting system clock to 2026-11-25T15:30:00 UTC (1795620600)\n"


@pytest.mark.parametrize("device", ["rtc_cmos 00:03", "rtc-ds1307 0-0068", "rpi-rtc soc:rpi_rtc"])
def test_what_the_battery_clock_said_at_boot_is_in_the_kernels_log(device: str) -> None:
    with _Log("6,1,0,-;Linux version 6.6\n", LINE.format(number=2, micros=2_500_000, device=device)) as log:
        assert rtc.boot_time(log) == 1795620600 - 2.5


def test_a_log_without_it_says_nothing(tmp_path: Path) -> None:
    with _Log("6,1,0,-;Linux version 6.6\n", "4,7,99,-;tcp: setting system clock to lunch\n") as log:
        assert rtc.boot_time(log) is None
    with _Log() as log:
        assert rtc.boot_time(log) is None
    assert rtc.boot_time(tmp_path / "none") is None


def test_this_kernels_own_log_can_be_read() -> None:
    said = rtc.boot_time()
    assert said is None or said > 0


def test_a_battery_clock_that_lost_its_time_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "since_epoch"
    monkeypatch.setattr(rtc, "RTC", file)
    assert rtc.read() is None
    file.write_text("1795620600\n")
    assert rtc.read() == 1795620600
    file.write_text("")
    assert rtc.read() is None


class _Log:
    """Records one a reading, as the kernel gives them: a socket of datagrams, by its path below /proc."""

    def __init__(self, *records: str) -> None:
        self._records = records

    def __enter__(self) -> Path:
        self._reader, self._writer = os.pipe2(os.O_DIRECT | os.O_NONBLOCK)  # packets
        for record in self._records:
            os.write(self._writer, record.encode())
        return Path(f"/proc/self/fd/{self._reader}")

    def __exit__(self, *_: object) -> None:
        os.close(self._reader)
        os.close(self._writer)

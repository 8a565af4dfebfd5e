"""The clocks of the machine, none of which is set here, and the detection of a virtual machine."""

from __future__ import annotations

import ctypes
import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from gateway.core.errors import KernelError
from gateway.kernel import clocks

FLAGS = "processor\t: 0\nmodel name\t: hypervisor\nflags\t\t: fpu vme sse2{} lahf_lm\nbugs\t\t: hypervisor\n"


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    said = clocks.synchronised()
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
    assert clocks.synchronised() is None


def test_both_clocks_are_of_one_moment() -> None:
    real, boot = clocks.real_and_boot()
    assert abs(real - time.time()) < 0.1
    assert abs(boot - time.clock_gettime(time.CLOCK_BOOTTIME)) < 0.1
    systems = [real - boot for real, boot in (clocks.real_and_boot() for _ in range(200))]
    assert max(systems) - min(systems) < 0.02


def test_the_boot_has_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert clocks.boot_id() == clocks.boot_id()
    assert len(clocks.boot_id()) == 36
    monkeypatch.setattr(clocks, "BOOT_ID", tmp_path / "none")
    with pytest.raises(KernelError, match="mount /proc"):
        clocks.boot_id()


def test_a_clock_that_nobody_sets_gives_no_alarm() -> None:
    alarm = clocks.SetAlarm()
    try:
        assert select.select([alarm], [], [], 0.05) == ([], [], [])
        assert not alarm.was_set()
    finally:
        alarm.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(alarm.fileno())


def test_the_alarm_is_one_for_an_absolute_time_that_never_comes() -> None:
    alarm = clocks.SetAlarm()
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
        clocks.SetAlarm()


LINE = "5,{number},{micros},-;{device}: setting system clock to 2026-11-25T15:30:00 UTC (1795620600)\n"


@pytest.mark.parametrize("device", ["rtc_cmos 00:03", "rtc-ds1307 0-0068", "rpi-rtc soc:rpi_rtc"])
def test_what_the_battery_clock_said_at_boot_is_in_the_kernels_log(device: str) -> None:
    with _Log("6,1,0,-;Linux version 6.6\n", LINE.format(number=2, micros=2_500_000, device=device)) as log:
        assert clocks.rtc_boot_time(log) == 1795620600 - 2.5


def test_a_log_without_it_says_nothing(tmp_path: Path) -> None:
    with _Log("6,1,0,-;Linux version 6.6\n", "4,7,99,-;tcp: setting system clock to lunch\n") as log:
        assert clocks.rtc_boot_time(log) is None
    with _Log() as log:
        assert clocks.rtc_boot_time(log) is None
    assert clocks.rtc_boot_time(tmp_path / "none") is None


def test_this_kernels_own_log_can_be_read() -> None:
    said = clocks.rtc_boot_time()
    assert said is None or said > 0


def test_a_battery_clock_that_lost_its_time_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "since_epoch"
    monkeypatch.setattr(clocks, "RTC", file)
    assert clocks.rtc_time() is None
    file.write_text("1795620600\n")
    assert clocks.rtc_time() == 1795620600
    file.write_text("")
    assert clocks.rtc_time() is None


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


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(clocks, "CPUS", tmp_path / "cpuinfo")
    monkeypatch.setattr(clocks, "HYPERVISORS", (tmp_path / "type", tmp_path / "device-tree"))
    return tmp_path


@pytest.mark.parametrize(("flag", "told"), [(" hypervisor", True), (" hypervisor2", False), ("", False)])
def test_the_processor_has_a_flag(system: Path, flag: str, told: bool) -> None:
    (system / "cpuinfo").write_text(FLAGS.format(flag))
    assert clocks.is_virtual_machine() is told


def test_xen_and_a_device_tree_name_it(system: Path) -> None:
    assert not clocks.is_virtual_machine()
    (system / "device-tree").mkdir()
    assert clocks.is_virtual_machine()
    (system / "device-tree").rmdir()
    (system / "type").write_text("xen\n")
    assert clocks.is_virtual_machine()


@pytest.mark.needs("systemd-detect-virt")
def test_this_machine_is_told_as_systemd_tells_it() -> None:
    done = subprocess.run(["systemd-detect-virt", "--vm"], capture_output=True, text=True, check=False)
    if done.stdout.strip() in ("kvm", "qemu", "xen", "vmware", "microsoft", "oracle", "none"):
        assert clocks.is_virtual_machine() is (done.returncode == 0)

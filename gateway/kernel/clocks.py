"""Reads the machine's clocks: whether a time service keeps the system clock correct, when it is set, and the
battery-backed clock. A virtual machine's clock is set by its host from the start.

The structures have `long` fields, which the C library's plain function names use, also with 32 bits.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import time
from pathlib import Path

from gateway.core.errors import KernelError

_STA_UNSYNC = 0x40  # linux/timex.h: no program disciplines the clock, or its error is above 16 s
_CANCEL_ON_SET, _ABSOLUTE = 2, 1  # TFD_TIMER_*, linux/timerfd.h
_TICK = 8  # bytes read from a timerfd
_NEVER = (1 << 8 * ctypes.sizeof(ctypes.c_long) - 1) - 1
_LARGEST_TIMEX = 512  # bytes; the structure has 208

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

RTC = Path("/sys/class/rtc/rtc0/since_epoch")
KERNEL_LOG = Path("/dev/kmsg")

_LOG_RECORD = 8192  # bytes; each read returns one complete record
_CLOCK_SET = re.compile(rb"^\d+,\d+,(\d+),[^;]*;[^\n]*setting system clock to [^\n(]*\((\d+)\)")

CPUS = Path("/proc/cpuinfo")
HYPERVISORS = (Path("/sys/hypervisor/type"), Path("/proc/device-tree/hypervisor"))  # Xen; ARM


class _Timex(ctypes.Structure):
    """The start of the C structure `timex` (adjtimex(2))."""

    _fields_ = (
        ("modes", ctypes.c_uint),  # 0: read only
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * (_LARGEST_TIMEX - 64)),
    )


class _Timer(ctypes.Structure):
    """The C structure `itimerspec` (timerfd_settime(2))."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


def synchronised() -> bool | None:
    """Return whether a time service keeps the system clock correct; None if adjtimex(2) fails."""
    library = ctypes.CDLL(None, use_errno=True)
    state = _Timex()
    if library.adjtimex(ctypes.byref(state)) < 0:
        return None
    return not state.status & _STA_UNSYNC


def boot_id() -> str:
    """Return an id that changes with each start of the machine. Raises KernelError."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError as error:
        msg = f"{BOOT_ID}: cannot be read ({error.strerror}); mount /proc"
        raise KernelError(msg) from error


def real_and_boot() -> tuple[float, float]:
    """Return Unix seconds and seconds since boot, including suspend, both within 5 ms of one moment."""
    while True:
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        real = time.time()
        after = time.clock_gettime(time.CLOCK_BOOTTIME)
        if after - before < 0.01:
            return real, (before + after) / 2


class SetAlarm:
    """Detects that the system clock (CLOCK_REALTIME) was set.

    The file descriptor (``fileno``) is readable after that; ``was_set()`` returns True once, and
    the next change is detected again. Slewing, as time services do after a first step, does not
    count. Creating it raises KernelError if the kernel refuses the timer.
    """

    def __init__(self) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._fd: int = library.timerfd_create(time.CLOCK_REALTIME, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            problem = _refusal("timerfd_create")
            raise problem
        when = _Timer(first_s=_NEVER)
        if library.timerfd_settime(self._fd, _ABSOLUTE | _CANCEL_ON_SET, ctypes.byref(when), None) < 0:
            problem = _refusal("timerfd_settime")
            os.close(self._fd)
            raise problem

    def fileno(self) -> int:
        return self._fd

    def was_set(self) -> bool:
        """Return whether the system clock was set since the last call. Never blocks."""
        try:
            os.read(self._fd, _TICK)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
        return True

    def close(self) -> None:
        os.close(self._fd)


def _refusal(call: str) -> KernelError:
    return KernelError(f"{call}: {os.strerror(ctypes.get_errno())}; this needs Linux 3.0 or later")


def rtc_time() -> int | None:
    """Return the battery-backed clock's time in Unix seconds; None without one, or if it lost its time."""
    try:
        return int(RTC.read_bytes())
    except (OSError, ValueError):
        return None


def rtc_boot_time(log: Path = KERNEL_LOG) -> float | None:
    """Return the Unix time of the boot according to the battery-backed clock, or None.

    It is the time to which the kernel set the system clock, minus the seconds since boot at that moment. It
    comes from the kernel's log: scripts that set the clock from the newest file (OpenWrt's sysfixtime) write
    that time to the battery-backed clock as well, so later readings prove nothing. None: the kernel did not
    set the clock, or its log cannot be read or no longer has the record.
    """
    try:
        fd = os.open(log, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _search_log(fd)
    finally:
        os.close(fd)


def _search_log(fd: int) -> float | None:
    found: float | None = None
    while True:
        try:
            record = os.read(fd, _LOG_RECORD)
        except BlockingIOError:
            return found
        except BrokenPipeError:  # the next records have been overwritten; later ones follow
            continue
        except OSError:
            return found
        if not record:
            return found
        match = _CLOCK_SET.match(record)
        if match is not None:
            found = int(match[2]) - int(match[1]) / 1e6


def is_virtual_machine() -> bool:
    """Return whether this is a virtual machine; False if nothing indicates it."""
    if any(path.exists() for path in HYPERVISORS):
        return True
    try:
        with CPUS.open("rb") as lines:
            return any(line.startswith(b"flags") and b"hypervisor" in line.split() for line in lines)
    except OSError:
        return False

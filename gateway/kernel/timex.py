"""The kernel's clocks: whether a time service keeps the clock correct, and when the clock is set.

The structures have `long` fields, which the C library's plain function names use, also with 32 bits.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from pathlib import Path

from gateway.core.errors import KernelError

_STA_UNSYNC = 0x40  # linux/timex.h: no program disciplines the clock, or its error is above 16 s
_CANCEL_ON_SET, _ABSOLUTE = 2, 1  # TFD_TIMER_*, linux/timerfd.h
_TICK = 8  # bytes read from a timerfd
_NEVER = (1 << 8 * ctypes.sizeof(ctypes.c_long) - 1) - 1
_LARGEST_TIMEX = 512  # bytes; the structure has 208

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Timex(ctypes.Structure):
    """The start of `struct timex`."""

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
    """`struct itimerspec`."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


def synchronised() -> bool | None:
    """Return whether a time service keeps the clock (adjtimex(2)); None if the system does not say."""
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
    """Return Unix seconds and seconds since boot, including suspend, at the same moment."""
    while True:
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        real = time.time()
        after = time.clock_gettime(time.CLOCK_BOOTTIME)
        if after - before < 0.01:
            return real, (before + after) / 2


class SetAlarm:
    """Readable (``fileno``) after CLOCK_REALTIME was set; ``was_set()`` reports it and waits for the next.

    Slewing, as time services do after a first step, does not count. Raises KernelError.
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
        """Return whether the clock was set since the last call. Never blocks."""
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

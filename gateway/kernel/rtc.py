"""The battery-backed clock: its time, and what the kernel read from it before any program ran."""

from __future__ import annotations

import os
import re
from pathlib import Path

RTC = Path("/sys/class/rtc/rtc0/since_epoch")
LOG = Path("/dev/kmsg")

_RECORD = 8192  # bytes; each read returns one complete record
_SET = re.compile(rb"^\d+,\d+,(\d+),[^;]*;[^\n]*setting system clock to [^\n(]*\((\d+)\)")


def read() -> int | None:
    """Return Unix seconds; None without such a clock, or if it has lost its time."""
    try:
        return int(RTC.read_bytes())
    except (OSError, ValueError):
        return None


def boot_time(log: Path = LOG) -> float | None:
    """Return the Unix time of the boot according to the battery-backed clock, or None.

    It is the time to which the kernel set the system clock, minus the seconds since boot at that moment. It
    comes from the kernel's log: scripts that set the clock from the newest file (OpenWrt's sysfixtime) write
    that time to the battery-backed clock as well, so later readings prove nothing. None: the kernel did not
    set the clock, or its log no longer has the record.
    """
    try:
        fd = os.open(log, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _search(fd)
    finally:
        os.close(fd)


def _search(fd: int) -> float | None:
    found: float | None = None
    while True:
        try:
            record = os.read(fd, _RECORD)
        except BlockingIOError:
            return found
        except BrokenPipeError:  # the next records have been overwritten; later ones follow
            continue
        except OSError:
            return found
        if not record:
            return found
        match = _SET.match(record)
        if match is not None:
            found = int(match[2]) - int(match[1]) / 1e6

"""The clock with a battery: what it says, and what the kernel read from it before any program ran."""

from __future__ import annotations

import os
import re
from pathlib import Path

RTC = Path("/sys/class/rtc/rtc0/since_epoch")
LOG = Path("/dev/kmsg")

_RECORD = 8192  # bytes; the kernel gives one whole record a reading
_SET = re.compile(rb"^\d+,\d+,(\d+),[^;]*;[^\n]*setting system clock to [^\n(]*\((\d+)\)")


def reads() -> int | None:
    """Unix seconds; None where there is no such clock, or it lost its time."""
    try:
        return int(RTC.read_bytes())
    except (OSError, ValueError):
        return None


def said_at_boot(log: Path = LOG) -> float | None:
    """What the kernel set the system's clock to from the battery's, less the seconds since boot then.

    That is the Unix time of the boot, if the battery's clock was right. It is read from the kernel's own log:
    scripts that set the clock from the newest file (OpenWrt's sysfixtime) write it to the battery's clock as
    well, so later readings prove nothing. None: the kernel did not, or its log has forgotten.
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
        except BrokenPipeError:  # records that were next have been overwritten; the others follow
            continue
        except OSError:
            return found
        if not record:
            return found
        match = _SET.match(record)
        if match is not None:
            found = int(match[2]) - int(match[1]) / 1e6

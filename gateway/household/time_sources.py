"""The sources of the time, and the machine's clocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.household.clock_files import LastTime
from gateway.kernel import clocks

TOLERANCE = 300.0  # seconds by which the battery-backed clock may differ from the time


class Source(StrEnum):
    """What the time comes from."""

    SERVICE = "synchronised"  # the kernel says that a time service keeps its clock right
    STAMP = "hotplug stamp"  # a script of the time service said so
    HOST = "the host's clock"  # this is a virtual machine
    RTC = "battery clock"
    PHONE = "phone"  # a guardian's, at sign-in: the system clock is wrong
    ROOT = "set by root"  # root set the system clock after it was known
    HOME = "virtual home"
    NOBODY = "not known"


SERVICES = (Source.SERVICE, Source.STAMP)


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's clocks at one moment."""

    real: float  # Unix seconds
    boot: float  # seconds since boot, suspend included

    @property
    def system(self) -> float:
        """Return the Unix time of the boot by the system clock: constant unless the clock is set."""
        return self.real - self.boot


class Machine:
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


def at_first(machine: Machine, last: LastTime, reading: Reading) -> Source:
    """Return the source that confirms the system clock at the first look, if no time service does."""
    if reading.real < last.at:
        return Source.NOBODY
    if machine.has_host():
        return Source.HOST
    return Source.RTC if last.rtc and _rtc_is_right(machine, reading) else Source.NOBODY


def _rtc_is_right(machine: Machine, reading: Reading) -> bool:
    """Whether the kernel took its time from the battery-backed clock at boot, the system clock has followed
    it since, and the battery-backed clock runs.
    """
    at_boot, now = machine.rtc_at_boot(), machine.rtc_now()
    return (
        at_boot is not None
        and now is not None
        and abs(at_boot - reading.system) <= TOLERANCE
        and abs(now - reading.real) <= TOLERANCE
    )

"""Who may say what time it is, and what the machine says of its clocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.household.clock_files import Last
from gateway.kernel import hypervisor, rtc, timex

TOLERANCE = 300.0  # seconds that the battery's clock and the time may be apart


class Source(StrEnum):
    SERVICE = "synchronised"  # the kernel says that a time service keeps its clock
    STAMP = "hotplug stamp"  # the service's own script said so
    HOST = "the host's clock"  # this is a virtual machine
    RTC = "battery clock"
    PHONE = "phone"  # a guardian's, at sign-in: the machine's clock is wrong
    ROOT = "set by root"  # somebody set the machine's clock after it was known
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
        """The Unix time of the boot as the clock has it: the same until the clock is set, slewed or not."""
        return self.real - self.boot


class Machine:
    """Tests have one of their own."""

    def __init__(self) -> None:
        self.boot_id = timex.boot_id()

    def read(self) -> Reading:
        return Reading(*timex.real_and_boot())

    def synchronised(self) -> bool | None:
        return timex.synchronised()

    def has_host(self) -> bool:
        return hypervisor.present()

    def rtc_at_boot(self) -> float | None:
        return rtc.boot_time()

    def rtc_now(self) -> int | None:
        return rtc.read()


def at_first(machine: Machine, last: Last, reading: Reading) -> Source:
    """Who vouches for the machine's clock at the first look, where no time service does."""
    if reading.real < last.at:
        return Source.NOBODY
    if machine.has_host():
        return Source.HOST
    return Source.RTC if last.rtc and _rtc_is_right(machine, reading) else Source.NOBODY


def _rtc_is_right(machine: Machine, reading: Reading) -> bool:
    """Whether the kernel took its time from the battery's clock at this start, the system's has followed that
    since, and the battery's goes on.
    """
    at_boot, now = machine.rtc_at_boot(), machine.rtc_now()
    return (
        at_boot is not None
        and now is not None
        and abs(at_boot - reading.system) <= TOLERANCE
        and abs(now - reading.real) <= TOLERANCE
    )

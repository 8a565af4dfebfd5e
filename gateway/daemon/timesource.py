"""Who may say what time it is, and what the machine says of its clocks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.daemon.clockfiles import Last
from gateway.kernel import rtc, timex

TOLERANCE = 300.0  # seconds that the battery's clock and the time may be apart


class Source(StrEnum):
    SERVICE = "synchronised"  # the kernel says that a time service keeps its clock
    STAMP = "hotplug stamp"  # the service's own script said so
    RTC = "battery clock"
    PHONE = "phone"  # a guardian's, at sign-in
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

    def rtc_at_boot(self) -> float | None:
        return rtc.said_at_boot()

    def rtc_now(self) -> int | None:
        return rtc.reads()


def rtc_is_right(machine: Machine, last: Last, reading: Reading) -> bool:
    """Whether the time is known at the first look because a clock with a battery has it.

    It agreed with a source of time before, and nothing came between; the kernel took its time from it at this
    start, and the system's clock has followed that since; it goes on, and is not before the last known time.
    """
    if not last.rtc or reading.real < last.at:
        return False
    at_boot, now = machine.rtc_at_boot(), machine.rtc_now()
    return (
        at_boot is not None
        and now is not None
        and abs(at_boot - reading.system) <= TOLERANCE
        and abs(now - reading.real) <= TOLERANCE
    )

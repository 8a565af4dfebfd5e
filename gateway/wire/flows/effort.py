"""Limits the work that one device can cause, so that crafted packets cannot stall the filter.

A step of work is one record, line or packet read: 2 to 5 microseconds on a PC. The undecided packets of a
device over its limit are dropped for a moment. TCP resends them, so only that device waits.
"""

from __future__ import annotations

from gateway.wire.flows.limits import Limits


class Effort:
    """A token bucket for each device (conntrack zone), stored as debt."""

    __slots__ = ("_burst", "_debts", "_rate")

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.work_rate
        self._burst = limits.work_burst
        self._debts: dict[int, tuple[float, float]] = {}  # zone to steps owed, and the time of that count

    def allows(self, zone: int, now: float, beyond: int = 0) -> bool:
        """Whether the device may cause more work at ``now`` (seconds).

        ``beyond`` adds steps to the burst, for work that has already begun.
        """
        owed, since = self._debts.get(zone, (0.0, now))
        return owed - (now - since) * self._rate < self._burst + beyond

    def forget(self, zone: int) -> None:
        self._debts.pop(zone, None)

    def spend(self, zone: int, steps: int, now: float) -> None:
        owed, since = self._debts.get(zone, (0.0, now))
        self._debts[zone] = (max(0.0, owed - (now - since) * self._rate) + steps, now)

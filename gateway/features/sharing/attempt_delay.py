"""Counts attempts, such as wrong PINs, by key, and refuses further ones for some time after too many.

A key is what attempts are counted for, such as a device and a child.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime, timedelta

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household.context import HomeContext
from gateway.policy.requests.tickets import TRIES_WITHIN, Tries
from gateway.store.tables.attempts import AttemptTable

REMEMBERED = 256  # keys; the one with the oldest last try is dropped first


class AttemptDelay:
    """Allows ``limit`` attempts for each key within the time ``within``, by default ten minutes.

    A key is what attempts are counted for, such as a device.
    """

    def __init__(self, limit: int, within: timedelta = TRIES_WITHIN) -> None:
        self._limit = limit
        self._within = within
        self._tries: OrderedDict[str, Tries] = OrderedDict()

    def check(self, whose: str, now: datetime) -> None:
        """Raise ControlError while the key ``whose`` has to wait before its next attempt."""
        tries = self._tries.get(whose)
        wait = None if tries is None else tries.wait(now)
        if wait:
            minutes = max(1, -(-int(wait.total_seconds()) // 60))
            raise ControlError.of(Code.TRIED_TOO_OFTEN, minutes=minutes)

    def add(self, whose: str, now: datetime) -> bool:
        """Count an attempt of the key ``whose``. Return whether it has to wait from now on."""
        tries = self._tries.setdefault(whose, Tries(self._limit, self._within))
        self._tries.move_to_end(whose)
        if len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        tries.add(now)
        return bool(tries.wait(now))

    def take(self, whose: str, now: datetime) -> None:
        self.check(whose, now)
        self.add(whose, now)

    def forget(self, whose: str) -> None:
        self._tries.pop(whose, None)


class DailyLimit(AttemptDelay):
    """Allows ``limit`` attempts for each key in 24 hours, also across restarts of the daemon.

    They are stored in ``table`` under ``kind``. A key ends with the id of the child's profile.
    """

    def __init__(self, limit: int, home: HomeContext, table: AttemptTable, kind: str) -> None:
        super().__init__(limit, timedelta(days=1))
        self._home, self._table, self._kind = home, table, kind
        now, wall = loop_time(home), home.now()
        for key, times in table.of(kind).items():
            for at in times:
                # A time in the future, by a clock that is not set yet, counts as now.
                super().add(key, now - max(timedelta(), wall - at))

    def add(self, whose: str, now: datetime) -> bool:
        """Count and store an attempt of the key ``whose``. Return whether it has to wait from now on."""
        self._table.add(self._kind, whose, self._home.now(), self._limit)
        return super().add(whose, now)


def loop_time(home: HomeContext) -> datetime:
    """Return the event loop's time as a UTC time: a change of the system clock must not shorten a wait."""
    return datetime.fromtimestamp(home.loop.now(), UTC)

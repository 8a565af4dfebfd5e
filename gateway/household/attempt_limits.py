"""Counts attempts by key, such as wrong PINs, and refuses further ones for some time after too many.

A key is what attempts are counted for, such as a device and a child.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.household.context import HomeContext
from gateway.store.tables.attempts import AttemptTable

WITHIN = timedelta(minutes=10)
KEYS_LIMIT = 256  # the one with the oldest last attempt is dropped first


class AttemptLimit:
    """Allows ``limit`` attempts for each key within the time ``within``.

    The methods take the time of `loop_time` as ``now``. At most KEYS_LIMIT keys are stored, in memory only.
    """

    def __init__(self, limit: int, within: timedelta = WITHIN) -> None:
        self._limit = limit
        self._within = within
        self._times: OrderedDict[str, deque[datetime]] = OrderedDict()

    def wait(self, key: str, now: datetime) -> timedelta:
        """Return the time until the next attempt of the key is allowed; zero if it is allowed now."""
        times = self._times.get(key)
        if times is None or len(times) < self._limit:
            return timedelta()
        return max(timedelta(), times[0] + self._within - now)

    def check(self, key: str, now: datetime) -> None:
        """Raise ControlError (TRIED_TOO_OFTEN) while the key has to wait before its next attempt."""
        wait = self.wait(key, now)
        if wait:
            raise ControlError.of(Code.TRIED_TOO_OFTEN, minutes=in_minutes(wait))

    def add(self, key: str, now: datetime) -> bool:
        """Count an attempt of the key. Return whether it has to wait from now on."""
        times = self._times.setdefault(key, deque(maxlen=self._limit))
        self._times.move_to_end(key)
        if len(self._times) > KEYS_LIMIT:
            self._times.popitem(last=False)
        times.append(now)
        return bool(self.wait(key, now))

    def take(self, key: str, now: datetime) -> None:
        self.check(key, now)
        self.add(key, now)

    def forget(self, key: str) -> None:
        self._times.pop(key, None)


class DailyLimit(AttemptLimit):
    """Allows ``limit`` attempts for each key in 24 hours, also across restarts of the daemon.

    The attempts are also stored in ``table`` under ``kind``. A key ends with the id of the child's profile.
    """

    def __init__(self, limit: int, home: HomeContext, table: AttemptTable, kind: str) -> None:
        super().__init__(limit, timedelta(days=1))
        self._home, self._table, self._kind = home, table, kind
        now, wall = loop_time(home), home.now()
        for key, times in table.of(kind).items():
            for at in times:
                # A time in the future, by a clock that is not set yet, counts as now.
                super().add(key, now - max(timedelta(), wall - at))

    def add(self, key: str, now: datetime) -> bool:
        """Count and store an attempt of the key. Return whether it has to wait from now on."""
        self._table.add(self._kind, key, self._home.now(), self._limit)
        return super().add(key, now)


def in_minutes(wait: timedelta) -> int:
    """Return the minutes of a wait that is not over, rounded up from whole seconds; at least one."""
    return max(1, -(-int(wait.total_seconds()) // 60))


def loop_time(home: HomeContext) -> datetime:
    """Return the event loop's time as a UTC datetime, for `AttemptLimit`. It is not the time of day.

    A change of the system clock must not shorten a wait.
    """
    return datetime.fromtimestamp(home.loop.now(), UTC)

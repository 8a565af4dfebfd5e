"""What a local clock shows, and when: hours that it repeats or skips included. Instants are in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

HALF_DAY = timedelta(hours=12)
MINUTE = timedelta(minutes=1)
# Answers of each kind, 200 to 400 bytes each: a status of eight children asks for the same dozens again.
REMEMBERED = 256


def wall_time(day: date, minute: int) -> datetime:
    """A minute (0 to 1440) after the midnight at which a day begins, as the clock shows it: naive."""
    return datetime.combine(day, time()) + minute * MINUTE


def shows(instant: datetime, zone: tzinfo) -> datetime:
    """What the clock of a zone shows: naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def later(now: datetime, span: timedelta) -> datetime:
    """So much later, in the same zone: Python's own sum is the clock's, which an hour may be missing from."""
    return (now.astimezone(UTC) + span).astimezone(now.tzinfo)


def _possible(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """What ``wall`` may mean, in order; the same twice unless the clock repeats or skips it."""
    both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    first, second = sorted(both)
    return first, second


def instants_showing(wall: datetime, zone: tzinfo) -> frozenset[datetime]:
    """When the clock shows ``wall`` (naive): twice where it repeats it, never where it skips it."""
    return frozenset(one for one in _possible(wall, zone) if shows(one, zone) == wall)


@lru_cache(REMEMBERED)
def first_reaching(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clock shows ``wall`` (naive) or more."""
    found = instants_showing(wall, zone)
    if found:
        return min(found)
    # The clock skips it: with the offset from before it lies too late, with the one from after too early.
    return _first_change(*_possible(wall, zone), zone)


@lru_cache(REMEMBERED)
def clock_shift(day: date, zone: tzinfo) -> datetime | None:
    """The instant at which the clock is put forward or back, where it shows ``day`` just before or after."""
    midnight = wall_time(day, 0)
    around = (midnight - HALF_DAY, midnight + 3 * HALF_DAY)
    if len({wall.replace(tzinfo=zone, fold=fold).utcoffset() for wall in around for fold in (0, 1)}) == 1:
        return None  # as on nearly every day; the rest costs more
    early, late = _possible(around[0], zone)[0], _possible(around[1], zone)[1]
    if early.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset():
        return None
    shift = _first_change(early, late, zone)
    return shift if day in (shows(shift, zone).date(), shows(shift - MINUTE, zone).date()) else None


def _first_change(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """The one instant after ``early``, up to ``late``, at which the offset changes; all at whole minutes."""
    before = early.astimezone(zone).utcoffset()
    while late - early > MINUTE:
        middle = early + MINUTE * ((late - early) // MINUTE // 2)
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late

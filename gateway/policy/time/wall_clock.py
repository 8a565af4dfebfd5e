"""Conversion between local time and instants, including repeated and skipped hours. Instants are in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

HALF_DAY = timedelta(hours=12)
MINUTE = timedelta(minutes=1)
# Results per function, 200 to 400 bytes each: the status of eight children needs the same dozens again.
REMEMBERED = 256


def wall_time(day: date, minute: int) -> datetime:
    """Return a minute (0 to 1440) after the start of a day, as naive local time."""
    return datetime.combine(day, time()) + minute * MINUTE


def shows(instant: datetime, zone: tzinfo) -> datetime:
    """Return the naive local time of a zone."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def later(now: datetime, span: timedelta) -> datetime:
    """Return the time ``delta`` later in the same zone.

    Python's own sum adds to the local time, which ignores a skipped hour.
    """
    return (now.astimezone(UTC) + span).astimezone(now.tzinfo)


def _possible(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the possible instants of ``wall``, in order; the same twice unless the clock repeats or skips
    it.
    """
    both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    first, second = sorted(both)
    return first, second


def instants_showing(wall: datetime, zone: tzinfo) -> frozenset[datetime]:
    """Return the instants of ``wall`` (naive): two if the clock repeats it, none if it skips it."""
    return frozenset(one for one in _possible(wall, zone) if shows(one, zone) == wall)


@lru_cache(REMEMBERED)
def first_reaching(wall: datetime, zone: tzinfo) -> datetime:
    """Return the first instant at which the clock shows ``wall`` (naive) or later."""
    found = instants_showing(wall, zone)
    if found:
        return min(found)
    # The clock skips it. The offset before the change gives a later instant, the one after it an earlier
    # instant.
    return _first_change(*_possible(wall, zone), zone)


@lru_cache(REMEMBERED)
def clock_shift(day: date, zone: tzinfo) -> datetime | None:
    """Return the instant of a clock change next to ``day``; None if there is none."""
    midnight = wall_time(day, 0)
    around = (midnight - HALF_DAY, midnight + 3 * HALF_DAY)
    if len({wall.replace(tzinfo=zone, fold=fold).utcoffset() for wall in around for fold in (0, 1)}) == 1:
        return None  # the case on nearly every day; the rest is slower
    early, late = _possible(around[0], zone)[0], _possible(around[1], zone)[1]
    if early.astimezone(zone).utcoffset() == late.astimezone(zone).utcoffset():
        return None
    shift = _first_change(early, late, zone)
    return shift if day in (shows(shift, zone).date(), shows(shift - MINUTE, zone).date()) else None


def _first_change(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """Return the instant in (``early``, ``late``] at which the offset changes; always a whole minute."""
    before = early.astimezone(zone).utcoffset()
    while late - early > MINUTE:
        middle = early + MINUTE * ((late - early) // MINUTE // 2)
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late

"""Adjusts stored deadlines when the system clock changes: a change neither adds nor removes time.

There are three kinds of stored times:

- *Lasting*: counted from when they are set (a pause of 30 minutes, `off` for an hour, time to finish a game,
  a grant that opened what was closed). They move with the clock and keep their remaining time.
- *Beyond*: after a boundary of the rules (15 minutes more before bedtime). They keep the remaining minutes
  after the boundary.
- *Of day*: until a time of day (until the morning, until tomorrow 06:00). They keep the time that the clock
  shows; if the date was wrong too, they move to the correct date.

A time that was set while the clock was trusted stays correct, even if the clock is not trusted after a later
start. Each time therefore stores ``clock_trusted``, whether the clock was trusted when it was set. When an
untrusted clock is corrected, only times without it move.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)  # the resolution of stored times
KEPT = 30 * DAY  # how long a time that a change ended may apply again


@dataclass(frozen=True, slots=True)
class Jump:
    """A change of the household's clock, or of whether it is trusted: then ``size`` is zero."""

    before: datetime  # aware; the time that the clock would show without the change
    after: datetime  # aware; the time that it shows, in the household's zone for `moved`
    was_known: bool  # the clock was trusted before the change
    known: bool  # it is trusted now

    @property
    def size(self) -> timedelta:
        """The distance that the clock moved; positive if it went forward."""
        return self.after - self.before

    def seen_in(self, zone: tzinfo) -> Jump:
        """Return this change with both its times in ``zone``."""
        return replace(self, before=self.before.astimezone(zone), after=self.after.astimezone(zone))


class MomentKind(Enum):
    """The way in which a stored end time follows a clock change: the part of it that stays the same.

    LASTING: the time left. BEYOND: the minutes after a boundary of the rules, such as bedtime.
    OF_DAY: the time of day.
    """

    LASTING = "lasting"
    BEYOND = "beyond"
    OF_DAY = "of day"


@dataclass(frozen=True, slots=True)
class Moment:
    """A stored end time, such as that of a pause, extra time, a session or a token."""

    until: datetime  # aware
    kind: MomentKind
    boundary: datetime | None = None  # of BEYOND: when its minutes start to be used
    clock_trusted: bool = True  # set while the clock was trusted

    def left(self, now: datetime) -> timedelta:
        """Return the time from ``now``, or from the boundary if that is later, to the end. Minimum: 0."""
        begin = now if self.boundary is None else max(now, self.boundary)
        return max(timedelta(), self.until - begin)


def later(now: datetime, span: timedelta) -> datetime:
    """Return the time ``span`` of elapsed time after ``now``, in the same zone.

    Python's own sum adds to the local time, which is wrong across a change to or from summer time.
    """
    return (now.astimezone(UTC) + span).astimezone(now.tzinfo)


def moved(moment: Moment, at: datetime, jump: Jump) -> tuple[Moment, datetime] | None:
    """Return a stored end time and its start ``at``, adjusted to a clock change, or None to delete it.

    None: it had ended before the change, but would apply again by the clock that was set back. An end that
    the change itself brought about may apply again after a later change: until then ``at`` is after the end.
    """
    if not _goes_by(moment, jump):
        return replace(moment, clock_trusted=moment.clock_trusted or jump.known), at
    if moment.kind is MomentKind.OF_DAY:
        return _of_day(moment, at, jump)
    if moment.until <= jump.before:
        return None if moment.until > jump.after else (moment, at)
    begin = jump.after if moment.boundary is None else max(jump.after, moment.boundary)
    return replace(moment, until=begin + moment.left(jump.before), clock_trusted=jump.known), at + jump.size


def is_over(until: datetime, at: datetime, now: datetime) -> bool:
    """Return True if a setting from ``at`` until ``until`` has ended, and no clock change can revive it.

    Otherwise it has not ended, or a later clock change may make it apply again (`moved`).
    """
    return until <= now and (at <= until or until <= now - KEPT)


def _of_day(moment: Moment, at: datetime, jump: Jump) -> tuple[Moment, datetime] | None:
    until, clock_trusted = moment.until, moment.clock_trusted or jump.known
    waits = at > until  # an earlier change ended it
    over = until <= jump.before and not waits
    if not jump.was_known:  # it counts from when it was set: until the next morning
        left = until - at
        at += jump.size
        until = _same_time(until, at.astimezone(jump.after.tzinfo), left)
    elif abs(jump.size) >= DAY and not over:
        until = _same_time(until, jump.after, until - jump.before)
        at += jump.size
        clock_trusted = jump.known
    if over and until > jump.after:
        return None
    if until <= jump.after and not over:
        at = max(jump.after, until + SECOND)
    elif waits:
        at = jump.after
    return replace(moment, until=until, clock_trusted=clock_trusted), at


def _goes_by(moment: Moment, jump: Jump) -> bool:
    """Return True if a stored end time must move with a clock change.

    It must if the clock was trusted before the change, or the end was set without a trusted clock.
    """
    return jump.was_known or not moment.clock_trusted


def _same_time(of: datetime, after: datetime, left: timedelta) -> datetime:
    """Return a time after ``after`` with the time of day of ``of``, in the zone of ``after``.

    It is the next such time if ``left`` is at most a day, and one day later for each further started day.
    """
    first = datetime.combine(after.date(), of.astimezone(after.tzinfo).timetz())
    if first.astimezone(UTC) <= after.astimezone(UTC):
        first += DAY
    return first + (-(-left // DAY) - 1) * DAY

"""What a jump of the clock does to times that are kept: it neither gives nor takes a minute.

Three kinds of times are kept. *Lasting* ones were counted from a tap (a pause of 30 minutes, `off` for an
hour, a landing, a grant that opened what was shut): they move with the clock, so that what was left of them
is left. *Beyond* ones come after a boundary of the rules (15 minutes more before bedtime): of the minutes
behind the boundary, those that were left are left. Times *of day* (until the morning, until tomorrow 06:00)
stay what the clock has to show; only where the date was wrong as well they are of the right one.

A time that was set while the clock was right is right, also while a later start does not know the time yet.
So each one says whether it is ``sure``: when an unknown clock is put right, only those move that are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)  # what the disk tells apart
KEPT = 30 * DAY  # how long what a jump ended may begin again


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock was set, or became known or unknown. ``size`` is zero where it only became known."""

    before: datetime  # aware; what the clock would say now
    after: datetime  # aware; what it says: in the zone of the home's clocks for `moved`
    was_known: bool
    known: bool

    @property
    def size(self) -> timedelta:
        """More than zero where the clock went forward."""
        return self.after - self.before

    def seen_in(self, zone: tzinfo) -> Jump:
        """As the clocks of a home show it."""
        return replace(self, before=self.before.astimezone(zone), after=self.after.astimezone(zone))


class Kind(Enum):
    LASTING = "lasting"
    BEYOND = "beyond"
    OF_DAY = "of day"


@dataclass(frozen=True, slots=True)
class Moment:
    """When something ends that guardians or children have set."""

    until: datetime  # aware
    kind: Kind
    boundary: datetime | None = None  # of BEYOND: where its minutes begin to be spent
    sure: bool = True  # set while the clock was known

    def left(self, now: datetime) -> timedelta:
        """Of the minutes that it is about. Never less than zero."""
        begin = now if self.boundary is None else max(now, self.boundary)
        return max(timedelta(), self.until - begin)


def moved(moment: Moment, at: datetime, jump: Jump) -> tuple[Moment, datetime] | None:
    """A moment that was set at ``at``, and that, as they are after ``jump``.

    None: it had ended by the clock that it goes by, and would hold again by the one that was put back. What a
    jump ended may hold again: until then ``at`` is after its end.
    """
    if not _goes_by(moment, jump):
        return replace(moment, sure=moment.sure or jump.known), at
    if moment.kind is Kind.OF_DAY:
        return _of_day(moment, at, jump)
    if moment.until <= jump.before:
        return None if moment.until > jump.after else (moment, at)
    begin = jump.after if moment.boundary is None else max(jump.after, moment.boundary)
    return replace(moment, until=begin + moment.left(jump.before), sure=jump.known), at + jump.size


def is_over(until: datetime, at: datetime, now: datetime) -> bool:
    """Whether what was set at ``at`` has ended for good, as far as `moved` has it."""
    return until <= now and (at <= until or until <= now - KEPT)


def _of_day(moment: Moment, at: datetime, jump: Jump) -> tuple[Moment, datetime] | None:
    until, sure = moment.until, moment.sure or jump.known
    waits = at > until  # an earlier jump ended it
    over = until <= jump.before and not waits
    if not jump.was_known:  # what was meant counts from the tap: until the next morning
        left = until - at
        at += jump.size
        until = _same_time(until, at.astimezone(jump.after.tzinfo), left)
    elif abs(jump.size) >= DAY and not over:
        until = _same_time(until, jump.after, until - jump.before)
        at += jump.size
        sure = jump.known
    if over and until > jump.after:
        return None
    if until <= jump.after and not over:
        at = max(jump.after, until + SECOND)
    elif waits:
        at = jump.after
    return replace(moment, until=until, sure=sure), at


def _goes_by(moment: Moment, jump: Jump) -> bool:
    """Whether it was set by the clock as it was before the jump, or by one that was as right."""
    return jump.was_known or not moment.sure


def _same_time(of: datetime, after: datetime, left: timedelta) -> datetime:
    """The time of day of ``of``, on as many days after ``after`` as ``left`` has begun ones."""
    first = datetime.combine(after.date(), of.astimezone(after.tzinfo).timetz())
    if first.astimezone(UTC) <= after.astimezone(UTC):
        first += DAY
    return first + (-(-left // DAY) - 1) * DAY

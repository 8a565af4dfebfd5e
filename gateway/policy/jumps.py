"""What a jump of the clock does to times that are kept: it neither gives nor takes a minute.

Three kinds of times are kept. *Lasting* ones were counted from a tap (a pause of 30 minutes, `off` for an
hour, a landing, a grant that opened what was shut): they move with the clock, so that what was left of them
is left. *Beyond* ones come after a boundary of the rules (15 minutes more before bedtime): of the minutes
behind the boundary, those that were left are left. Times *of day* (until tomorrow 06:00, a bedtime) never
move.

A time that was set while the clock was right is right, also while a later start does not know the time yet.
So each one says whether it is ``sure``: when an unknown clock is put right, only those move that are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock was set, or became known or unknown. ``size`` is zero where it only became known."""

    before: datetime  # aware; what the clock would say now
    after: datetime  # aware; what it says
    was_known: bool
    known: bool

    @property
    def size(self) -> timedelta:
        """More than zero where the clock went forward."""
        return self.after - self.before


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


def shift(moments: Iterable[Moment], jump: Jump) -> tuple[Moment, ...]:
    """The moments as they are after ``jump``, in their order. What has ended does not begin again."""
    return tuple(_shifted(one, jump) for one in moments)


def moved(moment: Moment, at: datetime, jump: Jump) -> tuple[Moment, datetime] | None:
    """A moment that was set at ``at``, and that, as they are after ``jump``.

    None: it had ended by the clock that it goes by, and would hold again by the one that was put back.
    """
    if _goes_by(moment, jump) and moment.until <= jump.before:
        return None if moment.until > jump.after else (moment, at)
    return _shifted(moment, jump), at + jump.size if _moves(moment, jump) else at


def _goes_by(moment: Moment, jump: Jump) -> bool:
    """Whether it was set by the clock as it was before the jump, or by one that was as right."""
    return jump.was_known or not moment.sure


def _moves(moment: Moment, jump: Jump) -> bool:
    return moment.kind is not Kind.OF_DAY and _goes_by(moment, jump)


def _shifted(moment: Moment, jump: Jump) -> Moment:
    if not _moves(moment, jump):
        return replace(moment, sure=moment.sure or jump.known)
    left = moment.left(jump.before)
    if not left and moment.until <= jump.after:
        return moment  # what has ended is over after a jump back too, so that one is moved
    begin = jump.after if moment.boundary is None else max(jump.after, moment.boundary)
    return replace(moment, until=begin + left, sure=jump.known)

"""Moves a child to the next age group: proposed, postponed, taken. Reasons: docs/families/growing.md.

Pure: a day goes in, what shall be done comes out. Of an age there is a band and the month of the next step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from gateway.age.bands import Band
from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.profile.next_step import month_text, next_band, read_month
from gateway.policy.profile.profile import Profile
from gateway.policy.time.clock_changes import Jump

ANSWER_DAYS = 30  # for which a proposal waits for an answer
NOTICE_DAYS = (
    3  # before control ends at 18, however long ago the month was: both read it, and a wrong clock shows
)
MOST_MONTHS = 6  # by which a step is put off, once
TOLD_DAYS = 30  # for which the pages tell of a step that was taken
AWAY = timedelta(days=2)  # longer without a look, the gateway was off: nobody could read the proposal
DAY = timedelta(days=1)
REASON_LIMIT = 200  # characters
KEPT_KEYS = ("name", "devices")  # what an adult's file has still


class State(StrEnum):
    OPEN = "open"  # proposed, or put off
    TAKING = "taking"  # the file is being written
    TAKEN = "taken"


class Stage(StrEnum):
    """How a page tells it."""

    NONE = "none"
    PROPOSED = "proposed"
    POSTPONED = "postponed"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Step:
    """One child's latest step. Times are aware."""

    profile: str
    name: str  # for when nobody has the profile any more
    band: Band  # of before
    month: str  # of the step, as the file has it
    since: datetime  # when both could read the proposal; days without a gateway do not count
    seen: datetime  # about when somebody looked last
    state: State = State.OPEN
    until: str = ""  # the month to which it was put off
    reason: str = ""
    put_off_by: str = ""
    taken: datetime | None = None
    by: str = ""  # who took it
    undo: int = 0  # the revision of the file before it
    revision: int = 0  # and after it

    @property
    def then(self) -> Band:
        return next_band(self.band) or Band.ADULT

    @property
    def is_final(self) -> bool:
        """Into adulthood."""
        return self.then is Band.ADULT

    def is_of(self, band: Band, month: str | None) -> bool:
        """Whether it is the step of a file that says so."""
        return self.band is band and self.month == month


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be kept, and whether the step is due."""

    kept: Step | None
    due: bool = False


def months_on(month: date, months: int) -> date:
    """The first day of a month so many later."""
    years, index = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(years, index + 1, 1)


def is_about(step: Step, profile: Profile) -> bool:
    """Whether a person's file is as it was before the step, or has the band that it led to."""
    if step.state is State.TAKEN:
        return profile.band is step.then
    return step.is_of(profile.band, profile.next_step)


def month_of(text: str) -> date:
    """Of a month that was read before."""
    found = read_month(text)
    assert found is not None
    return found


def month_after(band: Band, month: str) -> str | None:
    """When the band that begins in ``month`` ends: it follows from its ages. None: it is the last."""
    first, last = band.ages
    if last is None:
        return None
    then = months_on(month_of(month), 12 * (last + 1 - first))
    return month_text(then) if read_month(month_text(then)) is not None else None


def due_day(step: Step, begun: date) -> date:
    """On which it happens by itself. ``begun``: the day of ``since``, as the home's clocks show it."""
    if _answers_by_month(step, begun):  # else it had happened, and somebody went back
        return month_of(step.until)
    if not step.is_final:
        return begun + ANSWER_DAYS * DAY
    by_calendar = month_of(step.month) + ANSWER_DAYS * DAY
    return max(begun + NOTICE_DAYS * DAY, min(begun + ANSWER_DAYS * DAY, by_calendar))


def look(profile: str, name: str, band: Band, month: str | None, kept: Step | None, now: datetime) -> Look:
    """What there is to do for one person. ``now``: local, by a clock that is known to be right."""
    if kept is not None and kept.state is State.TAKING:
        return Look(kept, due=True)  # a kill came between
    if kept is not None and kept.state is State.TAKEN and not kept.is_of(band, month):
        known = replace(kept, name=name)
        if month is None or next_band(band) is None or now.date() < month_of(month):
            return Look(None if _is_forgotten(known, now) else known)
        kept = None
    if kept is not None and kept.state is State.OPEN and kept.is_final and band is Band.ADULT:
        return Look(kept, due=True)  # a guardian wrote it into the file: that is a yes
    if month is None or next_band(band) is None:
        return Look(None)
    if kept is None or not kept.is_of(band, month):
        return Look(Step(profile, name, band, month, now, now) if now.date() >= month_of(month) else None)
    if now.date() < month_of(month):
        return Look(kept if kept.until else None)  # the clock had been ahead
    if kept.state is State.TAKEN:  # a guardian went back to the file as it was
        kept = replace(_reopened(kept, now), since=now)
    if kept.since > now:  # the clock was put back while nothing ran: no more is waited than was promised
        kept = replace(kept, since=now)
    if not timedelta() <= now - kept.seen < DAY or kept.name != name:
        kept = replace(kept, seen=now, name=name)
    return Look(kept, due=now.date() >= due_day(kept, kept.since.astimezone(now.tzinfo).date()))


def _is_forgotten(step: Step, now: datetime) -> bool:
    """Of somebody who is an adult nothing more is told after a month."""
    return step.is_final and (step.taken is None or now - step.taken > TOLD_DAYS * DAY)


def back_again(step: Step, now: datetime) -> Step:
    """At the first look after a start: days on which the gateway was off are none of the thirty."""
    gone = now - step.seen
    if step.state is not State.OPEN or gone <= AWAY:
        return step
    if step.until:
        return replace(step, seen=now)  # its month was the answer
    return replace(step, since=step.since + gone, seen=now)


def after_jump(step: Step, jump: Jump) -> Step:
    """The clock was set: as many days are left as were, and what was taken was taken as long ago. The month
    to which one was put off stays the answer. A day ahead may be a slip, and at 18 the calendar would not
    wait until it is seen: it waits a day, also where the gateway starts anew meanwhile.

    In whole seconds, as a step is kept: parts of one would make the same proposal look like another.
    """
    size = timedelta(seconds=round(jump.size.total_seconds()))
    taken = None if step.taken is None else step.taken + size
    since = step.since if _answers_by_month(step, step.since.date()) else step.since + size
    if step.is_final and step.state is State.OPEN and size >= DAY:
        since = max(since, jump.after.replace(microsecond=0) - (NOTICE_DAYS - 1) * DAY)
    return replace(step, since=since, seen=step.seen + size, taken=taken)


def _answers_by_month(step: Step, begun: date) -> bool:
    """Whether it was put off to a month, and waits for that one alone."""
    return bool(step.until) and begun < month_of(step.until)


def stage(step: Step | None, now: datetime) -> Stage:
    """``now``: local."""
    if step is None:
        return Stage.NONE
    if step.state is State.TAKEN:
        recent = step.taken is not None and now - step.taken <= TOLD_DAYS * DAY
        return Stage.TAKEN if recent else Stage.NONE
    return Stage.POSTPONED if step.until and now.date() < month_of(step.until) else Stage.PROPOSED


def later_months(step: Step, today: date) -> tuple[str, ...]:
    """To which it can be put off, once: also back from one that was taken. Never into adulthood."""
    if step.is_final or step.until or step.state is State.TAKING:
        return ()
    first = month_of(step.month)
    months = (months_on(first, number) for number in range(1, MOST_MONTHS + 1))
    return tuple(month_text(one) for one in months if one > today and read_month(month_text(one)))


def put_off(step: Step, until: str, reason: str, by: str, now: datetime) -> Step:
    """Raises PolicyError. ``now``: local."""
    if step.is_final:
        problem, mend = "cannot be put off", "at 18 control ends"
        raise PolicyError(step.name, problem, mend).coded(Code.ADULT_NEXT, name=step.name)
    if until not in later_months(step, now.date()):
        problem, mend = "cannot be put off to that month", "once, and by six months at most"
        raise PolicyError(step.name, problem, mend).coded(Code.NOT_LATER, name=step.name)
    if not reason.strip() or len(reason) > REASON_LIMIT:
        problem, mend = "needs a reason that the child reads", f"write one of at most {REASON_LIMIT} letters"
        raise PolicyError(step.name, problem, mend).coded(Code.NO_REASON, most=REASON_LIMIT)
    return replace(_reopened(step, now), until=until, reason=reason.strip(), put_off_by=by)


def _reopened(step: Step, now: datetime) -> Step:
    return replace(step, state=State.OPEN, seen=now, taken=None, by="", undo=0, revision=0)


def changes(step: Step, said: Mapping[str, object]) -> dict[str, object]:
    """What the step writes into the child's file, which has ``said``. What the family set stays; at 18 all
    of it goes.
    """
    if step.is_final:
        gone = {key: None for key in said if key not in (*KEPT_KEYS, "band")}
        return {**gone, "band": Band.ADULT.value}
    return {"band": step.then.value, "next_step": month_after(step.then, step.month)}


def has_happened(step: Step, said: Mapping[str, object]) -> bool:
    """Whether a file is as the step leaves it."""
    return all(said.get(key) == value for key, value in changes(step, said).items())

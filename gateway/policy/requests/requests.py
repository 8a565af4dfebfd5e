"""What a child asks for, and what becomes of it: waiting, answered, or expired.

A request is for time, of everything or of one service, for a site, or about minutes of the ledger that the
child thinks are wrong. For one thing a child has one request that waits; asking again puts new words to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code
from gateway.policy.time.clock_changes import Jump
from gateway.policy.time.schedule import Calendar, next_local

MAX_REASON = 200  # characters
MAX_A_DAY = 20  # times that a child may ask in one day of the family
MAX_KEPT = 500  # requests of the whole home
KEPT = timedelta(days=30)
SITE_KEPT = timedelta(days=7)  # after its answer: as long as any name of a site, or minute of the ledger
MAX_MINUTES = 240  # of one request
REMIND_AFTER = timedelta(hours=24)
SITE_LIFE = timedelta(days=7)
LEDGER_LIFE = timedelta(days=7)  # as long as anybody can look which minutes they were
SITE_ONCE = 60  # minutes that `once` opens a site for, unless told otherwise
MIDNIGHT = 0  # minutes of the day


class Topic(StrEnum):
    TIME = "time"
    SITE = "site"
    LEDGER = "ledger"


class Answer(StrEnum):
    ONCE = "once"
    TODAY = "today"
    ALWAYS = "always"
    NO = "no"


class State(StrEnum):
    PENDING = "pending"
    ANSWERED = "answered"
    AUTO = "auto"  # granted by itself: `auto_approve`
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """All instants are aware."""

    id: int
    who: str  # a profile's id
    device: str  # the MAC from which it was asked for last
    topic: Topic
    thing: (
        str  # time: a service's id, or empty; site: `example.com`, `service:x`; ledger: limits, with spaces
    )
    minutes: int  # asked for, or meant; 0 of a site
    reason: str
    at: datetime
    expires: datetime
    times: int = 1  # that it was asked for
    state: State = State.PENDING
    reminded: bool = False
    answer: Answer | None = None
    given: int = 0  # minutes that it was answered with
    because: str = ""
    by: str = ""  # who answered
    answered: datetime | None = None
    grant: int | None = None  # the number by which what it gave is taken back
    sure: bool = True  # asked while the clock was known
    since: datetime | None = None  # ledger: when the minutes that are meant begin

    @property
    def waits(self) -> bool:
        return self.state is State.PENDING


def pending(requests: Iterable[ChildRequest], new: ChildRequest) -> ChildRequest | None:
    """The one that waits for what ``new`` is about."""
    wanted = (new.who, new.topic, new.thing, new.since)
    return next(
        (one for one in requests if one.waits and (one.who, one.topic, one.thing, one.since) == wanted), None
    )


def asked(
    known: Collection[ChildRequest], new: ChildRequest, calendar: Calendar, today: date
) -> ChildRequest:
    """``new`` as it is to be kept: with an id of its own, or in place of one that waits for the same thing.

    Raises PolicyError where a limit is reached. ``today`` is the family's day of ``new.at``.
    """
    if len(new.reason) > MAX_REASON:
        where, problem = "the reason", f"has {len(new.reason)} characters"
        error = PolicyError(where, problem, f"write at most {MAX_REASON}")
        raise error.coded(Code.REASON_TOO_LONG, most=MAX_REASON)
    mine = [one for one in known if one.who == new.who and calendar.family_day(one.at) == today]
    if sum(one.times for one in mine) >= MAX_A_DAY:
        where, problem = "asking", f"was done {MAX_A_DAY} times today"
        error = PolicyError(where, problem, "ask again tomorrow, or in person")
        raise error.coded(Code.ASKED_TOO_OFTEN, times=MAX_A_DAY)
    before = pending(known, new)
    if before is not None:
        return replace(
            before,
            device=new.device,
            minutes=new.minutes,
            reason=new.reason or before.reason,
            times=before.times + 1,
        )
    if sum(one.waits for one in known) >= MAX_KEPT:
        where, problem = "asking", f"waits for an answer {MAX_KEPT} times"
        error = PolicyError(where, problem, "answer some of them first")
        raise error.coded(Code.TOO_MANY_WAIT, most=MAX_KEPT)
    return replace(new, id=max((one.id for one in known), default=0) + 1)


def expires(topic: Topic, at: datetime, calendar: Calendar) -> datetime:
    """Time is asked for today: until midnight, local. A site is asked for a week; so are minutes back."""
    if topic is Topic.TIME:
        return next_local(MIDNIGHT, calendar, at)
    return at + (SITE_LIFE if topic is Topic.SITE else LEDGER_LIFE)


def answered(
    one: ChildRequest,
    answer: Answer,
    *,
    by: str,
    now: datetime,
    because: str = "",
    minutes: int | None = None,
) -> ChildRequest:
    """The request with its answer. Raises PolicyError where it does not wait, or the answer does not fit."""
    where = f"request {one.id}"
    if one.state is State.EXPIRED or (one.waits and now >= one.expires):
        error = PolicyError(where, "has expired", "give time with: qalqan grant, or edit the profile")
        raise error.coded(Code.REQUEST_EXPIRED)
    if not one.waits:
        was = f"{one.answer} by {one.by}" if one.by else str(one.answer)
        error = PolicyError(where, f"was answered before ({was})", "each is answered once")
        raise error.coded(Code.ANSWERED_BEFORE)
    if len(because) > MAX_REASON:
        problem = f"the reason has {len(because)} characters"
        error = PolicyError(where, problem, f"write at most {MAX_REASON}")
        raise error.coded(Code.REASON_TOO_LONG, most=MAX_REASON)
    given = 0
    if answer is Answer.ONCE:
        given = minutes if minutes is not None else one.minutes or SITE_ONCE
    elif minutes is not None:
        raise PolicyError(where, f"'{answer}' takes no minutes", "answer 'once' with them")
    if one.topic is not Topic.SITE and answer is Answer.TODAY:
        raise PolicyError(
            where, "is for time, of which 'today' has no amount", "answer 'once' with --minutes"
        ).coded(Code.NOT_FOR_TIME)
    if one.topic is not Topic.SITE and answer is Answer.ALWAYS:
        mend = "change limits, windows or bedtime in the profile"
        error = PolicyError(where, "is for time, which is not given for always", mend)
        raise error.coded(Code.NOT_FOR_TIME)
    return replace(
        one, state=State.ANSWERED, answer=answer, given=given, because=because, by=by, answered=now
    )


def granted_by_itself(one: ChildRequest, now: datetime) -> ChildRequest:
    return replace(one, state=State.AUTO, answer=Answer.ONCE, given=one.minutes, answered=now)


def is_within(amount: timedelta, given: int, minutes: int) -> bool:
    """Whether ``minutes`` more are within the daily ``amount``, of which ``given`` minutes are gone."""
    return timedelta(minutes=given + minutes) <= amount


def due(one: ChildRequest) -> datetime | None:
    """The next instant at which something becomes of a request that waits; None for any other."""
    if not one.waits:
        return None
    reminder = one.at + REMIND_AFTER
    return one.expires if one.reminded else min(reminder, one.expires)


def moved_on(one: ChildRequest, now: datetime) -> ChildRequest:
    """The request as time has it: expired, reminded of, or as it was."""
    if one.waits and now >= one.expires:
        return replace(one, state=State.EXPIRED, answered=one.expires)
    if one.waits and not one.reminded and now >= one.at + REMIND_AFTER:
        return replace(one, reminded=True)
    return one


def after_jump(one: ChildRequest, jump: Jump, calendar: Calendar) -> ChildRequest:
    """The request where the clock has jumped: as old as it was, and one for time waits until a midnight that
    is yet to come.
    """
    if one.sure and not jump.was_known:
        return one  # by a clock that was right, and is again
    expires = one.expires + jump.size
    if one.topic is Topic.TIME and one.waits and jump.before < one.expires:
        expires = next_local(MIDNIGHT, calendar, jump.after)
    answered = None if one.answered is None else one.answered + jump.size
    return replace(one, at=one.at + jump.size, expires=expires, answered=answered, sure=jump.known)


def kept(requests: Iterable[ChildRequest], now: datetime) -> tuple[ChildRequest, ...]:
    """Those that are young enough; of more than MAX_KEPT those that were answered longest ago go."""
    young = [one for one in requests if one.waits or now < _forgotten(one)]
    if len(young) <= MAX_KEPT:
        return tuple(young)
    by_age = sorted(young, key=lambda one: (one.waits, one.at))
    return tuple(sorted(by_age[len(young) - MAX_KEPT :], key=lambda one: one.id))


def _forgotten(one: ChildRequest) -> datetime:
    return one.at + KEPT if one.topic is Topic.TIME else (one.answered or one.at) + SITE_KEPT

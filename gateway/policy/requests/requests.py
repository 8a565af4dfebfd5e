"""Requests of children, and their state: pending, answered or expired.

A request is for time (all or one service), for a site, or about used minutes that the child disputes. A
child has one pending request per subject; a repeated request updates it, but not its time or expiry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.core.errors import ControlError, PolicyError
from gateway.core.reason_codes import Code

if TYPE_CHECKING:
    from gateway.policy.time.clock_changes import Jump
    from gateway.policy.time.schedule import Calendar  # 1.5 MB, which the pages do not need

MAX_REASON = 200  # characters
MAX_A_DAY = 20  # requests of one child per family day, repeated ones included
MAX_KEPT = 500  # requests of the whole household
MAX_WAITING = 200  # pending ones: with the longest texts they fit one answer, so all are listed
KEPT = timedelta(days=30)
SITE_KEPT = timedelta(days=7)  # after the answer; as long as names of sites and used minutes are stored
MAX_MINUTES = 240  # per request
REMIND_AFTER = timedelta(hours=24)
SITE_LIFE = timedelta(days=7)
LEDGER_LIFE = timedelta(days=7)  # as long as used minutes can be looked up
SITE_ONCE = 60  # minutes for which `once` opens a site by default
MIDNIGHT = 0  # minutes of the day


class RequestTopic(StrEnum):
    """The subject of a child's request: time, a site, or a correction of counted minutes (ledger)."""

    TIME = "time"
    SITE = "site"
    LEDGER = "ledger"


class Answer(StrEnum):
    """A guardian's answer to a request: once (for some minutes), for today, always, or no."""

    ONCE = "once"
    TODAY = "today"
    ALWAYS = "always"
    NO = "no"


class RequestState(StrEnum):
    PENDING = "pending"
    ANSWERED = "answered"
    AUTO = "auto"  # granted automatically: `auto_approve`
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ChildRequest:
    """A child's request, with its state and answer. All instants are aware."""

    id: int
    who: str  # a profile's id
    device: str  # MAC address of the last device that sent it
    topic: RequestTopic
    thing: str  # time: a service's id or empty; site: a host, `service:x`, `category:x`; ledger: limits
    minutes: int  # requested or disputed; 0 for a site
    reason: str
    at: datetime
    expires: datetime
    times: int = 1  # how often it was requested
    state: RequestState = RequestState.PENDING
    reminded: bool = False
    answer: Answer | None = None
    given: int = 0  # minutes granted by the answer
    because: str = ""
    by: str = ""  # the person who answered
    answered: datetime | None = None
    grant: int | None = None  # the id of the grant, for revoking it
    clock_trusted: bool = True  # requested while the clock was trusted
    since: datetime | None = None  # ledger: start of the disputed minutes
    host: str = ""  # site: the blocked host; empty: not known
    wrong: bool = False  # site: the child says that it was blocked by mistake

    @property
    def waits(self) -> bool:
        return self.state is RequestState.PENDING


def pending(requests: Iterable[ChildRequest], new: ChildRequest) -> ChildRequest | None:
    """Return the pending request of the same child about the same subject as ``new``; None without one."""
    wanted = (new.who, new.topic, new.thing, new.since)
    return next(
        (
            request
            for request in requests
            if request.waits and (request.who, request.topic, request.thing, request.since) == wanted
        ),
        None,
    )


def asked(known: Collection[ChildRequest], new: ChildRequest, times: int) -> ChildRequest:
    """Return the request to store: ``new`` with an id, or the child's pending one on its subject, updated.

    ``known``: all stored requests; ``times``: how often the child has asked on the family's day of
    ``new.at``, repeated requests included.

    Raises:
        ControlError: the reason is too long, or a limit on the number of requests is reached.
    """
    if len(new.reason) > MAX_REASON:
        raise ControlError.of(Code.REASON_TOO_LONG, most=MAX_REASON)
    if times >= MAX_A_DAY:
        raise ControlError.of(Code.ASKED_TOO_OFTEN, times=MAX_A_DAY)
    before = pending(known, new)
    if before is not None:
        return replace(
            before,
            device=new.device,
            minutes=new.minutes,
            reason=new.reason or before.reason,
            host=new.host or before.host,
            wrong=new.wrong or before.wrong,
            times=before.times + 1,
        )
    if sum(request.waits for request in known) >= MAX_WAITING:
        raise ControlError.of(Code.TOO_MANY_WAIT, most=MAX_WAITING)
    return replace(new, id=max((request.id for request in known), default=0) + 1)


def expires(topic: RequestTopic, at: datetime, calendar: Calendar) -> datetime:
    """Return when a request made at ``at`` expires: one for time at local midnight, others after a week."""
    if topic is RequestTopic.TIME:
        return calendar.next_local(MIDNIGHT, at)
    return at + (SITE_LIFE if topic is RequestTopic.SITE else LEDGER_LIFE)


def answered(
    request: ChildRequest,
    answer: Answer,
    *,
    by: str,
    now: datetime,
    because: str = "",
    minutes: int | None = None,
) -> ChildRequest:
    """Return the request with a guardian's answer; ``request`` is not changed.

    ``by``: the guardian. ``because``: the reason for the child. ``minutes``: for ``once``; None: as
    requested, or SITE_ONCE; their range is not checked. Raises GatewayError if it is not pending, the answer
    does not fit its topic or has minutes and is not ``once``, or the reason is too long.
    """
    where = f"request {request.id}"
    if request.state is RequestState.EXPIRED or (request.waits and now >= request.expires):
        raise ControlError.of(Code.REQUEST_EXPIRED)
    if not request.waits:
        raise ControlError.of(Code.ANSWERED_BEFORE)
    if len(because) > MAX_REASON:
        raise ControlError.of(Code.REASON_TOO_LONG, most=MAX_REASON)
    given = 0
    if answer is Answer.ONCE:
        given = minutes if minutes is not None else request.minutes or SITE_ONCE
    elif minutes is not None:
        raise PolicyError(where, f"'{answer}' takes no minutes", "answer 'once' with them")
    if request.topic is not RequestTopic.SITE and answer in (Answer.TODAY, Answer.ALWAYS):
        raise ControlError.of(Code.NOT_FOR_TIME)
    return replace(
        request, state=RequestState.ANSWERED, answer=answer, given=given, because=because, by=by, answered=now
    )


def auto_granted(request: ChildRequest, now: datetime) -> ChildRequest:
    """Return the request as granted automatically, with all its minutes."""
    return replace(request, state=RequestState.AUTO, answer=Answer.ONCE, given=request.minutes, answered=now)


def is_within(amount: timedelta, given: int, minutes: int) -> bool:
    """Return True if ``minutes`` more fit into the daily ``amount``, of which ``given`` minutes are used."""
    return timedelta(minutes=given + minutes) <= amount


def due(request: ChildRequest) -> datetime | None:
    """Return when a pending request needs a reminder or expires, whichever is next; None for others."""
    if not request.waits:
        return None
    reminder = request.at + REMIND_AFTER
    return request.expires if request.reminded else min(reminder, request.expires)


def advanced(request: ChildRequest, now: datetime) -> ChildRequest:
    """Return the request as it is at ``now``: marked as expired or reminded if due, else unchanged."""
    if request.waits and now >= request.expires:
        return replace(request, state=RequestState.EXPIRED, answered=request.expires)
    if request.waits and not request.reminded and now >= request.at + REMIND_AFTER:
        return replace(request, reminded=True)
    return request


def after_jump(request: ChildRequest, jump: Jump, calendar: Calendar) -> ChildRequest:
    """Return the request with its times adjusted to a clock change, so that its age stays the same.

    A pending request for extra time that had not expired then expires at the next local midnight. The start
    of disputed minutes (``since``) stays. The request is unchanged if it was made when the clock was known
    to be right, and only a clock not known to be right is corrected.
    """
    if request.clock_trusted and not jump.was_known:
        return request  # the clock was trusted before and will be again
    expires = request.expires + jump.size
    if request.topic is RequestTopic.TIME and request.waits and jump.before < request.expires:
        expires = calendar.next_local(MIDNIGHT, jump.after)
    answered = None if request.answered is None else request.answered + jump.size
    return replace(
        request, at=request.at + jump.size, expires=expires, answered=answered, clock_trusted=jump.known
    )


def kept(requests: Iterable[ChildRequest], now: datetime) -> tuple[ChildRequest, ...]:
    """Return the requests to store further: pending and recent ones, at most MAX_KEPT.

    If there are more, answered ones are dropped before pending ones, and older ones first.
    """
    young = [request for request in requests if request.waits or now < _forgotten(request)]
    if len(young) <= MAX_KEPT:
        return tuple(young)
    by_age = sorted(young, key=lambda request: (request.waits, request.at))
    return tuple(sorted(by_age[len(young) - MAX_KEPT :], key=lambda request: request.id))


def _forgotten(request: ChildRequest) -> datetime:
    """Return when an answered request is no longer stored."""
    return (
        request.at + KEPT
        if request.topic is RequestTopic.TIME
        else (request.answered or request.at) + SITE_KEPT
    )

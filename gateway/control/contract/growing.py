"""Verbs of growing up: the next age group, times that a child sets for itself, and the agreement on rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, Verb


@record
class AgeTransition:
    """A child's change to the next age group: proposed, postponed or done. Months are YYYY-MM."""

    profile: str
    name: str  # of the child; untrusted input
    stage: str  # proposed, postponed, taken
    band: str
    then: str  # the next age group
    month: str
    since: datetime
    on: date | None  # when it happens automatically
    until: str | None  # the month to which it is postponed
    reason: str  # of the guardian who postponed it; untrusted input
    put_off_by: str | None
    taken: datetime | None
    by: str | None  # who took it
    by_itself: bool
    later: tuple[str, ...]  # months to which it can still be postponed


@record
class TransitionRequest:
    id: OneLine


@record
class TransitionPreview:
    """A child's next change of age group, with its rules in effect before and after, as in a rule file."""

    id: str
    name: str
    band: str
    then: str | None  # None: the month is not set
    month: str | None
    step: AgeTransition | None  # None: not yet proposed
    rules: Mapping[str, Any]
    after: Mapping[str, Any] | None


@record
class TransitionTaken:
    """The answer to a change of age group: the new one, and the rule file's revisions before and after.

    ``undo``: the one before, to return to. A change to adult cannot be undone.
    """

    id: str
    band: str
    undo: int
    revision: int


@record
class PostponeRequest:
    id: OneLine
    until: OneLine
    reason: OneLine


@record
class TransitionPostponed:
    id: str
    band: str
    until: str


TRANSITION = Verb("step", TransitionRequest, TransitionPreview, senders=BY_PAGES)
TAKE_TRANSITION = Verb("take_step", TransitionRequest, TransitionTaken, senders=BY_GUARDIANS)
POSTPONE_TRANSITION = Verb("postpone_step", PostponeRequest, TransitionPostponed, senders=BY_GUARDIANS)


@record
class SelfSetChoice:
    """A bedtime or a time limit that a child set for itself, and when."""

    key: str  # bedtime, or limits/ and a target
    name: str | None  # of the limit's target
    value: Any  # in the shape of a profile's file
    at: datetime | None  # when it was set


@record
class SelfSetTimes:
    may: bool  # False: others set this child's times, and its own do not apply
    most: int  # maximum number of limits
    suggested: Mapping[str, Any]  # by key; not in effect
    choices: tuple[SelfSetChoice, ...]


@record
class SelfSetRequest:
    set: Mapping[str, Any]  # by key; null removes a choice


@record
class SelfSetResult:
    id: str
    self_set: SelfSetTimes | None


SELF_SET = Verb("self_set", SelfSetRequest, SelfSetResult, senders=BY_CHILDREN)


@record
class PendingAgreement:
    """One side, child or guardian, has agreed to the child's present rules, and the other has not yet."""

    side: str  # child, guardian
    by: str | None  # the guardian
    at: datetime | None


@record
class AgreementStatus:
    state: str  # none, agreed; changed: the rules have changed since
    by: str | None  # the guardian
    at: datetime | None
    waits: PendingAgreement | None


@record
class AgreementRequest:
    """Agree to a child's rules, or end the agreement: as the child, or as a guardian.

    The child is that of the sender's ``device``; a guardian names it by ``id``.
    """

    action: Literal["agree", "end"]
    id: OneLine | None = None


@record
class AgreementResult:
    id: str
    agreement: AgreementStatus | None


AGREEMENT = Verb("agreement", AgreementRequest, AgreementResult, senders=BY_GUARDIANS | BY_CHILDREN)

"""The transition to the next age band: preview, accept, postpone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from gateway.control.schema import Text, record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("growing")


@record
class Step:
    profile: str
    name: str
    stage: str  # proposed, postponed, taken
    band: str
    then: str
    month: str
    since: datetime
    on: date | None  # when it happens automatically
    until: str | None  # the month to which it is postponed
    reason: str
    put_off_by: str | None
    taken: datetime | None
    by: str | None
    by_itself: bool
    later: tuple[str, ...]  # months to which it can still be postponed


@record
class Growth:
    id: str
    name: str
    band: str
    then: str | None
    month: str | None
    step: Step | None
    rules: Mapping[str, Any]
    after: Mapping[str, Any] | None


@record
class Taken:
    id: str
    band: str
    undo: int
    revision: int


@record
class Later:
    until: Annotated[str, Text(7, 7, r"20[0-9]{2}-[0-9]{2}")]
    reason: Annotated[str, Text(1, 200)]


@record
class PutOff:
    id: str
    band: str
    until: str


@noun.declare("GET", "/children/{child}/step", answer=Growth)
def read(me: Caller, child: str) -> object:
    """Return the next transition, with the rules before and after it."""
    return me.ask("step", id=child)


@noun.declare("POST", "/children/{child}/step", answer=Taken)
def take(me: Caller, child: str) -> object:
    """Accept a proposed transition now.

    The one into adulthood cannot be undone: stored activity is deleted.
    """
    return me.change("take_step", id=child)


@noun.declare("POST", "/children/{child}/step/later", body=Later, answer=PutOff)
def later(me: Caller, child: str, body: Later) -> object:
    """Postpone it once, to one of `later`, with a reason that the child reads."""
    return me.change("postpone_step", id=child, until=body.until, reason=body.reason)

"""The step into the next age band: what it changes, yes, and not yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from webui.api.kinds import Text
from webui.api.operations import Noun
from webui.api.records import record
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
    on: date | None  # when it happens by itself
    until: str | None  # the month to which it was put off
    reason: str
    put_off_by: str | None
    taken: datetime | None
    by: str | None
    by_itself: bool
    later: tuple[str, ...]  # months to which it can be put off still


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
    """The next step, with what holds now and what would hold then."""
    return me.ask("step", id=child)


@noun.declare("POST", "/children/{child}/step", answer=Taken)
def take(me: Caller, child: str) -> object:
    """A proposed step happens now. Into adulthood there is no way back: what was written down is deleted."""
    return me.change("take_step", id=child)


@noun.declare("POST", "/children/{child}/step/later", body=Later, answer=PutOff)
def later(me: Caller, child: str, body: Later) -> object:
    """Put off once, to one of `later`, with a reason that the child reads."""
    return me.change("postpone_step", id=child, until=body.until, reason=body.reason)

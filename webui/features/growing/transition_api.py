"""API operations of a child's transition to the next age group: preview, accept, postpone."""

from __future__ import annotations

from typing import Annotated

from gateway.control.contract.growing import (
    POSTPONE_TRANSITION,
    TAKE_TRANSITION,
    TRANSITION,
    TransitionPostponed,
    TransitionPreview,
    TransitionTaken,
)
from gateway.control.schema import Text, record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("growing")


@record
class PostponeBody:
    """A postponed transition: until which month (YYYY-MM), and why."""

    until: Annotated[str, Text(7, 7, r"20[0-9]{2}-[0-9]{2}")]
    reason: Annotated[str, Text(1, 200)]


@noun.declare("GET", "/children/{child}/step", answer=TransitionPreview)
def read(me: Caller, child: str) -> object:
    """Return a child's next transition to another age group, with the rules before and after it."""
    return me.ask(TRANSITION, id=child)


@noun.declare("POST", "/children/{child}/step", answer=TransitionTaken)
def take(me: Caller, child: str) -> object:
    """Accept the proposed transition of a child to the next age group now.

    The one into adulthood cannot be undone: stored activity is deleted.
    """
    return me.change(TAKE_TRANSITION, id=child)


@noun.declare("POST", "/children/{child}/step/later", body=PostponeBody, answer=TransitionPostponed)
def later(me: Caller, child: str, body: PostponeBody) -> object:
    """Postpone a child's transition to the next age group once, with a reason that the child reads.

    `until`: one of the months that the transition offers as `later`.
    """
    return me.change(POSTPONE_TRANSITION, id=child, until=body.until, reason=body.reason)

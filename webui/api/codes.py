"""Codes on paper. Each is valid once, for a number of minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from gateway.control.schema import Whole, record
from webui.api.operations import ChildId, Noun
from webui.api.who import Caller

noun = Noun("codes")

CodeMinutes = Annotated[int, Whole(1, 240)]


@record
class NewCodes:
    child: ChildId  # or all
    minutes: CodeMinutes
    count: Annotated[int, Whole(1, 40)] = 1


@record
class CodesMade:
    codes: tuple[str, ...]
    minutes: int
    until: datetime | None


@record
class Batch:
    id: str
    count: int
    minutes: int
    who: str
    name: str
    made: datetime | None
    until: datetime | None
    by: str


@record
class Batches:
    batches: tuple[Batch, ...]


@record
class Withdrawn:
    count: int


@noun.declare("GET", "/codes", answer=Batches)
def all_(me: Caller) -> object:
    """List unused codes by batch, without the codes themselves."""
    return me.ask("tickets")


@noun.declare("POST", "/codes", body=NewCodes, answer=CodesMade, status=201)
def make(me: Caller, body: NewCodes) -> object:
    """Create codes. They are returned only once."""
    return me.change("ticket", who=body.child, minutes=body.minutes, count=body.count)


@noun.declare("DELETE", "/codes/{batch}", answer=Withdrawn)
def withdraw(me: Caller, batch: str) -> object:
    """Withdraw the codes of a batch."""
    return me.change("withdraw", batch=batch)

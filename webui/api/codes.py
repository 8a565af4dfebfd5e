"""Codes on paper: each good once for so many minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from webui.api.kinds import Whole
from webui.api.operations import ChildId, Noun
from webui.api.records import record
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
    """Unused codes by batch, without the codes."""
    return me.ask("tickets")


@noun.declare("POST", "/codes", body=NewCodes, answer=CodesMade, status=201)
def make(me: Caller, body: NewCodes) -> object:
    """New codes, which are told this once."""
    return me.change("ticket", who=body.child, minutes=body.minutes, count=body.count)


@noun.declare("DELETE", "/codes/{batch}", answer=Withdrawn)
def withdraw(me: Caller, batch: str) -> object:
    """The codes of a batch are good no more."""
    return me.change("withdraw", batch=batch)

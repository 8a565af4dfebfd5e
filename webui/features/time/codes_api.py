"""API operations for printed codes. Each gives extra time once, for a number of minutes."""

from __future__ import annotations

from gateway.control.contract.time import (
    CODE_BATCHES,
    CODES,
    WITHDRAW,
    CodeBatches,
    CodeCount,
    CodeMinutes,
    IssuedCodes,
    WithdrawnCodes,
)
from gateway.control.schema import record
from webui.api.operations import ChildId, Noun
from webui.api.who import Caller

noun = Noun("codes")


@record
class NewCodes:
    child: ChildId  # or all
    minutes: CodeMinutes
    count: CodeCount = 1


@noun.declare("GET", "/codes", answer=CodeBatches)
def all_(me: Caller) -> object:
    """List unused printed codes for extra time by batch, without the codes themselves."""
    return me.ask(CODE_BATCHES)


@noun.declare("POST", "/codes", body=NewCodes, answer=IssuedCodes, status=201)
def make(me: Caller, body: NewCodes) -> object:
    """Create printed codes for extra time and return them. They are returned only once."""
    return me.change(CODES, who=body.child, minutes=body.minutes, count=body.count)


@noun.declare("DELETE", "/codes/{batch}", answer=WithdrawnCodes)
def withdraw(me: Caller, batch: str) -> object:
    """Withdraw the unused printed codes of a batch: they no longer give extra time."""
    return me.change(WITHDRAW, batch=batch)

"""A child's activity by day, as far as its log level allows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from gateway.control.contract.activity import ERASE, HISTORY, RECENT_BLOCKS, History, RecentBlock
from gateway.control.schema import record
from webui.api.children import Used
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("activity")


@record
class Span:
    from_: date | None = None
    to: date | None = None


@record
class OnDay:
    day: date | None = None


@record
class Total:
    target: str
    name: str
    minutes: int


@record
class Counted:
    at: datetime
    device: str
    gate: str
    name: str
    service: str
    why: str


@record
class Ledger:
    profile: str
    name: str
    day: date
    used: tuple[Used, ...]
    totals: tuple[Total, ...]
    minutes: tuple[Counted, ...]
    left_off: int


@record
class Erase:
    what: Literal["all", "names"] = "all"


@record
class Refusal(RecentBlock):
    """A recent block, with empty texts where the socket has null."""

    host: str
    name: str


@record
class Refusals:
    refusals: tuple[Refusal, ...]
    shared: bool


@noun.declare("GET", "/children/{child}/history", query=Span, answer=History)
def history(me: Caller, child: str, query: Span) -> object:
    """Return minutes by service and category, and what was blocked, at most 30 days back."""
    return me.ask(HISTORY, id=child, **{"from": query.from_, "to": query.to})


@noun.declare("DELETE", "/children/{child}/history", query=Erase)
def erase(me: Caller, child: str, query: Erase) -> object:
    """Delete a child's stored activity permanently."""
    return me.change(ERASE, id=child, what=query.what)


@noun.declare("GET", "/children/{child}/ledger", query=OnDay, answer=Ledger)
def ledger(me: Caller, child: str, query: OnDay) -> object:
    """Return which minutes counted; from log level 2 on also when and for what."""
    return me.ask("ledger", who=child, **({"day": query.day.isoformat()} if query.day else {}))


@noun.declare("GET", "/children/{child}/refusals", answer=Refusals)
def refusals(me: Caller, child: str) -> object:
    """Return the last blocks: ten a device within ten minutes, from memory."""
    return me.ask(RECENT_BLOCKS.name, profile=child)

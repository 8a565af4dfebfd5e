"""A child's activity by day, as far as its log level allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from gateway.control.contract.time import LEDGER, Ledger, LedgerMinute
from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("activity")


@record
class Span:
    from_: date | None = None
    to: date | None = None


@record
class HistoryDay:
    day: date
    minutes: int
    uses: tuple[Mapping[str, Any], ...]
    refused: int


@record
class History:
    id: str
    name: str
    band: str
    log_level: int
    from_: date
    to: date
    today: date
    oldest: date
    days: tuple[HistoryDay, ...]
    kinds: tuple[Mapping[str, Any], ...]
    refused: tuple[Mapping[str, Any], ...]
    visited: tuple[Mapping[str, Any], ...]


@record
class OnDay:
    day: date | None = None


@record
class Counted(LedgerMinute):
    """A counted minute. In the API, an unknown service is an empty text."""

    service: str


@record
class LedgerDay(Ledger):
    minutes: tuple[Counted, ...]


LEDGER_DAY = LEDGER.returning(LedgerDay)


@record
class Erase:
    what: Literal["all", "names"] = "all"


@record
class Refusal:
    at: datetime
    host: str
    name: str
    proto: str
    verdict: str
    reason: str
    rule: str
    owner: str
    until: datetime | None
    sentence: str
    askable: bool
    decided: Mapping[str, Any] | None  # who, kind, contest, since, by, version, lists


@record
class Refusals:
    refusals: tuple[Refusal, ...]
    shared: bool


@noun.declare("GET", "/children/{child}/history", query=Span, answer=History)
def history(me: Caller, child: str, query: Span) -> object:
    """Return minutes by service and category, and what was blocked, at most 30 days back."""
    days = {"from": query.from_, "to": query.to}
    return me.ask("history", id=child, **{key: day.isoformat() for key, day in days.items() if day})


@noun.declare("DELETE", "/children/{child}/history", query=Erase)
def erase(me: Caller, child: str, query: Erase) -> object:
    """Delete a child's stored activity permanently."""
    return me.change("erase", id=child, what=query.what)


@noun.declare("GET", "/children/{child}/ledger", query=OnDay, answer=LedgerDay)
def ledger(me: Caller, child: str, query: OnDay) -> object:
    """Return which minutes counted; from log level 2 on also when and for what."""
    return me.ask(LEDGER_DAY, who=child, **({"day": query.day} if query.day else {}))


@noun.declare("GET", "/children/{child}/refusals", answer=Refusals)
def refusals(me: Caller, child: str) -> object:
    """Return the last blocks: ten a device within ten minutes, from memory."""
    return me.ask("refusals", profile=child)

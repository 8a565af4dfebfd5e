"""API operations for a child's activity by day, as far as its log level allows."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from gateway.control.contract.activity import (
    ERASE,
    HISTORY,
    RECENT_BLOCKS,
    TRAFFIC,
    TRAFFIC_WATCH,
    History,
    RecentBlocks,
    TrafficLines,
    TrafficWatch,
)
from gateway.control.contract.time import LEDGER, LedgerResponse
from gateway.control.schema import Whole, record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("activity")


@record
class HistoryQuery:
    from_: date | None = None
    to: date | None = None


@record
class LedgerQuery:
    day: date | None = None


@record
class Erase:
    what: Literal["all", "names"] = "all"


@noun.declare("GET", "/children/{child}/history", query=HistoryQuery, answer=History)
def history(me: Caller, child: str, query: HistoryQuery) -> object:
    """Return a child's minutes and blocks by day, service and category, at most 30 days back."""
    return me.ask(HISTORY, id=child, **{"from": query.from_, "to": query.to})


@noun.declare("DELETE", "/children/{child}/history", query=Erase)
def erase(me: Caller, child: str, query: Erase) -> object:
    """Delete a child's activity permanently: all but today's minutes, or only names (`what`)."""
    return me.change(ERASE, id=child, what=query.what)


@noun.declare("GET", "/children/{child}/ledger", query=LedgerQuery, answer=LedgerResponse)
def ledger(me: Caller, child: str, query: LedgerQuery) -> object:
    """Return how many minutes counted for a child's limits on a day. Without `day`, it is today.

    From log level 2 on also when and for what. At level 1 there are only days that are over, at 0 none.
    """
    return me.ask(LEDGER, who=child, **({"day": query.day} if query.day else {}))


@record
class TrafficQuery:
    after: Annotated[int, Whole(0, 1 << 53)] = 0


@noun.declare("GET", "/home/traffic", query=TrafficQuery, answer=TrafficLines)
def traffic(me: Caller, query: TrafficQuery) -> object:
    """Return the filter's latest decisions about the caller's own devices and unfiltered appliances.

    They are in memory only; `after` leaves out those up to this number. Each call starts or continues the
    recording for 30 seconds. No other person's device is in it, except a young child's that the caller has
    started (`POST /devices/{mac}/traffic`).
    """
    return me.change(TRAFFIC, after=query.after)


@noun.declare("POST", "/devices/{mac}/traffic", answer=TrafficWatch)
def start_traffic(me: Caller, mac: str) -> object:
    """Show the caller the traffic of a young child's device for 15 minutes. The child's page says so."""
    return me.change(TRAFFIC_WATCH, mac=mac, action="start")


@noun.declare("DELETE", "/devices/{mac}/traffic", answer=TrafficWatch)
def end_traffic(me: Caller, mac: str) -> object:
    """Stop showing the caller the traffic of a young child's device."""
    return me.change(TRAFFIC_WATCH, mac=mac, action="end")


@noun.declare("GET", "/children/{child}/refusals", answer=RecentBlocks)
def refusals(me: Caller, child: str) -> object:
    """Return the last blocks on a child's devices: up to ten in total, from the last ten minutes.

    Empty if the child's log level stores no names.
    """
    return me.ask(RECENT_BLOCKS, profile=child)

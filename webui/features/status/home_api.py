"""API operations for the home as a whole: its state, and switching the filter off and on."""

from __future__ import annotations

from gateway.control.contract.status import STATUS, HomeStatus
from gateway.control.contract.time import OFF, ON, SwitchEnd
from gateway.control.schema import record
from webui.api.operations import Minutes, Noun
from webui.api.who import Caller

noun = Noun("home")


@record
class OffBody:
    minutes: Minutes | None = None


@noun.declare("GET", "/home", answer=HomeStatus)
def now(me: Caller) -> object:
    """Return the state of the home: whether the filter is on, children, number of requests, and problems."""
    return me.ask(STATUS)


@noun.declare("POST", "/home/off", body=OffBody, answer=SwitchEnd, proof=True)
def off(me: Caller, body: OffBody) -> object:
    """Suspend time rules and categories for every person, for `minutes` (60 without it), or until `on`."""
    return me.change(OFF, **({"minutes": body.minutes} if body.minutes else {}))


@noun.declare("POST", "/home/on")
def on(me: Caller) -> object:
    """Resume time rules and categories for every person."""
    return me.change(ON)

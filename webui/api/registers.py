"""States' registers of sites in the home's file, and the switch of each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.control.schema import record
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("registers")


@record
class Register:
    id: str
    country: str
    name: str
    on: bool
    by: str  # the guardian who turned it on
    since: str | None  # a date
    url: str
    names: int | None
    fetched: datetime | None
    stale: bool
    note: str


@record
class Registers:
    registers: tuple[Register, ...]


@record
class Switch:
    on: Literal["yes", "no"]


@record
class Switched:
    id: str
    on: bool
    revision: int
    undo: int


@noun.declare("GET", "/registers", answer=Registers)
def read(me: Caller) -> object:
    """List the registers. All are off by default."""
    return me.ask("registers")


@noun.declare("POST", "/registers/{country}", body=Switch, answer=Switched)
def switch(me: Caller, country: str, body: Switch) -> object:
    """Turn a register on or off for the whole home. Off applies immediately. `/family/undo` undoes it."""
    return me.change("register", country=country, on=body.on)

"""States' registers of sites: which ones the home's file names, and the switch of each."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from webui.api.operations import Noun
from webui.api.records import record
from webui.api.who import Caller

noun = Noun("registers")


@record
class Register:
    id: str
    country: str
    name: str
    on: bool
    by: str  # who turned it on
    since: str | None  # a day
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
    """Of states; nothing of this kind is on by itself."""
    return me.ask("registers")


@noun.declare("POST", "/registers/{country}", body=Switch, answer=Switched)
def switch(me: Caller, country: str, body: Switch) -> object:
    """Turn one on for everyone in the home, or off at once. `/family/undo` takes it back."""
    return me.change("register", country=country, on=body.on)

"""Shared devices, devices handed over, children's PINs: a guardian's side."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from webui.api.kinds import Text
from webui.api.operations import ChildId, Noun
from webui.api.records import record
from webui.api.who import Caller

noun = Noun("sharing")

Digits = Annotated[str, Text(1, 12, r"[0-9]+")]


@record
class PinState:
    id: str
    name: str
    pin: bool
    pin_set: datetime | None
    pin_by: str


@record
class Lent:
    device: str
    name: str
    people: tuple[PinState, ...]
    youngest: str
    who: str | None
    who_name: str
    kind: str
    until: datetime | None
    by: str
    untold: bool = False  # one of whom that is not told may have it


@record
class Lending:
    devices: tuple[Lent, ...]
    people: tuple[PinState, ...]


@record
class Who:
    child: ChildId


@record
class NewPin:
    pin: Digits


@noun.declare("GET", "/sharing", answer=Lending)
def all_(me: Caller) -> object:
    """Who has what."""
    return me.ask("lent")


@noun.declare("POST", "/sharing/{mac}/use", body=Who, answer=Lent)
def use(me: Caller, mac: str, body: Who) -> object:
    """Say who is on a shared device."""
    return me.change("use", device=mac, who=body.child)


@noun.declare("POST", "/sharing/{mac}/leave", answer=Lent)
def leave(me: Caller, mac: str) -> object:
    """The youngest's rules hold again."""
    return me.change("leave", device=mac)


@noun.declare("POST", "/sharing/{mac}/hand-over", body=Who, answer=Lent)
def hand_over(me: Caller, mac: str, body: Who) -> object:
    """An adult's device has a child's rules until it is taken back."""
    return me.change("hand_over", device=mac, who=body.child)


@noun.declare("POST", "/sharing/{mac}/take-back", answer=Lent)
def take_back(me: Caller, mac: str) -> object:
    """It has its own rules again."""
    return me.change("take_back", device=mac)


@noun.declare("PUT", "/children/{child}/pin", body=NewPin)
def set_pin(me: Caller, child: str, body: NewPin) -> object:
    """A child's new PIN."""
    return me.change("pin", action="set", who=child, pin=body.pin)


@noun.declare("DELETE", "/children/{child}/pin")
def clear_pin(me: Caller, child: str) -> object:
    """It has none."""
    return me.change("pin", action="clear", who=child)

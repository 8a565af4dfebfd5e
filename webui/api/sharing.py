"""Shared devices, handed-over devices and children's PINs, for guardians."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from gateway.control.schema import Text, record
from webui.api.operations import ChildId, Noun
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
    untold: bool = False  # the user may be a child whose activity is private


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
    """List shared and handed-over devices with their users."""
    return me.ask("lent")


@noun.declare("POST", "/sharing/{mac}/use", body=Who, answer=Lent)
def use(me: Caller, mac: str, body: Who) -> object:
    """Set the user of a shared device."""
    return me.change("use", device=mac, who=body.child)


@noun.declare("POST", "/sharing/{mac}/leave", answer=Lent)
def leave(me: Caller, mac: str) -> object:
    """Clear the user: the youngest child's rules apply."""
    return me.change("leave", device=mac)


@noun.declare("POST", "/sharing/{mac}/hand-over", body=Who, answer=Lent)
def hand_over(me: Caller, mac: str, body: Who) -> object:
    """Hand an adult's device to a child: the child's rules apply until it is taken back."""
    return me.change("hand_over", device=mac, who=body.child)


@noun.declare("POST", "/sharing/{mac}/take-back", answer=Lent)
def take_back(me: Caller, mac: str) -> object:
    """Take a device back: its own rules apply."""
    return me.change("take_back", device=mac)


@noun.declare("PUT", "/children/{child}/pin", body=NewPin)
def set_pin(me: Caller, child: str, body: NewPin) -> object:
    """Set a child's PIN."""
    return me.change("pin", action="set", who=child, pin=body.pin)


@noun.declare("DELETE", "/children/{child}/pin")
def clear_pin(me: Caller, child: str) -> object:
    """Remove a child's PIN."""
    return me.change("pin", action="clear", who=child)

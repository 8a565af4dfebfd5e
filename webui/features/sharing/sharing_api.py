"""API operations for guardians: shared devices, devices handed to a child, and children's PINs."""

from __future__ import annotations

from typing import Annotated

from gateway.control.contract.sharing import (
    HAND_OVER,
    LEAVE,
    LENT,
    PIN,
    TAKE_BACK,
    USE,
    Lending,
    SharedDevice,
)
from gateway.control.schema import Text, record
from webui.api.operations import ChildId, Noun
from webui.api.who import Caller

noun = Noun("sharing")

Digits = Annotated[str, Text(1, 12, r"[0-9]+")]


@record
class DeviceUser:
    """The child who uses a device from now on."""

    child: ChildId


@record
class NewPin:
    pin: Digits


@noun.declare("GET", "/sharing", answer=Lending)
def all_(me: Caller) -> object:
    """List shared devices, and devices handed to a child, with their users."""
    return me.ask(LENT)


@noun.declare("POST", "/sharing/{mac}/use", body=DeviceUser, answer=SharedDevice)
def use(me: Caller, mac: str, body: DeviceUser) -> object:
    """Set which child uses a shared device now: that child's rules apply."""
    return me.change(USE, device=mac, who=body.child)


@noun.declare("POST", "/sharing/{mac}/leave", answer=SharedDevice)
def leave(me: Caller, mac: str) -> object:
    """Clear the user of a shared device: the youngest child's rules apply."""
    return me.change(LEAVE, device=mac)


@noun.declare("POST", "/sharing/{mac}/hand-over", body=DeviceUser, answer=SharedDevice)
def hand_over(me: Caller, mac: str, body: DeviceUser) -> object:
    """Hand an adult's device to a child: the child's rules apply until it is taken back."""
    return me.change(HAND_OVER, device=mac, who=body.child)


@noun.declare("POST", "/sharing/{mac}/take-back", answer=SharedDevice)
def take_back(me: Caller, mac: str) -> object:
    """Take a device back that was handed to a child: its own rules apply."""
    return me.change(TAKE_BACK, device=mac)


@noun.declare("PUT", "/children/{child}/pin", body=NewPin)
def set_pin(me: Caller, child: str, body: NewPin) -> object:
    """Set the PIN with which a child identifies itself on shared devices and opens its private data."""
    return me.change(PIN, action="set", who=child, pin=body.pin)


@noun.declare("DELETE", "/children/{child}/pin")
def clear_pin(me: Caller, child: str) -> object:
    """Remove the PIN of a child."""
    return me.change(PIN, action="clear", who=child)

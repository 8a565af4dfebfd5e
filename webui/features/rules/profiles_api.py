"""API operations that add, remove and restore children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from gateway.control.contract.rules import (
    ADD_PROFILE,
    REMOVE_PROFILE,
    RESTORE_PROFILE,
    ProfileId,
    RemovedProfile,
)
from gateway.control.schema import Text, record
from webui.api.operations import Mac, Name, Noun
from webui.api.who import Caller

noun = Noun("children")

Band = Literal["0-5", "6-9", "10-12", "13-15", "16-17", "adult"]


@record
class NewChild:
    name: Name
    band: Band
    devices: tuple[Mac, ...] = ()
    set: Mapping[str, Any] | None = None  # rules, as in an edit


@record
class Restore:
    undo: Annotated[str, Text(1, 40, r"[A-Za-z0-9_-]+")]


@noun.declare("POST", "/children", body=NewChild, answer=ProfileId, status=201)
def add(me: Caller, body: NewChild) -> object:
    """Add a child with the rules of its age group, devices, and rules of its own."""
    more = {"set": dict(body.set)} if body.set else {}
    return me.change(ADD_PROFILE, name=body.name, band=body.band, devices=list(body.devices), **more)


@noun.declare("DELETE", "/children/{child}", answer=RemovedProfile)
def remove(me: Caller, child: str) -> object:
    """Remove a child and its rules; the returned `undo` restores them."""
    return me.change(REMOVE_PROFILE, id=child)


@noun.declare("POST", "/children/restore", body=Restore, answer=ProfileId, status=201)
def restore(me: Caller, body: Restore) -> object:
    """Restore a removed child with its rules, and its devices that have no other owner now."""
    return me.change(RESTORE_PROFILE, token=body.undo)

"""Times that a child of 16 or 17 sets for itself, on its own device by its PIN."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webui.api.my import device_of_a_child
from webui.api.operations import ANYONE, Noun
from webui.api.records import record
from webui.api.sharing import Digits
from webui.api.who import Caller
from webui.daemon import daemon, source_address

noun = Noun("selfset")


@record
class Choice:
    key: str  # bedtime, or limits/ and a target
    name: str | None  # of what a limit is about
    value: Any  # in the shape of a profile's YAML
    at: datetime | None  # since when


@record
class OwnTimes:
    may: bool  # false: others set this child's times, and what it had set does not hold
    most: int  # limits of its own
    suggested: Mapping[str, Any]  # its band's advice, in force only when somebody sets it
    choices: tuple[Choice, ...]


@record
class SetOwn:
    pin: Digits
    set: Mapping[str, Any]  # KEY: VALUE; null turns it off


NONE: Mapping[str, object] = {"may": False, "most": 0, "suggested": {}, "choices": []}


@noun.declare("GET", "/my/times", ANYONE, answer=OwnTimes)
def mine(_me: Caller | None) -> object:
    """What this device's child set for itself, and what is suggested."""
    return daemon().client.call("profile", id=device_of_a_child().profile).get("self_set") or NONE


@noun.declare("PATCH", "/my/times", ANYONE, body=SetOwn, answer=OwnTimes)
def change(_me: Caller | None, body: SetOwn) -> object:
    """Turn on, change or turn off a bedtime and limits of one's own, by the PIN; the stricter of these and
    what others set holds.
    """
    device = device_of_a_child().mac
    return daemon().sharing(
        "self_set", device=device, pin=body.pin, set=dict(body.set), origin=source_address()
    )["self_set"]


@noun.declare("GET", "/children/{child}/times", answer=OwnTimes)
def of_child(me: Caller, child: str) -> object:
    """What a child set for itself, and when: nobody else changes it."""
    return me.ask("profile", id=child).get("self_set") or NONE

"""API operations for times that a child of 16 or 17 sets for itself, on its own device by its PIN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.control.contract.growing import SELF_SET, SelfSetTimes
from gateway.control.contract.profile import PROFILE
from gateway.control.schema import record
from webui.api.operations import ANYONE, Noun
from webui.api.who import Caller
from webui.daemon import daemon, source_address
from webui.features.sharing.sharing_api import Digits
from webui.features.status.my_api import device_of_a_child

noun = Noun("selfset")


@record
class SetOwn:
    pin: Digits
    set: Mapping[str, Any]  # KEY: VALUE; null turns it off


NONE = SelfSetTimes(may=False, most=0, suggested={}, choices=())


@noun.declare("GET", "/my/times", ANYONE, answer=SelfSetTimes)
def mine(_me: Caller | None) -> object:
    """Return the bedtime and limits that this device's child has set for itself, and the suggestions."""
    return daemon().client.ask(PROFILE, id=device_of_a_child().profile).self_set or NONE


@noun.declare("PATCH", "/my/times", ANYONE, body=SetOwn, answer=SelfSetTimes)
def change(_me: Caller | None, body: SetOwn) -> object:
    """Set or remove the bedtime and limits that this device's child sets for itself, by its PIN.

    The stricter of these and others' rules applies.
    """
    device = device_of_a_child().mac
    client, wanted = daemon().client, dict(body.set)
    return client.ask(SELF_SET, device=device, pin=body.pin, set=wanted, origin=source_address()).self_set


@noun.declare("GET", "/children/{child}/times", answer=SelfSetTimes)
def of_child(me: Caller, child: str) -> object:
    """Return the bedtime and limits that a child has set for itself, and since when.

    Only the child changes them.
    """
    return me.ask(PROFILE, id=child).self_set or NONE

"""API operations for children: state, pauses and extra time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from gateway.control.contract.status import (
    STATUS,
    ChildStatus,
    DevicePresence,
    DeviceState,
    TimeLeft,
    UseNow,
)
from gateway.control.contract.time import (
    GRANT,
    PAUSE,
    RESUME,
    REVOKE,
    GrantResult,
    SwitchEnd,
    TimeUsed,
)
from gateway.control.schema import Text, record
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.policy.accounts.people import PersonRole
from webui.api.operations import GUARDIAN, HELPER, Minutes, Noun
from webui.api.who import Caller

noun = Noun("children")

ServiceId = Annotated[str, Text(1, 63, r"[a-z0-9][a-z0-9_.-]*")]


@record
class Child(DeviceState):
    id: str
    name: str
    band: str
    next_step: str | None  # month of the next band, YYYY-MM
    log_level: int
    reason: str  # empty, as `owner`, while it is open
    owner: str
    left: TimeLeft | None
    used: tuple[TimeUsed, ...]
    in_use: tuple[UseNow, ...]
    requests: int
    devices: tuple[DevicePresence, ...]


@record
class Children:
    children: tuple[Child, ...]


@record
class PauseBody:
    minutes: Minutes | None = None  # None: until resumed
    till_wake: bool = False


@record
class GrantBody:
    minutes: Minutes
    service: ServiceId | None = None


@noun.declare("GET", "/children", GUARDIAN, HELPER, answer=Children)
def all_(me: Caller) -> object:
    """List the state of all children. For a helper it is without activity, devices and requests."""
    return {"children": [_visible(me, child) for child in me.ask(STATUS).profiles]}


@noun.declare("GET", "/children/{child}", GUARDIAN, HELPER, answer=Child)
def one(me: Caller, child: str) -> object:
    """Return the state of one child; 404 if there is no such child.

    For a helper it is without activity, devices and requests.
    """
    for found in me.ask(STATUS).profiles:
        if found.id == child:
            return _visible(me, found)
    raise ControlError.of(Code.NO_PROFILE)


def _visible(me: Caller, child: ChildStatus) -> Mapping[str, object]:
    if me.role == PersonRole.GUARDIAN:
        return vars(child)
    return {**vars(child), "used": (), "in_use": (), "devices": (), "requests": 0}


@noun.declare("POST", "/children/{child}/pause", GUARDIAN, HELPER, body=PauseBody, answer=SwitchEnd)
def pause(me: Caller, child: str, body: PauseBody) -> object:
    """Pause the internet for a child, or for every child with `all`.

    It lasts for some minutes, until the next wake time, or until resumed.
    """
    values: dict[str, object] = {"minutes": body.minutes} if body.minutes else {}
    return me.change(PAUSE, who=child, **values, **({"till_wake": True} if body.till_wake else {}))


@noun.declare("POST", "/children/{child}/resume", GUARDIAN, HELPER)
def resume(me: Caller, child: str) -> object:
    """End the pause of a child, or of every child with `all`."""
    return me.change(RESUME, who=child)


@noun.declare(
    "POST", "/children/{child}/grants", GUARDIAN, HELPER, body=GrantBody, answer=GrantResult, status=201
)
def grant(me: Caller, child: str, body: GrantBody) -> object:
    """Give a child extra time, for everything or for one service."""
    values: dict[str, object] = {"service": body.service} if body.service else {}
    return me.change(GRANT, who=child, minutes=body.minutes, **values)


@noun.declare("DELETE", "/grants/{number}", GUARDIAN, HELPER)
def revoke(me: Caller, number: int) -> object:
    """Withdraw extra time by the number of its grant."""
    return me.change(REVOKE, grant=number)

"""API operations of site repair: for five minutes, record which names a site's pages need."""

from __future__ import annotations

from gateway.control.contract.site_repair import (
    END_REPAIR,
    SITE_REPAIR,
    START_REPAIR,
    RepairEnded,
    RepairStarted,
    SiteRepairNames,
)
from gateway.control.schema import record
from webui.api.operations import Host, Mac, Noun
from webui.api.who import Caller

noun = Noun("teaching")


@record
class StartRepairBody:
    host: Host
    device: Mac | None = None


@record
class EndRepairBody:
    keep: tuple[Host, ...] = ()


@noun.declare("POST", "/children/{child}/lesson", body=StartRepairBody, answer=RepairStarted)
def begin(me: Caller, child: str, body: StartRepairBody) -> object:
    """Open a site for a child's devices, or one of them, for five minutes; record the host names it needs."""
    return me.change(
        START_REPAIR, id=child, host=body.host, **({"device": body.device} if body.device else {})
    )


@noun.declare("GET", "/children/{child}/lesson", answer=SiteRepairNames)
def read(me: Caller, child: str) -> object:
    """Return the state of a child's site repair, and the host names requested so far."""
    return me.ask(SITE_REPAIR, id=child)


@noun.declare("POST", "/children/{child}/lesson/end", body=EndRepairBody, answer=RepairEnded)
def end(me: Caller, child: str, body: EndRepairBody) -> object:
    """End a child's site repair, and add the names in `keep` to the list of sites allowed for the child."""
    return me.change(END_REPAIR, id=child, **({"keep": list(body.keep)} if body.keep else {}))

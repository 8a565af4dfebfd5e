"""Users who may sign in.

Changes of accounts need a browser session. Otherwise a stolen token could invite its thief, or accept a
guardian's own removal in that guardian's name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from gateway.control.contract.accounts import PersonAccount, RoleProposal
from gateway.control.schema import Text, Whole, record
from gateway.policy.accounts.people import MINUTES_LIMIT
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("people")

HelperMinutes = Annotated[int, Whole(0, MINUTES_LIMIT)]
PersonName = Annotated[str, Text(1, 40, r"[^\x00-\x1f\x7f-\x9f/]+")]


@record
class People:
    people: tuple[PersonAccount, ...]
    proposals: tuple[RoleProposal, ...]


@record
class Invite:
    name: PersonName
    role: Literal["guardian", "helper", "support"] = "guardian"
    minutes: HelperMinutes | None = None
    again: bool = False


@record
class Invited:
    guardian: str
    token: str  # of the link, valid once within 15 minutes


@record
class NewRole:
    role: Literal["guardian", "helper", "support", "none"]
    minutes: HelperMinutes | None = None


@record
class RoleSet:
    proposed: bool


@record
class Said:
    """An answer to a proposal. A yes repeats the proposal as it was read."""

    answer: Literal["yes", "no"]
    role: Literal["helper", "support", "none"] | None = None
    minutes: HelperMinutes | None = None


@record
class Settled:
    done: bool


@noun.declare("GET", "/people", answer=People)
def all_(me: Caller) -> object:
    """List users who may sign in, and proposals."""
    return me.account("people")


@noun.declare("POST", "/people", body=Invite, answer=Invited, status=201, by_session=True)
def invite(me: Caller, body: Invite) -> object:
    """Invite a new user, or again one who has never signed in."""
    values = {"minutes": body.minutes, "again": body.again or None}
    more = {key: one for key, one in values.items() if one is not None}
    return me.account("invite", name=body.name, role=body.role, **more)


@noun.declare("PUT", "/people/{person}/role", body=NewRole, answer=RoleSet, by_session=True)
def change(me: Caller, person: str, body: NewRole) -> object:
    """Change a role. A change of another guardian's role is a proposal that this guardian must accept."""
    values = {} if body.minutes is None else {"minutes": body.minutes}
    return me.account("change", name=person, role=body.role, **values)


@noun.declare("POST", "/people/{person}/answer", body=Said, answer=Settled, by_session=True)
def answer(me: Caller, person: str, body: Said) -> object:
    """Answer a proposal about oneself, or withdraw one's own."""
    values = {"role": body.role, "minutes": body.minutes} if body.answer == "yes" else {}
    read = {key: one for key, one in values.items() if one is not None}
    return me.account("answer", name=person, answer=body.answer, **read)

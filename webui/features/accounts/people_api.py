"""API operations for the users who may sign in: list, invite, change of role.

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
    token: str  # of the sign-in link, valid once within 15 minutes


@record
class NewRole:
    role: Literal["guardian", "helper", "support", "none"]
    minutes: HelperMinutes | None = None


@record
class RoleSet:
    proposed: bool


@record
class RoleProposalReply:
    """An answer to a proposed change of a user's role. A yes repeats role and minutes of the proposal.

    The daemon rejects it if the proposal has changed meanwhile.
    """

    answer: Literal["yes", "no"]
    role: Literal["helper", "support", "none"] | None = None
    minutes: HelperMinutes | None = None


@record
class RoleProposalResult:
    done: bool  # the role is changed now


@noun.declare("GET", "/people", answer=People)
def all_(me: Caller) -> object:
    """List the users who may sign in, and the proposed changes of roles."""
    return me.account("people")


@noun.declare("POST", "/people", body=Invite, answer=Invited, status=201, by_session=True)
def invite(me: Caller, body: Invite) -> object:
    """Create a one-time sign-in link for a new user, or with `again` another one for a known user.

    A guardian who has signed in before gets none.
    """
    values = {"minutes": body.minutes, "again": body.again or None}
    more = {key: value for key, value in values.items() if value is not None}
    return me.account("invite", name=body.name, role=body.role, **more)


@noun.declare("PUT", "/people/{person}/role", body=NewRole, answer=RoleSet, by_session=True)
def change(me: Caller, person: str, body: NewRole) -> object:
    """Change a user's role, or remove the user.

    For another guardian this is a proposal, which that guardian must accept.
    """
    values = {} if body.minutes is None else {"minutes": body.minutes}
    return me.account("change", name=person, role=body.role, **values)


@noun.declare(
    "POST", "/people/{person}/answer", body=RoleProposalReply, answer=RoleProposalResult, by_session=True
)
def answer(me: Caller, person: str, body: RoleProposalReply) -> object:
    """Accept or reject a proposed change of the caller's role, or withdraw the caller's own proposal."""
    values = {"role": body.role, "minutes": body.minutes} if body.answer == "yes" else {}
    read = {key: value for key, value in values.items() if value is not None}
    return me.account("answer", name=person, answer=body.answer, **read)

"""API operations for a child's rules: read, edit, undo, and previews of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from gateway.control.contract.profile import PROFILE, ProfileRules
from gateway.control.contract.rules import (
    EDIT,
    RULES,
    UNEDIT,
    WEEK,
    WHY,
    ChildRules,
    Edited,
    Explanation,
    Revision,
    Unedited,
    UneditFamilyRequest,
    WeekPlan,
)
from gateway.control.schema import Text, record
from webui.api.operations import ChildId, Host, Line, Noun
from webui.api.who import Caller

noun = Noun("rules")

Moment = Annotated[str, Text(16, 35, r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}[0-9:.+Z-]*")]


@record
class EditBody:
    set: Mapping[str, Any]  # KEY: VALUE, as in gateway/control/README.md; null: the band's value
    revision: Revision | None = None
    because: Line | None = None  # a reason that the child sees next to the change
    confirmed: bool = False  # needed if it opens a blocked category, or a site or service of one


@record
class PreviewBody:
    host: Host
    at: Moment | None = None
    set: Mapping[str, Any] | None = None


@record
class WhyQuery:
    host: Host
    child: ChildId


@noun.declare("GET", "/children/{child}/rules", answer=ChildRules)
def read(me: Caller, child: str) -> object:
    """Return a child's rules: those in its file, those of its age group, and those in effect."""
    return me.ask(RULES, id=child)


@noun.declare("PATCH", "/children/{child}/rules", body=EditBody, answer=Edited)
def edit(me: Caller, child: str, body: EditBody) -> object:
    """Change a child's rules by key, all of them or none."""
    revision = {} if body.revision is None else {"revision": body.revision}
    return me.change(
        EDIT, id=child, set=dict(body.set), because=body.because, confirmed=body.confirmed or None, **revision
    )


@noun.declare("POST", "/children/{child}/rules/undo", body=UneditFamilyRequest, answer=Unedited)
def undo(me: Caller, child: str, body: UneditFamilyRequest) -> object:
    """Restore a child's rules as they were at that `revision`.

    It fails if the current revision is another than `found`.
    """
    return me.change(UNEDIT, id=child, **undo_of(body))


@noun.declare("POST", "/children/{child}/rules/preview", body=PreviewBody, answer=Explanation)
def preview(me: Caller, child: str, body: PreviewBody) -> object:
    """Return how the filter would decide on a site for a child with these changes of rules.

    Nothing is stored. `at`: the time to decide for.
    """
    values: dict[str, object] = {"at": body.at} if body.at else {}
    return me.ask(WHY, profile=child, host=body.host, **values, **({"set": body.set} if body.set else {}))


@noun.declare("GET", "/children/{child}/week", answer=WeekPlan)
def week(me: Caller, child: str) -> object:
    """Return when a child's rules apply: bedtimes, schedules and limits of seven days, from today on."""
    return me.ask(WEEK, id=child)


@noun.declare("GET", "/children/{child}/summary", answer=ProfileRules)
def summary(me: Caller, child: str) -> object:
    """Return a child's rules in effect, each with who decided it, as the child sees them."""
    return me.ask(PROFILE, id=child).profile


@noun.declare("GET", "/why", query=WhyQuery, answer=Explanation)
def why(me: Caller, query: WhyQuery) -> object:
    """Return the filter's current decision about a site for a child, and its reason."""
    return me.ask(WHY, host=query.host, profile=query.child)


def undo_of(body: UneditFamilyRequest) -> dict[str, object]:
    """Return the arguments of the daemon's undo: the revision to restore, and the expected current one.

    The second is left out if the request does not have it.
    """
    return {"revision": body.revision, **({} if body.found is None else {"found": body.found})}

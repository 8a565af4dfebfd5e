"""A child's rules: its file, its week, and previews of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from gateway.control.schema import Text, Whole, record
from webui.api.operations import ChildId, Host, Line, Noun
from webui.api.who import Caller

noun = Noun("rules")

Revision = Annotated[int, Whole(0, 1 << 48)]
Moment = Annotated[str, Text(16, 35, r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}[0-9:.+Z-]*")]


@record
class LastSet:
    by: str
    at: datetime | None


@record
class Rules:
    id: str
    name: str
    band: str
    own: Mapping[str, Any]
    band_rules: Mapping[str, Any]
    rules: Mapping[str, Any]
    by_hand: bool
    set: LastSet | None
    revision: int
    problem: str | None


@record
class Edit:
    set: Mapping[str, Any]  # KEY: VALUE, as in gateway/control/README.md; null: the band's value
    revision: Revision | None = None
    because: Line | None = None  # a reason that the child sees next to the change


@record
class Edited:
    revision: int
    undo: int
    changed: tuple[str, ...]


@record
class Undo:
    revision: Revision  # the revision to restore
    found: Revision | None = None  # the revision that the edit made: no undo after a newer one


@record
class Undone:
    revision: int
    undo: int


@record
class Try:
    host: Host
    at: Moment | None = None
    set: Mapping[str, Any] | None = None


@record
class Verdict:
    host: str
    at: str
    verdict: str
    reason: str
    rule: str
    owner: str
    until: datetime | None
    sentence: str
    decided: Mapping[str, Any] | None  # for a block: who, kind, contest, since, by, version, lists


@record
class Question:
    host: Host
    child: ChildId


@record
class Day:
    date: date
    weekday: str
    counts_as: str
    spans: tuple[Mapping[str, Any], ...]
    windows: tuple[Mapping[str, Any], ...]
    limits: tuple[Mapping[str, Any], ...]


@record
class Week:
    id: str
    days: tuple[Day, ...]


@record
class Summary:
    id: str
    name: str
    band: str
    mode: str
    log_level: int
    set: LastSet | None
    bedtime: tuple[Mapping[str, Any], ...]
    windows: tuple[Mapping[str, Any], ...]
    limits: tuple[Mapping[str, Any], ...]
    days: tuple[Mapping[str, Any], ...]  # upcoming dates that differ from their weekday
    day_starts: str  # time of day at which the day of limits starts
    counted: tuple[Mapping[str, Any], ...]  # categories that use the play limit
    uncounted: tuple[Mapping[str, Any], ...]  # categories that do not use the internet limit
    refused: tuple[Mapping[str, Any], ...]
    allowed: tuple[Mapping[str, Any], ...]
    approved: bool  # sites of the package are allowed where others need approval
    opened: tuple[Mapping[str, Any], ...]  # allowed temporarily


@noun.declare("GET", "/children/{child}/rules", answer=Rules)
def read(me: Caller, child: str) -> object:
    """Return the file's rules, the band's rules, and those in effect."""
    return me.ask("rules", id=child)


@noun.declare("PATCH", "/children/{child}/rules", body=Edit, answer=Edited)
def edit(me: Caller, child: str, body: Edit) -> object:
    """Change rules by key, completely or not at all."""
    return me.change("edit", id=child, set=dict(body.set), because=body.because, **_at(body.revision))


@noun.declare("POST", "/children/{child}/rules/undo", body=Undo, answer=Undone)
def undo(me: Caller, child: str, body: Undo) -> object:
    """Restore the file of that revision, if it is still at `found`."""
    return me.change("unedit", id=child, **undo_of(body))


@noun.declare("POST", "/children/{child}/rules/preview", body=Try, answer=Verdict)
def preview(me: Caller, child: str, body: Try) -> object:
    """Preview the decision about a site with these changes. Nothing is written."""
    values: dict[str, object] = {"at": body.at} if body.at else {}
    return me.ask("preview", id=child, host=body.host, **values, **({"set": body.set} if body.set else {}))


@noun.declare("GET", "/children/{child}/week", answer=Week)
def week(me: Caller, child: str) -> object:
    """Return the seven days from today on."""
    return me.ask("week", id=child)


@noun.declare("GET", "/children/{child}/summary", answer=Summary)
def summary(me: Caller, child: str) -> object:
    """Return the rules in effect, each with who decided it, as the child sees them."""
    return me.ask("profile", id=child)["profile"]


@noun.declare("GET", "/why", query=Question, answer=Verdict)
def why(me: Caller, query: Question) -> object:
    """Return the current decision about a site, and its reason."""
    return me.ask("why", host=query.host, profile=query.child)


def undo_of(body: Undo) -> dict[str, object]:
    return {"revision": body.revision, **({} if body.found is None else {"found": body.found})}


def _at(revision: int | None) -> dict[str, object]:
    return {} if revision is None else {"revision": revision}

"""What holds for a child: its file, its week, what a site would meet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from webui.api.kinds import Text, Whole
from webui.api.operations import ChildId, Host, Line, Noun
from webui.api.records import record
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
    set: Mapping[str, Any]  # KEY: VALUE, as in gateway/control/README.md; null: as the band has it
    revision: Revision | None = None
    because: Line | None = None  # for the child, who reads it beside the change


@record
class Edited:
    revision: int
    undo: int
    changed: tuple[str, ...]


@record
class Undo:
    revision: Revision  # to which it goes back
    found: Revision | None = None  # that the edit made: a newer one is not taken back


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
    decided: Mapping[str, Any] | None  # of a refusal: who, kind, contest, since, by, version, lists


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
    days: tuple[Mapping[str, Any], ...]  # of the next ones, those that are not as their weekday is
    day_starts: str  # when the day of limits turns
    counted: tuple[Mapping[str, Any], ...]  # kinds that spend the limit of play
    uncounted: tuple[Mapping[str, Any], ...]  # kinds that spend nothing of the internet's limit
    refused: tuple[Mapping[str, Any], ...]
    allowed: tuple[Mapping[str, Any], ...]
    approved: bool  # sites that come with the product are open where others ask first
    opened: tuple[Mapping[str, Any], ...]  # for a while


@noun.declare("GET", "/children/{child}/rules", answer=Rules)
def read(me: Caller, child: str) -> object:
    """What the file says, what the band says, and what holds."""
    return me.ask("rules", id=child)


@noun.declare("PATCH", "/children/{child}/rules", body=Edit, answer=Edited)
def edit(me: Caller, child: str, body: Edit) -> object:
    """Change rules by key; all of it happens or nothing."""
    return me.change("edit", id=child, set=dict(body.set), because=body.because, **_at(body.revision))


@noun.declare("POST", "/children/{child}/rules/undo", body=Undo, answer=Undone)
def undo(me: Caller, child: str, body: Undo) -> object:
    """The file as it was at that revision, where it is at `found` still."""
    return me.change("unedit", id=child, **undo_of(body))


@noun.declare("POST", "/children/{child}/rules/preview", body=Try, answer=Verdict)
def preview(me: Caller, child: str, body: Try) -> object:
    """What a site would meet, with these changes as if they held. Nothing is written."""
    values: dict[str, object] = {"at": body.at} if body.at else {}
    return me.ask("preview", id=child, host=body.host, **values, **({"set": body.set} if body.set else {}))


@noun.declare("GET", "/children/{child}/week", answer=Week)
def week(me: Caller, child: str) -> object:
    """The seven days from today on."""
    return me.ask("week", id=child)


@noun.declare("GET", "/children/{child}/summary", answer=Summary)
def summary(me: Caller, child: str) -> object:
    """What holds, entry by entry with who decided, as the child itself is told."""
    return me.ask("profile", id=child)["profile"]


@noun.declare("GET", "/why", query=Question, answer=Verdict)
def why(me: Caller, query: Question) -> object:
    """What a site meets now, and why."""
    return me.ask("why", host=query.host, profile=query.child)


def undo_of(body: Undo) -> dict[str, object]:
    return {"revision": body.revision, **({} if body.found is None else {"found": body.found})}


def _at(revision: int | None) -> dict[str, object]:
    return {} if revision is None else {"revision": revision}

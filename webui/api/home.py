"""The home as a whole: state, `off` and `on`, help lines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from gateway.control.contract.time import OFF, ON, SwitchEnd
from gateway.control.schema import record
from webui.api.operations import ANYONE, Minutes, Noun
from webui.api.who import Caller
from webui.daemon import daemon

noun = Noun("home")


@record
class Announcement:
    told: str
    name: str
    device: str
    at: datetime | None


@record
class HomeNow:
    version: str
    now: datetime
    day: date
    mode: str
    off_until: datetime | None
    internet: str
    internet_since: datetime | None
    country: str
    language: str
    new_devices: int
    requests: int
    questions: int
    cards: int
    problems: tuple[str, ...]
    announced: tuple[Announcement, ...]


@record
class Off:
    minutes: Minutes | None = None


@record
class Line:
    name: str
    phone: str
    text: str
    web: str
    confirmed: bool  # compared with the operator's own page


@record
class HelpLines:
    lines: tuple[Line, ...]
    rights: tuple[Line, ...]  # bodies that take complaints, also about the gateway itself


@record
class RatingMarks:
    """Ratings. `marks`: by band `{mark, then, from}`."""

    id: str
    name: str
    of: str
    marks: Mapping[str, Any]
    source: str
    date: date


@record
class LawNow:
    """A legal rule. An edit of a child's rules turns it on: `laws/ID`."""

    id: str
    name: str
    below: int
    status: str
    since: str
    expected: Mapping[str, Any]
    refuses: tuple[str, ...]
    named_too: tuple[str, ...]
    not_on_it: tuple[str, ...]
    source: str
    date: date
    children: tuple[Mapping[str, Any], ...]


@record
class CountryNow:
    code: str
    ratings: tuple[RatingMarks, ...]
    laws: tuple[LawNow, ...]


@record
class EditedEntry:
    """One entry of a file. Values are as in the file; null for a missing entry."""

    key: str
    before: Any
    after: Any


@record
class Change:
    at: datetime
    by: str
    what: str
    who: str
    name: str
    minutes: int | None
    thing: str | None
    thing_name: str | None
    until: datetime | None
    ended: bool
    because: str  # the editor's reason
    grant: int | None  # id of the extra time, for its withdrawal
    revision: int | None  # revision of rules or settings that an undo restores, if possible
    found: int | None  # current revision, to send with the undo
    token: str | None  # restores a removed person
    edits: tuple[EditedEntry, ...]  # to rules and settings
    left_off: int  # number of edits that are not listed


@record
class Changes:
    changes: tuple[Change, ...]


@record
class Service:
    id: str
    name: str
    group: str
    category: str


@record
class Named:
    id: str
    name: str


@record
class Kind:
    id: str
    name: str
    about: str


@record
class Band:
    id: str
    name: str
    rules: Mapping[str, Any]


@record
class Catalogue:
    services: tuple[Service, ...]
    groups: tuple[Named, ...]
    categories: tuple[Kind, ...]
    bands: tuple[Band, ...]


@noun.declare("GET", "/home", answer=HomeNow)
def now(me: Caller) -> object:
    """Return the state of the home."""
    return me.ask("status")


@noun.declare("POST", "/home/off", body=Off, answer=SwitchEnd)
def off(me: Caller, body: Off) -> object:
    """Suspend time rules and categories for every person, for some minutes or until `on`."""
    return me.change(OFF, **({"minutes": body.minutes} if body.minutes else {}))


@noun.declare("POST", "/home/on")
def on(me: Caller) -> object:
    """Resume them."""
    return me.change(ON)


@noun.declare("GET", "/home/help-lines", ANYONE, answer=HelpLines)
def help_lines(_me: Caller | None) -> object:
    """List the country's help lines, and bodies that take complaints.

    Available while the filter is stopped.
    """
    found = daemon().help_lines(), daemon().rights()
    lines, rights = (
        tuple(Line(line.name, line.phone, line.text, line.web, line.confirmed) for line in part)
        for part in found
    )
    return HelpLines(lines, rights)


@noun.declare("GET", "/home/country", answer=CountryNow)
def country(me: Caller) -> object:
    """Return ratings of films and games, and legal rules with the children they are on for."""
    return me.ask("country")


@noun.declare("GET", "/home/changes", answer=Changes)
def changes(me: Caller) -> object:
    """List guardians' changes in effect, and today's extra time and edits."""
    return with_undo(me.ask("changes")["changes"])


def with_undo(found: list[dict[str, Any]]) -> object:
    """Add the undo of each change, as in ``Changes``."""
    backs = ("grant", "revision", "found", "token")
    return {"changes": [change | {key: (change["undo"] or {}).get(key) for key in backs} for change in found]}


@noun.declare("GET", "/catalogue", answer=Catalogue)
def catalogue(me: Caller) -> object:
    """List services, categories and age bands that rules may name."""
    return me.ask("catalogue")

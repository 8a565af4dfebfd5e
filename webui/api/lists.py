"""Lists of sites: sources, updates, a search for a site, wrong entries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from gateway.control.schema import Text, record
from webui.api.operations import ChildId, Host, Name, Noun
from webui.api.who import Caller

noun = Noun("lists")

ListId = Annotated[str, Text(1, 63, r"[A-Za-z0-9_.-]+")]
Url = Annotated[str, Text(8, 300, r"https?://[!-~]+")]
CategoryId = Annotated[str, Text(1, 63, r"[a-z0-9_]+")]


@record
class Source:
    id: str
    name: str
    url: str
    category: str
    category_name: str
    licence: str
    own: bool
    on: bool
    default: bool
    names: int | None
    about: int | None
    bytes: int | None
    fetched: datetime | None
    stale: bool
    error: str


@record
class Category:
    id: str
    name: str


@record
class Update:
    running: bool
    ended: datetime | None
    problems: tuple[str, ...]
    source: str | None
    done: int | None


@record
class UpdatePlan:
    """Automatic updates. `interval`: `daily`, `weekly` or `off`. `waits_for`: `clock` or `memory`, if an
    update is due.
    `warning`, if a child has rules: `none` (no list was ever downloaded) or `old` (the newest is older than a
    week).
    """

    interval: str
    running: bool
    newest: datetime | None
    next: datetime | None
    waits_for: str
    failures: int
    warning: str


@record
class Wrong:
    host: str
    category: str
    by: str
    at: str


@record
class Lists:
    sources: tuple[Source, ...]
    categories: tuple[Category, ...]
    update: Update | None
    schedule: UpdatePlan | None
    wrong: tuple[Wrong, ...]
    most: int


@record
class NewList:
    """A published list by ``id``, or an own one by the other three."""

    id: ListId | None = None
    name: Name | None = None
    url: Url | None = None
    category: CategoryId | None = None


@record
class ListMade:
    id: str


@record
class UpdateAsked:
    force: bool = False


@record
class HostAsked:
    host: Host


@record
class Match:
    name: str
    categories: tuple[str, ...]


@record
class Feed:
    """A list that may have the entry. `version`: date of its download; empty: unknown."""

    id: str
    name: str
    url: str
    category: str
    version: str


@record
class Found:
    host: str
    refused_for_everyone: bool
    matches: tuple[Match, ...]
    categories: tuple[Category, ...]
    services: tuple[Category, ...]
    sources: tuple[Feed, ...]


@record
class Report:
    host: Host
    open: tuple[ChildId, ...] = ()


@record
class Reported:
    host: str
    opened: tuple[str, ...]
    problems: tuple[str, ...]


@noun.declare("GET", "/lists", answer=Lists)
def all_(me: Caller) -> object:
    """List the sources and their age."""
    return me.ask("lists")


@noun.declare("POST", "/lists", body=NewList, answer=ListMade, status=201)
def add(me: Caller, body: NewList) -> object:
    """Add one of the family's own lists, or a published one. The next update downloads it."""
    values = {"id": body.id, "name": body.name, "url": body.url, "category": body.category}
    return me.change("list_add", **{key: one for key, one in values.items() if one is not None})


@noun.declare("DELETE", "/lists/{list}")
def remove(me: Caller, **parts: str) -> object:
    """Remove an own list, or turn a published one off."""
    return me.change("list_remove", id=parts["list"])


@noun.declare("POST", "/lists/update", body=UpdateAsked, answer=Update)
def update(me: Caller, body: UpdateAsked) -> object:
    """Start an update, or return the state of the running one."""
    return me.change("list_update", **({"force": True} if body.force else {}))


@noun.declare("GET", "/lists/lookup", query=HostAsked, answer=Found)
def lookup(me: Caller, query: HostAsked) -> object:
    """Return the lists and categories of a site."""
    return me.ask("list_lookup", host=query.host)


@noun.declare("POST", "/lists/reports", body=Report, answer=Reported, status=201)
def report(me: Caller, body: Report) -> object:
    """Report an entry as wrong, and allow it for these children."""
    return me.change("list_report", host=body.host, **({"open": list(body.open)} if body.open else {}))


@noun.declare("DELETE", "/lists/reports/{host}")
def unreport(me: Caller, host: str) -> object:
    """Withdraw a report. What was allowed stays allowed."""
    return me.change("list_unreport", host=host)

"""API operations for lists of sites: sources, updates, a search for a site, wrong entries."""

from __future__ import annotations

from typing import Annotated

from gateway.control.contract.lists import (
    LIST_ADD,
    LIST_LOOKUP,
    LIST_REMOVE,
    LIST_REPORT,
    LIST_UNREPORT,
    LIST_UPDATE,
    LISTS,
    ListId,
    Lists,
    ListUpdate,
    LookupResult,
    ReportedEntry,
    UpdateListsRequest,
)
from gateway.control.schema import Text, record
from webui.api.operations import ChildId, Host, Name, Noun
from webui.api.who import Caller

noun = Noun("lists")

PublishedId = Annotated[str, Text(1, 63, r"[A-Za-z0-9_.-]+")]
Url = Annotated[str, Text(8, 300, r"https?://[!-~]+")]
CategoryId = Annotated[str, Text(1, 63, r"[a-z0-9_]+")]


@record
class NewList:
    """A list to add: a published one by ``id``, or the family's own by ``name``, ``url`` and ``category``."""

    id: PublishedId | None = None
    name: Name | None = None
    url: Url | None = None
    category: CategoryId | None = None  # `own`: it is a category of its own, blocked for these people
    people: tuple[ChildId, ...] = ()


@record
class HostAsked:
    host: Host


@record
class ReportBody:
    host: Host
    open: tuple[ChildId, ...] = ()
    confirmed: bool = False  # `open` needs it if the rules block a category of the site


@noun.declare("GET", "/lists", answer=Lists)
def all_(me: Caller) -> object:
    """List the sources of the lists of sites, with category, state and age."""
    return me.ask(LISTS)


@noun.declare("POST", "/lists", body=NewList, answer=ListId, status=201)
def add(me: Caller, body: NewList) -> object:
    """Add one of the family's own lists, or turn a published one on. The next update downloads it."""
    values = {"id": body.id, "name": body.name, "url": body.url, "category": body.category}
    people = {"people": list(body.people)} if body.people else {}
    return me.change(LIST_ADD, **{key: value for key, value in values.items() if value is not None}, **people)


@noun.declare("DELETE", "/lists/{list}")
def remove(me: Caller, **parts: str) -> object:
    """Remove one of the family's own lists, or turn a published one off."""
    return me.change(LIST_REMOVE, id=parts["list"])


@noun.declare("POST", "/lists/update", body=UpdateListsRequest, answer=ListUpdate)
def update(me: Caller, body: UpdateListsRequest) -> object:
    """Start an update of the lists of sites, unless one runs, and return its state. `force`: all lists."""
    return me.change(LIST_UPDATE, **({"force": True} if body.force else {}))


@noun.declare("GET", "/lists/lookup", query=HostAsked, answer=LookupResult)
def lookup(me: Caller, query: HostAsked) -> object:
    """Return the lists that have a site, and the site's categories."""
    return me.ask(LIST_LOOKUP, host=query.host)


@noun.declare("POST", "/lists/reports", body=ReportBody, answer=ReportedEntry, status=201)
def report(me: Caller, body: ReportBody) -> object:
    """Record that a list has a site by mistake, and allow the site for these children. Nothing is sent."""
    values = {"open": list(body.open), "confirmed": body.confirmed} if body.open else {}
    return me.change(LIST_REPORT, host=body.host, **values)


@noun.declare("DELETE", "/lists/reports/{host}")
def unreport(me: Caller, host: str) -> object:
    """Remove the record that a list has a site by mistake. What was allowed stays allowed."""
    return me.change(LIST_UNREPORT, host=host)

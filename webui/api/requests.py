"""Children's requests."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.control.schema import record
from webui.api.operations import ChildId, Line, Minutes, Noun
from webui.api.who import Caller

noun = Noun("requests")


@record
class Which:
    child: ChildId | None = None
    pending: bool = False


@record
class Asked:
    id: int
    profile: str
    name: str
    device: str
    topic: str
    thing: str
    thing_name: str
    minutes: int | None
    reason: str
    at: datetime | None
    expires: datetime | None
    state: str
    reminded: bool  # it has been pending for a day
    answer: str
    given: int | None
    because: str
    by: str
    answered: datetime | None
    grant: int | None
    since: datetime | None
    told: str  # all, or kind: names and words are left out, and times are the start of their day


@record
class AllAsked:
    requests: tuple[Asked, ...]


@record
class Reply:
    answer: Literal["once", "today", "always", "no"]
    minutes: Minutes | None = None
    because: Line | None = None


@record
class Replied:
    request: int
    grant: int | None
    until: datetime | None
    sentence: str


@noun.declare("GET", "/requests", query=Which, answer=AllAsked)
def all_(me: Caller, query: Which) -> object:
    """List requests, newest first."""
    values = {"profile": query.child} if query.child else {}
    return me.ask("requests", **values, **({"pending": True} if query.pending else {}))


@noun.declare("POST", "/requests/{number}/answer", body=Reply, answer=Replied)
def answer(me: Caller, number: int, body: Reply) -> object:
    """Answer a request. Each can be answered once."""
    more = {"minutes": body.minutes, "because": body.because}
    values = {key: one for key, one in more.items() if one is not None}
    found = me.change("answer", id=number, answer=body.answer, **values)
    request = found.get("request")
    return {**found, "request": request["id"] if isinstance(request, dict) else request}

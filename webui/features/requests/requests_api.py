"""API operations for children's requests: list and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.control.contract.requests import ANSWER, REQUESTS, RequestView
from gateway.control.schema import record
from webui.api.operations import ChildId, Line, Minutes, Noun
from webui.api.who import Caller

noun = Noun("requests")


@record
class Which:
    child: ChildId | None = None
    pending: bool = False


@record
class Asked(RequestView):
    """A child's request. In the API, a missing text is empty instead of null."""

    device: str
    thing: str
    thing_name: str
    answer: str  # type: ignore[assignment]
    by: str


@record
class AllAsked:
    requests: tuple[Asked, ...]


@record
class AnswerBody:
    answer: Literal["once", "today", "always", "no"]
    minutes: Minutes | None = None
    because: Line | None = None


@record
class Replied:
    request: int
    grant: int | None
    until: datetime | None
    sentence: str


ALL_ASKED = REQUESTS.returning(AllAsked)


@noun.declare("GET", "/requests", query=Which, answer=AllAsked)
def all_(me: Caller, query: Which) -> object:
    """List children's requests, newest first: all, one child's, or those without an answer."""
    values = {"profile": query.child} if query.child else {}
    return me.ask(ALL_ASKED, **values, **({"pending": True} if query.pending else {}))


@noun.declare("POST", "/requests/{number}/answer", body=AnswerBody, answer=Replied)
def answer(me: Caller, number: int, body: AnswerBody) -> object:
    """Answer a child's request: once, for today, always, or no. Each can be answered once."""
    more = {"minutes": body.minutes, "because": body.because}
    values = {key: value for key, value in more.items() if value is not None}
    done = me.change(ANSWER, id=number, answer=body.answer, **values)
    return Replied(request=done.request.id, grant=done.grant, until=done.until, sentence=done.sentence)

"""API operations for children's requests: list and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.control.contract.requests import ANSWER, REQUESTS, RequestView
from gateway.control.schema import record
from webui.api.operations import ChildId, Host, Line, Minutes, Noun
from webui.api.who import Caller

noun = Noun("requests")


@record
class RequestsQuery:
    child: ChildId | None = None
    pending: bool = False


@record
class ListedRequest(RequestView):
    """A child's request. In the API, a missing text is empty instead of null."""

    device: str
    thing: str
    thing_name: str
    answer: str  # type: ignore[assignment]
    by: str
    host: str = ""


@record
class ListedRequests:
    requests: tuple[ListedRequest, ...]


@record
class AnswerBody:
    answer: Literal["once", "today", "always", "no"]
    minutes: Minutes | None = None
    because: Line | None = None
    confirmed: bool = False  # `always` needs it for a site of a blocked category


@record
class SiteAnswerBody:
    """An answer about a blocked site or service (`service:x`), whether the child has requested it or not."""

    site: Host
    answer: Literal["once", "today", "always", "no"]
    minutes: Minutes | None = None
    because: Line | None = None
    confirmed: bool = False  # `always` needs it for a site of a blocked category


@record
class Replied:
    request: int | None  # null: the child did not request the site
    grant: int | None
    until: datetime | None
    sentence: str


LISTED_REQUESTS = REQUESTS.returning(ListedRequests)


@noun.declare("GET", "/requests", query=RequestsQuery, answer=ListedRequests)
def all_(me: Caller, query: RequestsQuery) -> object:
    """List children's requests, newest first: all, one child's, or those without an answer."""
    values = {"profile": query.child} if query.child else {}
    return me.ask(LISTED_REQUESTS, **values, **({"pending": True} if query.pending else {}))


@noun.declare("POST", "/requests/{number}/answer", body=AnswerBody, answer=Replied)
def answer(me: Caller, number: int, body: AnswerBody) -> object:
    """Answer a child's request: once, for today, always, or no. Each can be answered once."""
    return _answer(me, body, id=number)


@noun.declare("POST", "/children/{child}/sites/answer", body=SiteAnswerBody, answer=Replied)
def answer_site(me: Caller, child: str, body: SiteAnswerBody) -> object:
    """Allow a blocked site for a child once, for today or always, or refuse it.

    It also answers the child's request for it, if there is one.
    """
    return _answer(me, body, who=child, site=body.site)


def _answer(me: Caller, body: AnswerBody | SiteAnswerBody, **about: object) -> Replied:
    more = {"minutes": body.minutes, "because": body.because, "confirmed": body.confirmed or None}
    values = {key: value for key, value in more.items() if value is not None}
    done = me.change(ANSWER, answer=body.answer, **about, **values)
    number = None if done.request is None else done.request.id
    return Replied(request=number, grant=done.grant, until=done.until, sentence=done.sentence)

"""Verbs by which children request sites or time, and guardians list and answer these requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from gateway.control.contract.time import PersonGrant
from gateway.control.schema import OneLine, Whole, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, Verb
from gateway.policy.requests.requests import MAX_MINUTES, Answer, RequestState, RequestTopic

MAX_ID = 1 << 31  # of a request
OVER = "over"  # state in the event about a child without a log: answered or expired

RequestMinutes = Annotated[int, Whole(1, MAX_MINUTES)]


@record
class NewRequest:
    """A child's new request: for a site, for minutes of all or one service, or about minutes counted wrongly.

    ``since`` is the start of the disputed minutes. ``wrong``: the child says that the site was blocked by
    mistake.
    """

    site: OneLine | None = None  # a host, `service:x` or `category:x`
    minutes: RequestMinutes | None = None
    service: OneLine | None = None  # `x` or `service:x`
    since: datetime | None = None
    limits: OneLine | None = None  # that counted the minutes, separated by spaces; null: all
    reason: OneLine | None = None
    wrong: bool = False


@record
class RequestId:
    id: int


@record
class RequestView(RequestId):
    """A child's request (for a site or minutes) with state and answer, as far as the reader may see it."""

    profile: str
    name: str  # of the child
    device: str | None
    topic: RequestTopic
    thing: str | None  # a site, `service:x`, `category:x`, limits separated by spaces; null: all limits
    thing_name: str | None
    since: datetime | None  # start of the disputed minutes
    minutes: int | None  # requested or disputed; null for a site
    reason: str  # the child's words
    at: datetime
    expires: datetime | None  # null: it does not wait
    state: RequestState
    reminded: bool  # it has been waiting for a day
    answer: Answer | None
    given: int | None  # minutes
    because: str  # the guardian's words
    by: str | None
    answered: datetime | None
    grant: int | None  # number of the grant, for `revoke`
    # kind: names and words are left out, and times are the start of their day
    told: Literal["all", "kind"]
    host: str | None = None  # the blocked host, of a request for a site
    wrong: bool = False  # the child says that the site was blocked by mistake

    @property
    def waits(self) -> bool:
        """Return whether the request is pending, without an answer."""
        return self.state is RequestState.PENDING


@record
class RequestResult:
    request: RequestView
    state: RequestState
    sentence: str


@record
class AnswerRequest:
    """A guardian's answer to a child's request (``id``), or its decision about a blocked site.

    Such a site is named by the child (``who``) and ``site``. ``confirmed``: the guardian has read that
    ``always`` opens a site of a blocked category, which is refused without it.
    """

    answer: Answer
    id: Annotated[int, Whole(1, MAX_ID)] | None = None
    who: OneLine | None = None  # a child
    site: OneLine | None = None  # a host, `service:x` or `category:x`
    minutes: RequestMinutes | None = None  # null: those of the request
    because: OneLine | None = None
    confirmed: bool = False


@record
class AnswerResult:
    # a ``RequestView``, unless the child's activity is private; null: the child did not request the site
    request: RequestId | None
    grant: int | None
    until: datetime | None
    given: PersonGrant | None  # null: no extra time
    sentence: str  # in English
    thing_name: str | None = None  # of the site or service
    # Of the child's rules, which `always` edits: the revision to which `unedit` returns, and the new one.
    undo: int | None = None
    revision: int | None = None


@record
class RequestFilter:
    profile: OneLine | None = None
    pending: bool = False


@record
class RequestList:
    requests: tuple[RequestView, ...]  # newest first


REQUEST = Verb("request", NewRequest, RequestResult, senders=BY_CHILDREN)
ANSWER = Verb("answer", AnswerRequest, AnswerResult, senders=BY_GUARDIANS)
REQUESTS = Verb("requests", RequestFilter, RequestList, senders=BY_PAGES | BY_CHILDREN)

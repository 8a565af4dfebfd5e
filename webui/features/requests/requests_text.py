"""Describes children's requests and the answers to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.control.contract.activity import RecentBlock
from gateway.control.contract.requests import AnswerResult, RequestView
from gateway.policy.requests.requests import Answer, RequestTopic
from gateway.policy.time.grant_messages import declined_sentence, opened_sentence
from webui.features.time.grant_text import to_parent
from webui.language import things
from webui.language.i18n import READER
from webui.language.i18n import gettext as _
from webui.language.words import listed, plain

SHOWN_FOR = timedelta(hours=24)  # after an answer
SHOWN = 4  # requests on the child's own page


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """A request, as the pages list it."""

    request: RequestView

    @property
    def by_day(self) -> bool:
        """Return whether the daemon shows only category and day of the request, not its names and times."""
        return self.request.told == "kind"

    @property
    def is_time(self) -> bool:
        return self.request.topic is RequestTopic.TIME

    @property
    def is_site(self) -> bool:
        return self.request.topic is RequestTopic.SITE

    @property
    def is_ledger(self) -> bool:
        return self.request.topic is RequestTopic.LEDGER

    @property
    def is_service(self) -> bool:
        return (self.request.thing or "").startswith("service:")

    @property
    def thing_name(self) -> str:
        """Return what the request is about: a site or service; only its categories if names are not shown."""
        thing = self.request.thing or ""
        if not self.by_day:
            return self.request.thing_name or thing
        if not thing:
            return _("a site") if self.is_site else ""
        return listed([things.thing(target, target) for target in thing.split()])


def to_show(requests: Iterable[RequestView], now: datetime) -> tuple[RequestEntry, ...]:
    """Return a child's pending requests, and those answered within a day, at most `SHOWN`."""
    fresh = [
        RequestEntry(request)
        for request in requests
        if request.waits or (request.answered and now - request.answered < SHOWN_FOR)
    ]
    return tuple(fresh[:SHOWN])


def waiting_time(requests: Iterable[RequestView]) -> RequestView | None:
    """Return the pending request for time; None without one."""
    return next(
        (request for request in requests if request.waits and request.topic is RequestTopic.TIME), None
    )


def waiting_for(requests: Iterable[RequestView], block: RecentBlock) -> RequestView | None:
    """Return the pending request for the site or service that was blocked; None without one."""
    host = block.host

    def fits(request: RequestView) -> bool:
        thing = request.thing or ""
        if thing.startswith("service:"):
            return bool(block.name) and request.thing_name == block.name
        return host == thing or host.endswith(f".{thing}")

    return next(
        (
            request
            for request in requests
            if request.waits and request.topic is RequestTopic.SITE and fits(request)
        ),
        None,
    )


def answered(request: RequestView, answer: Answer, result: AnswerResult, now: datetime) -> str:
    """Return a sentence about the effect of a guardian's answer."""
    if answer is Answer.NO:
        return declined_sentence(plain(request.name), READER)
    if result.given is not None:
        return to_parent(result.given, request.name, now)
    what = plain(RequestEntry(request).thing_name, 80)
    return opened_sentence(plain(request.name), what, result.until, now, READER)

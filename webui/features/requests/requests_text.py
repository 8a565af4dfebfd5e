"""Describes children's requests and the answers to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.control.client import Unreachable
from gateway.control.contract.activity import HISTORY
from gateway.control.contract.requests import REQUESTS, AnswerResult, RequestView
from gateway.core.errors import ControlError
from gateway.policy.names.hosts import is_under
from gateway.policy.profile.rules import CATEGORY, SERVICE
from gateway.policy.requests.requests import Answer, RequestTopic
from gateway.policy.time.grant_messages import declined_sentence, opened_sentence
from webui.daemon import daemon
from webui.features.activity.activity_text import WEEK, HistoryView
from webui.features.activity.block_text import blocks_of
from webui.features.activity.target_names import title
from webui.features.status.home_text import ChildView, Here, HomeView
from webui.features.status.own_rules_text import rule_name
from webui.features.time.grant_text import to_parent
from webui.language import things
from webui.language.i18n import READER
from webui.language.i18n import gettext as _
from webui.language.words import listed, plain

SHOWN_FOR = timedelta(hours=24)  # after an answer
USUAL = (15, 30, 60)  # minutes of the one-tap answers
SHOWN = 4  # requests on the child's own page


def is_target(entry: str) -> bool:
    """Return whether an entry names a service or category (``service:ID``, ``category:ID``), not a host."""
    return entry.startswith((SERVICE, CATEGORY))


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """A child's request, as the pages list it."""

    request: RequestView

    @property
    def by_day(self) -> bool:
        """Return whether the daemon shows only category and day of the request, not the site and the time."""
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
    def names_host(self) -> bool:
        """Return whether the request is about a site, not about time, a service or a category."""
        return self.is_site and not is_target(self.request.thing or "")

    @property
    def is_category(self) -> bool:
        """Return whether the request is for a whole category."""
        return not self.by_day and (self.request.thing or "").startswith(CATEGORY)

    @property
    def thing_name(self) -> str:
        """Return the name of what the request is about; empty for time that is for no service in particular.

        If the daemon does not show names, these are only the categories, or ``a site``.
        """
        thing = self.request.thing or ""
        if not self.by_day:
            return self.request.thing_name or thing
        if not thing:
            return _("a site") if self.is_site else ""
        return listed([things.thing(target, target) for target in thing.split()])


def of_children(requests: Iterable[RequestView], home: HomeView) -> list[RequestEntry]:
    """Return the requests of the home's children. Those of others, such as a removed child, are left out."""
    return [RequestEntry(request) for request in requests if home.child(request.profile) is not None]


def to_show(requests: Iterable[RequestView], now: datetime) -> tuple[RequestEntry, ...]:
    """Return a child's pending requests, and those answered within a day; at most the first SHOWN."""
    fresh = [
        RequestEntry(request)
        for request in requests
        if request.waits or (request.answered and now - request.answered < SHOWN_FOR)
    ]
    return tuple(fresh[:SHOWN])


def waiting_time(requests: Iterable[RequestView]) -> RequestView | None:
    """Return the pending request for extra time; None without one."""
    return next(
        (request for request in requests if request.waits and request.topic is RequestTopic.TIME), None
    )


def waiting_for(requests: Iterable[RequestView], *entries: str) -> RequestView | None:
    """Return the pending request for one of ``entries`` or for a parent domain of it; None without one.

    An entry is a host, ``service:ID`` or ``category:ID``.
    """
    pending = (request for request in requests if request.waits and request.topic is RequestTopic.SITE)
    return next(
        (
            request
            for request in pending
            if request.thing and any(is_under(entry, request.thing) for entry in entries if entry)
        ),
        None,
    )


def pending_of(child: ChildView) -> tuple[RequestView, ...]:
    """Return a child's pending requests from the daemon, which is asked only if the status reports any."""
    if not child.status.requests:
        return ()
    return daemon().client.ask(REQUESTS, profile=child.id, pending=True).requests


def offered(asked: RequestView) -> list[int]:
    """Return the minutes that a guardian can give with one tap: the usual ones and those requested.

    For disputed minutes of the time ledger, it is only their number, as a refund.
    """
    if asked.topic is RequestTopic.LEDGER:
        return [asked.minutes or 0]
    return sorted({*USUAL, asked.minutes or USUAL[0]})


def askable_name(here: Here, entry: str) -> str:
    """Return the name of a site, service or category for which the child may ask; empty if it may not.

    ``entry``: a host, ``service:ID`` or ``category:ID``. It may ask for what was blocked on the device within
    ten minutes, for what its rules page lists, and for what its own activity says was blocked within a week.
    Other names are refused, so that the content of a list cannot be found out by guessing.
    """
    blocks = blocks_of(here)
    found = blocks.askable(entry)
    if found is not None:
        return found.title
    rules = daemon().rules(here.profile)
    names = (rule_name(target) for target in rules.askable if target.target == entry)
    return blocks.asked_category(entry) or next(names, "") or _blocked_before(here, entry)


def _blocked_before(here: Here, entry: str) -> str:
    """Return the name of a site or service that was blocked for the device's child within a week.

    Empty if not.
    """
    today = daemon().home().day
    week = {"from": today - timedelta(days=WEEK - 1), "to": today}
    try:
        history = HistoryView(daemon().client.ask(HISTORY, device=here.mac, **week))
    except Unreachable:
        raise
    except ControlError:
        return ""  # the device is no child's any more
    found = (view.site for view in history.refused if view.entry == entry)
    return next((title(site.target, site.name) for site in found), "")


def answered(name: str, answer: Answer, result: AnswerResult, now: datetime) -> str:
    """Return a sentence about the effect of a guardian's answer to a request. ``name``: of the child."""
    if answer is Answer.NO:
        return declined_sentence(plain(name), READER)
    if result.given is not None:
        return to_parent(result.given, name, now)
    return opened_sentence(plain(name), plain(result.thing_name or "", 80), result.until, now, READER)

"""The requests of a child, and their answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.control.contract.activity import RecentBlock
from webui.language import things
from webui.language.i18n import gettext as _
from webui.language.words import listed
from webui.values.shapes import Answer

SHOWN_FOR = timedelta(hours=24)  # after an answer
KIND = "kind"  # detail of a past request without names
SHOWN = 4  # requests on the child's own page


@dataclass(frozen=True, slots=True)
class Asked:
    id: int
    profile: str
    name: str  # of the child
    device: str
    topic: str  # time, site, ledger
    thing: str  # a site, service:x, limits, or empty for all limits
    thing_name: str
    minutes: int  # requested; 0 for a site
    reason: str  # the child's words
    at: datetime | None
    expires: datetime | None
    state: str  # pending, answered, auto, expired
    answer: str  # once, today, always, no; empty: none
    given: int  # minutes
    because: str  # the guardian's words
    by: str
    answered: datetime | None
    reminded: bool = False  # it has been pending for a day
    since: datetime | None = None  # ledger: start of the disputed minutes
    told: str = ""  # all, or kind: names are left out and moments are dates

    @property
    def waits(self) -> bool:
        return self.state == "pending"

    @property
    def by_day(self) -> bool:
        return self.told == KIND

    @property
    def is_time(self) -> bool:
        return self.topic == "time"

    @property
    def is_ledger(self) -> bool:
        return self.topic == "ledger"


def parse_asked(values: Mapping[str, Any]) -> tuple[Asked, ...]:
    """Parse requests, newest first."""
    return tuple(_asked(entry) for entry in Answer(values).entries("requests"))


def _asked(entry: Answer) -> Asked:
    return entry.read(
        Asked,
        name=entry.text("name") or entry.text("profile"),
        thing_name=_thing_name(entry),
    )


def _thing_name(entry: Answer) -> str:
    thing, name = entry.text("thing"), entry.text("thing_name")
    if entry.text("told") != KIND:
        return name or thing
    if not thing:
        return _("a site") if entry.text("topic") == "site" else ""
    return listed([things.thing(target, target) for target in thing.split()])


def to_show(asked: Iterable[Asked], now: datetime) -> tuple[Asked, ...]:
    """Return pending requests, and those answered within a day."""
    fresh = [
        request
        for request in asked
        if request.waits or (request.answered and now - request.answered < SHOWN_FOR)
    ]
    return tuple(fresh[:SHOWN])


def waiting_time(asked: Iterable[Asked]) -> Asked | None:
    return next((request for request in asked if request.waits and request.is_time), None)


def waiting_for(asked: Iterable[Asked], block: RecentBlock) -> Asked | None:
    """Return the pending request for what was blocked: the site, or its service."""

    host = block.host or ""

    def fits(request: Asked) -> bool:
        if request.thing.startswith("service:"):
            return bool(block.name) and request.thing_name == block.name
        return host == request.thing or host.endswith(f".{request.thing}")

    return next(
        (request for request in asked if request.waits and request.topic == "site" and fits(request)), None
    )

"""What a child asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from webui.language import things
from webui.language.i18n import gettext as _
from webui.language.words import listed
from webui.values.answers import Refusal
from webui.values.shapes import Answer

SHOWN_FOR = timedelta(hours=24)  # after an answer
KIND = "kind"  # how much is told of one that is over, where no names are
SHOWN = 4  # requests on the child's own page


@dataclass(frozen=True, slots=True)
class Asked:
    id: int
    profile: str
    name: str  # of the child
    device: str
    topic: str  # time, site, ledger
    thing: str  # a site, service:x, limits, or empty for all time
    thing_name: str
    minutes: int  # asked for; 0 of a site
    reason: str  # the child's words
    at: datetime | None
    expires: datetime | None
    state: str  # pending, answered, auto, expired
    answer: str  # once, today, always, no; empty: none
    given: int  # minutes
    because: str  # the guardian's words
    by: str
    answered: datetime | None
    reminded: bool = False  # it has waited for a day
    since: datetime | None = None  # ledger: when the minutes that are meant begin
    told: str = ""  # all, or kind: the names are left out and of each moment there is the day

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
    """Newest first."""
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
    return listed([things.thing(one, one) for one in thing.split()])


def to_show(asked: Iterable[Asked], now: datetime) -> tuple[Asked, ...]:
    """What waits, and what was answered within a day."""
    fresh = [one for one in asked if one.waits or (one.answered and now - one.answered < SHOWN_FOR)]
    return tuple(fresh[:SHOWN])


def waiting_time(asked: Iterable[Asked]) -> Asked | None:
    return next((one for one in asked if one.waits and one.is_time), None)


def waiting_for(asked: Iterable[Asked], refusal: Refusal) -> Asked | None:
    """The request that waits for what was refused: the site, or the service that it belongs to."""

    def fits(one: Asked) -> bool:
        if one.thing.startswith("service:"):
            return bool(refusal.name) and one.thing_name == refusal.name
        return refusal.host == one.thing or refusal.host.endswith(f".{one.thing}")

    return next((one for one in asked if one.waits and one.topic == "site" and fits(one)), None)

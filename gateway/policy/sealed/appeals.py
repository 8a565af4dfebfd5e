"""A provider's log of appeals against entries of sealed sets: YAML → Appeal; which look is due when.

Two looks, the second on request and by somebody else, each answered within five working days. The log has no
name of a site or a person in it, and a key that is not one of these is refused::

    country: kz                        # whose public holidays count
    appeals:
      - id: 2026-014                   # under which the letters are filed
        received: 2026-11-20
        first: {answered: 2026-11-26, outcome: stays}   # or: taken_away
        asked_again: 2026-11-27
        second: {answered: 2026-12-03, outcome: taken_away}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from gateway.policy.time.time_text import calendar_date
from gateway.policy.yaml import fields
from gateway.policy.yaml.documents import Node, parse_document, shown

WORKING_DAYS = 5  # for each look
MAX_APPEALS = 2000  # of one log, which is a file of a year
LONGEST = 366  # days within which an answer is counted; a log that says more has a slip of the pen
DAY = timedelta(days=1)

IsFree = Callable[[date], bool]
"""Whether nobody works on a day."""


class Outcome(StrEnum):
    STAYS = "stays"  # the entry was right
    TAKEN_AWAY = "taken_away"  # it was wrong


@dataclass(frozen=True, slots=True)
class Look:
    answered: date
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Appeal:
    id: str
    received: date
    first: Look | None = None
    asked_again: date | None = None  # for the second look
    second: Look | None = None

    @property
    def outcome(self) -> Outcome | None:
        """Of the last look; None while one is open."""
        if self.asked_again is not None:
            return None if self.second is None else self.second.outcome
        return None if self.first is None else self.first.outcome

    @property
    def open_since(self) -> date | None:
        """Since when a look is waited for."""
        if self.first is None:
            return self.received
        return self.asked_again if self.second is None else None


@dataclass(frozen=True, slots=True)
class Figures:
    """For the transparency report."""

    received: int
    stays: int
    taken_away: int
    open: int
    days_first: float | None  # median of working days
    days_second: float | None


def due(begun: date, is_free: IsFree) -> date:
    """The last day on which what came on ``begun`` is answered in time; that day itself does not count."""
    day, left = begun, WORKING_DAYS
    while left:
        day += DAY
        left -= not is_free(day)
    return day


def working_days(begun: date, answered: date, is_free: IsFree) -> int:
    """How many passed between; 0 for an answer of the same day."""
    return sum(not is_free(begun + n * DAY) for n in range(1, (answered - begun).days + 1))


def overdue(appeals: Iterable[Appeal], today: date, is_free: IsFree) -> Iterator[tuple[Appeal, date]]:
    """Those whose open look should have been answered before ``today``, with the day; the longest first."""
    late = (
        (one, last)
        for one in appeals
        if one.open_since is not None and (last := due(one.open_since, is_free)) < today
    )
    yield from sorted(late, key=lambda one: one[1])


def figures(appeals: Iterable[Appeal], is_free: IsFree) -> Figures:
    appeals = tuple(appeals)
    outcomes = [one.outcome for one in appeals]
    first = [working_days(one.received, one.first.answered, is_free) for one in appeals if one.first]
    second = [
        working_days(one.asked_again, one.second.answered, is_free)
        for one in appeals
        if one.asked_again and one.second
    ]
    return Figures(
        received=len(appeals),
        stays=outcomes.count(Outcome.STAYS),
        taken_away=outcomes.count(Outcome.TAKEN_AWAY),
        open=outcomes.count(None),
        days_first=median(first) if first else None,
        days_second=median(second) if second else None,
    )


def parse_appeals(source: str | bytes, file: str) -> tuple[str, tuple[Appeal, ...]]:
    """The country and its appeals. Raises PolicyError with file, line, key and mend."""
    top = fields.Fields(parse_document(source, file), ("country", "appeals"))
    country = fields.text(top.need("country"))
    read: dict[str, Appeal] = {}
    for node in fields.entries(top.need("appeals"), MAX_APPEALS):
        one = _appeal(node)
        if one.id in read:
            node.place.refuse(f"the appeal {shown(one.id)} is there twice", "give each an id of its own")
        read[one.id] = one
    return country, tuple(read.values())


def _appeal(node: Node) -> Appeal:
    part = fields.Fields(fields.mapping(node), ("id", "received", "first", "asked_again", "second"))
    one = Appeal(
        id=fields.text(part.need("id")),
        received=_day(part.need("received")),
        first=part.read("first", _look, None),
        asked_again=part.read("asked_again", _day, None),
        second=part.read("second", _look, None),
    )
    days = [
        one.received,
        None if one.first is None else one.first.answered,
        one.asked_again,
        None if one.second is None else one.second.answered,
    ]
    told = [day for day in days if day is not None]
    if days[: len(told)] != told:
        node.place.refuse("has a step without the one before it", "received, first, asked_again, second")
    if any(not 0 <= (after - before).days <= LONGEST for before, after in pairwise(told)):
        node.place.refuse("has days in an order that cannot be", "write them as they came")
    return one


def _look(node: Node) -> Look:
    part = fields.Fields(fields.mapping(node), ("answered", "outcome"))
    outcome = fields.choice(part.need("outcome"), [one.value for one in Outcome])
    return Look(_day(part.need("answered")), Outcome(outcome))


def _day(node: Node) -> date:
    return calendar_date(fields.text(node), node.place)

"""A provider's log of appeals against entries of sealed lists: YAML → Appeal, due dates, and figures.

Each appeal has two reviews, the second on request and by another person, each answered within five working
days. The log contains no name of a site or a person; unknown keys are rejected::

    country: kz                        # for its public holidays
    appeals:
      - id: 2026-014                   # the number under which the letters are filed
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
from gateway.policy.yaml.documents import parse_document
from gateway.policy.yaml.fields import Node, shown

WORKING_DAYS = 5  # for each review
MAX_APPEALS = 2000  # per log, which covers a year
LONGEST = 366  # days; a longer time between request and answer is a typing error
DAY = timedelta(days=1)

IsFree = Callable[[date], bool]
"""Returns True if a day is no working day."""


class ReviewOutcome(StrEnum):
    """The result of the review of an appeal: the entry stays on the list, or is removed."""

    STAYS = "stays"  # the entry was right
    TAKEN_AWAY = "taken_away"  # it was wrong


@dataclass(frozen=True, slots=True)
class Review:
    answered: date
    outcome: ReviewOutcome


@dataclass(frozen=True, slots=True)
class Appeal:
    id: str
    received: date
    first: Review | None = None
    asked_again: date | None = None  # request for the second review
    second: Review | None = None

    @property
    def outcome(self) -> ReviewOutcome | None:
        """The outcome of the last review; None while a review is pending."""
        if self.asked_again is not None:
            return None if self.second is None else self.second.outcome
        return None if self.first is None else self.first.outcome

    @property
    def open_since(self) -> date | None:
        """The day since which a review is pending; None if none is."""
        if self.first is None:
            return self.received
        return self.asked_again if self.second is None else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures about appeals in a transparency report: their numbers, and median working days."""

    received: int
    stays: int
    taken_away: int
    open: int
    days_first: float | None  # median of working days
    days_second: float | None


def due(begun: date, is_free: IsFree) -> date:
    """Return the last day on which a review that began on ``begun`` is in time: WORKING_DAYS later.

    ``begun`` itself and days for which ``is_free`` is True do not count.
    """
    day, left = begun, WORKING_DAYS
    while left:
        day += DAY
        left -= not is_free(day)
    return day


def working_days(begun: date, answered: date, is_free: IsFree) -> int:
    """Return the number of working days from ``begun`` (not counted) to ``answered``."""
    return sum(not is_free(begun + n * DAY) for n in range(1, (answered - begun).days + 1))


def overdue(appeals: Iterable[Appeal], today: date, is_free: IsFree) -> Iterator[tuple[Appeal, date]]:
    """Yield appeals with a pending review due before ``today``, and the due day; the earliest first."""
    late = (
        (appeal, last)
        for appeal in appeals
        if appeal.open_since is not None and (last := due(appeal.open_since, is_free)) < today
    )
    yield from sorted(late, key=lambda late: late[1])


def figures(appeals: Iterable[Appeal], is_free: IsFree) -> Figures:
    appeals = tuple(appeals)
    outcomes = [appeal.outcome for appeal in appeals]
    first = [
        working_days(appeal.received, appeal.first.answered, is_free) for appeal in appeals if appeal.first
    ]
    second = [
        working_days(appeal.asked_again, appeal.second.answered, is_free)
        for appeal in appeals
        if appeal.asked_again and appeal.second
    ]
    return Figures(
        received=len(appeals),
        stays=outcomes.count(ReviewOutcome.STAYS),
        taken_away=outcomes.count(ReviewOutcome.TAKEN_AWAY),
        open=outcomes.count(None),
        days_first=median(first) if first else None,
        days_second=median(second) if second else None,
    )


def parse_appeals(source: str | bytes, file: str) -> tuple[str, tuple[Appeal, ...]]:
    """Return the country code and the appeals in the YAML text of a log.

    Raises PolicyError with file, line, key and fix if it is invalid.
    """
    top = fields.Fields(parse_document(source, file), ("country", "appeals"))
    country = fields.text(top.need("country"))
    read: dict[str, Appeal] = {}
    for node in fields.entries(top.need("appeals"), MAX_APPEALS):
        appeal = _appeal(node)
        if appeal.id in read:
            node.place.refuse(f"the appeal {shown(appeal.id)} is there twice", "give each an id of its own")
        read[appeal.id] = appeal
    return country, tuple(read.values())


def _appeal(node: Node) -> Appeal:
    part = fields.Fields(fields.mapping(node), ("id", "received", "first", "asked_again", "second"))
    appeal = Appeal(
        id=fields.text(part.need("id")),
        received=_day(part.need("received")),
        first=part.read("first", _look, None),
        asked_again=part.read("asked_again", _day, None),
        second=part.read("second", _look, None),
    )
    days = [
        appeal.received,
        None if appeal.first is None else appeal.first.answered,
        appeal.asked_again,
        None if appeal.second is None else appeal.second.answered,
    ]
    days_known = [day for day in days if day is not None]
    if days[: len(days_known)] != days_known:
        node.place.refuse("has a step without the one before it", "received, first, asked_again, second")
    if any(not 0 <= (after - before).days <= LONGEST for before, after in pairwise(days_known)):
        node.place.refuse("has days in an order that cannot be", "write them as they came")
    return appeal


def _look(node: Node) -> Review:
    part = fields.Fields(fields.mapping(node), ("answered", "outcome"))
    outcome = fields.choice(part.need("outcome"), [outcome.value for outcome in ReviewOutcome])
    return Review(_day(part.need("answered")), ReviewOutcome(outcome))


def _day(node: Node) -> date:
    return calendar_date(fields.text(node), node.place)

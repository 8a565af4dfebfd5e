"""The days that a page of activity shows: a day, a week or a month, for a parent or for the child."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from flask import url_for

from gateway.control.contract.time import LedgerResponse
from webui.features.activity.activity_text import WEEK, HistoryView
from webui.features.time.ledger_text import Lane, starts, whole_day

MONTH = 30  # days before today that are stored
VIEWS: Mapping[str, int] = {"day": 1, "week": WEEK, "month": MONTH}  # days
USUAL_DAYS = 7  # before a day, with which it is compared
LEAST_DAYS = 3  # of them with use; fewer are not usual


@dataclass(frozen=True, slots=True)
class View:
    """The period of a child's activity that a page shows: a day, week or month that ends with ``last``.

    Also makes the addresses of the pages before and after it. ``of``: the child's id on a parent's page;
    empty on the child's own.
    """

    name: str  # day, week, month
    last: date
    today: date
    of: str = ""

    @property
    def first(self) -> date:
        return self.last - (self.step - timedelta(days=1))

    @property
    def step(self) -> timedelta:
        return timedelta(days=VIEWS[self.name])

    @property
    def is_day(self) -> bool:
        return self.name == "day"

    @property
    def day_text(self) -> str | None:
        """Return the last day as ISO text for the page's address; None if it is today."""
        return None if self.last == self.today else self.last.isoformat()

    @property
    def earlier(self) -> date | None:
        found = self.last - self.step
        return found if found - (self.last - self.first) >= self.today - timedelta(days=MONTH) else None

    @property
    def later(self) -> date | None:
        return min(self.last + self.step, self.today) if self.last < self.today else None

    def url(self, last: date | None = None, view: str = "") -> str:
        day = last or self.last
        shown_day = day.isoformat() if day != self.today else None
        name = view or self.name
        if self.of:
            return url_for(f"activity.{name}", profile=self.of, day=shown_day)
        return url_for(f"my_activity.{name}", day=shown_day)


class Strip:
    """The counted minutes of a day for a chart of 24 hours, coloured by category."""

    def __init__(self, ledger: LedgerResponse) -> None:
        self.lane: Lane = whole_day(ledger)
        self.start = starts(ledger)
        self.hours = [(self.start // 60 + hour) % 24 for hour in (0, 6, 12, 18, 24)]


def usual_minutes(view: View, days_between: Callable[[date, date], HistoryView]) -> int | None:
    """Return the minutes of a usual day: the upper median of the days with use in the week before ``view``.

    None for weeks and months, and with fewer than three such days. ``days_between``: returns the history from
    a first to a last day.
    """
    if not view.is_day:
        return None
    first = max(view.last - timedelta(days=USUAL_DAYS), view.today - timedelta(days=MONTH))
    before = view.last - timedelta(days=1)
    days = days_between(first, before).days if first <= before else ()
    minutes = sorted(day.minutes for day in days if day.minutes)
    return minutes[len(minutes) // 2] if len(minutes) >= LEAST_DAYS else None

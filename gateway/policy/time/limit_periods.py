"""The periods of time limits. Each is declared once, as a member of `LimitPeriod`."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

DAY = timedelta(days=1)


class LimitPeriod(StrEnum):
    """A period in which a time limit allows some minutes, from the shortest to the longest.

    The value is its key in rule files and in JSON. A day has no key of its own: a rule file has day types.
    """

    DAY = "day"
    WEEK = "week"

    @property
    def days(self) -> int:
        """The number of its days; the highest if that varies."""
        return {LimitPeriod.DAY: 1, LimitPeriod.WEEK: 7}[self]

    @property
    def this(self) -> str:
        """The present period in English, as in "1 minute left today" and "this week's hour is used"."""
        return {LimitPeriod.DAY: "today", LimitPeriod.WEEK: "this week"}[self]

    def first_day(self, day: date, week_starts: int) -> date:
        """Return the first day of the period that ``day`` is in. ``week_starts``: a weekday, 0 is Monday."""
        return {
            LimitPeriod.DAY: day,
            LimitPeriod.WEEK: day - (day.weekday() - week_starts) % 7 * DAY,
        }[self]


LONGER_PERIODS: tuple[LimitPeriod, ...] = tuple(LimitPeriod)[1:]
"""The periods longer than a day, for which a limit is the same on all days."""

MOST_DAYS = max(period.days for period in LimitPeriod)

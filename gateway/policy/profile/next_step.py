"""The month in which a child's next age band begins.

Apart from the band, nothing else of the age is stored.
"""

from __future__ import annotations

import re
from datetime import date

from gateway.age.bands import Band

FARTHEST = 18  # sensible years ahead: a newborn's last step

_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])", re.ASCII)


def read_month(text: str) -> date | None:
    """Return the first day of ``2027-05``; None for any other text."""
    found = _MONTH.fullmatch(text)
    return date(int(found[1]), int(found[2]), 1) if found else None


def month_text(month: date) -> str:
    return f"{month:%Y-%m}"


def makes_sense(month: date, today: date) -> bool:
    """Return True if a step in this month can still come: this month or later, within a childhood."""
    first = today.replace(day=1)
    return first <= month <= first.replace(year=first.year + FARTHEST)


def next_band(band: Band) -> Band | None:
    """Return the next band; None for the last."""
    return next((following for following in Band if following.rank == band.rank + 1), None)

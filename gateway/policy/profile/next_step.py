"""The month in which a child's next age band begins. Beside the band it is all that is kept of an age."""

from __future__ import annotations

import re
from datetime import date

from gateway.age.bands import Band

FARTHEST = 18  # years ahead that make sense: a newborn's last step

_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])", re.ASCII)


def read_month(text: str) -> date | None:
    """The first day of ``2027-05``; None for anything else."""
    found = _MONTH.fullmatch(text)
    return date(int(found[1]), int(found[2]), 1) if found else None


def month_text(month: date) -> str:
    return f"{month:%Y-%m}"


def makes_sense(month: date, today: date) -> bool:
    """Whether a step can be still to come: this month or later, and not after a childhood."""
    first = today.replace(day=1)
    return first <= month <= first.replace(year=first.year + FARTHEST)


def next_band(band: Band) -> Band | None:
    """The band that follows; None for the last."""
    return next((one for one in Band if one.rank == band.rank + 1), None)

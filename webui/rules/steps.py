"""Reads and describes the month in which a child moves to the next age group."""

from __future__ import annotations

import re
from datetime import date

from gateway.age.bands import AgeBand
from gateway.policy.profile.age_transitions import FARTHEST, makes_sense, month_text, next_band, read_month
from webui.language.i18n import gettext as _
from webui.language.words import month

TYPED = 20  # characters

_YEAR_FIRST = re.compile(r"(\d{4})\D{1,3}(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})\D{1,3}(\d{4})", re.ASCII)


class NoMonthError(ValueError):
    """Raised for a typed month of the next age group that is no month, past, or too far in the future.

    ``str()`` is the message for the user.
    """


def typed_month(text: str, today: date) -> str:
    """Return a typed month as YYYY-MM; empty for empty input.

    2027-5, 05.2027 and 5/2027 are accepted, since a browser without a month field sends free text. Raises
    NoMonthError for other text, a past month, or one too far in the future.
    """
    text = text.strip()[:TYPED]
    if not text:
        return ""
    first, last = _YEAR_FIRST.fullmatch(text), _YEAR_LAST.fullmatch(text)
    year, number = (first[1], first[2]) if first else (last[2], last[1]) if last else ("", "")
    found = read_month(f"{year}-{number:0>2}")
    if found is None:
        raise NoMonthError(_("Write the month as a year and a number, such as 2027-05."))
    if not makes_sense(found, today):
        raise NoMonthError(_("The next age group starts this month or later, and within 18 years."))
    return month_text(found)


def following(band: str) -> str:
    """Return the id of the age group after ``band``; empty for the last one and for an unknown one."""
    known = next((known_band for known_band in AgeBand if known_band.value == band), None)
    found = None if known is None else next_band(known)
    return "" if found is None else found.value


def step_sentence(value: str, band: str) -> str:
    """Return a sentence about when a child moves to the next age group; empty for an invalid month.

    ``value``: the month. ``band``: the current age group; empty if unknown.
    """
    found, then = read_month(value), following(band)
    if found is None:
        return ""
    if then == AgeBand.ADULT.value:
        return _("Adulthood: due in %(month)s", month=month(found))
    if then:
        return _("Next age group, %(band)s: due in %(month)s", band=then, month=month(found))
    return _("Next age group: due in %(month)s", month=month(found))


def step_in_few_words(value: str) -> str:
    """Return a short sentence for a child of up to nine years about its next age group.

    Empty for an invalid month.
    """
    found = read_month(value)
    return "" if found is None else _("Your next age group is due in %(month)s.", month=month(found))


def latest(today: date) -> str:
    """Return the last month that is accepted for the next age group, as YYYY-MM: FARTHEST years from now."""
    return month_text(today.replace(day=1, year=today.year + FARTHEST))

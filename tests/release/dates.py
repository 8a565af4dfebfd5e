"""Dates that a release is held to. Tests are not: what was true on Monday does not fail on Tuesday."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from gateway.policy.names.countries import Country, HelpLine

VERIFIED = timedelta(days=180)  # since somebody compared a help line with its operator's own page
REVIEWED = timedelta(days=180)  # since the documents about children's rights were gone through

_REVIEW = re.compile(r"^Reviewed: (\d{4}-\d{2}-\d{2})(?:,? by (\S.*))?$", re.MULTILINE)


def refusals(today: date, countries: Iterable[Country], documents: Mapping[str, str]) -> Iterator[str]:
    """A line for each entry and each document that is not fit for a release. ``documents``: text by name."""
    for country in sorted(countries, key=lambda one: one.code):
        for line in country.help_lines:
            problem = _of_line(line, today)
            if problem:
                yield f"profiles/countries/{country.code}.yaml: {line.id}: {problem}"
    for name, text in documents.items():
        problem = _of_document(text, today)
        if problem:
            yield f"{name}: {problem}"


def _of_line(line: HelpLine, today: date) -> str:
    if line.verified_on is None:
        return (
            "not yet confirmed; compare it with the operator's own page, then set verified_on and verified_by"
        )
    return _of_day(
        line.verified_on, today, VERIFIED, f"confirmed by {line.verified_by} on", "compare it again"
    )


def _of_document(text: str, today: date) -> str:
    found = _REVIEW.search(text)
    if found is None:
        return "nobody has gone through it; do, then write 'Reviewed: DATE by NAME'"
    if found[2] is None:
        return "says not who reviewed it; write 'Reviewed: DATE by NAME'"
    try:
        day = date.fromisoformat(found[1])
    except ValueError:
        return f"'{found[1]}' is no date; write one such as 2026-11-27"
    return _of_day(day, today, REVIEWED, "reviewed on", "go through it again, and write the day")


def _of_day(day: date, today: date, longest: timedelta, what: str, mend: str) -> str:
    if day > today:
        return f"{what} {day}, which is after today; write the day on which it was"
    if today - day >= longest:
        return f"{what} {day}, {(today - day).days} days ago; {mend}"
    return ""

"""Public holidays of a country pack: on a fixed day of the year, relative to Easter, or on one date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.policy.time import time_text as timetext
from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

LEAP_YEAR = 2028
WEST, ORTHODOX = "easter", "orthodox-easter"

_YEARLY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
_FROM_EASTER = re.compile(r"(easter|orthodox-easter)(?:([+-])(\d{1,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Holiday:
    name: Mapping[str, str]  # language → text; English at least
    countries: frozenset[str]  # codes; empty: all countries that use the file
    yearly: tuple[tuple[int, int], ...]  # months and days
    moving: tuple[tuple[str, int], ...]  # WEST or ORTHODOX, and days after (or before) its Sunday
    dated: tuple[date, ...]

    def days(self, year: int) -> frozenset[date]:
        """Return the days in one year (1900 to 2099)."""
        every = {date(year, month, day) for month, day in self.yearly}
        moving = {easter(year, kind) + timedelta(days=days) for kind, days in self.moving}
        return frozenset(every | moving | {day for day in self.dated if day.year == year})


def easter(year: int, kind: str = WEST) -> date:
    """Return Easter Sunday, 1900 to 2099, by Gauss's method (Meeus, Astronomical Algorithms, chapter 8)."""
    moon = (19 * (year % 19) + (24 if kind == WEST else 15)) % 30
    weekday = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + (5 if kind == WEST else 6)) % 7
    days = moon + weekday
    if kind == ORTHODOX:
        return date(year, 4, 4) + timedelta(days=days)  # 22 March of the Julian calendar
    if weekday == 6 and (moon == 29 or (moon == 28 and year % 19 > 10)):
        days -= 7
    return date(year, 3, 22) + timedelta(days=days)


def parse_holiday(node: Node, name: Mapping[str, str], countries: frozenset[str]) -> Holiday:
    """Return a holiday. ``node``: the list under ``on``. Raises PolicyError with file, line, key and fix."""
    yearly: list[tuple[int, int]] = []
    moving: list[tuple[str, int]] = []
    dated: list[date] = []
    for item in fields.items(node):
        word = fields.text(item)
        if match := _FROM_EASTER.fullmatch(word):
            moving.append((match[1], int(f"{match[2] or '+'}{match[3] or 0}")))
        elif match := _YEARLY.fullmatch(word):
            yearly.append(_day_of_year(item, int(match[1]), int(match[2])))
        else:
            dated.append(timetext.calendar_date(word, item.place))
    return Holiday(name, countries, tuple(yearly), tuple(moving), tuple(dated))


def _day_of_year(node: Node, month: int, day: int) -> tuple[int, int]:
    if (month, day) == (2, 29):
        node.place.refuse("is no day of every year", "write the dates, such as 2028-02-29")
    try:
        date(LEAP_YEAR, month, day)
    except ValueError:
        node.place.refuse(
            f"{shown(fields.text(node))} is no day of the year", "write month-day, such as 12-25"
        )
    return month, day

"""A cache of timetables: each is built once and used for many moments."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Generic, TypeVar

from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import BEDTIME, WINDOW
from gateway.policy.time.schedule import Calendar, Timetable, bedtimes_table, calendar_for, windows_table

T = TypeVar("T")

PEOPLE = 32  # cached timetables, 2 kB each: a large family's, its guests' and those of one edit


def by_the_clock(profile: Profile, calendar: Calendar) -> tuple[Calendar, Mapping[str, Timetable]]:
    """A person's own calendar, and the gates that open and close by the clock. Immutable.

    Other rules are another profile, and other holidays another calendar.
    """
    return _by_the_clock(_Same(profile), _Same(calendar))


class _Same(Generic[T]):
    """A key that equals only itself: comparing rules by content costs more than using them."""

    __slots__ = ("it",)

    def __init__(self, it: T) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


@lru_cache(PEOPLE)
def _by_the_clock(person: _Same[Profile], home: _Same[Calendar]) -> tuple[Calendar, Mapping[str, Timetable]]:
    profile = person.it
    rules, calendar = profile.rules, calendar_for(profile, home.it)
    tables = {BEDTIME: bedtimes_table(rules, calendar)} if rules.sleeps else {}
    for target, windows in rules.windows.items():
        tables[WINDOW + target] = windows_table(windows, calendar, rules.dates, target)
    return calendar, tables

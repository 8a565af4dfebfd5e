"""What is open when: each day of a plan as consecutive spans, for a page that draws them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import INTERNET, Rules
from gateway.policy.time.grammar import DAY_MINUTES
from gateway.policy.time.schedule import (
    Calendar,
    Closure,
    Timetable,
    bedtimes_table,
    calendar_for,
    windows_table,
)
from gateway.policy.values import Reason

OPEN = "open"


@dataclass(frozen=True, slots=True)
class Stretch:
    """From ``start`` until just before ``end``, minutes of one local day (0 to 1440)."""

    start: int
    end: int
    state: str  # "open", "bedtime" or "window"
    owner: str  # owner of the rule that closes it; empty while open


@dataclass(frozen=True, slots=True)
class Grid:
    """The timetables of one person."""

    profile: Profile
    calendar: Calendar  # the country's

    def internet(self, day: date) -> tuple[Stretch, ...]:
        """Return the spans of the whole device; bedtime comes before windows."""
        rules, own = self.profile.rules, calendar_for(self.profile, self.calendar)
        bedtime = bedtimes_table(rules, own)
        return tuple(
            _stretches((Reason.BEDTIME, bedtime(day)), (Reason.WINDOW, self._windows(rules, INTERNET)(day)))
        )

    def targets(self, day: date) -> dict[str, tuple[Stretch, ...]]:
        """Return the spans of each service, category or group with windows on the day."""
        rules = self.profile.rules
        tables = {one: self._windows(rules, one)(day) for one in rules.windows if one != INTERNET}
        return {one: tuple(_stretches((Reason.WINDOW, found))) for one, found in tables.items() if found}

    def _windows(self, rules: Rules, target: str) -> Timetable:
        windows = rules.windows.get(target)
        if windows is None:
            return _never
        own = calendar_for(self.profile, self.calendar)
        return windows_table(windows, own, rules.dates, target)


def _never(day: date) -> tuple[Closure, ...]:  # noqa: ARG001
    return ()


def _stretches(*layers: tuple[Reason, tuple[Closure, ...]]) -> Iterator[Stretch]:
    """Merge layers: the first layer that closes a minute gives the reason. Equal neighbours are joined."""
    edges = {0, DAY_MINUTES}.union(*((one.start, one.end) for _, found in layers for one in found))
    cuts = sorted(edges)
    last: Stretch | None = None
    for start, end in itertools.pairwise(cuts):
        state, owner = _at(start, layers)
        if last is not None and (last.state, last.owner) == (state, owner):
            last = Stretch(last.start, end, state, owner)
            continue
        if last is not None:
            yield last
        last = Stretch(start, end, state, owner)
    if last is not None:
        yield last


def _at(minute: int, layers: tuple[tuple[Reason, tuple[Closure, ...]], ...]) -> tuple[str, str]:
    for reason, found in layers:
        for one in found:
            if one.start <= minute < one.end:
                return reason.value, one.owner
    return OPEN, ""

"""A child that reads *My rules* and nothing else: what it concludes of a site and an hour.

Nothing here asks the judge or its parts. What a child knows beside the page is what a site is (`Site`), which
day it is and what its clock shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

DAY = timedelta(days=1)
NOON = 12 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Site:
    """What a child knows of a site before it opens it."""

    host: str
    services: tuple[str, ...] = ()
    categories: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    approved: bool = False  # chosen for its age
    registers: frozenset[str] = frozenset()  # of states, on which it is

    @property
    def targets(self) -> set[str]:
        kinds = {f"category:{one}" for one in self.categories}
        return {*(f"service:{one}" for one in self.services), *kinds, *self.registers}


@dataclass(frozen=True)
class Line:
    """The line of the page that says so."""

    verdict: str  # open, refuse, ask
    owner: str = ""
    target: str = ""


class Reader:
    def __init__(self, told: Told) -> None:
        self.told = told

    def site(self, site: Site) -> Line:
        """While the internet is open: what binds, what is opened for a while, then the more particular."""
        entries = [one["target"] for one in self.told["opened"]]
        refused = self.told["refused"]
        binding = self._first(site, (one for one in refused if one["owner"].startswith("law:")))
        if binding is not None:
            return binding
        if any(one in site.targets or _under(site.host, one) for one in entries):
            return Line("open")
        own = [one for one in refused if not one["owner"].startswith("law:")]
        ranked = sorted(
            [(_rank(site, one["target"]), 1, _line(one)) for one in own if self.is_of(site, one["target"])]
            + [
                (_rank(site, one["target"]), 0, Line("open", one["owner"], one["target"]))
                for one in self.told["allowed"]
                if self.is_of(site, one["target"])
            ],
            key=lambda one: one[:2],
            reverse=True,
        )
        if ranked and not (site.approved and self.told["approved"]):
            return _strictest(ranked)
        if site.approved and self.told["approved"]:
            family = [one for one in ranked if one[2].owner == "family"]
            return _strictest(family) if family else Line("open", "product")
        return self._rest(site)

    def _rest(self, site: Site) -> Line:
        if self.told["mode"] == "allow-list":
            return Line("ask")
        unknown = next((one for one in self.told["refused"] if one["target"] == "unknown"), None)
        if unknown is not None and not (site.services or site.categories or site.approved):
            return _line(unknown)
        return Line("open")

    def _first(self, site: Site, entries: Iterable[Told]) -> Line | None:
        return next((_line(one) for one in entries if self.is_of(site, one["target"])), None)

    def owners(self, site: Site, line: Line) -> set[str]:
        """Who may have decided: of several kinds that are closed alike, the page does not say which."""
        if line.target == "unknown":
            return {line.owner}
        alike = [
            one
            for one in self.told["refused"]
            if self.is_of(site, one["target"]) and one["verdict"] == line.verdict
        ]
        same = [one for one in alike if _rank(site, one["target"]) == _rank(site, line.target)]
        return {_of_decision(one["owner"]) for one in same}

    @staticmethod
    def is_of(site: Site, target: str) -> bool:
        kind, colon, _ = target.partition(":")
        return target in site.targets if colon or kind in GENERAL else _under(site.host, target)

    def counts_for(self, site: Site) -> set[str]:
        """The limits that a site spends."""
        homework = any(one["homework"] and self.is_of(site, one["target"]) for one in self.told["allowed"])
        if homework:
            return set()
        found = {one["target"] for one in self.told["limits"]}
        of_dates = {row["target"] for day in self.told["days"] for row in day["limits"]}
        spent = (found | of_dates) & (self.bound_by(site) | {"internet"})
        free = {one["target"] for one in self.told["uncounted"]}
        return set() if free & site.targets and spent == {"internet"} else spent

    def bound_by(self, site: Site) -> set[str]:
        """Targets whose windows and limits close it: its services, their groups, its kinds, and play."""
        play = {"play"} if {one["target"] for one in self.told["counted"]} & site.targets else set()
        return {*site.targets, *(f"group:{one}" for one in site.groups), *play}

    def limit(self, target: str, day: date) -> int | None:
        """Of what others set and what the child set for itself the stricter."""
        others, own = _apart(one for one in self.told["limits"] if one["target"] == target)
        dated = [row for row in self._exception(day).get("limits", ()) if row["target"] == target]
        found = (
            _minutes(row)
            for rows in (dated or self._of_day(others, day), self._of_day(own, day))
            for row in rows
        )
        return min((one for one in found if one is not None), default=None)

    def is_night(self, at: datetime) -> bool:
        minute = at.hour * 60 + at.minute
        for evening in (at.date() - DAY, at.date()):
            for start, end in self._night(evening):
                begins = minute + (0 if evening == at.date() else 24 * 60)
                if start <= begins < end:
                    return True
        return False

    def _night(self, evening: date) -> Iterator[tuple[int, int]]:
        """In minutes after the midnight with which the evening's day began."""
        exception = self._exception(evening).get("bedtime")
        others, own = _apart(self.told["bedtime"])
        if exception is not None:
            yield from _as_minutes(exception)
        for rows in (own, others if exception is None else []):
            for row in self._of_day(rows, evening):
                if not _ends_next_morning(row):
                    yield from _as_minutes(row)
            for row in self._of_day(rows, evening + DAY):
                if _ends_next_morning(row):
                    yield from _as_minutes(row)

    def is_outside(self, target: str, at: datetime) -> bool:
        """Of the windows of a target."""
        minute = at.hour * 60 + at.minute
        today, before = self._windows(target, at.date()), self._windows(target, at.date() - DAY)
        if today is None:
            return False
        if any(start <= minute < end for start, end in today):
            return False
        return not any(start <= minute + 24 * 60 < end for start, end in before or ())

    def _windows(self, target: str, day: date) -> list[tuple[int, int]] | None:
        rows: list[Told] = [one for one in self._exception(day).get("windows", ()) if one["target"] == target]
        rows = rows or list(
            self._of_day([one for one in self.told["windows"] if one["target"] == target], day)
        )
        if not rows or any(one.get("all_day") == "open" for one in rows):
            return None
        return [_window(one) for one in rows if one["from"] is not None]

    def is_free(self, day: date) -> bool:
        counts = self._exception(day).get("counts_as")
        return day.weekday() >= 5 if counts is None else counts == "free"

    def _exception(self, day: date) -> Told:
        found = [one for one in self.told["days"] if one["date"] == day.isoformat()]
        return found[0] if found else {}

    def _of_day(self, rows: Iterable[Told], day: date) -> list[Told]:
        """A weekday's own before those of its kind of day."""
        rows = list(rows)
        for wanted in (WEEKDAYS[day.weekday()], "free" if self.is_free(day) else "school", None):
            if found := [one for one in rows if one["days"] == wanted]:
                return found
        return []


GENERAL = frozenset({"safe_search", "strict", "protocol", "unknown"})


def _apart(rows: Iterable[Told]) -> tuple[list[Told], list[Told]]:
    """What others set; what the child set for itself."""
    rows = list(rows)
    own = [one for one in rows if one["owner"].startswith("self:")]
    return [one for one in rows if one not in own], own


def _minutes(row: Told) -> int | None:
    return None if row["minutes"] is None else int(row["minutes"])


def _line(row: Told) -> Line:
    return Line(row["verdict"], row["owner"], row["target"])


def _of_decision(owner: str) -> str:
    """A law's line names law and guardian; the decision says in its rule which law it is."""
    kind, _, rest = owner.partition(":")
    law, _, who = rest.partition(":")
    if kind != "law" or "-" not in law:
        return owner
    return f"guardian:{who}" if who else "family"


def _rank(site: Site, target: str) -> tuple[int, int]:
    """A site before a service before a kind; of sites the longer name."""
    if target.startswith("category:"):
        return 0, 0
    return (1, 0) if target.startswith("service:") else (2, len(target))


def _strictest(ranked: list[tuple[tuple[int, int], int, Line]]) -> Line:
    """Of equals a refusal, and of those one that cannot be asked for."""
    best = [line for rank, _, line in ranked if rank == ranked[0][0]]
    return next((one for word in ("refuse", "ask") for one in best if one.verdict == word), best[0])


def _under(host: str, name: str) -> bool:
    return host == name or host.endswith(f".{name}")


def _clock(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _ends_next_morning(row: Told) -> bool:
    if row["from"] is None:
        return True
    return _clock(row["to"]) < _clock(row["from"]) or _clock(row["from"]) < NOON


def _as_minutes(row: Told) -> Iterator[tuple[int, int]]:
    if row["from"] is None:
        return
    start, end = _clock(row["from"]), _clock(row["to"])
    if end < start:
        yield start, end + 24 * 60
    elif start < NOON:
        yield start + 24 * 60, end + 24 * 60
    else:
        yield start, end


def _window(row: Told) -> tuple[int, int]:
    start, end = _clock(row["from"]), _clock(row["to"])
    return start, end + 24 * 60 if end < start else end

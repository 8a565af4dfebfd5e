"""The activity of a child's past days as the daemon reports it, and sums over several days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from webui.language.telling import met
from webui.values.shapes import Answer, refuse_shape

SERVICE, CATEGORY, REASON, OTHER = "service:", "category:", "reason:", "other"
ADS = "category:ads_trackers"
WEEK = 7  # days


@dataclass(frozen=True, slots=True)
class Use:
    """Minutes of a service or a category."""

    target: str
    name: str
    minutes: int
    play: bool  # a category that uses the limit of that name


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    minutes: int  # in which a limit counted
    uses: tuple[Use, ...]
    refused: int


@dataclass(frozen=True, slots=True)
class Kind:
    target: str
    name: str
    refused: int
    opened: int


@dataclass(frozen=True, slots=True)
class Site:
    """A blocked or allowed site, under the name that users know. Names and hosts are untrusted input."""

    target: str
    name: str
    times: int
    first: datetime | None
    last: datetime | None
    hosts: tuple[tuple[str, int], ...]
    sample: bool
    sentence: str
    reason: str
    owner: str
    entry: str  # the allow entry that opens it; empty: none does

    @property
    def is_background(self) -> bool:
        """Return whether it was loaded without user action: by pages, or by devices in the background."""
        return self.target == ADS or self.target.startswith(REASON)


@dataclass(frozen=True, slots=True)
class History:
    id: str
    name: str
    log_level: int
    first: date
    last: date
    today: date
    oldest: date
    names_from: date
    sample_until: date | None
    days: tuple[Day, ...]
    kinds: tuple[Kind, ...]
    refused: tuple[Site, ...]
    refused_left_off: int
    visited: tuple[Site, ...]
    visited_left_off: int

    @property
    def minutes(self) -> int:
        return sum(day.minutes for day in self.days)

    @property
    def is_sample(self) -> bool:
        """Return whether any of these days is invented, as in the virtual home."""
        return self.sample_until is not None and self.first < self.sample_until

    @property
    def names_kept(self) -> bool:
        """Return whether names of these days are still stored."""
        return self.last >= self.names_from

    @property
    def opened(self) -> tuple[Kind, ...]:
        """Return the allowed categories by number of requests: without a limit, no minutes are known."""
        found = [kind for kind in self.kinds if kind.opened and not kind.target.startswith(REASON)]
        return tuple(sorted(found, key=lambda use: -use.opened))

    def services(self) -> tuple[Use, ...]:
        """Return minutes by service, the most used first, and the rest without a known service."""
        return _sums(self.days, lambda target: not target.startswith(CATEGORY))

    def used_kinds(self) -> tuple[Use, ...]:
        return _sums(self.days, lambda target: not target.startswith(SERVICE))


def _sums(days: Iterable[Day], wanted: Callable[[str], bool]) -> tuple[Use, ...]:
    found: dict[str, Use] = {}
    for day in days:
        for use in day.uses:
            if wanted(use.target):
                before = found.get(use.target)
                minutes = use.minutes + (before.minutes if before else 0)
                found[use.target] = Use(use.target, use.name, minutes, use.play)
    return tuple(sorted(found.values(), key=lambda use: (-use.minutes, use.target)))


def parse_history(values: Mapping[str, Any]) -> History:
    answer = Answer(values)
    return answer.read(
        History,
        name=answer.text("name") or answer.text("id"),
        first=_day(answer, "from"),
        last=_day(answer, "to"),
        today=_day(answer, "today"),
        oldest=_day(answer, "oldest"),
        names_from=_day(answer, "names_from"),
        days=tuple(
            entry.read(
                Day, day=_day(entry, "day"), uses=tuple(use.read(Use) for use in entry.entries("uses"))
            )
            for entry in answer.entries("days")
        ),
        kinds=tuple(entry.read(Kind) for entry in answer.entries("kinds")),
        refused=tuple(map(_site, answer.entries("refused"))),
        visited=tuple(map(_site, answer.entries("visited"))),
    )


def _site(entry: Answer) -> Site:
    hosts = tuple((host.text("host"), host.whole("times")) for host in entry.entries("hosts"))
    target, last = entry.text("target"), entry.moment("last")
    # A group by reason has no name; for ads it is the host, for services and sites their own.
    named = "" if target.startswith(REASON) else entry.text("name")
    what = hosts[0][0] if target.startswith(CATEGORY) and hosts else named
    sentence = met(entry, what, last) if last else entry.text("sentence")
    return entry.read(Site, hosts=hosts, sentence=sentence)


def _day(answer: Answer, key: str) -> date:
    found = answer.day(key)
    if found is None:
        refuse_shape(key)
    return found

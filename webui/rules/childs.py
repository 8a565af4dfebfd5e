"""A child's rules as the daemon reports them, grouped for the child's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from gateway.control.contract.growing import AgreementStatus, SelfSetTimes
from gateway.policy.profile.rules import SELF
from webui.features.growing.agreement_text import AgreementView
from webui.language import things
from webui.language.i18n import gettext as _
from webui.values.shapes import Answer

FAMILY, PRODUCT = "family", "product"
GENERAL = frozenset(
    {"category", "safe_search", "strict", "ways", "protocol", "unknown"}
)  # targets that are neither one site nor one service
PLAY = "play"
OPEN, CLOSED = "open", "closed"  # all day, without hours


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule is about."""

    target: str  # internet, play, service:x, category:x or a site
    name: str
    owner: str
    verdict: str  # block, ask; empty for an allowed target
    homework: bool = False  # it stays allowed when time is used up, and uses none
    until: datetime | None = None  # the end of a temporary permission


@dataclass(frozen=True, slots=True)
class Hours:
    """A time range. ``days`` is as in the profile's file, empty for every day."""

    target: str
    name: str
    days: str
    start: str  # HH:MM; empty without hours
    end: str
    owner: str
    all_day: str = ""  # state of a schedule without hours

    @property
    def text(self) -> str:
        if self.start:
            return f"{self.start}–{self.end}"
        return {OPEN: _("all day"), CLOSED: _("not at all")}.get(self.all_day) or _("none")


@dataclass(frozen=True, slots=True)
class Limit:
    target: str
    name: str
    days: str
    minutes: int | None  # None: no limit on these days
    owner: str


@dataclass(frozen=True, slots=True)
class OtherDay:
    """A date that counts as another day type than its weekday's, or has rules of its own."""

    day: date
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    band: str
    allow_list: bool
    log_level: int
    set_by: str
    set_at: datetime | None
    bedtime: tuple[Hours, ...]
    windows: tuple[Hours, ...]
    limits: tuple[Limit, ...]
    refused: tuple[Target, ...]
    allowed: tuple[Target, ...]
    approved: bool = False  # sites approved for this age are allowed as well
    opened: tuple[Target, ...] = ()  # allowed temporarily
    counted: tuple[Target, ...] = ()  # categories that count as play
    uncounted: tuple[Target, ...] = ()  # categories that do not use the internet limit
    other_days: tuple[OtherDay, ...] = ()
    day_starts: str = ""  # HH:MM at which the day of limits starts
    agreement: AgreementView | None = None  # None: the child is too young for one
    self_set: SelfSetTimes | None = None  # None: the child can set no times and has set none

    def days_from(self, today: date) -> list[OtherDay]:
        return [day for day in self.other_days if day.day >= today]

    @property
    def has_play_rules(self) -> bool:
        """Return whether any rule is about play."""
        windows = any(window.target == PLAY for window in self.windows)
        return windows or any(limit.target == PLAY for limit in self.limits)

    @property
    def unknown(self) -> Target | None:
        """Return the rule for uncategorised sites, or None if they are allowed."""
        return next((site for site in self.refused if site.target == "unknown"), None)

    @property
    def of_others(self) -> tuple[Hours, ...]:
        """Return the bedtimes that the child did not set itself."""
        return tuple(hours for hours in self.bedtime if not hours.owner.startswith(f"{SELF}:"))

    @property
    def things(self) -> list[Target]:
        """Return the blocked sites and services, which a small child may know by name.

        Categories are left out.
        """
        return [site for site in self.refused if site.target.partition(":")[0] not in GENERAL]

    @property
    def blocks_categories(self) -> bool:
        """Return whether categories are blocked in addition to those blocked for everyone."""
        return any(site.target.startswith("category:") and site.owner != PRODUCT for site in self.refused)

    @property
    def has_own(self) -> bool:
        """Return whether any rule is the family's own rather than the band's."""
        targets = any(site.owner == FAMILY for site in (*self.refused, *self.allowed))
        hours = any(span.owner == FAMILY for span in (*self.bedtime, *self.windows))
        return targets or hours or any(limit.owner == FAMILY for limit in self.limits)

    def refused_by_owner(self) -> dict[str, list[Target]]:
        """Return the blocked targets by owner: the family's first, then the band's, then the rest."""
        groups: dict[str, list[Target]] = {}
        for target in sorted(self.refused, key=lambda item: _owner_rank(item.owner)):
            groups.setdefault(target.owner, []).append(target)
        return groups


def _owner_rank(owner: str) -> int:
    return 0 if owner == FAMILY else 1 if owner.startswith("band:") else 2


def parse_rules(values: Mapping[str, Any]) -> Rules:
    whole = Answer(values)
    answer = whole.entry("profile") or Answer({})
    agreement = whole.record("agreement", AgreementStatus)
    changed = answer.entry("set")
    return Rules(
        band=answer.text("band"),
        allow_list=answer.text("mode") == "allow-list",
        log_level=answer.whole("log_level"),
        set_by=changed.text("by") if changed else "",
        set_at=changed.moment("at") if changed else None,
        bedtime=tuple(_hours(entry) for entry in answer.entries("bedtime")),
        windows=tuple(_hours(entry) for entry in answer.entries("windows")),
        limits=tuple(
            Limit(
                entry.text("target"), _name(entry), entry.text("days"), _minutes(entry), entry.text("owner")
            )
            for entry in answer.entries("limits")
        ),
        refused=tuple(_target(entry) for entry in answer.entries("refused")),
        allowed=tuple(_target(entry) for entry in answer.entries("allowed")),
        approved=answer.flag("approved"),
        opened=tuple(_target(entry) for entry in answer.entries("opened")),
        counted=tuple(_target(entry) for entry in answer.entries("counted")),
        uncounted=tuple(_target(entry) for entry in answer.entries("uncounted")),
        day_starts=answer.text("day_starts"),
        other_days=tuple(_other_days(answer.entries("days"))),
        agreement=None if agreement is None else AgreementView(agreement),
        self_set=whole.record("self_set", SelfSetTimes),
    )


def _target(entry: Answer) -> Target:
    return Target(
        entry.text("target"),
        _name(entry),
        entry.text("owner"),
        entry.text("verdict"),
        homework=entry.flag("homework"),
        until=entry.moment("until"),
    )


def _hours(entry: Answer) -> Hours:
    return Hours(
        entry.text("target"),
        _name(entry),
        entry.text("days"),
        entry.text("from"),
        entry.text("to"),
        entry.text("owner"),
        entry.text("all_day"),
    )


def _minutes(entry: Answer) -> int | None:
    return None if entry.values.get("minutes") is None else entry.whole("minutes")


def _other_days(rows: Iterable[Answer]) -> Iterator[OtherDay]:
    for row in rows:
        day = row.day("date")
        if day is not None:
            yield OtherDay(day, tuple(_of_day(row)))


def _of_day(row: Answer) -> Iterator[str]:
    from webui.rules import sentences as say  # of days that few weeks have

    yield say.counts_as(row.text("counts_as"))
    night = row.entry("bedtime")
    if night is not None:
        hours = _hours(night)
        yield _("bedtime %(hours)s", hours=hours.text) if hours.start else _("no bedtime")
    for window in map(_hours, row.entries("windows")):
        yield _("%(what)s: %(value)s", what=window.name, value=window.text)
    for entry in row.entries("limits"):
        yield say.limit(_name(entry), _minutes(entry))


def _name(entry: Answer) -> str:
    """Return the entry's name, or its id in words if it has no name."""
    target = entry.text("target")
    known = entry.text("name") or target.rpartition(":")[2].replace("_", " ").capitalize()
    return things.thing(target, known)

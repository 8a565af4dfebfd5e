"""A child's rules as the daemon tells them, and how the child's page groups them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.policy.rules import SELF
from webui.language import things
from webui.values.agreement import Agreement, parse_agreement
from webui.values.selfset import SelfSet, parse_self_set
from webui.values.shapes import Answer

FAMILY = "family"
GENERAL = frozenset({"category", "safe_search", "strict", "ways", "protocol"})  # no one site or service


@dataclass(frozen=True, slots=True)
class Target:
    """Something that a rule is about."""

    target: str  # internet, play, service:x, category:x or a site
    name: str
    owner: str
    verdict: str  # refuse, ask; empty for what is allowed


@dataclass(frozen=True, slots=True)
class Hours:
    """From when until when; ``days`` is as in the profile's file, empty for every day."""

    name: str
    days: str
    start: str  # HH:MM
    end: str
    owner: str


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    days: str
    minutes: int
    owner: str


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
    agreement: Agreement | None = None  # None: of a child that is too young for one
    self_set: SelfSet | None = None  # what the child set for itself; None: it neither sets nor has set any

    @property
    def of_others(self) -> tuple[Hours, ...]:
        """Bedtimes that the child did not set for itself."""
        return tuple(one for one in self.bedtime if not one.owner.startswith(f"{SELF}:"))

    @property
    def things(self) -> list[Target]:
        """What is refused by a name that a small child may know: sites and services. What kinds of sites
        there are beside them is nothing to teach to it.
        """
        return [one for one in self.refused if one.target.partition(":")[0] not in GENERAL]

    @property
    def has_own(self) -> bool:
        """Whether any of it is the family's own, and not its band's."""
        targets = any(one.owner == FAMILY for one in (*self.refused, *self.allowed))
        hours = any(one.owner == FAMILY for one in (*self.bedtime, *self.windows))
        return targets or hours or any(one.owner == FAMILY for one in self.limits)

    def refused_by_owner(self) -> dict[str, list[Target]]:
        """The family's own first, then the band's, then the rest; each in its order."""
        groups: dict[str, list[Target]] = {}
        for target in sorted(self.refused, key=lambda item: _owner_rank(item.owner)):
            groups.setdefault(target.owner, []).append(target)
        return groups


def _owner_rank(owner: str) -> int:
    return 0 if owner == FAMILY else 1 if owner.startswith("band:") else 2


def parse_rules(values: Mapping[str, Any]) -> Rules:
    answer = Answer(values).entry("profile") or Answer({})
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
            Limit(_name(entry), entry.text("days"), entry.whole("minutes"), entry.text("owner"))
            for entry in answer.entries("limits")
        ),
        refused=tuple(_target(entry) for entry in answer.entries("refused")),
        allowed=tuple(_target(entry) for entry in answer.entries("allowed")),
        agreement=parse_agreement(Answer(values).entry("agreement")),
        self_set=parse_self_set(Answer(values).entry("self_set")),
    )


def _target(entry: Answer) -> Target:
    return Target(entry.text("target"), _name(entry), entry.text("owner"), entry.text("verdict"))


def _hours(entry: Answer) -> Hours:
    return Hours(_name(entry), entry.text("days"), entry.text("from"), entry.text("to"), entry.text("owner"))


def _name(entry: Answer) -> str:
    """Its name; without one, its id in words."""
    target = entry.text("target")
    known = entry.text("name") or target.rpartition(":")[2].replace("_", " ").capitalize()
    return things.thing(target, known)

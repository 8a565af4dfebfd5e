"""Wraps a child's rules for the child's page, in its groups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import cached_property

from gateway.control.contract.growing import SelfSetTimes
from gateway.control.contract.profile import (
    AllowedTarget,
    BlockedTarget,
    CountedCategory,
    LimitMinutes,
    NightHours,
    NightOnDays,
    OpenedTarget,
    OtherDay,
    ProfileAnswer,
    UncountedCategory,
    WindowHours,
)
from gateway.policy.profile.rules import SELF
from webui.features.growing.agreement_text import AgreementView
from webui.language import things
from webui.language.i18n import gettext as _

FAMILY, PRODUCT = "family", "product"
GENERAL = frozenset(
    {"category", "safe_search", "strict", "ways", "protocol", "unknown"}
)  # targets that are neither one site nor one service
PLAY = "play"
OPEN, CLOSED = "open", "closed"  # all day, without hours

Rule = (
    WindowHours
    | AllowedTarget
    | BlockedTarget
    | CountedCategory
    | LimitMinutes
    | OpenedTarget
    | UncountedCategory
)


def rule_name(rule: Rule) -> str:
    """Return the name of a rule's target, such as a service; its id in words if it has no name."""
    known = rule.name or rule.target.rpartition(":")[2].replace("_", " ").capitalize()
    return things.thing(rule.target, known)


def hours_text(hours: NightHours | WindowHours) -> str:
    if hours.from_ and hours.to:
        return f"{hours.from_}–{hours.to}"
    all_day = hours.all_day if isinstance(hours, WindowHours) else None
    return {OPEN: _("all day"), CLOSED: _("not at all")}.get(all_day or "") or _("none")


class OtherDayView:
    """A date that counts as another day type (school or free) than its weekday, or has rules of its own."""

    def __init__(self, day: OtherDay) -> None:
        self.day = day

    @property
    def sentences(self) -> Iterator[str]:
        from webui.rules import sentences as say  # imported when a week has such a day

        day, night = self.day, self.day.bedtime
        yield say.counts_as(day.counts_as)
        if night is not None:
            yield _("bedtime %(hours)s", hours=hours_text(night)) if night.from_ else _("no bedtime")
        for window in day.windows:
            yield _("%(what)s: %(value)s", what=rule_name(window), value=hours_text(window))
        for limit in day.limits:
            yield say.limit(rule_name(limit), limit.minutes)


class OwnRules:
    """The rules that apply to a child, for its page. ``profile`` has all of them.

    The properties select some.
    """

    def __init__(self, answer: ProfileAnswer) -> None:
        self._answer = answer
        self.profile = answer.profile

    @property
    def next_bedtime(self) -> datetime | None:
        return self._answer.next_bedtime

    @property
    def allow_list(self) -> bool:
        return self.profile.mode == "allow-list"

    @property
    def set_by(self) -> str:
        return "" if self.profile.set is None else self.profile.set.by

    @property
    def set_at(self) -> datetime | None:
        return None if self.profile.set is None else self.profile.set.at

    @cached_property
    def agreement(self) -> AgreementView | None:
        """Return the agreement between child and parents on the rules; None for a child too young for one."""
        found = self._answer.agreement
        return None if found is None else AgreementView(found)

    @property
    def self_set(self) -> SelfSetTimes | None:
        """Return the bedtime and limits that the child has set for itself.

        None if it can set none and has set none.
        """
        return self._answer.self_set

    def days_from(self, today: date) -> list[OtherDayView]:
        return [OtherDayView(day) for day in self.profile.days if day.date >= today]

    @property
    def has_play_rules(self) -> bool:
        """Return whether a limit or schedule is for play: all apps and sites together that use daily time."""
        rules = self.profile
        windows = any(window.target == PLAY for window in rules.windows)
        return windows or any(limit.target == PLAY for limit in rules.limits)

    @property
    def unknown(self) -> BlockedTarget | None:
        """Return the rule that blocks uncategorised sites or requires approval; None if they are allowed."""
        return next((site for site in self.profile.refused if site.target == "unknown"), None)

    @property
    def of_others(self) -> tuple[NightOnDays, ...]:
        """Return the bedtimes of the family and the age group, without the child's own."""
        return tuple(hours for hours in self.profile.bedtime if not hours.owner.startswith(f"{SELF}:"))

    @property
    def things(self) -> list[BlockedTarget]:
        """Return the blocked sites and services, which a small child may know by name.

        Categories are left out.
        """
        return [site for site in self.profile.refused if site.target.partition(":")[0] not in GENERAL]

    @property
    def askable(self) -> list[BlockedTarget]:
        """Return the blocked sites, services and categories for which the child's page offers a request."""
        return self.things + [
            target for target in self.profile.refused if target.askable and target not in self.things
        ]

    @property
    def blocks_categories(self) -> bool:
        """Return whether any category is blocked for the child besides those blocked for everyone."""
        return any(
            site.target.startswith("category:") and site.owner != PRODUCT for site in self.profile.refused
        )

    @property
    def has_own(self) -> bool:
        """Return whether any list entry, bedtime, schedule or limit is the family's own.

        The others are from the age group, or from other sources such as a law.
        """
        rules = self.profile
        owned: tuple[BlockedTarget | AllowedTarget | NightHours | WindowHours | LimitMinutes, ...] = (
            *rules.refused,
            *rules.allowed,
            *rules.bedtime,
            *rules.windows,
            *rules.limits,
        )
        return any(rule.owner == FAMILY for rule in owned)

    def refused_by_owner(self) -> dict[str, list[BlockedTarget]]:
        """Return the blocked targets by who set the rule: the family, then the age group, then others."""
        groups: dict[str, list[BlockedTarget]] = {}
        for target in sorted(self.profile.refused, key=lambda item: _owner_rank(item.owner)):
            groups.setdefault(target.owner, []).append(target)
        return groups


def _owner_rank(owner: str) -> int:
    return 0 if owner == FAMILY else 1 if owner.startswith("band:") else 2

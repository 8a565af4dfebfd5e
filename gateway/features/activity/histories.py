"""Describes a child's past days: minutes by category and service, blocked and opened sites.

A guardian sees what the present log level allows, even if more was stored: nothing at 0, categories at 1,
names of blocked sites and services at 2, names of opened sites at 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.control.contract.activity import BlockedSite, CategoryCount, HostCount, SiteActivity, Usage
from gateway.features.activity.attempts import ADS, REASON, attempt_target, is_bypass, kind_of_rule
from gateway.household.members import CountedMinute, UsedMinute
from gateway.household.rule_book import RuleBook
from gateway.policy.judge.conclude import OPENABLE
from gateway.policy.judge.explanation import sentence
from gateway.policy.judge.target_names import target_name
from gateway.policy.names.hosts import PublicSuffixCheck, site_of
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, NAMES_LEVEL, PLAY, SERVICE, VISITS_LEVEL, Action
from gateway.policy.rule_text import SAMPLE_MARK
from gateway.policy.values import WHOLE_DEVICE_REASONS, Decision, Reason, Verdict
from gateway.store.tables.history import ALL, OTHER, Count, Name, named

GROUPS = 60  # blocked or opened sites in one answer
HOSTS = 8  # of one group


def used_today(
    entries: Iterable[CountedMinute], kept: Iterable[UsedMinute], rules: RuleBook, level: int
) -> dict[str, int]:
    """Return the used minutes of one day by category, service and in total (ALL).

    ``entries``: minutes that limits counted. ``kept``: minutes stored by category or service. ``level``: the
    log level; below VISITS_LEVEL, stored minutes of services are left out.
    """
    minutes: dict[str, set[datetime]] = {}
    kinds = rules.world.catalogue.kinds_of
    for entry in entries:
        for use in (ALL, *((OTHER,) if entry.service is None else named(entry.service, kinds))):
            minutes.setdefault(use, set()).add(entry.at)
    for used in kept:
        if level >= VISITS_LEVEL or not used.use.startswith(SERVICE):
            minutes.setdefault(used.use, set()).add(used.at)
    return {use: len(found) for use, found in minutes.items()}


def describe_uses(
    found: Mapping[str, int], rules: RuleBook, profile: Profile, level: int
) -> tuple[Usage, ...]:
    """Return the used services and categories with their minutes, most used first.

    ``found``: minutes by use. ``profile``: the person's; a category that its limit for play counts is marked.
    Below the log level NAMES_LEVEL, services are left out.
    """
    shown = [
        (use, minutes)
        for use, minutes in found.items()
        if use != ALL
        and (level >= NAMES_LEVEL or not use.startswith(SERVICE))
        and not use.startswith(CATEGORY + SERVICE)  # an earlier version stored services so, at any level
    ]
    return tuple(
        Usage(
            target=use,
            name=None if use == OTHER else target_name(use, rules.names),
            minutes=minutes,
            play=_plays(use, profile),
            category=_category(use, rules),
        )
        for use, minutes in sorted(shown, key=lambda item: (-item[1], item[0]))
    )


def _category(use: str, rules: RuleBook) -> str:
    if use.startswith(CATEGORY):
        return use.removeprefix(CATEGORY)
    if use.startswith(SERVICE):
        return next(iter(rules.world.catalogue.kinds_of(use.removeprefix(SERVICE))), "")
    return ""


def _plays(use: str, profile: Profile) -> bool:
    action = profile.rules.categories.get(use.removeprefix(CATEGORY))
    return PLAY in profile.rules.limits and action is not None and action.value is Action.COUNT


def describe_kinds(counts: Iterable[Count], rules: RuleBook, level: int) -> tuple[CategoryCount, ...]:
    """Return the numbers of blocked attempts and of allowed decisions by category, service or reason.

    Background attempts, which devices make without a person, are counted apart. The most often
    blocked come first. Below the log level NAMES_LEVEL, a service counts as its first category.
    """
    found: dict[str, list[int]] = {}
    for count in counts:
        for target in _kinds(count.category, rules, level):
            sums = found.setdefault(target, [0, 0, 0])
            sums[0] += count.refused
            sums[1] += count.opened
            sums[2] += count.background
    rows = sorted(found.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    return tuple(
        CategoryCount(
            target=target,
            name=None if target.startswith(REASON) else target_name(target, rules.names),
            refused=refused,
            opened=opened,
            background=background,
        )
        for target, (refused, opened, background) in rows
    )


def _kinds(category: str, rules: RuleBook, level: int) -> tuple[str, ...]:
    """Return the keys (``service:``, ``category:`` or ``reason:``) under which a count is shown.

    Below NAMES_LEVEL, a service is shown as its first category, or ``reason:service`` if it has none.
    """
    if category.startswith(SERVICE) and level < NAMES_LEVEL:
        kinds = rules.world.catalogue.kinds_of(category.removeprefix(SERVICE))
        return (f"{CATEGORY}{kinds[0]}",) if kinds else (REASON + Reason.SERVICE,)
    return (category,) if category.startswith((SERVICE, CATEGORY)) else (REASON + category,)


@dataclass(slots=True)
class _Group:
    latest: Name
    times: int = 0
    attempts: int = 0
    background: int = 0
    first: datetime | None = None
    hosts: dict[str, int] = field(default_factory=dict)


class BlockedSites:
    """Groups and describes a child's blocked sites, for its activity page.

    ``is_allowed``: returns whether the present rules allow a host.
    """

    def __init__(
        self,
        rules: RuleBook,
        is_public_suffix: PublicSuffixCheck,
        is_allowed: Callable[[str], bool],
    ) -> None:
        self._rules = rules
        self._is_public_suffix = is_public_suffix
        self._is_allowed = is_allowed

    def describe(self, found: Iterable[Name]) -> tuple[tuple[BlockedSite, ...], int]:
        """Return at most GROUPS blocked sites, the latest first, and the number of further ones."""
        groups = _group(found, self._target)
        shown = tuple(self._site(*group) for group in groups[:GROUPS])
        return shown, len(groups) - len(shown)

    def _target(self, name: Name) -> str:
        if name.reason in WHOLE_DEVICE_REASONS:
            return REASON + name.reason
        if kind_of_rule(name.rule, name.reason) == ADS:
            return ADS
        catalogue = self._rules.world.catalogue
        return attempt_target(name.host, name.reason, name.rule, catalogue, self._is_public_suffix)

    def _site(self, target: str, group: _Group) -> BlockedSite:
        last = group.latest
        if ":" not in target and len(group.hosts) == 1:
            target = site_of(last.host, self._is_public_suffix)  # not the whole domain, which may be open
        rule, zone = last.rule.removeprefix(SAMPLE_MARK), self._rules.household.config.zone
        decision = Decision(Verdict.BLOCK, Reason(last.reason), rule, last.owner)
        what = None if target.startswith(REASON) else target if ":" not in target else last.host
        opens = last.reason in OPENABLE and not target.startswith((REASON, CATEGORY))
        fields = _site(target, group, self._rules)
        background = max(group.background, 0)  # a correction may outlive what it corrects
        fields["times"] = max(group.attempts, 0) if background else max(group.attempts, 1)
        fields["hosts"] = tuple(
            HostCount(count.host, min(count.times, fields["times"] + background)) for count in fields["hosts"]
        )
        return BlockedSite(
            **fields,
            sentence=sentence(decision, what, last.last.astimezone(zone), self._rules.names),
            reason=last.reason,
            rule=rule,
            owner=last.owner,
            entry=target if opens else None,
            background=background,
            bypass=is_bypass(target, last.reason, rule, self._rules.world.catalogue),
            allowed_now=bool(last.host)
            and not target.startswith((REASON, CATEGORY))
            and self._is_allowed(last.host),
        )


def describe_visited(
    found: Iterable[Name], rules: RuleBook, is_public_suffix: PublicSuffixCheck
) -> tuple[tuple[SiteActivity, ...], int]:
    """Return at most GROUPS opened sites, the latest first, and the number of further ones."""

    def target_of(name: Name) -> str:
        services = rules.world.catalogue.services_of(name.host) if name.host else ()
        if len(services) == 1:
            return SERVICE + services[0]
        return site_of(name.host, is_public_suffix) if name.host else REASON + name.reason

    groups = _group(found, target_of)
    shown = tuple(SiteActivity(**_site(*group, rules)) for group in groups[:GROUPS])
    return shown, len(groups) - len(shown)


def _group(found: Iterable[Name], target_of: Callable[[Name], str]) -> list[tuple[str, _Group]]:
    """Group host names by the site or service that ``target_of`` returns, in the order of ``found``.

    With the latest name first in ``found``, the latest group is first.
    """
    groups: dict[str, _Group] = {}
    for name in found:
        group = groups.setdefault(target_of(name), _Group(name))
        group.times += name.times
        group.attempts += name.attempts
        group.background += name.background
        group.first = name.first if group.first is None else min(group.first, name.first)
        group.hosts[name.host] = group.hosts.get(name.host, 0) + name.times
    return list(groups.items())


def _site(target: str, group: _Group, rules: RuleBook) -> dict[str, Any]:
    """Return the fields that blocked and opened sites have in common, as keyword arguments."""
    last, zone = group.latest, rules.household.config.zone
    hosts = sorted(group.hosts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "target": target,
        "name": None if target.startswith(REASON) else target_name(target, rules.names),
        "times": group.times,
        "first": (group.first or last.first).astimezone(zone),
        "last": last.last.astimezone(zone),
        "hosts": tuple(HostCount(host, times) for host, times in hosts[:HOSTS] if host),
        "sample": last.rule.startswith(SAMPLE_MARK),
    }

"""The categories under which a child's minutes of use are recorded, with or without a time limit.

Minutes that a limit counts are recorded, whatever the host. Otherwise the host names decide what is left out,
because gates do not always show it: without time rules, homework and updates have the gates of other flows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from gateway.policy.judge.facts import FactFinder, HostFacts
from gateway.policy.judge.world import World
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, SERVICE
from gateway.policy.time.gates import (
    UNCOUNTED,
    UNCOUNTED_CATEGORIES,
    spent_limits,
    state_gates,
    target_of,
)

_HOSTS = 1024  # hosts with cached categories; a device uses some hundred names in a busy hour


class HostUse(NamedTuple):
    """The use that minutes of a host are recorded as: its categories and services, unless it is left out."""

    left_out: bool  # homework, updates, device needs, help, gateway, local; education, health unless counted
    kinds: frozenset[str]  # ids of categories
    services: tuple[str, ...]


class ClassUse(NamedTuple):
    """The use that minutes of flows with the same gates (time rules) are recorded as."""

    gates: frozenset[str]
    kinds: frozenset[str]  # ids of the categories with a limit or allowed hours of their own
    counted: bool  # a limit counts the flows: their minutes count, whatever the host


def class_use(profile: Profile, gates: frozenset[str]) -> ClassUse | None:
    """Return how the minutes of flows with these gates (time rules) are recorded as use, or None.

    None: they are not recorded. The flow uses no time (UNCOUNTED), or lacks a gate of the whole device, as
    homework and updates do.
    """
    if UNCOUNTED in gates or not gates.issuperset(state_gates(profile.rules)):
        return None
    kinds = frozenset(
        target.removeprefix(CATEGORY) for target in map(target_of, gates) if target.startswith(CATEGORY)
    )
    return ClassUse(gates, kinds, bool(spent_limits(profile.rules, gates)))


class HostUses:
    """Looks up whether minutes of a host are recorded for one profile, and under which categories. Cached."""

    def __init__(self, profile: Profile, world: World) -> None:
        self._fact_finder = FactFinder(profile, world)
        self._updates = profile.rules.updates.value
        self._known: dict[str, HostUse] = {}

    def of(self, host: str) -> HostUse:
        """Return whether and how minutes of a host are recorded."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= _HOSTS:
                self._known.clear()
            known = self._known[host] = self._learn(self._fact_finder.facts(host))
        return known

    def _learn(self, facts: HostFacts) -> HostUse:
        # A service with an action of its own is among them: log level 1 stores categories, but no services.
        kinds = frozenset(fact.id for fact in facts.categories if not fact.id.startswith(SERVICE))
        left_out = (
            facts.homework is not None
            or facts.help is not None
            or facts.need is not None
            or facts.gateway
            or facts.local
            or (facts.update and self._updates)
            or not (facts.counted or UNCOUNTED_CATEGORIES.isdisjoint(kinds))
        )
        return HostUse(left_out, kinds, facts.services)


def is_left_out(hosts: Collection[HostUse], of_class: ClassUse) -> bool:
    """Return True if minutes of a flow are not recorded: no limit counts it, and all its hosts are left out.

    ``hosts``: those that the flow may be to. If they are unknown (empty), the minutes are recorded.
    """
    return bool(hosts) and not of_class.counted and all(host.left_out for host in hosts)

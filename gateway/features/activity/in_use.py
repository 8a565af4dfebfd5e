"""What devices use just now: the limits and windows of their running flows, and which services they are of.

A flow is kept until two sweeps did not find it, so what has just ended may still be named for ten minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from gateway.household.rule_book import RuleBook
from gateway.path.live_flows import LiveFlows
from gateway.policy.profile.log_levels import KINDS_LEVEL, NAMES_LEVEL, VISITS_LEVEL
from gateway.policy.profile.profile import Profile
from gateway.policy.time.gates import counted_gates
from gateway.policy.time.grant_messages import thing_name

SHOWN = 6  # of one child: a card of the pages has room for two lines
SERVICE, CATEGORY = "service:", "category:"
BY_ITSELF = f"{CATEGORY}ads_trackers"  # pages bring it along; nobody uses it


class InUse:
    """Made for one look: classes and flows come and go. One pass over the flows, whatever is asked."""

    def __init__(
        self, rules: RuleBook, live: LiveFlows, classes: Mapping[tuple[int, frozenset[str]], int]
    ) -> None:
        """``classes``: (slot, gates) to class number, as the store has them."""
        self._rules = rules
        self._flows = live.by_slot()
        self._gates = {(slot, number): gates for (slot, gates), number in classes.items()}

    def by(self, slots: Iterable[int]) -> frozenset[str]:
        """The gates of the flows that these slots have."""
        found: frozenset[str] = frozenset()
        for slot in slots:
            numbers = {live.class_number for live in self._flows.get(slot, ())}
            found = found.union(*(self._gates.get((slot, number), frozenset()) for number in numbers))
        return found

    def describe(self, profile: Profile, slots: Iterable[int]) -> list[dict[str, str]]:
        """``target name`` of services and kinds, the ones with most flows first, as far as the log level lets
        a guardian see: kinds; services whose minutes count, which the ledger tells as well; all services.
        """
        level = profile.rules.log_level
        if level < KINDS_LEVEL:
            return []
        # First how often each name in each class: pages open dozens of flows to one name.
        seen: Counter[tuple[str, int, int]] = Counter()
        help_names = self._rules.world.help  # a call for help over plain HTTP is a flow like others
        for slot in slots:
            for live in self._flows.get(slot, ()):
                number = live.class_number
                hosts = (
                    observation.host for observation in live.observations if observation.host is not None
                )
                seen.update((host, slot, number) for host in hosts if host not in help_names)
        found: Counter[str] = Counter()
        for (host, slot, number), flows in seen.items():
            named = level >= VISITS_LEVEL or (level >= NAMES_LEVEL and self._counts(profile, slot, number))
            for target in self._targets(host, named=named):
                found[target] += flows
        names = self._rules.names
        return [{"target": one, "name": thing_name(one, names)} for one, _ in found.most_common(SHOWN)]

    def _counts(self, profile: Profile, slot: int, number: int) -> bool:
        gates = self._gates.get((slot, number), frozenset())
        return bool(gates) and not counted_gates(gates).isdisjoint(profile.rules.limits)

    def _targets(self, host: str, *, named: bool) -> Collection[str]:
        catalogue = self._rules.world.catalogue
        services = catalogue.services_of(host)
        if named and len(services) == 1:
            return (SERVICE + services[0],)
        return {CATEGORY + kind for kind in catalogue.categories_of(services)} - {BY_ITSELF}

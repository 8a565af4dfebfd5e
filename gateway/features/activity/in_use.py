"""Returns what devices use now: the time limits, schedules and services of their running connections.

A connection is stored until two sweeps do not find it, so something that just ended may be shown for ten
minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from gateway.control.contract.status import UseNow
from gateway.household.rule_book import RuleBook
from gateway.path.live_flows import LiveFlows
from gateway.policy.judge.target_names import target_name
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rules import CATEGORY, SERVICE, VISITS_LEVEL, shows_present
from gateway.policy.time.gates import spent_limits

SHOWN = 6  # of one child: a card of the pages has two lines
BY_ITSELF = f"{CATEGORY}ads_trackers"  # loaded by pages, not used by a person


class InUse:
    """Finds the services and the limits and schedules (gates) that devices use now, from their connections.

    Create one for each response: it goes through all connections once.
    """

    def __init__(
        self, rules: RuleBook, live: LiveFlows, classes: Mapping[tuple[int, frozenset[str]], int]
    ) -> None:
        """Take a snapshot of the running connections (``live``).

        ``classes``: the stored class number of each slot (device) and set of limits and schedules.
        """
        self._rules = rules
        self._flows = live.by_slot()
        self._gates = {(slot, number): gates for (slot, gates), number in classes.items()}

    def by(self, slots: Iterable[int]) -> frozenset[str]:
        """Return the keys of the limits and schedules that apply to the devices' running connections.

        ``slots``: the numbers of the filtered devices.
        """
        found: frozenset[str] = frozenset()
        for slot in slots:
            numbers = {live.class_number for live in self._flows.get(slot, ())}
            found = found.union(*(self._gates.get((slot, number), frozenset()) for number in numbers))
        return found

    def describe(self, profile: Profile, slots: Iterable[int]) -> tuple[UseNow, ...]:
        """Return at most SHOWN services and categories that a child uses now, those with most flows first.

        The log level decides: nothing; categories, and services with a time limit, which the ledger shows
        too; or all services.
        """
        if not shows_present(profile.rules.log_level):
            return ()
        # First count names by class: pages open dozens of flows to one name.
        seen: Counter[tuple[str, int, int]] = Counter()
        found: Counter[str] = Counter()
        help_names = self._rules.world.help  # a call for help over plain HTTP is a normal flow
        for slot in slots:
            for live in self._flows.get(slot, ()):
                number = live.class_number
                hosts = (
                    observation.host for observation in live.observations if observation.host is not None
                )
                seen.update((host, slot, number) for host in hosts if host not in help_names)
                if live.services:
                    found.update(self._targets(live.services, named=self._names(profile, slot, number)))
        catalogue = self._rules.world.catalogue
        for (host, slot, number), flows in seen.items():
            services = catalogue.services_of(host)
            for target in self._targets(services, named=self._names(profile, slot, number)):
                found[target] += flows
        names = self._rules.names
        return tuple(
            UseNow(target=target, name=target_name(target, names)) for target, _ in found.most_common(SHOWN)
        )

    def _names(self, profile: Profile, slot: int, number: int) -> bool:
        """Return whether services are shown by name: the log level allows it, or a limit counts them.

        ``number``: of the class, the combination of time rules that applies to their connections.
        """
        return profile.rules.log_level >= VISITS_LEVEL or self._counts(profile, slot, number)

    def _counts(self, profile: Profile, slot: int, number: int) -> bool:
        gates = self._gates.get((slot, number), frozenset())
        return bool(spent_limits(profile.rules, gates))

    def _targets(self, services: tuple[str, ...], *, named: bool) -> Collection[str]:
        if named and len(services) == 1:
            return (SERVICE + services[0],)
        kinds_of = self._rules.world.catalogue.kinds_of
        return {CATEGORY + kind for service in services for kind in kinds_of(service)} - {BY_ITSELF}

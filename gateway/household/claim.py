"""Whether the gateway has been claimed. Until then no device is filtered and none is recorded.

It is unclaimed while it has no guardian, no child's profile and no device recorded earlier. Removing the last
guardian later does not make it unclaimed again; only a reset does.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.bus import Bus
from gateway.household.rule_book import RuleBook, RulesRead
from gateway.policy.profile.household import Household
from gateway.store.store import Store
from gateway.store.tables.people import AccountsChanged


class Claim:
    """Knows whether the gateway is claimed. ``claimed`` is called once, if that happens while the daemon
    runs.
    """

    def __init__(self, store: Store, rules: RuleBook, bus: Bus, claimed: Callable[[], None]) -> None:
        self._store = store
        self._rules = rules
        self._claimed = claimed
        # Devices that are here before anything was stored stay unfiltered.
        self.first = not store.slots() and not store.devices.all()
        self.unclaimed = self.first and not self._has_family()
        bus.subscribe(AccountsChanged, self._look)
        bus.subscribe(RulesRead, self._look)

    def _has_family(self) -> bool:
        return self._store.people.claimed or self._rules.household.inhabited

    def _look(self, _: AccountsChanged | RulesRead) -> None:
        if self.unclaimed and self._has_family():
            self.unclaimed = False
            self._claimed()

    @property
    def household(self) -> Household:
        """Return the household by which devices get their rules."""
        household = self._rules.household
        return household.unclaimed if self.unclaimed else household

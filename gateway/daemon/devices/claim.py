"""Whether the gateway is anybody's yet: until then everybody is a thing of the house, and nobody is noted.

It is nobody's while there is no guardian, no file of a child and no device that was noted before. Where the
last guardian is taken out later, what is kept stays: it is a family's, until somebody resets the gateway.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.daemon.files.rules import RuleBook
from gateway.policy.household import Household
from gateway.store.store import Store


class Claim:
    """``moved_in`` is called once, when the gateway becomes somebody's while the daemon runs."""

    def __init__(self, store: Store, rules: RuleBook, moved_in: Callable[[], None]) -> None:
        self._store = store
        self._rules = rules
        self._moved_in = moved_in
        # Whoever is here before anything was ever written belongs to the house.
        self.first = not store.slots() and not store.devices.all()
        self.unclaimed = self.first and not self._is_somebodys()
        store.people.noted = rules.taken = self._look

    def _is_somebodys(self) -> bool:
        return self._store.people.claimed or self._rules.household.inhabited

    def _look(self) -> None:
        """An account was made, or the files were read."""
        if self.unclaimed and self._is_somebodys():
            self.unclaimed = False
            self._moved_in()

    @property
    def household(self) -> Household:
        """By which devices get their rules."""
        household = self._rules.household
        return household.unclaimed if self.unclaimed else household

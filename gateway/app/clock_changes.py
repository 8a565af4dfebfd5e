"""Adjusts stored deadlines when the system clock changes: a clock change neither adds nor removes time."""

from __future__ import annotations

from gateway.dataplane.gates import Enforcer
from gateway.features.activity.journal import Journal
from gateway.features.growing.growing import Growing
from gateway.features.sharing.adult_devices import Adults
from gateway.features.sharing.sharing import Sharing
from gateway.features.time.grants import Answers
from gateway.features.time.warnings import Warnings
from gateway.household.context import Effects
from gateway.household.members import Family
from gateway.policy.time.clock_changes import Jump


class JumpHandler:
    """Subscribed to ``Jump``: the clock was set, or became known."""

    def __init__(
        self,
        effects: Effects,
        family: Family,
        sharing: Sharing,
        adults: Adults,
        answers: Answers,
        warnings: Warnings,
        growing: Growing,
        enforcer: Enforcer,
        journal: Journal,
    ) -> None:
        self._effects = effects
        self._family = family
        self._sharing = sharing
        self._adults = adults
        self._answers = answers
        self._warnings = warnings
        self._growing = growing
        self._enforcer = enforcer
        self._journal = journal

    def handle(self, jump: Jump) -> None:
        """Adjust every stored time first, then apply the rules of the new time."""
        self._sharing.shift(jump)
        self._growing.shift(jump)
        adults_changed = self._adults.shift(jump)
        if self._answers.shift(jump) or adults_changed:
            self._effects.regroup()
        self._effects.sync_gates()
        self._enforcer.renew()
        self._journal.recent.shift(jump.size)
        self._answers.look()
        self._warnings.look()
        self._growing.look()
        self._journal.status_changed(frozenset(self._family.members))

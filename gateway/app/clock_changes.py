"""Adjusts stored deadlines when the system clock changes: a clock change neither adds nor removes time."""

from __future__ import annotations

from gateway.dataplane.gates import Gates
from gateway.features.activity.journal import DecisionLog
from gateway.features.growing.transitions import AgeTransitions
from gateway.features.sharing.adult_devices import AdultDevices
from gateway.features.sharing.sharing import Sharing
from gateway.features.time.grants import Grants
from gateway.features.time.warnings import Warnings
from gateway.household.context import Effects
from gateway.household.members import Family
from gateway.policy.time.clock_changes import Jump


class JumpHandler:
    """Adjusts the stored times of all features after a ``Jump``: the clock was set, or became trusted."""

    def __init__(
        self,
        effects: Effects,
        family: Family,
        sharing: Sharing,
        adult_devices: AdultDevices,
        grants: Grants,
        warnings: Warnings,
        growing: AgeTransitions,
        gates: Gates,
        decision_log: DecisionLog,
    ) -> None:
        self._effects = effects
        self._family = family
        self._sharing = sharing
        self._adult_devices = adult_devices
        self._grants = grants
        self._warnings = warnings
        self._growing = growing
        self._gates = gates
        self._decision_log = decision_log

    def handle(self, jump: Jump) -> None:
        """Adjust all stored times after a clock change, then apply the rules of the new time."""
        self._sharing.shift(jump)
        self._growing.shift(jump)
        adults_changed = self._adult_devices.shift(jump)
        if self._grants.shift(jump) or adults_changed:
            self._effects.regroup()
        self._effects.sync_gates()
        self._gates.renew()
        self._decision_log.recent.shift(jump.size)
        self._grants.look()
        self._warnings.look()
        self._growing.look()
        self._decision_log.status_changed(frozenset(self._family.members))

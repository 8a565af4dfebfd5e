"""Adjusts stored deadlines when the system clock changes: a clock change neither adds nor removes time."""

from __future__ import annotations

from gateway.daemon.answers import Answers
from gateway.daemon.context import Effects
from gateway.daemon.devices.adults import Adults
from gateway.daemon.devices.family import Family
from gateway.daemon.devices.sharing import Sharing
from gateway.daemon.enforcer import Enforcer
from gateway.daemon.events import Journal
from gateway.daemon.growing import Growing
from gateway.daemon.warnings import Warnings
from gateway.policy.jumps import Jump


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

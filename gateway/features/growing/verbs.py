"""The verbs about a child's change to the next age group (a step): preview it, take it, postpone it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.age.bands import AgeBand
from gateway.control.contract.growing import (
    POSTPONE_TRANSITION,
    TAKE_TRANSITION,
    TRANSITION,
    PostponeRequest,
    TransitionPostponed,
    TransitionPreview,
    TransitionRequest,
    TransitionTaken,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.growing.transitions import AgeTransitions
from gateway.household.context import HomeContext
from gateway.policy.profile import age_transitions
from gateway.policy.profile.age_transitions import LastTransition, next_band
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.store.tables.growing import AgeTransitionTable


class GrowingVerbs:
    """Shows, takes and postpones a child's change to the next age group (a step).

    ``held_bands``: returns the highest age group that each profile has had.
    """

    def __init__(
        self,
        home: HomeContext,
        growing: AgeTransitions,
        steps: AgeTransitionTable,
        held_bands: Callable[[], Mapping[str, AgeBand]],
        access: Access,
    ) -> None:
        self._home = home
        self._growing = growing
        self._steps = steps
        self._held_bands = held_bands
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(TRANSITION, self.step)
        router.serve(TAKE_TRANSITION, self.take_step)
        router.serve(POSTPONE_TRANSITION, self.postpone_step)

    def step(self, call: Call[TransitionRequest]) -> TransitionPreview:
        """Return a child's rules now and in the next age group, and its pending or last change, if any.

        Raises ControlError for a person who is no child, and PolicyError for an unknown profile.
        """
        profile, now = self._child(call.args.id), self._home.local_now()
        kept = self._steps.of(profile.id)
        shown = (
            kept is not None and age_transitions.stage(kept, now) is not age_transitions.TransitionStage.NONE
        )
        then = None if profile.next_step is None else next_band(profile.band)
        return TransitionPreview(
            id=profile.id,
            name=profile.name,
            band=profile.band.value,
            then=None if then is None else then.value,
            month=profile.next_step,
            step=self._growing.describe(kept, now) if kept is not None and shown else None,
            rules=rules_to_yaml(profile.rules),
            after=None if then is None else rules_to_yaml(self._after(profile).rules),
        )

    def _after(self, profile: Profile) -> Profile:
        """Return the profile as the change to the next age group would make it, log level included."""
        now, editing = self._home.local_now(), self._growing.editing
        assert profile.next_step is not None
        step = LastTransition(profile.id, profile.name, profile.band, profile.next_step, now, now)
        _, said = editing.read(editing.file(profile.id))
        after = editing.with_changes(profile.id, age_transitions.changes(step, said)).profiles[profile.id]
        held = self._held_bands().get(profile.id, AgeBand.AGE_0_5)
        highest = max(held, after.band, key=lambda band: band.rank)
        return after.with_log_level(highest, self._home.rules.household.bands)

    def take_step(self, call: Call[TransitionRequest]) -> TransitionTaken:
        """Change a child's age group to the proposed one now, and return the revision for an undo.

        The change to adult cannot be undone: it deletes all stored data about the child. Raises
        ControlError if none is proposed, and GatewayError if the rule file cannot be changed.
        """
        by, profile = self._access.guardian(call), self._child(call.args.id)
        step = self._growing.take(profile, by, call.text("origin", ""))
        return TransitionTaken(profile.id, step.then.value, step.undo, step.revision)

    def postpone_step(self, call: Call[PostponeRequest]) -> TransitionPostponed:
        """Postpone a child's change of age group to the month ``until``.

        Raises ControlError if that is not possible, and GatewayError if the rule file cannot be changed.
        """
        by, profile = self._access.guardian(call), self._child(call.args.id)
        args, origin = call.args, call.text("origin", "")
        step = self._growing.put_off(profile, args.until, args.reason, by, origin)
        return TransitionPostponed(profile.id, step.band.value, step.until)

    def _child(self, ident: str) -> Profile:
        profile = self._home.rules.household.profile(ident)
        if not profile.is_child:
            raise ControlError.of(Code.NO_CHILD, name=profile.name)
        return profile

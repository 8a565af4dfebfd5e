"""The verbs of a child's step into the next age group: show what it changes, take it, postpone it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.age.bands import Band
from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.growing.growing import Growing
from gateway.household.context import HomeContext
from gateway.policy.profile import growing
from gateway.policy.profile.growing import Step, next_band
from gateway.policy.profile.profile import Profile
from gateway.policy.profile.rule_file import rules_to_yaml
from gateway.store.tables.growing import Growing as Steps


class GrowingVerbs:
    """``held_bands``: by profile, the highest age group that it has had."""

    def __init__(
        self,
        home: HomeContext,
        growing: Growing,
        steps: Steps,
        held_bands: Callable[[], Mapping[str, Band]],
        access: Access,
    ) -> None:
        self._home = home
        self._growing = growing
        self._steps = steps
        self._held_bands = held_bands
        self._access = access

    def register(self, router: Router) -> None:
        router.add("step", self.step)
        router.add("take_step", self.take_step)
        router.add("postpone_step", self.postpone_step)

    def step(self, request: Request) -> Mapping[str, object]:
        """Return a child's step, the rules of now, and the rules after it."""
        profile, now = self._child(request), self._home.local_now()
        kept = self._steps.of(profile.id)
        shown = kept is not None and growing.stage(kept, now) is not growing.Stage.NONE
        answer: dict[str, object] = {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "then": None,
            "month": profile.next_step,
            "step": self._growing.describe(kept, now) if kept is not None and shown else None,
            "rules": rules_to_yaml(profile.rules),
            "after": None,
        }
        then = next_band(profile.band)
        if profile.next_step is None or then is None:
            return answer
        return answer | {"then": then.value, "after": rules_to_yaml(self._after(profile).rules)}

    def _after(self, profile: Profile) -> Profile:
        """Return the profile as the step would change it, with the log level that applies then."""
        now, editing = self._home.local_now(), self._growing.editing
        assert profile.next_step is not None
        step = Step(profile.id, profile.name, profile.band, profile.next_step, now, now)
        _, said = editing.read(editing.file(profile.id))
        after = editing.with_changes(profile.id, growing.changes(step, said)).profiles[profile.id]
        held = self._held_bands().get(profile.id, Band.AGE_0_5)
        highest = max(held, after.band, key=lambda band: band.rank)
        return after.with_log_level(highest, self._home.rules.household.bands)

    def take_step(self, request: Request) -> Mapping[str, object]:
        """Take the step now. The step to adult cannot be undone: it deletes all that is stored."""
        by, profile = self._access.guardian(request), self._child(request)
        step = self._growing.take(profile, by, request.text("origin", ""))
        return {"id": profile.id, "band": step.then.value, "undo": step.undo, "revision": step.revision}

    def postpone_step(self, request: Request) -> Mapping[str, object]:
        """Postpone the step to the month ``until``."""
        by, profile = self._access.guardian(request), self._child(request)
        until, reason = request.text("until"), request.text("reason")
        step = self._growing.put_off(profile, until, reason, by, request.text("origin", ""))
        return {"id": profile.id, "band": step.band.value, "until": step.until}

    def _child(self, request: Request) -> Profile:
        profile = self._home.rules.profile(request.text("id"))
        if not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        return profile

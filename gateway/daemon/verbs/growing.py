"""The verbs of a child's step into the next age band: what it changes, yes, and not yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.age.bands import Band
from gateway.codes import Code
from gateway.control.protocol import Request, Verb
from gateway.daemon.verbs.whom import Whom
from gateway.policy import growing
from gateway.policy.growing import Step
from gateway.policy.nextstep import next_band
from gateway.policy.profile import Profile
from gateway.policy.spoken import spoken

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon


class GrowingVerbs:
    def __init__(self, daemon: Daemon, whom: Whom) -> None:
        self._daemon = daemon
        self._whom = whom

    def table(self) -> Mapping[str, Verb]:
        return {"step": self.step, "take_step": self.take_step, "postpone_step": self.postpone_step}

    def step(self, request: Request) -> Mapping[str, object]:
        """What is known of it, and what holds now and would hold then: the difference is what changes."""
        profile, now = self._child(request), self._daemon.local_now()
        kept = self._daemon.store.growing.of(profile.id)
        shown = kept is not None and growing.stage(kept, now) is not growing.Stage.NONE
        told: dict[str, object] = {
            "id": profile.id,
            "name": profile.name,
            "band": profile.band.value,
            "then": None,
            "month": profile.next_step,
            "step": self._daemon.growing.describe(kept, now) if kept is not None and shown else None,
            "rules": spoken(profile.rules),
            "after": None,
        }
        then = next_band(profile.band)
        if profile.next_step is None or then is None:
            return told
        return told | {"then": then.value, "after": spoken(self._after(profile).rules)}

    def _after(self, profile: Profile) -> Profile:
        """As the step would leave it: by the same door, with the log that it may have then."""
        now, editing = self._daemon.local_now(), self._daemon.growing.editing
        assert profile.next_step is not None
        step = Step(profile.id, profile.name, profile.band, profile.next_step, now, now)
        _, said = editing.read(editing.file(profile.id))
        after = editing.with_changes(profile.id, growing.changes(step, said)).profiles[profile.id]
        held = self._daemon.store.held_bands().get(profile.id, Band.AGE_0_5)
        highest = max(held, after.band, key=lambda band: band.rank)
        return after.with_log_level(highest, self._daemon.rules.household.bands)

    def take_step(self, request: Request) -> Mapping[str, object]:
        """Now. Into adulthood it cannot be taken back: what was written down of the child is deleted."""
        by, profile = self._whom.guardian(request), self._child(request)
        step = self._daemon.growing.take(profile, by, request.text("origin", ""))
        return {"id": profile.id, "band": step.then.value, "undo": step.undo, "revision": step.revision}

    def postpone_step(self, request: Request) -> Mapping[str, object]:
        by, profile = self._whom.guardian(request), self._child(request)
        until, reason = request.text("until"), request.text("reason")
        step = self._daemon.growing.put_off(profile, until, reason, by, request.text("origin", ""))
        return {"id": profile.id, "band": step.band.value, "until": step.until}

    def _child(self, request: Request) -> Profile:
        profile = self._daemon.rules.profile(request.text("id"))
        if not profile.is_child:
            request.refuse("id", f"names {profile.name}, who is no child", Code.NO_CHILD, name=profile.name)
        return profile

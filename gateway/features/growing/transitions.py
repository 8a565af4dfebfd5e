"""Moves children into the next age group: each step is proposed, announced, and taken when it is due.

A step is the change of one child to the next age group. The daemon checks once a minute. It stores a step
before it changes the rule file and marks it as taken after that: if the daemon is killed in between, the next
check completes the step. docs/families/growing.md has the reasons.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gateway.age.bands import AgeBand
from gateway.control.contract.growing import AgeTransition
from gateway.core.errors import ControlError, GatewayError, PolicyError
from gateway.core.loop import Timer
from gateway.core.reason_codes import Code
from gateway.features.activity.recent_refusals import RecentRefusals
from gateway.features.backup.restore import forget_way_back
from gateway.features.sharing.sharing import Sharing
from gateway.features.site_repair.repairs import SiteRepairs
from gateway.household.context import Effects, HomeContext
from gateway.household.editing import Author, Editing
from gateway.household.file_history import PROGRAM, revision_of
from gateway.household.members import Family
from gateway.policy.profile import age_transitions, edits
from gateway.policy.profile.age_transitions import LastTransition, TransitionStage, TransitionState
from gateway.policy.profile.profile import Profile
from gateway.policy.time.clock_changes import Jump
from gateway.store.durable_writes import in_utc
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.growing import AgeTransitionTable
from gateway.store.tables.pauses import DOUBT, PauseTable
from gateway.store.tables.sharing import DeviceUseTable

LOOK = 60.0  # seconds; a step is due on a day
KEPT = 64  # steps of profiles that are there, or may come back: as many as there may be profiles

_log = logging.getLogger(__name__)


class AgeTransitions:
    """Proposes, takes, postpones and reverts children's changes to the next age group ("steps").

    ``erase_child``: deletes all that is stored about a child and its devices, when it becomes an adult.
    """

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        steps: AgeTransitionTable,
        pauses: PauseTable,
        devices: DeviceTable,
        uses: DeviceUseTable,
        erase_child: Callable[[str, Collection[str]], None],
        family: Family,
        repairs: SiteRepairs,
        sharing: Sharing,
        recent: RecentRefusals,
    ) -> None:
        self._home = home
        self._effects = effects
        self._steps = steps
        self._pauses = pauses  # for its switch DOUBT: no step is taken while the clock may be wrong
        self._devices = devices
        self._uses = uses
        self._erase_stored = erase_child
        self._family = family
        self._repairs = repairs
        self._sharing = sharing
        self._recent = recent
        self.editing = Editing(home.rules, self._in_force)
        self._timer: Timer | None = None
        self._began = False  # whether a look took place with a trusted clock
        self._failed: dict[str, str] = {}  # by profile, the last logged error of a step

    def _in_force(self, named: frozenset[str]) -> None:
        """Apply a changed rule file.

        Devices in ``named`` (MAC addresses) belong to a profile now; their stored place, such as guest or not
        filtered, is deleted.
        """
        for mac in sorted(named):
            self._devices.unplace(mac)
        self._effects.regroup()

    def start(self) -> None:
        self.look()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def shift(self, jump: Jump) -> None:
        """Adjust the dates of changes of age group when the clock was set, so that as many days are left.

        Does nothing unless the clock was known before and is known now.
        """
        if jump.was_known and jump.known and jump.size:
            self._steps.change(lambda step: age_transitions.after_jump(step, jump))

    def look(self) -> None:
        """Propose, announce and take the changes of age group that are due, if the clock is trusted.

        For a day after the clock went forward by a day or more (`Store.shift`), none is taken: it may be
        wrong. It sets a timer to be called again after LOOK seconds.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._home.clock_trusted:
            self._look()
        self._timer = self._home.loop.call_later(LOOK, self.look)

    def _look(self) -> None:
        now, steps = self._home.local_now(), self._steps
        if not self._began:
            self._began = True
            steps.change(lambda step: age_transitions.resumed(step, in_utc(now)))
        profiles = self._home.rules.household.profiles
        gone = [profile_id for profile_id in steps.all() if profile_id not in profiles]
        for profile_id in gone[: max(0, len(steps.all()) - KEPT)]:
            steps.drop(profile_id)
        for profile in [profile for profile in profiles.values() if not profile.built_in]:
            self._look_at(profile, now)

    def _look_at(self, profile: Profile, now: datetime) -> None:
        """Store, announce, take or delete the change of age group of one profile, as its date requires."""
        steps, kept = self._steps, self._steps.of(profile.id)
        found = age_transitions.check_step(
            profile.id, profile.name, profile.band, profile.next_step, kept, now
        )
        if found.kept is None:
            if kept is not None:
                steps.drop(profile.id)
                self._publish(kept, "over")
            return
        step = found.kept
        if step != kept:
            step = replace(step, since=in_utc(step.since), seen=in_utc(step.seen))
            is_new = kept is None or (step.band, step.month, step.since) != (
                kept.band,
                kept.month,
                kept.since,
            )
            steps.put(step, "step proposed" if is_new else "", by=PROGRAM, at=now)
            if is_new:
                self._publish(step, "proposed")
        if found.due and self._pauses.switch(DOUBT, now) is None:
            self._try(step)

    def _try(self, step: LastTransition) -> None:
        """Make a due change of age group. After an error of a file or the disk, log it once.

        The next check tries again.
        """
        try:
            self._take(step, step.by or PROGRAM)
        except GatewayError as error:
            if self._failed.get(step.profile) != str(error):
                self._failed[step.profile] = str(error)
                _log.error("The next age group of %s is delayed: %s", step.profile, error)
        else:
            self._failed.pop(step.profile, None)

    def take(self, profile: Profile, by: str, origin: str) -> LastTransition:
        """Change a child's age group now because the guardian ``by`` agrees; return the made change.

        If the rule file was edited and the change no longer fits, it is deleted and returned unchanged.
        Raises ControlError if none is proposed, or GatewayError if the rule file cannot be changed.
        """
        step = self.proposed(profile)
        try:
            return self._take(step, by, origin)
        except GatewayError:
            if self._home.rules.household.profiles[profile.id].band is step.band:
                self._steps.put(step)  # the rule file was not changed
            raise

    def _take(self, step: LastTransition, by: str, origin: str = "") -> LastTransition:
        """Change the profile's rule file to the next age group; store and return this change (``step``).

        If the file was edited and the change no longer fits, it is deleted and returned unchanged.
        For a change to adult, all data about the child is deleted. Raises GatewayError if the file
        cannot be read or changed.
        """
        steps, at = self._steps, self._home.local_now()
        profile = self._home.rules.household.profiles.get(step.profile)
        path = self.editing.file(step.profile)
        source, said = self.editing.read(path)
        slots = self._family.slots_of(step.profile)
        happened = age_transitions.has_happened(step, said)
        fits = profile is not None and step.is_of(profile.band, profile.next_step)
        if not happened and not fits and not (step.is_final and says_adult(said)):
            steps.drop(step.profile)  # the file was edited in the meantime
            return step
        if step.state is not TransitionState.TAKING:
            step = replace(step, state=TransitionState.TAKING, by=by, undo=revision_of(source))
            steps.put(step)
        revision = revision_of(source)
        if not happened:
            changes = age_transitions.changes(step, said)
            revision = self.editing.edit(step.profile, changes, Author(by, at)).revision
        if step.is_final:
            self._erase_child(step, slots)
        step = replace(step, state=TransitionState.TAKEN, taken=in_utc(at), revision=revision)
        steps.put(step, "step by itself" if by == PROGRAM else "step", by=by, at=at, origin=origin)
        self._publish(step, "taken")
        return step

    def _erase_child(self, step: LastTransition, slots: frozenset[int]) -> None:
        """Delete everything that is stored about a person who has become an adult.

        A second call is harmless.
        """
        profile = self._home.rules.household.profiles[step.profile]
        self._repairs.forget(profile.id)
        for mac in [mac for mac, use in self._uses.all().items() if use.who == profile.id]:
            self._sharing.end(mac)
        for slot in slots:
            self._recent.forget(slot)
        name = self.editing.file(profile.id).name
        self.editing.history.forget(name)
        forget_way_back(Path(self._home.rules.household.config.state), name)
        self._erase_stored(profile.id, profile.devices)
        self._effects.regroup()

    def put_off(self, profile: Profile, until: str, reason: str, by: str, origin: str) -> LastTransition:
        """Postpone a child's change of age group until the month ``until``, and return it; possible once.

        If it was already made, restore the previous rules. Raises ControlError if there is no such
        change, it is the change to adult, it cannot be postponed to that month, or ``reason`` is
        missing or too long, and GatewayError if the rule file cannot be changed.
        """
        now, steps = self._home.local_now(), self._steps
        step = steps.of(profile.id)
        if (
            step is None
            or age_transitions.stage(step, now) is TransitionStage.NONE
            or not age_transitions.is_about(step, profile.band, profile.next_step)
        ):
            raise ControlError.of(Code.NO_STEP, name=profile.name)
        after = replace(age_transitions.postponed(step, until, reason, by, now), seen=in_utc(now))
        what = "step put off"
        if step.state is TransitionState.TAKEN:
            self._back(step, Author(by, now))
            what = "step back"
        steps.put(after, what, by=by, at=now, origin=origin)
        self._publish(after, "postponed")
        return after

    def _back(self, step: LastTransition, author: Author) -> None:
        """Restore the rule file from before a change of age group.

        If it was edited since, restore only the age group and its month. Raises GatewayError if the
        file cannot be changed.
        """
        try:
            self.editing.undo_edit(step.profile, step.undo, author, step.revision)
        except (ControlError, PolicyError):
            before = {"band": step.band.value, "next_step": step.month}
            self.editing.edit(step.profile, before, author)

    def proposed(self, profile: Profile) -> LastTransition:
        """Return the child's change of age group that waits for a guardian, proposed or postponed.

        Raises ControlError if there is none.
        """
        step = self._steps.of(profile.id)
        now = self._home.local_now()
        fits = step is not None and step.is_of(profile.band, profile.next_step)
        if (
            step is None
            or not fits
            or age_transitions.stage(step, now) not in (TransitionStage.PROPOSED, TransitionStage.POSTPONED)
        ):
            raise ControlError.of(Code.NO_STEP, name=profile.name)
        return step

    def refuse_later(self, profile_id: str, changes: Mapping[str, object]) -> None:
        """Raise ControlError if ``changes`` to a profile would postpone its proposed change to adulthood.

        Do nothing if none is proposed, or if it was made already.
        """
        step = self._final_step(profile_id)
        if step is None:
            return
        band, month = changes.get("band", step.band.value), changes.get("next_step", step.month)
        if (band, month) != (step.band.value, step.month) and band != step.then.value:
            raise ControlError.of(Code.ADULT_NEXT, name=step.name)

    def refuse_file(self, profile_id: str, source: bytes) -> None:
        """Raise ControlError if the new rule file ``source`` would postpone a proposed change to adult.

        A file that cannot be read counts as one that would. Do nothing if no such change is
        proposed.
        """
        if self._final_step(profile_id) is None:
            return
        try:
            said = edits.read(source, profile_id)
        except PolicyError:
            said = {}
        self.refuse_later(profile_id, {key: said.get(key) for key in ("band", "next_step")})

    def _final_step(self, profile_id: str) -> LastTransition | None:
        """Return a profile's proposed change to adult; None if there is none, or if it was taken."""
        step = self._steps.of(profile_id)
        return (
            step if step is not None and step.is_final and step.state is not TransitionState.TAKEN else None
        )

    def describe_all(self) -> tuple[AgeTransition, ...]:
        """Return the changes of age group of all profiles that are proposed, postponed or lately made."""
        now, profiles = self._home.local_now(), self._home.rules.household.profiles
        steps = (step for step in self._steps.all().values() if step.profile in profiles)
        return tuple(
            self.describe(step, now)
            for step in steps
            if age_transitions.stage(step, now) is not TransitionStage.NONE
        )

    def of_device(self, mac: str) -> dict[str, object]:
        """Return ``{"step": …}``, the owner's change to adulthood, for a device if it was made lately.

        {} for other devices.
        """
        now = self._home.local_now()
        owner = self._home.rules.household.owner_of(mac)
        step = None if owner is None else self._steps.of(owner.id)
        if step is None or not step.is_final or age_transitions.stage(step, now) is not TransitionStage.TAKEN:
            return {}
        return {"step": self.describe(step, now)}

    def describe(self, step: LastTransition, now: datetime) -> AgeTransition:
        """Return a child's last change of age group, pending or made, as the control socket reports it.

        ``now`` decides the stage and the possible later months; its zone is that of all times.
        """
        begun = step.since.astimezone(now.tzinfo)
        open_still = step.state is not TransitionState.TAKEN
        return AgeTransition(
            profile=step.profile,
            name=step.name,
            stage=age_transitions.stage(step, now),
            band=step.band.value,
            then=step.then.value,
            month=step.month,
            since=begun,
            on=age_transitions.due_day(step, begun.date()) if open_still else None,
            until=step.until or None,
            reason=step.reason,
            put_off_by=step.put_off_by or None,
            taken=None if step.taken is None else step.taken.astimezone(now.tzinfo),
            by=step.by or None,
            by_itself=step.by == PROGRAM,
            later=tuple(age_transitions.later_months(step, now.date())),
        )

    def _publish(self, step: LastTransition, what: str) -> None:
        by = step.put_off_by if what == "postponed" else step.by
        self._home.publish(
            "step", profile=step.profile, name=step.name, what=what, then=step.then.value, by=by or None
        )


def says_adult(said: Mapping[str, object]) -> bool:
    return said.get("band") == AgeBand.ADULT.value

"""Children's steps into the next age band: noticed once a minute, told, taken when they are due.

A step is written down before its file is changed and ended after it, so that a kill at any moment leaves one
that the next look goes on with: it happens once. docs/families/growing.md has what is decided, and why.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.age.bands import Band
from gateway.codes import Code
from gateway.daemon.files.editing import Author, Editing
from gateway.daemon.files.restoring import forget_way_back
from gateway.daemon.files.steps import PROGRAM, revision_of
from gateway.errors import GatewayError, PolicyError
from gateway.policy import edits, growing
from gateway.policy.growing import Stage, State, Step
from gateway.store.given import in_utc
from gateway.store.leaving import let_go

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer
    from gateway.policy.jumps import Jump
    from gateway.policy.profile import Profile

LOOK = 60.0  # seconds; a step is due on a day
KEPT = 64  # steps of profiles that are there, or may come back: as many as there may be profiles

_log = logging.getLogger(__name__)


class Growing:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.editing = Editing(daemon.rules, self._in_force)
        self._timer: Timer | None = None
        self._began = False  # a first look by a right clock
        self._doubted: datetime | None = None  # until when the clock may be put back
        self._failed: dict[str, str] = {}  # what was said in the log of a step that could not be taken

    def _in_force(self, named: frozenset[str]) -> None:
        for mac in sorted(named):
            self._daemon.store.devices.unplace(mac)
        self._daemon.reassign()

    def start(self) -> None:
        self.look()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def shift(self, jump: Jump) -> None:
        """The clock was set: as many days are left as were. A day ahead or more may be a slip: nothing is
        taken for a day.
        """
        if jump.was_known and jump.known and jump.size:
            self._doubted = jump.after + growing.DAY if jump.size >= growing.DAY else None
            self._daemon.store.growing.change(lambda one: growing.after_jump(one, jump))

    def look(self) -> None:
        """Nobody grows by a clock that may be wrong."""
        if self._timer is not None:
            self._timer.cancel()
        if self._daemon.watch.known:
            self._look()
        self._timer = self._daemon.loop.call_later(LOOK, self.look)

    def _look(self) -> None:
        now, store = self._daemon.local_now(), self._daemon.store.growing
        if not self._began:
            self._began = True
            store.change(lambda one: growing.back_again(one, in_utc(now)))
        profiles = self._daemon.rules.household.profiles
        gone = [one for one in store.all() if one not in profiles]
        for profile_id in gone[: max(0, len(store.all()) - KEPT)]:
            store.drop(profile_id)
        for profile in [one for one in profiles.values() if not one.built_in]:
            self._look_at(profile, now)

    def _look_at(self, profile: Profile, now: datetime) -> None:
        store, kept = self._daemon.store.growing, self._daemon.store.growing.of(profile.id)
        found = growing.look(profile.id, profile.name, profile.band, profile.next_step, kept, now)
        if found.kept is None:
            if kept is not None:
                store.drop(profile.id)
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
            store.put(step, "step proposed" if is_new else "", by=PROGRAM, at=now)
            if is_new:
                self._publish(step, "proposed")
        if found.due and (self._doubted is None or now >= self._doubted):
            self._try(step)

    def _try(self, step: Step) -> None:
        """What cannot be done now, because a file or the disk is broken, is tried at each look."""
        try:
            self._take(step, step.by or PROGRAM)
        except GatewayError as error:
            if self._failed.get(step.profile) != str(error):
                self._failed[step.profile] = str(error)
                _log.error("the step of %s waits: %s", step.profile, error)
        else:
            self._failed.pop(step.profile, None)

    def take(self, profile: Profile, by: str, origin: str) -> Step:
        """A guardian says yes. Raises GatewayError."""
        step = self.proposed(profile)
        try:
            return self._take(step, by, origin)
        except GatewayError:
            if self._daemon.rules.household.profiles[profile.id].band is step.band:
                self._daemon.store.growing.put(step)  # nothing was changed
            raise

    def _take(self, step: Step, by: str, origin: str = "") -> Step:
        daemon, store, at = self._daemon, self._daemon.store.growing, self._daemon.local_now()
        profile = daemon.rules.household.profiles.get(step.profile)
        path = self.editing.file(step.profile)
        source, said = self.editing.read(path)
        slots = daemon.family.slots_of(step.profile)
        happened = growing.has_happened(step, said)
        fits = profile is not None and step.is_of(profile.band, profile.next_step)
        if not happened and not fits and not (step.is_final and says_adult(said)):
            store.drop(step.profile)  # somebody wrote something else meanwhile
            return step
        if step.state is not State.TAKING:
            step = replace(step, state=State.TAKING, by=by, undo=revision_of(source))
            store.put(step)
        revision = revision_of(source)
        if not happened:
            changes = growing.changes(step, said)
            revision = self.editing.edit(step.profile, changes, Author(by, at)).revision
        if step.is_final:
            self._let_go(step, slots)
        step = replace(step, state=State.TAKEN, taken=in_utc(at), revision=revision)
        store.put(step, "step by itself" if by == PROGRAM else "step", by=by, at=at, origin=origin)
        self._publish(step, "taken")
        return step

    def _let_go(self, step: Step, slots: frozenset[int]) -> None:
        """Control has ended: nothing of what was written down of the child stays. May be done again."""
        daemon = self._daemon
        profile = daemon.rules.household.profiles[step.profile]
        daemon.lessons.forget(profile.id)
        for mac in [mac for mac, use in daemon.store.uses.all().items() if use.who == profile.id]:
            daemon.sharing.end(mac)
        for slot in slots:
            daemon.journal.recent.forget(slot)
        name = self.editing.file(profile.id).name
        self.editing.history.forget(name)
        forget_way_back(Path(daemon.rules.household.config.state), name)
        let_go(daemon.store, profile.id, profile.devices)
        daemon.reassign()

    def put_off(self, profile: Profile, until: str, reason: str, by: str, origin: str) -> Step:
        """Once, also where it was taken already: then the rules of before are back. Raises GatewayError."""
        now, store = self._daemon.local_now(), self._daemon.store.growing
        step = store.of(profile.id)
        if step is None or growing.stage(step, now) is Stage.NONE or not growing.is_about(step, profile):
            raise no_step(profile)
        after = replace(growing.put_off(step, until, reason, by, now), seen=in_utc(now))
        what = "step put off"
        if step.state is State.TAKEN:
            self._back(step, Author(by, now))
            what = "step back"
        store.put(after, what, by=by, at=now, origin=origin)
        self._publish(after, "postponed")
        return after

    def _back(self, step: Step, author: Author) -> None:
        """The file as it was, or where it was changed since the band and the month alone."""
        try:
            self.editing.unedit(step.profile, step.undo, author, step.revision)
        except PolicyError:
            before = {"band": step.band.value, "next_step": step.month}
            self.editing.edit(step.profile, before, author)

    def proposed(self, profile: Profile) -> Step:
        """Raises PolicyError where there is nothing to answer."""
        step = self._daemon.store.growing.of(profile.id)
        now = self._daemon.local_now()
        fits = step is not None and step.is_of(profile.band, profile.next_step)
        if step is None or not fits or growing.stage(step, now) not in (Stage.PROPOSED, Stage.POSTPONED):
            raise no_step(profile)
        return step

    def refuse_later(self, profile_id: str, changes: Mapping[str, object]) -> None:
        """Once adulthood is proposed, its month is not written away. Raises PolicyError."""
        step = self._daemon.store.growing.of(profile_id)
        if step is None or not step.is_final or step.state is State.TAKEN:
            return
        band, month = changes.get("band", step.band.value), changes.get("next_step", step.month)
        if (band, month) != (step.band.value, step.month) and band != step.then.value:
            problem, mend = "cannot be put off", "at 18 control ends"
            raise PolicyError(step.name, problem, mend).coded(Code.ADULT_NEXT, name=step.name)

    def refuse_file(self, profile_id: str, source: bytes) -> None:
        """The same of a whole file that shall be there instead: nor is it one that no step could be written
        into. Raises PolicyError.
        """
        try:
            said = edits.read(source, profile_id)
        except PolicyError:
            said = {}
        self.refuse_later(profile_id, {key: said.get(key) for key in ("band", "next_step")})

    def told(self) -> dict[str, object]:
        """For the status: what there is to tell of steps."""
        now = self._daemon.local_now()
        there = self._daemon.rules.household.profiles
        return {"steps": [self.describe(one, now) for one in self._told(now) if one.profile in there]}

    def _told(self, now: datetime) -> Iterator[Step]:
        return (
            one
            for one in self._daemon.store.growing.all().values()
            if growing.stage(one, now) is not Stage.NONE
        )

    def of_device(self, mac: str) -> dict[str, object]:
        """For whoever became an adult: told on the own devices."""
        now = self._daemon.local_now()
        owner = self._daemon.rules.household.owner_of(mac)
        step = None if owner is None else self._daemon.store.growing.of(owner.id)
        if step is None or not step.is_final or growing.stage(step, now) is not Stage.TAKEN:
            return {}
        return {"step": self.describe(step, now)}

    def describe(self, step: Step, now: datetime) -> dict[str, object]:
        begun = step.since.astimezone(now.tzinfo)
        open_still = step.state is not State.TAKEN
        return {
            "profile": step.profile,
            "name": step.name,
            "stage": growing.stage(step, now),
            "band": step.band.value,
            "then": step.then.value,
            "month": step.month,
            "since": begun,
            "on": growing.due_day(step, begun.date()).isoformat() if open_still else None,
            "until": step.until or None,
            "reason": step.reason,
            "put_off_by": step.put_off_by or None,
            "taken": None if step.taken is None else step.taken.astimezone(now.tzinfo),
            "by": step.by or None,
            "by_itself": step.by == PROGRAM,
            "later": list(growing.later_months(step, now.date())),
        }

    def _publish(self, step: Step, what: str) -> None:
        by = step.put_off_by if what == "postponed" else step.by
        self._daemon.control.publish(
            "step", profile=step.profile, name=step.name, what=what, then=step.then.value, by=by or None
        )


def says_adult(said: Mapping[str, object]) -> bool:
    return said.get("band") == Band.ADULT.value


def no_step(profile: Profile) -> PolicyError:
    error = PolicyError(profile.name, "has no step to answer", "it is proposed in its month")
    return error.coded(Code.NO_STEP, name=profile.name)

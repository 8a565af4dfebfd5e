"""Lessons that run, and those of which nobody has said yet what is kept: in memory alone.

A lesson is bound to devices of one child, ends by itself by a clock that nobody can set, and a restart of the
daemon ends it with nothing kept. Nothing of it is written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.daemon.devices.family import Member
from gateway.path.subject import Decide
from gateway.policy.hosts import PublicSuffixCheck
from gateway.policy.situation import Lesson
from gateway.policy.teaching import LONGEST, Notes
from gateway.policy.values import Decision, Observation, Proto
from gateway.suffixes import suffixes_when_asked

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon
    from gateway.loop import Timer

MAX_LESSONS = 8  # one a child; 200 names of 150 bytes each
UNANSWERED = 1800.0  # seconds after its end in which a guardian may still say what is kept


@dataclass(slots=True)
class Taught:
    """One child's lesson."""

    profile: str
    macs: frozenset[str]  # of the devices on which it runs
    by: str
    lesson: Lesson
    ends: float  # of the loop's clock
    notes: Notes = field(init=False)
    runs: bool = True
    suffix: PublicSuffixCheck = field(default_factory=suffixes_when_asked)  # reads each top-level name once

    def __post_init__(self) -> None:
        self.notes = Notes(self.lesson)


class Lessons:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._taught: dict[str, Taught] = {}  # by profile
        self._timer: Timer | None = None
        daemon.family.teaching = self

    def of(self, profile: str) -> Taught | None:
        return self._taught.get(profile)

    def told(self, profile: str) -> dict[str, object] | None:
        """What runs, or waits for somebody to say what is kept."""
        taught = self._taught.get(profile)
        if taught is None:
            return None
        zone = self._daemon.rules.household.config.zone
        return {
            "state": "runs" if taught.runs else "over",
            "host": taught.lesson.site,
            "until": taught.lesson.until.astimezone(zone),
            "by": taught.by,
            "devices": sorted(taught.macs),
        }

    def is_full(self, profile: str) -> bool:
        return profile not in self._taught and sum(one.runs for one in self._taught.values()) >= MAX_LESSONS

    def begin(self, profile: str, lesson: Lesson, macs: frozenset[str], by: str) -> Taught:
        """What the child was taught before is over, with nothing kept."""
        self.forget(profile)
        over = [one for one in self._taught.values() if not one.runs]
        if len(self._taught) >= MAX_LESSONS and over:
            self.forget(min(over, key=lambda one: one.ends).profile)
        ends = self._daemon.loop.now() + LONGEST.total_seconds()
        taught = self._taught[profile] = Taught(profile, macs, by, lesson, ends)
        self._change(taught)
        self._wait()
        return taught

    def end(self, profile: str) -> None:
        """What only the lesson opened is refused again; what it heard stays until somebody has looked."""
        taught = self._taught.get(profile)
        if taught is not None and taught.runs:
            taught.runs = False
            self._change(taught)
            self._wait()

    def forget(self, profile: str) -> None:
        self.end(profile)
        self._taught.pop(profile, None)

    def lesson_of(self, member: Member) -> Lesson | None:
        taught = self._running_on(member)
        return None if taught is None else taught.lesson

    def decide_of(self, member: Member) -> Decide:
        taught = self._running_on(member)
        if taught is None:
            return member.decide

        def heard(seen: Observation, at: datetime) -> Decision:
            decision = member.decide(seen, at)
            if taught.notes.hear(seen, decision, at):
                self._daemon.control.publish("lesson", profile=taught.profile)
            return decision

        return heard

    def _running_on(self, member: Member) -> Taught | None:
        """Not on a device that may be somebody else's: whose it is has to be certain."""
        taught = self._taught.get(member.profile.id)
        if taught is None or not taught.runs or member.asked or member.quarantined or member.worn is not None:
            return None
        return taught if len(member.macs) == 1 and member.macs[0] in taught.macs else None

    def _change(self, taught: Taught) -> None:
        """It began, or is over."""
        daemon = self._daemon
        for member in daemon.family.members.values():
            if not taught.macs.isdisjoint(member.macs):
                daemon.family.subjects[member.slot].decide = self.decide_of(member)
        daemon.enforcer.sync()
        if not taught.runs:
            self._unlearn(taught)
            daemon.enforcer.rejudge()
        daemon.control.publish("lesson", profile=taught.profile)

    def _unlearn(self, taught: Taught) -> None:
        """The addresses of what is refused again are no address of an allowed name any more."""
        daemon, now = self._daemon, self._daemon.clock.now()
        for member in daemon.family.members.values():
            if taught.macs.isdisjoint(member.macs):
                continue
            refused = {
                name
                for name in taught.notes.lifted()
                if not member.decide(Observation(Proto.DNS, name), now).allowed
            }
            daemon.book.drop(member.slot, daemon.names.unlearn(member.slot, refused))

    def look(self) -> None:
        """What has come to its end since the last look."""
        now = self._daemon.loop.now()
        for one in list(self._taught.values()):
            if one.runs and now >= one.ends:
                self.end(one.profile)
            if now >= one.ends + UNANSWERED:
                self.forget(one.profile)
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._taught:
            due = min(one.ends + (0.0 if one.runs else UNANSWERED) for one in self._taught.values())
            self._timer = self._daemon.loop.call_later(max(0.0, due - self._daemon.loop.now()), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

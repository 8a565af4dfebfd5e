"""Lessons that run, and those of which nobody has said yet what is kept: in memory alone.

A lesson is bound to devices of one child, ends by itself by a clock that nobody can set, and a restart of the
daemon ends it with nothing kept. Nothing of it is written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.core.bus import Publish
from gateway.core.loop import Timer
from gateway.household.context import Effects, HomeContext
from gateway.household.members import Family, Member
from gateway.lists.public_suffixes import lazy_public_suffix_check
from gateway.path.addresses import AddressBook
from gateway.path.name_addresses import NameBook
from gateway.path.subject import Decide
from gateway.policy.names.hosts import PublicSuffixCheck
from gateway.policy.requests.site_repair import LONGEST, RepairLog
from gateway.policy.time.situation import Lesson
from gateway.policy.values import Decision, Observation, Proto

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
    notes: RepairLog = field(init=False)
    runs: bool = True
    suffix: PublicSuffixCheck = field(
        default_factory=lazy_public_suffix_check
    )  # reads each top-level name once

    def __post_init__(self) -> None:
        self.notes = RepairLog(self.lesson)


class LessonBook:
    """Which lessons run, and on which devices. The packet path asks it; ``Lessons`` changes it."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self.lessons: dict[str, Taught] = {}  # by profile

    def lesson_of(self, member: Member) -> Lesson | None:
        """Return the lesson that runs on a device."""
        taught = self._running_on(member)
        return None if taught is None else taught.lesson

    def decide_of(self, member: Member) -> Decide:
        """Return the device's ``decide``; while a lesson runs on it, one that records what is refused."""
        taught = self._running_on(member)
        if taught is None:
            return member.decide

        def heard(seen: Observation, at: datetime) -> Decision:
            decision = member.decide(seen, at)
            if taught.notes.record(seen, decision, at):
                self._publish("lesson", profile=taught.profile)
            return decision

        return heard

    def _running_on(self, member: Member) -> Taught | None:
        """No lesson runs on a device whose owner is uncertain."""
        taught = self.lessons.get(member.profile.id)
        if taught is None or not taught.runs or member.asked or member.quarantined or member.worn is not None:
            return None
        return taught if len(member.macs) == 1 and member.macs[0] in taught.macs else None


class Lessons:
    """Starts and ends lessons. ``addresses`` and ``names``: which name had which address, by device."""

    def __init__(
        self,
        home: HomeContext,
        effects: Effects,
        book: LessonBook,
        family: Family,
        addresses: AddressBook,
        names: NameBook,
    ) -> None:
        self._home = home
        self._effects = effects
        self._book = book
        self._family = family
        self._addresses = addresses
        self._names = names
        self._timer: Timer | None = None

    def of(self, profile: str) -> Taught | None:
        return self._book.lessons.get(profile)

    def told(self, profile: str) -> dict[str, object] | None:
        """What runs, or waits for somebody to say what is kept."""
        taught = self._book.lessons.get(profile)
        if taught is None:
            return None
        zone = self._home.rules.household.config.zone
        return {
            "state": "runs" if taught.runs else "over",
            "host": taught.lesson.site,
            "until": taught.lesson.until.astimezone(zone),
            "by": taught.by,
            "devices": sorted(taught.macs),
        }

    def is_full(self, profile: str) -> bool:
        return (
            profile not in self._book.lessons
            and sum(one.runs for one in self._book.lessons.values()) >= MAX_LESSONS
        )

    def begin(self, profile: str, lesson: Lesson, macs: frozenset[str], by: str) -> Taught:
        """What the child was taught before is over, with nothing kept."""
        self.forget(profile)
        over = [one for one in self._book.lessons.values() if not one.runs]
        if len(self._book.lessons) >= MAX_LESSONS and over:
            self.forget(min(over, key=lambda one: one.ends).profile)
        ends = self._home.loop.now() + LONGEST.total_seconds()
        taught = self._book.lessons[profile] = Taught(profile, macs, by, lesson, ends)
        self._change(taught)
        self._wait()
        return taught

    def end(self, profile: str) -> None:
        """What only the lesson opened is refused again; what it heard stays until somebody has looked."""
        taught = self._book.lessons.get(profile)
        if taught is not None and taught.runs:
            taught.runs = False
            self._change(taught)
            self._wait()

    def forget(self, profile: str) -> None:
        self.end(profile)
        self._book.lessons.pop(profile, None)

    def _change(self, taught: Taught) -> None:
        """It began, or is over."""
        for member in self._family.members.values():
            if not taught.macs.isdisjoint(member.macs):
                self._family.subjects[member.slot].decide = self._book.decide_of(member)
        self._effects.sync_gates()
        if not taught.runs:
            self._unlearn(taught)
            self._effects.rejudge()
        self._home.publish("lesson", profile=taught.profile)

    def _unlearn(self, taught: Taught) -> None:
        """The addresses of what is refused again are no address of an allowed name any more."""
        now = self._home.now()
        for member in self._family.members.values():
            if taught.macs.isdisjoint(member.macs):
                continue
            refused = {
                name
                for name in taught.notes.lifted()
                if not member.decide(Observation(Proto.DNS, name), now).allowed
            }
            self._addresses.drop(member.slot, self._names.remove_hosts(member.slot, refused))

    def look(self) -> None:
        """What has come to its end since the last look."""
        now = self._home.loop.now()
        for one in list(self._book.lessons.values()):
            if one.runs and now >= one.ends:
                self.end(one.profile)
            if now >= one.ends + UNANSWERED:
                self.forget(one.profile)
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._book.lessons:
            due = min(one.ends + (0.0 if one.runs else UNANSWERED) for one in self._book.lessons.values())
            self._timer = self._home.loop.call_later(max(0.0, due - self._home.loop.now()), self.look)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

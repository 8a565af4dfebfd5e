"""What a family needs of the feature that repairs broken sites."""

from __future__ import annotations

from typing import Protocol

from gateway.household.member import Member
from gateway.path.subject import Decide
from gateway.policy.time.standing import Lesson


class Teaching(Protocol):
    def lesson_of(self, member: Member) -> Lesson | None:
        """Return the lesson that runs on the member's device; None if there is none."""
        ...

    def decide_of(self, member: Member) -> Decide:
        """Return the member's ``decide``; during a lesson one that also records what is blocked."""
        ...


class NoLessons:
    def lesson_of(self, member: Member) -> Lesson | None:  # noqa: ARG002
        return None

    def decide_of(self, member: Member) -> Decide:
        return member.decide

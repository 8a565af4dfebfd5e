"""What a family of devices needs of whoever holds lessons."""

from __future__ import annotations

from typing import Protocol

from gateway.household.member import Member
from gateway.path.subject import Decide
from gateway.policy.time.situation import Lesson


class Teaching(Protocol):
    def lesson_of(self, member: Member) -> Lesson | None:
        """The one that runs on it."""
        ...

    def decide_of(self, member: Member) -> Decide:
        """Its ``decide``; one that listens as well, while a lesson runs on it."""
        ...


class NoLessons:
    def lesson_of(self, member: Member) -> Lesson | None:  # noqa: ARG002
        return None

    def decide_of(self, member: Member) -> Decide:
        return member.decide

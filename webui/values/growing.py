"""A child's transition to the next age band, as the daemon reports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from gateway.age.bands import Band
from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class Step:
    profile: str
    name: str  # of the child, free text
    stage: str  # proposed, postponed, taken
    band: str
    then: str
    month: str  # YYYY-MM
    since: datetime | None
    on: date | None  # when it happens automatically
    until: str  # the month to which it is postponed
    reason: str  # of the guardian's, free text
    put_off_by: str
    taken: datetime | None
    by: str
    by_itself: bool
    later: tuple[str, ...]  # months to which it can still be postponed

    @property
    def is_final(self) -> bool:
        """Return whether the transition is into adulthood."""
        return self.then == Band.ADULT.value


@dataclass(frozen=True, slots=True)
class Growth:
    """A child's transition with the rules before and after it, in the shape of the file."""

    name: str
    band: str
    then: str  # empty: the month is not set
    month: str
    step: Step | None  # None: not yet proposed
    rules: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        return self.then == Band.ADULT.value


def parse_steps(answer: Answer) -> tuple[Step, ...]:
    return tuple(step.read(Step) for step in answer.entries("steps"))


def parse_step(answer: Answer | None) -> Step | None:
    return None if answer is None else answer.read(Step)


def parse_growth(values: Mapping[str, Any]) -> Growth:
    answer = Answer(values)
    rules, after = answer.entry("rules"), answer.entry("after")
    return answer.read(
        Growth,
        step=parse_step(answer.entry("step")),
        rules=rules.values if rules else {},
        after=after.values if after else {},
    )

"""The agreement between a child and its parents, as the daemon reports it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class Yes:
    """One side has agreed to the current rules, and the other has not."""

    side: str  # child, guardian
    by: str  # the guardian; empty: the child
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Agreement:
    state: str  # none, agreed; changed: since they agreed
    by: str  # the guardian
    at: datetime | None
    waits: Yes | None

    @property
    def is_empty(self) -> bool:
        return self.state == "none" and self.waits is None

    def asks(self, side: str) -> bool:
        """Return whether this side can agree now."""
        return self.state != "agreed" and (self.waits is None or self.waits.side != side)


def parse_agreement(answer: Answer | None) -> Agreement | None:
    """Parse an agreement; None for a child that is too young for one."""
    if answer is None:
        return None
    waits = answer.entry("waits")
    return Agreement(
        state=answer.text("state", "none"),
        by=answer.text("by"),
        at=answer.moment("at"),
        waits=None if waits is None else waits.read(Yes),
    )

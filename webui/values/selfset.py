"""What a child of 16 or 17 set for itself, as the daemon reports it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from webui.language import things
from webui.language.words import plain
from webui.values.shapes import Answer

BEDTIME, LIMITS = "bedtime", "limits/"


@dataclass(frozen=True, slots=True)
class Choice:
    key: str  # "bedtime", or "limits/" and a target
    name: str  # of the limit's target
    value: object  # in the shape of a profile's file
    at: datetime | None

    @property
    def target(self) -> str:
        """Return the target of a limit; empty for bedtime."""
        return self.key.removeprefix(LIMITS) if self.key.startswith(LIMITS) else ""


@dataclass(frozen=True, slots=True)
class SelfSet:
    may: bool  # False: others set its rules, and its own settings do not apply
    most: int  # maximum number of limits
    suggested: object  # a bedtime, in the shape of a profile's file
    choices: tuple[Choice, ...]

    @property
    def bedtime(self) -> Choice | None:
        return next((choice for choice in self.choices if choice.key == BEDTIME), None)

    @property
    def limits(self) -> tuple[Choice, ...]:
        return tuple(choice for choice in self.choices if choice.target)


def parse_self_set(answer: Answer | None) -> SelfSet | None:
    if answer is None:
        return None
    suggested = answer.entry("suggested")
    return SelfSet(
        may=answer.flag("may"),
        most=answer.whole("most"),
        suggested=None if suggested is None else suggested.values.get(BEDTIME),
        choices=tuple(_choice(entry) for entry in answer.entries("choices")),
    )


def _choice(entry: Answer) -> Choice:
    key = entry.text("key")
    name = things.thing(key.removeprefix(LIMITS), entry.text("name"))
    return Choice(key, plain(name), entry.values.get("value"), entry.moment("at"))

"""Times that a child sets for itself: describes them, fills the form, and reads its input. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from gateway.control.contract.growing import SelfSetChoice, SelfSetTimes
from webui.language import things
from webui.language.i18n import gettext as _
from webui.language.words import day_past, plain
from webui.rules import sentences
from webui.rules.hours import (
    DAY,
    FREE,
    SCHOOL,
    Plan,
    Unreadable,
    clock,
    read_minutes,
    read_night,
    read_plan,
    typed_minutes,
    typed_span,
    write_minutes,
    write_plan,
    write_span,
)

T = TypeVar("T")

BEDTIME, LIMITS = "bedtime", "limits/"

TYPES = (SCHOOL, FREE)
# The targets that the page offers. Programs may use any target.
TARGETS = (
    "internet",
    "category:social_networks",
    "category:video_sharing",
    "category:games",
    "category:messaging",
    "category:ai_companions",
)


class SelfSetError(ValueError):
    """Raised for an invalid or missing time in the form for the child's own bedtime and limits.

    ``str()`` is the message for the user.
    """


@dataclass(frozen=True, slots=True)
class SelfSetTime:
    """A bedtime or limit that a child has set for itself, in words, and since when it applies."""

    choice: SelfSetChoice
    title: str
    sentences: tuple[str, ...]
    since: str  # "today", "on Tuesday"; empty: unknown
    # Minutes by day type, for a limit that the form can show; None for others and for bedtime.
    plan: Mapping[str, int | None] | None

    @property
    def target(self) -> str:
        return target_of(self.choice)


def target_of(choice: SelfSetChoice) -> str:
    """Return the target of a limit, such as ``service:x``; empty for bedtime."""
    return choice.key.removeprefix(LIMITS) if choice.key.startswith(LIMITS) else ""


def bedtime_of(own: SelfSetTimes) -> SelfSetChoice | None:
    return next((choice for choice in own.choices if choice.key == BEDTIME), None)


def limits_of(own: SelfSetTimes) -> tuple[SelfSetChoice, ...]:
    return tuple(choice for choice in own.choices if target_of(choice))


def describe(choice: SelfSetChoice, now: datetime) -> SelfSetTime:
    since, target = "" if choice.at is None else day_past(choice.at, now), target_of(choice)
    title = plain(things.thing(target, choice.name or "")) if target else _("Bedtime")
    try:
        said = sentences.limits(title, choice.value) if target else sentences.bedtime(choice.value)
        plan = read_plan(choice.value, read_minutes) if target else None
    except Unreadable:  # set by a program in a form that these pages cannot show
        said, plan = (title,), None
    by_type = plan is not None and set(plan) == set(TYPES)
    return SelfSetTime(choice, title, said, since, plan if by_type else None)


def describe_all(own: SelfSetTimes, now: datetime) -> list[SelfSetTime]:
    return [describe(choice, now) for choice in own.choices]


def suggested(own: SelfSetTimes) -> tuple[str, ...]:
    """Return the bedtime that the age group suggests as sentences; empty without one."""
    try:
        return sentences.bedtime(own.suggested.get(BEDTIME))
    except Unreadable:
        return ()


def night_fields(value: object) -> dict[str, tuple[str, str]]:
    """Return start and end of a bedtime by day type, for the form's time fields; empty texts for no bedtime.

    ``value``: as in a rule file.
    """
    try:
        plan = read_plan(value, read_night)
    except Unreadable:
        plan = {}
    spans = {day: plan.get(day) for day in TYPES}
    return {day: (clock(span[0]), clock(span[1])) if span else ("", "") for day, span in spans.items()}


def typed_bedtime(fields: Mapping[str, tuple[str, str]]) -> object:
    """Return the typed bedtime as a value of a rule file. ``fields``: its start and end, by day type.

    Raises SelfSetError for an invalid time, or if all are empty.
    """
    plan: dict[str, tuple[int, int] | None] = {}
    for day, (start, end) in fields.items():
        plan[day] = typed_span(start, end) if start or end else None
        if (start or end) and plan[day] is None:
            raise SelfSetError(_("Write a start and an end from 00:00 to 23:59, or leave both empty."))
    return _written(plan, write_span)


def typed_limit(fields: Mapping[str, str]) -> object:
    """Return the typed limit as a value of a rule file. ``fields``: its time as text, by day type.

    Raises SelfSetError for an invalid time, or if all are empty.
    """
    plan: dict[str, int | None] = {}
    for day, text in fields.items():
        plan[day] = typed_minutes(text, DAY)
        if text and plan[day] is None:
            raise SelfSetError(_("Write a time such as 1 h 30 min or 90, at most 24 h, or leave it empty."))
    return _written(plan, write_minutes)


def _written(plan: Plan[T], write: Callable[[T], object]) -> object:
    if all(item is None for item in plan.values()):
        raise SelfSetError(_("Nothing is filled in. To turn it off, use the button for it."))
    return write_plan(plan, write)


def targets(own: SelfSetTimes) -> list[tuple[str, str]]:
    """Return the targets for which the child can add a limit, such as ``internet``, each with its name."""
    taken = {target_of(limit) for limit in limits_of(own)}
    return [(key, things.translated(key) or key) for key in TARGETS if key not in taken]

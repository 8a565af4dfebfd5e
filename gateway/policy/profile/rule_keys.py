"""The table of all rule keys (`RULES`): each key is described once, with its shape and choices.

The reader and the writer of rule files, the check of age group files, the command line, the API and the pages
use this table. A new key needs a field of `Rules`, an entry here, its texts in webui/rules/rule_text.py, and
the code that applies it; a list or mapping also a place in `LISTS` or `MAPPINGS` of `edits`. Defaults are in
the age group files (profiles/bands).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum, auto
from typing import Any

from gateway.policy.profile.rules import (
    Action,
    ClockUnset,
    Failure,
    Mode,
    Owned,
    Rules,
    SafeSearch,
)
from gateway.policy.time.time_text import every_day

NO_TIME = timedelta()


class RuleShape(Enum):
    """How the value of a rule key is written in a file."""

    CHOICE = auto()  # one of `choices`
    SWITCH = auto()  # true or false
    MINUTES = auto()  # a duration up to `longest`
    LEVEL = auto()  # a log level
    ENTRIES = auto()  # a list of names, services and categories
    ACTIONS = auto()  # a mapping: category → action, bypass method → switch, law → guardian
    BY_DAY = auto()  # one value, or one for each day type
    BY_TARGET = auto()  # a mapping of targets, each with values by day
    LIST = auto()  # any other list or mapping


class RuleSection(StrEnum):
    """The subject of a rule key, by which the pages group rules."""

    BEDTIME = "bedtime"
    TIME = "time"
    SITES = "sites"
    CATEGORIES = "categories"
    SEARCH = "search"
    BYPASS = "bypass"
    ACTIVITY = "activity"
    LAWS = "laws"
    FAILURE = "failure"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class RuleKey:
    """One rule key: its shape, section, value if no age group sets one, choices, and where it may be used."""

    name: str  # in YAML and in the API, and the field of `Rules`
    shape: RuleShape
    section: RuleSection
    base: Any  # the value beneath every band
    choices: tuple[StrEnum, ...] = ()  # from strict to lenient
    longest: timedelta = NO_TIME
    offered: tuple[int, ...] = ()  # minutes that the pages offer
    personal: bool = False  # of profiles alone: band files do not have it
    restricts: bool = False  # true is the strict value of a switch
    required: bool = False  # every band file has it
    exported: bool = True  # part of rules that are shared with another home

    @property
    def scale(self) -> tuple[str, ...]:
        """The values of a choice or switch as text, from strict to lenient; () for other shapes."""
        if self.shape is RuleShape.SWITCH:
            return ("true", "false") if self.restricts else ("false", "true")
        return tuple(choice.value for choice in self.choices)


def _choice(
    name: str, section: RuleSection, base: StrEnum, *choices: StrEnum, required: bool = True
) -> RuleKey:
    return RuleKey(name, RuleShape.CHOICE, section, Owned(base, ""), choices=choices, required=required)


def _switch(
    name: str, section: RuleSection, *, base: bool, restricts: bool = False, required: bool = True
) -> RuleKey:
    return RuleKey(name, RuleShape.SWITCH, section, Owned(base, ""), restricts=restricts, required=required)


def _minutes(name: str, longest: timedelta, offered: tuple[int, ...], *, required: bool = True) -> RuleKey:
    return RuleKey(
        name, RuleShape.MINUTES, RuleSection.TIME, Owned(NO_TIME, ""),
        longest=longest, offered=offered, required=required,
    )  # fmt: skip


def _entries(name: str) -> RuleKey:
    return RuleKey(name, RuleShape.ENTRIES, RuleSection.SITES, ())


def _personal(name: str, section: RuleSection, base: object) -> RuleKey:
    return RuleKey(name, RuleShape.LIST, section, base, personal=True, exported=False)


RULES: tuple[RuleKey, ...] = (
    _choice("mode", RuleSection.SITES, Mode.BLOCK_LIST, Mode.ALLOW_LIST, Mode.BLOCK_LIST),
    _choice("unknown", RuleSection.SITES, Action.ALLOW, Action.BLOCK, Action.ASK, Action.ALLOW),
    RuleKey("categories", RuleShape.ACTIONS, RuleSection.CATEGORIES, {}, required=True),
    RuleKey("ways", RuleShape.ACTIONS, RuleSection.BYPASS, {}, required=True),
    _entries("allow"),
    _entries("block"),
    _entries("homework"),
    _choice("safe_search", RuleSection.SEARCH, SafeSearch.OFF, *SafeSearch),
    RuleKey("bedtime", RuleShape.BY_DAY, RuleSection.BEDTIME, every_day(None), required=True),
    RuleKey("limits", RuleShape.BY_TARGET, RuleSection.TIME, {}, required=True),
    RuleKey("windows", RuleShape.BY_TARGET, RuleSection.TIME, {}),
    _minutes("landing", timedelta(minutes=15), (0, 5, 10, 15)),
    _minutes("linger", timedelta(minutes=30), (0, 5, 10, 15, 30)),
    _minutes("auto_approve", timedelta(hours=2), (0, 15, 30, 60, 120)),  # a day
    _switch("updates", RuleSection.SITES, base=True),
    _switch("strict", RuleSection.BYPASS, base=False, restricts=True),
    RuleKey("log_level", RuleShape.LEVEL, RuleSection.ACTIVITY, 0, required=True),
    _choice("failure", RuleSection.FAILURE, Failure.OPEN, *Failure),
    _choice("clock_unset", RuleSection.FAILURE, ClockUnset.OPEN, *ClockUnset),
    _personal("dates", RuleSection.TIME, {}),
    _personal("calendars", RuleSection.TIME, ()),
    RuleKey("laws", RuleShape.ACTIONS, RuleSection.LAWS, (), personal=True),
    _personal("portal", RuleSection.PERSON, frozenset()),
)  # fmt: skip

BY_NAME: Mapping[str, RuleKey] = {rule.name: rule for rule in RULES}
PERSON_KEYS = ("name", "band", "next_step", "devices")
"""Keys of a profile that describe the person or its devices, not rules."""

RULE_KEYS = tuple(rule.name for rule in RULES if not rule.personal)
PERSONAL_KEYS = tuple(rule.name for rule in RULES if rule.personal)
EXPORTED_KEYS = tuple(rule.name for rule in RULES if rule.exported)
ONE_VALUE = (RuleShape.CHOICE, RuleShape.SWITCH, RuleShape.MINUTES, RuleShape.LEVEL)
"""The shapes of keys with a single value."""
NO_RULES = Rules(**{rule.name: rule.base for rule in RULES})
"""The rules over which every age group file is merged: nothing is blocked."""


def of_shape(*shapes: RuleShape) -> tuple[str, ...]:
    """Return the names of the rule keys with one of these shapes, in the order of the table."""
    return tuple(rule.name for rule in RULES if rule.shape in shapes)

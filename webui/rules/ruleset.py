"""Looks up rules by key: a child's own, those of its age group, and those in effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.control.contract.rules import ChildRules
from gateway.policy.profile.rule_keys import RuleShape, of_shape

FAMILY = "family"
INTERNET, PLAY = "internet", "play"
BY_ENTRY = of_shape(RuleShape.ACTIONS, RuleShape.BY_TARGET)  # keys with entries that are changed individually
LISTS = of_shape(RuleShape.ENTRIES)

Values = Mapping[str, Any]


class Ruleset:
    """The rules of one child, by key: the family's, the age group's, and those in effect.

    A key such as ``limits/play`` is one entry of a mapping.
    """

    def __init__(self, state: ChildRules) -> None:
        self.state = state

    def owns(self, key: str) -> bool:
        """Return whether the family's file sets the key. An empty mapping sets all keys below it."""
        head, slash, _ = key.partition("/")
        return part(self.state.own, key) is not None or bool(slash and self.state.own.get(head) == {})

    def owner(self, key: str) -> str:
        return FAMILY if self.owns(key) else f"band:{self.state.band}"

    def holds(self, key: str) -> Any:
        return part(self.state.rules, key)

    def band_says(self, key: str) -> Any:
        return part(self.state.band_rules, key)

    def cleared(self, key: str) -> bool:
        """Return whether the file has an empty mapping for a key, which removes the age group's entries."""
        return self.state.own.get(key) == {}

    def listed(self, key: str) -> tuple[str, ...]:
        """Return the family's own entries of a rule list such as ``block``, without the age group's."""
        return texts(self.state.own.get(key))

    @property
    def next_step(self) -> str:
        """The month of the next age group as YYYY-MM; empty if it is not set."""
        return str(self.state.own.get("next_step") or "")

    @property
    def highest_log_level(self) -> int:
        """The highest log level that the family may set: that of the child's age group."""
        return whole(self.state.band_rules.get("log_level"))


def part(values: Values, key: str) -> Any:
    head, slash, entry = key.partition("/")
    value = values.get(head)
    if not slash:
        return value
    return value.get(entry) if isinstance(value, Mapping) else None


def texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def flag(value: object) -> bool:
    return str(value).lower() in ("true", "yes", "on")


def whole(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else 0

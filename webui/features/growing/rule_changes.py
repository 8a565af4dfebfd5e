"""Compares a child's rules with those of the next age group, by effect. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.profile.rule_keys import BY_NAME, PERSON_KEYS, RuleSection, RuleShape
from gateway.policy.profile.rules import Action
from webui.rules.bands import Difference, between
from webui.rules.catalogue import CatalogueIndex
from webui.rules.hours import Unreadable
from webui.rules.overview import sentences
from webui.rules.ruleset import LISTS, Ruleset, part
from webui.rules.sentences import as_written, entry

ACTIONS = tuple(action.value for action in Action)  # from strict to lenient
GROUPS = {
    RuleSection.BEDTIME: "time", RuleSection.TIME: "time", RuleSection.ACTIVITY: "log",
    RuleSection.FAILURE: "rest", RuleSection.LAWS: "rest", RuleSection.PERSON: "rest",
}  # fmt: skip
LIST_GROUPS = {"block": "allowed", "allow": "blocked"}


@dataclass(frozen=True, slots=True)
class TransitionChanges:
    allowed: tuple[Difference, ...]
    blocked: tuple[Difference, ...]
    time: tuple[Difference, ...]
    written_down: tuple[Difference, ...]
    rest: tuple[Difference, ...]

    @property
    def any(self) -> bool:
        return bool(self.allowed or self.blocked or self.time or self.written_down or self.rest)


def changes(
    now: Mapping[str, Any], then: Mapping[str, Any], names: CatalogueIndex, name: str
) -> TransitionChanges:
    """Return the differences between a child's rules ``now`` and ``then``, grouped by effect.

    ``names``: the catalogue. ``name``: the child's.
    """
    groups: dict[str, list[Difference]] = {}
    for key, difference in between(now, then, names, name):
        groups.setdefault(_group(key, part(now, key), part(then, key)), []).append(difference)
    return TransitionChanges(
        *(tuple(groups.get(key, ())) for key in ("allowed", "blocked", "time", "log", "rest"))
    )


def _group(key: str, before: object, after: object) -> str:
    rule = BY_NAME.get(key.partition("/")[0])
    if rule is None:
        return "rest"
    if rule.section in GROUPS:
        return GROUPS[rule.section]
    if rule.shape is RuleShape.ENTRIES:
        return LIST_GROUPS.get(rule.name, "rest")
    scale = ACTIONS if rule.shape is RuleShape.ACTIONS else rule.scale
    was, is_then = (_place(scale, value) for value in (before, after))
    return "allowed" if is_then > was else "blocked"


def _place(scale: tuple[str, ...], value: object) -> int:
    """Return the index of ``value`` on ``scale``, with values from strict to lenient.

    A value that is not on it counts as the most lenient.
    """
    word = str(value).lower()
    return scale.index(word) if word in scale else len(scale) - 1


def stays(book: Ruleset, after: Mapping[str, Any], names: CatalogueIndex) -> tuple[str, ...]:
    """Return the family's own rules that still apply after the change of age group, as sentences.

    ``book``: the child's rules now. ``after``: the rules then. ``names``: the catalogue.
    """
    kept_rules: list[str] = []
    for key, value in book.state.own.items():
        if key in PERSON_KEYS or (key == "log_level" and str(after.get(key)) != str(value)):
            continue
        for entry_key, entry_value in _entries(key, value):
            kept_rules += _said(entry_key, entry_value, names, book.state.name)
    return tuple(kept_rules)


def _entries(key: str, value: object) -> list[tuple[str, object]]:
    if key in LISTS and isinstance(value, list):
        return [(f"{key}/{item}", item) for item in value]
    if key in ("categories", "ways", "limits", "windows") and isinstance(value, dict) and value:
        return [(f"{key}/{target}", said) for target, said in value.items()]
    return [(key, value)]


def _said(key: str, value: object, names: CatalogueIndex, name: str) -> tuple[str, ...]:
    head, slash, word = key.partition("/")
    if slash and head in LISTS:
        return (entry(head, word, names),)
    try:
        return sentences(key, value, names, name)
    except Unreadable:
        return (as_written(key, value),)

"""The form of the rules with one value each: its fields, and the changes of rules that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.policy.profile.bypass_methods import BypassMethod
from gateway.policy.profile.rule_keys import BY_NAME, ONE_VALUE, RuleKey, RuleSection, RuleShape
from webui.rules import sentences as say
from webui.rules.hours import Unreadable, read_minutes, write_minutes
from webui.rules.rule_text import CARDS, TEXTS, choices_of
from webui.rules.ruleset import Ruleset, flag, whole

WAYS = tuple(f"ways/{way.value}" for way in BypassMethod)


@dataclass(frozen=True, slots=True)
class Field:
    """The choices for one rule key in a form, as radio buttons, with the current one and the age group's."""

    key: str
    options: Mapping[str, str]  # value that is sent → label
    chosen: str  # the current value
    band: str  # the value of the age group


@dataclass(frozen=True, slots=True)
class FormCard:
    """A card of the form for rules that have one value each: its title and the rule keys of its fields."""

    id: str
    title: str
    keys: tuple[str, ...]


def word(key: str, value: Any) -> str:
    """Return a rule's value in the rule file as the text that the form sends; minutes as a number.

    Empty for minutes that the pages cannot show; ``allow`` for None, which is a missing action.
    """
    match _shape(key):
        case RuleShape.SWITCH:
            return "true" if flag(value) else "false"
        case RuleShape.LEVEL:
            return str(whole(value))
        case RuleShape.MINUTES:
            try:
                return str(read_minutes(value))
            except Unreadable:
                return ""
    return str(value if value is not None else "allow")


def _shape(key: str) -> RuleShape:
    return BY_NAME[key.partition("/")[0]].shape


def fields(book: Ruleset, sent: Mapping[str, str]) -> dict[str, Field]:
    """Return the fields of the form for rules with one value each, by rule key.

    ``sent``: values that replace the current ones, for a form that is shown again with what the user entered.
    """
    found = {}
    for key in keys():
        chosen = sent.get(key) or word(key, book.holds(key))
        found[key] = Field(key, _options(book, key, chosen), chosen, word(key, book.band_says(key)))
    return found


def keys() -> tuple[str, ...]:
    """Return the rule keys of the form for rules that have one value each, in the order of the pages."""
    one_value = (key for key in TEXTS if key in BY_NAME and BY_NAME[key].shape in ONE_VALUE)
    return (*one_value, *WAYS)


def cards() -> tuple[FormCard, ...]:
    """Return the cards of the form for rules that have one value each, with the rule keys of their fields."""
    cards = {key: _card(BY_NAME[key.partition("/")[0]]) for key in keys()}
    return tuple(
        FormCard(card, title(), tuple(key for key, place in cards.items() if place == card))
        for card, title in CARDS.items()
    )


def _card(rule: RuleKey) -> str:
    """Return the id of the form's card in which the fields of a rule key are."""
    match rule.shape:
        case RuleShape.MINUTES:
            return "grace"
        case RuleShape.LEVEL:
            return "log"
        case RuleShape.ACTIONS:
            return "around"
        case RuleShape.CHOICE if rule.section is RuleSection.SEARCH:
            return "searches"
        case RuleShape.CHOICE if rule.section is RuleSection.FAILURE:
            return "fails"
    return "what"


def _options(book: Ruleset, key: str, chosen: str) -> dict[str, str]:
    head, _slash, entry = key.partition("/")
    rule = BY_NAME[head]
    match rule.shape:
        case RuleShape.CHOICE | RuleShape.SWITCH:
            return choices_of(key)
        case RuleShape.MINUTES:
            offered = {*rule.offered, *([int(chosen)] if chosen.isdigit() else ())}
            return {str(minutes): say.minutes(key, write_minutes(minutes)) for minutes in sorted(offered)}
        case RuleShape.LEVEL:
            levels = range(book.highest_log_level + 1)
            return {str(level): say.log_level(level, book.state.name) for level in levels}
    return {word: say.way(entry, word) for word in ("block", "allow")}


def changes(book: Ruleset, sent: Callable[[str], str]) -> dict[str, Any]:
    """Return the changes that a sent form makes, by rule key. None restores the age group's value.

    ``sent``: a function that returns the sent value of a field. Raises KeyError for an unknown choice.
    """
    found: dict[str, Any] = {}
    for key, field in fields(book, {}).items():
        chosen = sent(key)
        if not chosen or chosen == field.chosen:
            continue
        if chosen not in field.options:
            raise KeyError(key)
        found[key] = None if chosen == field.band else _value(key, chosen)
    return found


def _value(key: str, chosen: str) -> Any:
    match _shape(key):
        case RuleShape.SWITCH:
            return chosen == "true"
        case RuleShape.LEVEL:
            return int(chosen)
        case RuleShape.MINUTES:
            return write_minutes(int(chosen))
    return chosen

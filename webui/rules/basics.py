"""The form of the rules that are one word or one number each: its fields, and the changes it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from webui.rules import sentences as say
from webui.rules.hours import Unreadable, read_minutes, write_minutes
from webui.rules.overview import CHOICES, GRACE
from webui.rules.ruleset import Ruleset, flag, whole

WAYS = ("encrypted_dns", "relay", "ech", "vpn", "tor", "proxy", "ssh")
OFFERED = {
    "landing": (0, 5, 10, 15),
    "linger": (0, 5, 10, 15, 30),
    "auto_approve": (0, 15, 30, 60, 120),
}


@dataclass(frozen=True, slots=True)
class Field:
    key: str
    options: Mapping[str, str]  # value that is sent → label
    chosen: str
    band: str  # the value of the band


def held(book: Ruleset, key: str) -> str:
    return word(key, book.holds(key))


def word(key: str, value: Any) -> str:
    """Return a value of the profile's file as the form sends it."""
    if key in ("strict", "updates"):
        return "true" if flag(value) else "false"
    if key == "log_level":
        return str(whole(value))
    if key in GRACE:
        try:
            return str(read_minutes(value))
        except Unreadable:
            return ""
    return str(value if value is not None else "allow")


def fields(book: Ruleset, sent: Mapping[str, str]) -> dict[str, Field]:
    """Return the fields by key.

    Values in ``sent`` replace the current ones, for a form that is shown again.
    """
    found = {}
    for key in keys():
        chosen = sent.get(key) or held(book, key)
        found[key] = Field(key, _options(book, key, chosen), chosen, word(key, book.band_says(key)))
    return found


def keys() -> tuple[str, ...]:
    return (*CHOICES, *GRACE, "log_level", *(f"ways/{way}" for way in WAYS))


def _options(book: Ruleset, key: str, chosen: str) -> dict[str, str]:
    if key in CHOICES:
        return say.choices_of(key)
    if key in GRACE:
        offered = {*OFFERED[key], *([int(chosen)] if chosen.isdigit() else ())}
        return {str(minutes): say.minutes(key, write_minutes(minutes)) for minutes in sorted(offered)}
    if key == "log_level":
        return {
            str(level): say.log_level(level, book.state.name) for level in range(book.highest_log_level + 1)
        }
    name = key.partition("/")[2]
    return {word: say.way(name, word) for word in ("block", "allow")}


def changes(book: Ruleset, sent: Callable[[str], str]) -> dict[str, Any]:
    """Return the changed values.

    A value equal to the band's is removed from the file. Raises: KeyError for an unknown choice.
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
    if key in ("strict", "updates"):
        return chosen == "true"
    if key == "log_level":
        return int(chosen)
    return write_minutes(int(chosen)) if key in GRACE else chosen

"""Rules that are on or off: the state of their switch, and the change that it makes. Pure functions."""

from __future__ import annotations

from typing import Any

from gateway.policy.profile.rule_keys import RuleShape, of_shape
from webui.rules.ruleset import Ruleset, flag

ON_OFF = of_shape(RuleShape.SWITCH)


def switch_of(book: Ruleset, key: str) -> bool | None:
    """Return whether a rule is on; None for a rule that has no switch.

    Rules with the values on and off, safe search, bypass methods and categories have one. Bedtime and time
    limits have one only if the age group sets a value: turning them on restores it. A category is on if it is
    blocked or needs approval. If the age group lets it use daily time, it is on unless it is allowed.
    """
    head, slash, _ = key.partition("/")
    held = book.holds(key)
    if key in ON_OFF:
        return flag(held)
    if key == "safe_search":
        return str(held) != "off"
    if head == "ways" and slash:
        return str(held) == "block"
    if head == "categories" and slash:
        return held in ("block", "ask") if book.band_says(key) != "count" else held != "allow"
    if key == "bedtime" or (head == "limits" and slash):
        # Without a value of the band there is no default to restore: such a rule is removed instead.
        return bool(held) if book.band_says(key) else None
    return None


def switched(book: Ruleset, key: str, *, on: bool) -> dict[str, Any]:
    """Return the change of rules that turns the rule ``key`` on or off. None restores the age group's value.

    The value is None if the age group's rule already has the wanted state; otherwise it is set in the
    family's file. A limit or bedtime is turned off by ``{}``, and on by None.
    """
    head = key.partition("/")[0]
    if head in ("bedtime", "limits"):
        return {key: None if on else {}}
    off, ons = _words(key, head)
    band = book.band_says(key)
    band_is_on = band is not None and str(band).lower() in [word.lower() for word in ons]
    if on:
        return {key: None if band_is_on else _value(key, ons[0])}
    return {key: _value(key, off) if band_is_on else None}


def _words(key: str, head: str) -> tuple[str, tuple[str, ...]]:
    """Return a rule's value for off, and its values for on; the first of these is set to turn it on."""
    if key in ON_OFF:
        return "false", ("true",)
    if key == "safe_search":
        return "off", ("strict", "moderate")
    if head == "ways":
        return "allow", ("block",)
    return "allow", ("block", "ask", "count")


def _value(key: str, word: str) -> Any:
    return word == "true" if key in ON_OFF else word

"""Rules that are on or off: what their switch shows, and what it writes. Pure."""

from __future__ import annotations

from typing import Any

from webui.rules.ruleset import Ruleset, flag

ON_OFF = ("strict", "updates")  # true or false in the file


def switch_of(book: Ruleset, key: str) -> bool | None:
    """None for a rule that has more than two sides, or nothing that it could be switched on to."""
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
        # Without the band's own there is nothing to come back to: such a rule is taken out instead.
        return bool(held) if book.band_says(key) else None
    return None


def switched(book: Ruleset, key: str, *, on: bool) -> dict[str, Any]:
    """What `edit` is to set. Switched on, the band's own word holds again where that is on."""
    head = key.partition("/")[0]
    if head in ("bedtime", "limits"):
        return {key: None if on else {}}
    off, ons = _words(key, head)
    band = book.band_says(key)
    band_is_on = band is not None and str(band).lower() in [one.lower() for one in ons]
    if on:
        return {key: None if band_is_on else _value(key, ons[0])}
    return {key: _value(key, off) if band_is_on else None}


def _words(key: str, head: str) -> tuple[str, tuple[str, ...]]:
    """How it is off, and how it may be on; the first where the band has it off."""
    if key in ON_OFF:
        return "false", ("true",)
    if key == "safe_search":
        return "off", ("strict", "moderate")
    if head == "ways":
        return "allow", ("block",)
    return "allow", ("block", "ask", "count")


def _value(key: str, word: str) -> Any:
    return word == "true" if key in ON_OFF else word

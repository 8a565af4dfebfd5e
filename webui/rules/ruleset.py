"""A child's own rules, the band's, and the rules in effect: the answer of the daemon's verb `rules`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from webui.language.telling import met
from webui.values.shapes import Answer

FAMILY = "family"
INTERNET, PLAY = "internet", "play"
BY_ENTRY = ("categories", "ways", "limits", "windows", "laws")  # keys whose entries are changed individually
LISTS = ("allow", "block", "homework")

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The rules of one child.

    Keys and values are those of the file; ``limits/play`` is one entry of a mapping.
    """

    id: str
    name: str
    band: str
    by_hand: bool  # the file has comments, which a change removes
    revision: int
    set_by: str
    set_at: datetime | None
    own: Values = field(default_factory=dict)
    band_rules: Values = field(default_factory=dict)
    rules: Values = field(default_factory=dict)  # in effect

    def owns(self, key: str) -> bool:
        """Return whether the family's file sets the key. Clearing a mapping sets each of its entries."""
        head, slash, _ = key.partition("/")
        return part(self.own, key) is not None or bool(slash and self.own.get(head) == {})

    def owner(self, key: str) -> str:
        return FAMILY if self.owns(key) else f"band:{self.band}"

    def holds(self, key: str) -> Any:
        return part(self.rules, key)

    def band_says(self, key: str) -> Any:
        return part(self.band_rules, key)

    def cleared(self, key: str) -> bool:
        """Return whether the file clears the band's entries under a key."""
        return self.own.get(key) == {}

    def listed(self, key: str) -> tuple[str, ...]:
        """Return the family's own entries of a list."""
        return texts(self.own.get(key))

    @property
    def next_step(self) -> str:
        """Return the month of the next age band as YYYY-MM; empty if not set."""
        return str(self.own.get("next_step") or "")

    @property
    def highest_log_level(self) -> int:
        """Return the maximum log level. It is the band's own."""
        return whole(self.band_rules.get("log_level"))


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


def parse_ruleset(values: Mapping[str, Any]) -> Ruleset:
    answer = Answer(values)
    changed = answer.entry("set")
    return Ruleset(
        id=answer.text("id"),
        name=answer.text("name") or answer.text("id"),
        band=answer.text("band"),
        by_hand=answer.flag("by_hand"),
        revision=answer.whole("revision"),
        set_by=changed.text("by") if changed else "",
        set_at=changed.moment("at") if changed else None,
        own=_mapping(answer, "own"),
        band_rules=_mapping(answer, "band_rules"),
        rules=_mapping(answer, "rules"),
    )


def _mapping(answer: Answer, key: str) -> Values:
    entry = answer.entry(key)
    return entry.values if entry else {}


@dataclass(frozen=True, slots=True)
class Preview:
    """The preview of a decision about a site."""

    host: str
    verdict: str
    owner: str
    sentence: str
    rule: str
    until: datetime | None
    passed: tuple[tuple[str, str], ...]  # rule, its result


def parse_preview(values: Mapping[str, Any]) -> Preview:
    answer = Answer(values)
    at = answer.moment("at")
    return answer.read(
        Preview,
        sentence=met(answer, answer.text("host"), at) if at else answer.text("sentence"),
        passed=tuple((step.text("rule"), step.text("outcome")) for step in answer.entries("passed")),
    )

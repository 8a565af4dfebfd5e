"""Blocked bypass methods that a device uses, as the pages show them: one card each, with its menu steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from webui.language.i18n import SOURCE_LANGUAGE, spoken
from webui.values.shapes import Answer

SHOWN = 3  # cards on the parents' page, above the children's; the rest is a number


@dataclass(frozen=True, slots=True)
class Menu:
    name: str  # of the device or program
    steps: tuple[str, ...]  # from the first tap to the choice
    language: str  # of the steps


@dataclass(frozen=True, slots=True)
class WayCard:
    device: str  # MAC
    name: str  # the device's own name; untrusted input
    kind: str
    profile_name: str  # of the child
    way: str
    topic: str  # private_dns, app_dns, vpn, tor, proxy, ssh
    day: date | None
    at: datetime | None  # None: not stored at this log level
    host: str  # untrusted input
    proto: str
    sure: bool
    solved: bool
    told: int  # detail for a guardian: 0 nothing, 1 that it happened, 2 everything
    menus: tuple[Menu, ...]

    @property
    def called(self) -> str:
        return self.name or self.device


@dataclass(frozen=True, slots=True)
class WayCards:
    found: tuple[WayCard, ...] = ()
    count: int = 0

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.found))


def parse_cards(values: Mapping[str, Any]) -> WayCards:
    answer = Answer(values)
    found = tuple(
        entry.read(WayCard, menus=tuple(_menu(menu) for menu in entry.entries("menus")))
        for entry in answer.entries("cards")
    )
    return WayCards(found, answer.whole("count"))


def _menu(entry: Answer) -> Menu:
    """Return the steps in the browser's language if they are known in it."""
    names, steps = entry.entry("name") or Answer({}), entry.entry("steps") or Answer({})
    language = spoken(steps.values)
    return Menu(
        name=names.text(language) or names.text(SOURCE_LANGUAGE),
        steps=steps.texts(language),
        language=language,
    )

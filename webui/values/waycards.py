"""Closed ways that a device uses, as the pages show them: one card each, with the words of its own menu."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from webui.language.i18n import SOURCE_LANGUAGE, spoken
from webui.values.shapes import Answer

SHOWN = 3  # cards on the parents' page, above the children's; the rest is counted


@dataclass(frozen=True, slots=True)
class Menu:
    name: str  # of the device or program
    steps: tuple[str, ...]  # from the first tap to the choice
    language: str  # of the steps


@dataclass(frozen=True, slots=True)
class WayCard:
    device: str  # MAC
    name: str  # what the device calls itself, hostile input
    kind: str
    profile_name: str  # of the child
    way: str
    topic: str  # private_dns, app_dns, vpn, tor, proxy, ssh
    day: date | None
    at: datetime | None  # None: the log level keeps none
    host: str  # hostile input
    proto: str
    sure: bool
    solved: bool
    told: int  # how much of it a guardian sees: 0 nothing, 1 that it was, 2 all of this
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
        entry.read(WayCard, menus=tuple(_menu(one) for one in entry.entries("menus")))
        for entry in answer.entries("cards")
    )
    return WayCards(found, answer.whole("count"))


def _menu(entry: Answer) -> Menu:
    """In the language of the browser that asks, where the menu is known in it."""
    names, steps = entry.entry("name") or Answer({}), entry.entry("steps") or Answer({})
    language = spoken(steps.values)
    return Menu(
        name=names.text(language) or names.text(SOURCE_LANGUAGE),
        steps=steps.texts(language),
        language=language,
    )

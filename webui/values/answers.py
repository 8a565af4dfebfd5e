"""The daemon's answers about blocked sites, and its help lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.language import telling
from webui.language.i18n import language
from webui.values.decided import Decided, parse_decided
from webui.values.shapes import Answer

QUIET = frozenset({"day", "nothing"})  # sightings that do not say whether the device is online now
TIME_REASONS = frozenset({"bedtime", "window", "out_of_time"})


@dataclass(frozen=True, slots=True)
class Refusal:
    at: datetime | None
    host: str
    name: str  # the service or category of the host, if known
    reason: str
    owner: str
    until: datetime | None
    sentence: str
    askable: bool  # the child may ask for it, or for time if a time rule blocks it
    decided: Decided

    @property
    def for_time(self) -> bool:
        return self.reason in TIME_REASONS


def parse_refusals(values: Mapping[str, Any], *, yours: bool = False) -> tuple[Refusal, ...]:
    """Parse refusals, newest first. ``yours``: word them for the blocked device's user."""
    return tuple(
        entry.read(Refusal, sentence=telling.refusal(entry, yours=yours), decided=parse_decided(entry))
        for entry in Answer(values).entries("refusals")
    )


@dataclass(frozen=True, slots=True)
class OwnRefusals:
    """The last refusals of the device that asks."""

    found: tuple[Refusal, ...] = ()  # newest first
    shared: bool = False  # the owner of a refusal is unknown among several guests, so none is shown


def parse_own_refusals(values: Mapping[str, Any]) -> OwnRefusals:
    return OwnRefusals(parse_refusals(values, yours=True), Answer(values).flag("shared"))


@dataclass(frozen=True, slots=True)
class HelpLine:
    name: str
    phone: str
    text: str  # contact for messages
    web: str  # a host name
    kind: str  # one of the kinds in policy/countries.py
    confirmed: bool  # its operator has confirmed it


def parse_help_lines(values: Mapping[str, Any], key: str = "lines") -> tuple[HelpLine, ...]:
    """Parse help lines, each with its name in the reader's language if known.

    ``key``: `rights` for bodies that take complaints.
    """
    return tuple(
        entry.read(HelpLine, name=(entry.entry("names") or Answer({})).text(language()) or entry.text("name"))
        for entry in Answer(values).entries(key)
    )

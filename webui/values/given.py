"""The result of a grant, a landing, a code or an answer, and its description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.language.i18n import gettext as _
from webui.language.i18n import is_source, ngettext
from webui.language.telling import more
from webui.language.words import clock, plain
from webui.values.shapes import Answer

WHOLE = frozenset({"internet", "bedtime", "device", "window:internet"})
PLAY = frozenset({"play", "window:play"})


@dataclass(frozen=True, slots=True)
class Given:
    minutes: int
    until: datetime | None  # None: minutes of use
    gates: tuple[str, ...]
    sentence: str  # the daemon's own


def parse_given(values: Mapping[str, Any]) -> Given:
    return Answer(values).read(Given)


def to_parent(given: Given, name: str, now: datetime, *, paused: bool) -> str:
    """``Aruzhan has 15 more minutes, until 21:00.``"""
    if is_source() and not (given.gates and set(given.gates) <= WHOLE | PLAY):
        return given.sentence
    if given.until is None and given.gates and set(given.gates) <= PLAY:
        sentence = ngettext(
            "%(name)s has %(num)d more minute of play today.",
            "%(name)s has %(num)d more minutes of play today.",
            given.minutes,
            name=plain(name),
        )
    else:
        sentence = more(plain(name), given.minutes, given.until, now)
    return f"{sentence} {_('The pause goes on.')}" if paused else sentence


def to_child(given: Given, now: datetime) -> str:
    """``You have 15 more minutes, until 21:00.``"""
    if given.until is not None:
        return ngettext(
            "You have %(num)d more minute, until %(until)s.",
            "You have %(num)d more minutes, until %(until)s.",
            given.minutes,
            until=clock(given.until, now),
        )
    if given.gates and set(given.gates) <= PLAY:
        return ngettext(
            "You have %(num)d more minute of play today.",
            "You have %(num)d more minutes of play today.",
            given.minutes,
        )
    return ngettext(
        "You have %(num)d more minute today.", "You have %(num)d more minutes today.", given.minutes
    )

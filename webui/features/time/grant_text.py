"""Describes extra time that was given to a child or that it took."""

from __future__ import annotations

from datetime import datetime

from gateway.control.contract.time import PersonGrant
from webui.language.i18n import gettext as _
from webui.language.i18n import is_source, ngettext
from webui.language.words import clock, plain

WHOLE = frozenset({"internet", "bedtime", "device", "window:internet"})
PLAY = frozenset({"play", "window:play"})


def to_parent(given: PersonGrant, name: str, now: datetime, *, paused: bool) -> str:
    """Return a sentence about extra time for parents: ``Aruzhan has 15 more minutes, until 21:00.``"""
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


def more(name: str, minutes: int, until: datetime | None, now: datetime) -> str:
    """Return a sentence about ``minutes`` of extra time: ``Aruzhan has 15 more minutes, until 21:00.``"""
    if until is None:
        return ngettext(
            "%(name)s has %(num)d more minute today.",
            "%(name)s has %(num)d more minutes today.",
            minutes,
            name=name,
        )
    return ngettext(
        "%(name)s has %(num)d more minute, until %(until)s.",
        "%(name)s has %(num)d more minutes, until %(until)s.",
        minutes,
        name=name,
        until=clock(until, now),
    )


def to_child(given: PersonGrant, now: datetime) -> str:
    """Return a sentence about extra time for the child: ``You have 15 more minutes, until 21:00.``"""
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

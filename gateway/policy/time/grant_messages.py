"""Sentences about extra time and opened sites, for the pages, events and the command line.

The pages import this module: it must not import the YAML library or the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.policy.judge.explanation import Names
from gateway.policy.judge.target_names import target_name
from gateway.policy.language import Language
from gateway.policy.profile.rules import INTERNET, PLAY
from gateway.policy.requests.requests import ChildRequest, RequestTopic
from gateway.policy.time.gates import BEDTIME, DEVICE, target_of
from gateway.policy.time.moments import clock

if TYPE_CHECKING:  # it imports the YAML library
    from gateway.policy.time.extension import Extension

_WHOLE = frozenset({DEVICE, BEDTIME, INTERNET})


def limits_name(gates: str, names: Names) -> str:
    """Return the names of several limits, separated by commas. ``gates``: the limits, separated by spaces."""
    return ", ".join(target_name(gate, names) for gate in gates.split())


def granted_thing(extensions: Sequence[Extension]) -> str:
    """Return what a grant is for: ``service:x``, ``play``, ``category:x``, ``group:x``; "" for all internet.

    ``extensions``: its effects; at least one.
    """
    first = extensions[0]
    if first.service is not None:
        return f"service:{first.service}"
    target = target_of(first.gate)
    return "" if target in _WHOLE else target


def grant_sentence(
    name: str,
    minutes: int,
    until: datetime | None,
    now: datetime,
    language: Language,
    *,
    thing: str = "",
    what: str = "",
    paused: bool = False,
) -> str:
    """Return the sentence for a guardian about the extra time that one grant gave the person ``name``.

    ``until``: its end; None: minutes of use today. ``thing``: what it is for, from `granted_thing`
    (``service:x``, ``play``, …; empty: all internet), ``what``: its name. ``paused``: the sentence adds that
    the pause goes on.
    """
    _, ngettext = language.gettext, language.ngettext
    if until is not None and thing:
        text = opened_sentence(name, what, until, now, language)
    elif until is not None:
        text = ngettext(
            "%(name)s has %(num)d more minute, until %(until)s.",
            "%(name)s has %(num)d more minutes, until %(until)s.",
            minutes,
            name=name,
            until=clock(until, now, language),
        )
    elif thing == PLAY:
        text = ngettext(
            "%(name)s has %(num)d more minute of play today.",
            "%(name)s has %(num)d more minutes of play today.",
            minutes,
            name=name,
        )
    elif thing:
        # Translators: %(what)s is an app, a group of apps or a category, such as "YouTube".
        text = ngettext(
            "%(name)s has %(num)d more minute of %(what)s today.",
            "%(name)s has %(num)d more minutes of %(what)s today.",
            minutes,
            name=name,
            what=what,
        )
    else:
        text = ngettext(
            "%(name)s has %(num)d more minute today.",
            "%(name)s has %(num)d more minutes today.",
            minutes,
            name=name,
        )
    return f"{text} {_('The pause goes on.')}" if paused else text


def grant_sentence_to_child(
    minutes: int,
    until: datetime | None,
    now: datetime,
    language: Language,
    *,
    thing: str = "",
    what: str = "",
) -> str:
    """Return the sentence for a child about its extra time. The arguments are those of `grant_sentence`."""
    _, ngettext = language.gettext, language.ngettext
    if until is not None and thing:
        return _("%(name)s is allowed until %(until)s.", name=what, until=clock(until, now, language))
    if until is not None:
        return ngettext(
            "You have %(num)d more minute, until %(until)s.",
            "You have %(num)d more minutes, until %(until)s.",
            minutes,
            until=clock(until, now, language),
        )
    if thing == PLAY:
        return ngettext(
            "You have %(num)d more minute of play today.",
            "You have %(num)d more minutes of play today.",
            minutes,
        )
    if thing:
        # Translators: %(what)s is an app, a group of apps or a category, such as "YouTube".
        return ngettext(
            "You have %(num)d more minute of %(what)s today.",
            "You have %(num)d more minutes of %(what)s today.",
            minutes,
            what=what,
        )
    return ngettext("You have %(num)d more minute today.", "You have %(num)d more minutes today.", minutes)


def opened_sentence(name: str, what: str, until: datetime | None, now: datetime, language: Language) -> str:
    """Return the sentence that a site or a service (``what``) is allowed for a person until a time.

    ``until`` None: permanently.
    """
    _ = language.gettext
    if until is None:
        return _("%(what)s is allowed for %(name)s from now on.", what=what, name=name)
    shown = clock(until, now, language)
    return _("%(what)s is allowed for %(name)s until %(until)s.", what=what, name=name, until=shown)


def declined_sentence(name: str, language: Language) -> str:
    """Return the sentence that the request of the person ``name`` is declined."""
    _ = language.gettext
    return _("The request of %(name)s is declined.", name=name)


def asked_sentence(request: ChildRequest, name: str, names: Names) -> str:
    """Return the English sentence that says what a child requests: a site, time, or a corrected count."""
    if request.topic is RequestTopic.SITE:
        return f"{name} asks for {target_name(request.thing, names)}."
    minutes = "1 minute" if request.minutes == 1 else f"{request.minutes} minutes"
    if request.topic is RequestTopic.LEDGER:
        return f"{name} thinks that {minutes} of {limits_name(request.thing, names)} are wrong."
    if request.thing:
        return f"{name} asks for {minutes} more of {names.services.get(request.thing, request.thing)}."
    return f"{name} asks for {minutes} more."

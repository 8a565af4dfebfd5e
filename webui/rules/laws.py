"""Describes the legal rules of a country for parents. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from gateway.control.contract.rules import CountryLaw
from webui.language.i18n import gettext as _
from webui.language.i18n import language
from webui.language.things import laws
from webui.language.words import day_of, plain

NAMELESS = ("true", "on", "yes")  # values in a file edited by hand that name no guardian


def describe_law(law: str, who: object) -> str:
    """Return a sentence that a law (its id) is on in a child's file, with the parent who turned it on.

    ``who``: the file's value; ``true`` and the like name no parent.
    """
    called = laws().get(law, law)
    if str(who).lower() in NAMELESS:
        return _("%(law)s: on", law=called)
    return _("%(law)s: on, by %(who)s", law=called, who=plain(str(who)))


def named(law: CountryLaw) -> CountryLaw:
    """Return a law with its name in the reader's language."""
    return replace(law, name=laws().get(law.id) or in_language(law.names) or law.name)


def in_language(texts: Mapping[str, str]) -> str:
    """Return the text in the reader's language, or else in English; empty without both."""
    return texts.get(language()) or texts.get("en", "")


def standing(law: CountryLaw, today: date) -> str:
    """Return a sentence about a law's status: in force since a date, announced, or a bill."""
    if law.status == "in force" and law.since:
        return _("In force since %(date)s.", date=day_of(date.fromisoformat(law.since), today))
    if law.status == "announced" and (expected := in_language(law.expected)):
        return _("Announced, not in force. Expected: %(when)s.", when=expected)
    if law.status == "announced":
        return _("Announced, not in force.")
    return _("A bill: it is not signed.")


def source(law: CountryLaw, today: date) -> str:
    day = day_of(law.date, today)
    return _("Source: %(source)s (%(date)s)", source=plain(law.source, 300), date=day)

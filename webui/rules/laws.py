"""Describes the legal rules of a country for parents. Pure functions."""

from __future__ import annotations

from datetime import date

from webui.language.i18n import gettext as _
from webui.language.things import laws
from webui.language.words import day_of, plain
from webui.values.country import Law

NOBODY = ("true", "on", "yes")  # values in a file edited by hand that name no guardian


def describe_law(law: str, who: object) -> str:
    """Describe a law that is on in a child's file, and who turned it on."""
    called = laws().get(law, law)
    if str(who).lower() in NOBODY:
        return _("%(law)s: on", law=called)
    return _("%(law)s: on, by %(who)s", law=called, who=plain(str(who)))


def standing(law: Law, today: date) -> str:
    """Describe the legal status: in force, or not yet."""
    if law.status == "in force" and law.since:
        return _("In force since %(date)s.", date=day_of(law.since, today))
    if law.status == "announced" and law.expected:
        return _("Announced, not in force. Expected: %(when)s.", when=law.expected)
    if law.status == "announced":
        return _("Announced, not in force.")
    return _("A bill: it is not signed.")


def source(law: Law, today: date) -> str:
    day = day_of(law.date, today) if law.date else ""
    return _("Source: %(source)s (%(date)s)", source=plain(law.source, 300), date=day)

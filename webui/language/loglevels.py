"""Describes what is stored and shown at each log level, for the child and for its parents."""

from __future__ import annotations

from gateway.age.bands import AgeBand
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from webui.language.i18n import gettext as _


def describe(level: int) -> str:
    """Return text for the child: what is stored at its log level (0 to 3), for how long, and who sees it."""
    if level <= 0:
        return _("Nothing that you do is stored.")
    if level == 1:
        return _(
            "How much of which category each day, for 30 days. No sites. The exact minutes stay for "
            "7 days and no one sees them. Homework, school, health and updates are left out where we "
            "know them."
        )
    if level == 2:
        return _(
            "Blocked sites and when, for 7 days. Your parents can see them. How much of which "
            "category each day, for 30 days. The exact minutes stay for 7 days and no one sees them. "
            "Homework, school, health and updates are left out where we know them."
        )
    return _(
        "Sites that you visit and when, for 7 days. Your parents can see them. How much of which "
        "category each day, for 30 days. How much of which service, for 7 days. The exact minutes "
        "stay for 7 days and no one sees them. Homework, school, health and updates are left out "
        "where we know them."
    )


def in_short(level: int) -> str:
    """Return a few words for parents: what is stored at a log level (0 to 3)."""
    if level <= 0:
        return _("Nothing")
    if level == 1:
        return _("Totals by category")
    if level == 2:
        return _("Blocked sites, totals by category")
    return _("Visited and blocked sites, totals by category")


def minutes(level: int) -> str:
    """Return text for the child: who can see which minutes were counted for a limit, at its log level."""
    if level >= 2:
        return _("Which minutes counted for a limit, for 7 days. You and your parents can see them.")
    if level <= 0:
        return _("How many minutes count for a limit that someone set. Only you can see it, here.")
    return _(
        "Which minutes counted for a limit, for 7 days. You can see them;"
        " your parents see how many, on the next day."
    )


def presence(level: int) -> str:
    """Return a sentence for the child: what parents see of its devices' online status, at its log level."""
    if level >= NAMES_LEVEL:
        return _("Your parents can see when your devices are on the Wi-Fi.")
    if level >= KINDS_LEVEL:
        return _("Your parents can see on which day your devices were on the Wi-Fi last, not when.")
    return _("Your parents cannot see when your devices are on the Wi-Fi.")


def by_day(level: int) -> bool:
    """Return whether parents see only the date of the child's actions, not the time, at its log level."""
    return level < NAMES_LEVEL


def asking(level: int) -> str:
    """Return text for the child before it sends a request: what parents see of it, at its log level."""
    if level >= NAMES_LEVEL:
        return _("Your parents read what you ask for, when, and why.")
    if level >= KINDS_LEVEL:
        return _(
            "Your parents read what you ask for, when, and why, until it is answered. After that "
            "they see only its type and the day."
        )
    return _(
        "Your parents read what you ask for, when, and why, until it is answered. After that they "
        "see only what they gave."
    )


def explain_private(level: int, band: str) -> str:
    """Return text for parents: why they do not see a device's online status; empty if they see it.

    ``level``: the log level of the device's child, 0 to 3. ``band``: the child's age group.
    """
    if level >= NAMES_LEVEL:
        return ""
    if level >= KINDS_LEVEL:
        if band == AgeBand.AGE_13_15.value:
            return _("Online status is private from age 13.")
        return _("With this setting, online status is private.")
    if band == AgeBand.AGE_16_17.value:
        return _("Online status and use of time are private from age 16.")
    return _("With this setting, online status and use of time are private.")

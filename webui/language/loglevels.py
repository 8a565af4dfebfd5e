"""Describes what is stored and shown at each log level, for the child and for its parents."""

from __future__ import annotations

from gateway.age.bands import AgeBand
from gateway.policy.profile.rules import KINDS_LEVEL, NAMES_LEVEL
from webui.language.i18n import gettext as _


def describe(level: int) -> str:
    """Return sentences for the child about what is stored at a log level, for how long, and who sees it."""
    if level <= 0:
        return _("Nothing that you do is written down.")
    if level == 1:
        return _(
            "How much, of what kind, on which day, for 30 days. No names of sites."
            " Which minutes those were stays for 7 days and is shown to nobody."
            " Homework, school, health and updates are left out where they are known by name."
        )
    if level == 2:
        return _(
            "Names of sites that were refused, and when, for 7 days. Your parents can see them."
            " How much, of what kind, on which day, for 30 days."
            " Which minutes those were stays for 7 days and is shown to nobody."
            " Homework, school, health and updates are left out where they are known by name."
        )
    return _(
        "Names of sites that you visit, and when, for 7 days. Your parents can see them."
        " How much, of what kind, on which day, for 30 days; how much with which service, for 7 days."
        " Which minutes those were stays for 7 days and is shown to nobody."
        " Homework, school, health and updates are left out where they are known by name."
    )


def minutes(level: int) -> str:
    """Return sentences for the child about who sees which minutes counted for a limit."""
    if level >= 2:
        return _("Which minutes counted for a limit, for 7 days. You and your parents can see them.")
    if level <= 0:
        return _(
            "How many minutes count for a limit that somebody set. You can see it here; nobody else can."
        )
    return _(
        "Which minutes counted for a limit, for 7 days. You can see them;"
        " your parents see how many, on the next day."
    )


def presence(level: int) -> str:
    """Return a sentence for the child about what parents see of its devices' online status."""
    if level >= NAMES_LEVEL:
        return _("Your parents can see when your devices are on the Wi-Fi.")
    if level >= KINDS_LEVEL:
        return _("Your parents can see on which day your devices were on the Wi-Fi last, not when.")
    return _("Your parents cannot see when your devices are on the Wi-Fi.")


def by_day(level: int) -> bool:
    """Return whether parents see at most the date of the child's actions, not the time."""
    return level < NAMES_LEVEL


def asking(level: int) -> str:
    """Return sentences for the child about what parents see of a request, before it is sent."""
    if level >= NAMES_LEVEL:
        return _("Your parents read what you ask for, when, and why.")
    if level >= KINDS_LEVEL:
        return _(
            "Your parents read what you ask for, when, and why, until it is answered."
            " After that they see of what kind it was and on which day."
        )
    return _(
        "Your parents read what you ask for, when, and why, until it is answered."
        " After that they see nothing of it but what they gave."
    )


def explain_private(level: int, band: str) -> str:
    """Return why parents do not see a device's online status; empty if they do."""
    if level >= NAMES_LEVEL:
        return ""
    if level >= KINDS_LEVEL:
        if band == AgeBand.AGE_13_15.value:
            return _("From 13 on it is not told whether a device is here.")
        return _("At log level 1 it is not told whether a device is here.")
    if band == AgeBand.AGE_16_17.value:
        return _("From 16 on it is not told whether a device is here, nor how time is used.")
    return _("At log level 0 it is not told whether a device is here, nor how time is used.")

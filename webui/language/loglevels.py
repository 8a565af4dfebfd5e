"""What is written down at each log level, told to the child."""

from __future__ import annotations

from webui.language.i18n import gettext as _


def told(level: int) -> str:
    """What is written down at a log level."""
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
    """Who reads which minutes counted for a limit."""
    if level >= 2:
        return _("Which minutes counted for a limit, for 7 days. You and your parents can see them.")
    if level <= 0:
        return _(
            "How many minutes count for a limit that somebody set. You can see it here; nobody else can."
        )
    return _("Which minutes counted for a limit, for 7 days. You can see them; your parents see how many.")

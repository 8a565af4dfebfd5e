"""The texts of the rule keys: `TEXTS`.

The keys are described in gateway.policy.profile.rule_keys. The pages list them in the order of `TEXTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.policy.profile.rule_keys import RuleSection
from webui.language.i18n import gettext as _

Text = Callable[[], str]  # called for each page, in the reader's language


@dataclass(frozen=True, slots=True)
class RuleText:
    """The texts of one rule key: its title, and descriptions of its values."""

    title: Text
    choices: Mapping[str, Text] = field(default_factory=dict)  # by value; the pages offer them in this order
    no_minutes: Text | None = None
    minutes: Callable[[str], str] | None = None  # takes the duration as text
    cleared: Text | None = None  # of a list or mapping: the family removed the band's entries


TEXTS: Mapping[str, RuleText] = {
    "bedtime": RuleText(lambda: _("Bedtime")),
    "limits": RuleText(lambda: _("Time limits"), cleared=lambda: _("No age group limit applies")),
    "windows": RuleText(lambda: _("Schedule"), cleared=lambda: _("No age group schedule applies")),
    "landing": RuleText(
        lambda: _("Minutes to finish a game"),
        no_minutes=lambda: _("No minutes to finish a game when time ends"),
        minutes=lambda time: _("%(time)s once a day to finish a game when time ends", time=time),
    ),
    "linger": RuleText(
        lambda: _("Idle time still counted"),
        no_minutes=lambda: _("Idle time is not counted"),
        minutes=lambda time: _("Up to %(time)s of idle time still counts", time=time),
    ),
    "auto_approve": RuleText(
        lambda: _("Automatic extra time"),
        no_minutes=lambda: _("A parent answers each request for time"),
        minutes=lambda time: _("Requests for up to %(time)s a day are granted automatically", time=time),
    ),
    "dates": RuleText(lambda: _("Dates")),
    "calendars": RuleText(lambda: _("Calendars")),
    "mode": RuleText(
        lambda: _("What is allowed"),
        choices={
            "block-list": lambda: _("Everything is allowed except what is blocked"),
            "allow-list": lambda: _("Only what is on the list is allowed"),
        },
    ),
    "unknown": RuleText(
        lambda: _("Unknown sites"),
        choices={
            "allow": lambda: _("Unknown sites are allowed"),
            "ask": lambda: _("Unknown sites need approval"),
            "block": lambda: _("Unknown sites are blocked"),
        },
    ),
    "allow": RuleText(lambda: _("Allowed"), cleared=lambda: _("The age group allows no sites by name")),
    "block": RuleText(lambda: _("Blocked"), cleared=lambda: _("The age group blocks no sites by name")),
    "homework": RuleText(
        lambda: _("For homework"), cleared=lambda: _("The age group sets no homework sites")
    ),
    "laws": RuleText(lambda: _("Laws"), cleared=lambda: _("No law is turned on")),
    "categories": RuleText(lambda: _("Categories"), cleared=lambda: _("No age group category rule applies")),
    "safe_search": RuleText(
        lambda: _("Safe search"),
        choices={
            "strict": lambda: _("Search engines and YouTube are in their strict safe mode"),
            "moderate": lambda: _("Search engines and YouTube are in their moderate safe mode"),
            "off": lambda: _("Search engines and YouTube show everything"),
        },
    ),
    "ways": RuleText(
        lambda: _("VPN and bypass protection"), cleared=lambda: _("No VPN or bypass method is blocked")
    ),
    "strict": RuleText(
        lambda: _("Addresses without a name"),
        choices={
            "true": lambda: _("Apps reach only addresses that belong to an allowed name"),
            "false": lambda: _("Apps may reach an address that has no name"),
        },
    ),
    "updates": RuleText(
        lambda: _("Updates"),
        choices={
            "true": lambda: _("Updates of apps and systems always work and never count"),
            "false": lambda: _("Updates follow the rules of their service"),
        },
    ),
    "log_level": RuleText(lambda: _("What is stored")),
    "failure": RuleText(
        lambda: _("While the filter does not run"),
        choices={
            "closed": lambda: _("While the filter does not run, only help lines work"),
            "open": lambda: _("While the filter does not run, the devices are not filtered"),
        },
    ),
    "clock_unset": RuleText(
        lambda: _("While the time is not known"),
        choices={
            "strict": lambda: _("While the time is not known, anything with a time rule is blocked"),
            "open": lambda: _("While the time is not known, time rules are not applied"),
        },
    ),
    "name": RuleText(lambda: _("Name")),
    "band": RuleText(lambda: _("Age group")),
    "next_step": RuleText(lambda: _("Month of the next age group")),
    "devices": RuleText(lambda: _("Devices")),
    "portal": RuleText(lambda: _("Blocked page on devices")),
}

SECTIONS: Mapping[RuleSection, Text] = {
    RuleSection.TIME: lambda: _("Time limits"),
    RuleSection.BEDTIME: lambda: _("Bedtime"),
    RuleSection.SITES: lambda: _("Apps and sites"),
    RuleSection.CATEGORIES: lambda: _("Categories"),
    RuleSection.SEARCH: lambda: _("Search"),
    RuleSection.BYPASS: lambda: _("VPN and bypass protection"),
    RuleSection.ACTIVITY: lambda: _("What is stored"),
    RuleSection.PERSON: lambda: _("More settings"),  # with the sections that are not here
}
"""The titles of the cards with a child's rules, in order."""

CARDS: Mapping[str, Text] = {
    "what": lambda: _("General"),
    "searches": lambda: _("Searches"),
    "log": lambda: _("What is stored"),
    "grace": lambda: _("Flexibility"),
    "around": lambda: _("VPN and bypass protection"),
    "fails": lambda: _("When something fails"),
}
"""The titles of the cards on the page of rules with one value each, in order."""


def title_of(key: str) -> str:
    """Return the title of a rule key; the key itself for one without texts."""
    return TEXTS[key].title() if key in TEXTS else key


def choices_of(key: str) -> dict[str, str]:
    """Return the values of a choice or switch, each with its description, in the order of the pages."""
    return {value: text() for value, text in TEXTS[key].choices.items()}


def minutes_of(key: str, time: str) -> str:
    """Return a sentence about a rule with a duration as its value.

    ``time``: the duration as text; empty for zero minutes. Raises KeyError for a key without such a text.
    """
    text = TEXTS[key]
    if text.no_minutes is None or text.minutes is None:
        raise KeyError(key)
    return text.minutes(time) if time else text.no_minutes()


def cleared_text(key: str) -> str:
    """Return a sentence that the family removed the age group's entries from a list or mapping.

    Raises KeyError for a key without such a text.
    """
    cleared = TEXTS[key].cleared
    if cleared is None:
        raise KeyError(key)
    return cleared()

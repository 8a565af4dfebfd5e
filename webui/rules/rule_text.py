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
    "limits": RuleText(lambda: _("Limits"), cleared=lambda: _("None of the band’s limits is in force")),
    "windows": RuleText(lambda: _("Hours"), cleared=lambda: _("None of the band’s windows is in force")),
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
        lambda: _("What is open"),
        choices={
            "block-list": lambda: _("Everything is open but what is refused"),
            "allow-list": lambda: _("Only what is allowed is open"),
        },
    ),
    "unknown": RuleText(
        lambda: _("Sites of no known kind"),
        choices={
            "allow": lambda: _("Sites of no known kind are open"),
            "ask": lambda: _("Sites of no known kind are asked for first"),
            "block": lambda: _("Sites of no known kind are refused"),
        },
    ),
    "allow": RuleText(
        lambda: _("Open"), cleared=lambda: _("Nothing is open by its name because the band says so")
    ),
    "block": RuleText(
        lambda: _("Refused"), cleared=lambda: _("Nothing is refused by its name because the band says so")
    ),
    "homework": RuleText(
        lambda: _("For homework"), cleared=lambda: _("Nothing is for homework because the band says so")
    ),
    "laws": RuleText(lambda: _("Laws"), cleared=lambda: _("No law is turned on")),
    "categories": RuleText(
        lambda: _("Kinds of sites"), cleared=lambda: _("None of the band’s kinds of sites is in force")
    ),
    "safe_search": RuleText(
        lambda: _("Safe search"),
        choices={
            "strict": lambda: _("Search engines and YouTube are in their strict safe mode"),
            "moderate": lambda: _("Search engines and YouTube are in their moderate safe mode"),
            "off": lambda: _("Search engines and YouTube show everything"),
        },
    ),
    "ways": RuleText(lambda: _("Ways around"), cleared=lambda: _("No way around is refused")),
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
            "true": lambda: _("Updates of apps and systems are open and never counted"),
            "false": lambda: _("Updates are treated like the service that they belong to"),
        },
    ),
    "log_level": RuleText(lambda: _("Log level")),
    "failure": RuleText(
        lambda: _("While the filter does not run"),
        choices={
            "closed": lambda: _("While the filter does not run, the devices are closed; help stays open"),
            "open": lambda: _("While the filter does not run, the devices are open"),
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
    "band": RuleText(lambda: _("Age band")),
    "next_step": RuleText(lambda: _("Month of the next step")),
    "devices": RuleText(lambda: _("Devices")),
    "portal": RuleText(lambda: _("Our page on devices")),
}

SECTIONS: Mapping[RuleSection, Text] = {
    RuleSection.TIME: lambda: _("Time"),
    RuleSection.SITES: lambda: _("Sites and services"),
    RuleSection.LAWS: lambda: _("Laws"),
    RuleSection.CATEGORIES: lambda: _("Kinds of sites"),
    RuleSection.BYPASS: lambda: _("Searches and ways around"),
    RuleSection.ACTIVITY: lambda: _("What is written down"),
    RuleSection.FAILURE: lambda: _("When something fails"),
    RuleSection.PERSON: lambda: _("Who"),
}
"""The titles of the overview's sections, in order."""

CARDS: Mapping[str, Text] = {
    "what": lambda: _("In general"),
    "searches": lambda: _("Searches"),
    "log": lambda: _("What is written down"),
    "grace": lambda: _("Flexibility"),
    "around": lambda: _("Ways around"),
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
    """Return a sentence about a rule with minutes. ``time``: the duration as text; empty for zero minutes.

    Raises: KeyError for a key without such a text.
    """
    text = TEXTS[key]
    if text.no_minutes is None or text.minutes is None:
        raise KeyError(key)
    return text.minutes(time) if time else text.no_minutes()


def cleared_text(key: str) -> str:
    """Return a sentence about a list or mapping from which the family removed the band's entries.

    Raises: KeyError for a key without such a text.
    """
    cleared = TEXTS[key].cleared
    if cleared is None:
        raise KeyError(key)
    return cleared()

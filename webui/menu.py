"""The entries of the page "More" in groups, by role.

To add a page, add its `MenuEntry` to a group below. `icon` is one of parts/icons.html.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.accounts.people import PersonRole
from webui.accounts.session import Person
from webui.language.i18n import gettext as _

GUARDIANS = frozenset({PersonRole.GUARDIAN.value})


@dataclass(frozen=True, slots=True)
class MenuEntry:
    endpoint: str  # for Flask's url_for, without arguments
    icon: str
    title: str
    about: str  # one line
    roles: frozenset[str] = GUARDIANS  # who may open it


@dataclass(frozen=True, slots=True)
class MenuGroup:
    title: str
    entries: tuple[MenuEntry, ...]


def groups(person: Person) -> tuple[MenuGroup, ...]:
    """Return the groups of entries of the page "More" that a user's role may open, without empty groups."""
    found = (_children(), _home(), _knowledge(), _people(person), _gateway())
    shown = (
        MenuGroup(group.title, tuple(e for e in group.entries if person.role in e.roles)) for group in found
    )
    return tuple(group for group in shown if group.entries)


def _children() -> MenuGroup:
    return MenuGroup(
        _("Children"),
        (
            MenuEntry(
                "digest.show",
                "calendar",
                _("The last seven days"),
                _("One page a week: each child, in a few lines"),
            ),
            MenuEntry(
                "codes.show", "code", _("Codes on paper"), _("Minutes to give away. Each code works once")
            ),
            MenuEntry(
                "importing.show",
                "import",
                _("Rules from another home"),
                _("For a child who lives in two homes"),
            ),
            MenuEntry(
                "lending.show",
                "screen",
                _("Shared and handed over"),
                _("Who is on which screen, this phone for a child, PINs"),
            ),
        ),
    )


def _home() -> MenuGroup:
    return MenuGroup(
        _("The home"),
        (
            MenuEntry(
                "family_card.show",
                "card",
                _("Family card"),
                _("To print: where to see why a page is blocked"),
            ),
            MenuEntry("setup.start", "yes", _("Set up"), _("Language, family, who uses each device")),
            MenuEntry("devices.show", "devices", _("Devices"), _("Who uses each, and which are online")),
            MenuEntry(
                "own_services.show",
                "apps",
                _("Your own services"),
                _("An app or a game that is missing, by its sites"),
            ),
            MenuEntry("lists.show", "lists", _("Lists"), _("How old they are, and which list has a site")),
            MenuEntry(
                "alerts.show",
                "bell",
                _("Messages to my phone"),
                _("Requests, new devices and more"),
            ),
            MenuEntry(
                "automation.show",
                "link",
                _("Home automation"),
                _("Home Assistant and others, over MQTT"),
            ),
            MenuEntry(
                "family.show",
                "settings",
                _("Settings"),
                _("Country, time, language, new devices, rules off for a while"),
            ),
        ),
    )


def _knowledge() -> MenuGroup:
    return MenuGroup(
        _("To know more"),
        (
            MenuEntry(
                "guide.show",
                "landing",
                _("First steps"),
                _("What a filter can do and what not, and talking first"),
            ),
            MenuEntry(
                "learn.show",
                "book",
                _("Glossary"),
                _("Each category and each setting in three sentences"),
            ),
            MenuEntry(
                "mean.show",
                "heart",
                _("Someone is being mean to me"),
                _("First aid, as children read it"),
            ),
            MenuEntry(
                "rights.show",
                "scales",
                _("When a rule is not fair"),
                _("Who hears complaints in this country"),
            ),
            MenuEntry("guide.leaflet", "print", _("Leaflet"), _("To print in A5 and hand on")),
        ),
    )


def _people(person: Person) -> MenuGroup:
    return MenuGroup(
        _("People"),
        (
            MenuEntry(
                "account.show",
                "key",
                _("My account"),
                _("Password, recovery code, where you are signed in")
                if person.password
                else _("You have no password yet"),
            ),
            MenuEntry(
                "people.show",
                "people",
                _("People"),
                _("A change about you waits for your answer")
                if person.proposed
                else _("Parents, helpers, support"),
            ),
            MenuEntry("auditlog.show", "log", _("Who changed what"), _("And from which device")),
        ),
    )


def _gateway() -> MenuGroup:
    return MenuGroup(
        _("The gateway"),
        (
            MenuEntry("health.show", "health", _("Health"), _("Does everything work, and what to do if not")),
            MenuEntry("backup.show", "backup", _("Backup"), _("Save the rules in a file, or restore one")),
            MenuEntry("update.show", "update", _("Update"), _("Which version runs, and what is new")),
        ),
    )

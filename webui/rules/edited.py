"""Describes edits of the rule files as sentences: each entry as it is now, and as it was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gateway.control.contract.rules import ChangedValue, FamilyChange
from webui.features.lists.lists_text import intervals
from webui.features.rules.family_text import CHOICE_SETTINGS, ChoiceSetting, new_device_choices
from webui.language import zones
from webui.language.countries import countries
from webui.language.i18n import OWN_NAMES
from webui.language.i18n import gettext as _
from webui.language.things import register
from webui.language.words import listed, plain
from webui.rules import sentences as say
from webui.rules.catalogue import CatalogueIndex
from webui.rules.hours import Unreadable
from webui.rules.overview import sentences, title
from webui.rules.rule_text import cleared_text
from webui.rules.ruleset import BY_ENTRY, LISTS, flag, texts

NAME_LENGTH = 80  # characters of a device's or a site's name
OF_THE_DEVICE = ("devices", "shared", "managed")
AS_WHOLE = ("calendars", "portal")  # an entry of these is described as a list of only that entry


@dataclass(frozen=True, slots=True)
class RuleLine:
    now: tuple[str, ...]
    before: tuple[str, ...] = ()  # empty: there was nothing, or the new text includes it


@dataclass(frozen=True, slots=True)
class SentenceNames:
    """What sentences about a change of rules need: the catalogue, the names of people, and the time."""

    names: CatalogueIndex
    people: Mapping[str, str]  # names by profile id
    at: datetime  # now, for the description of time zones


def lines(change: FamilyChange, home: SentenceNames) -> tuple[RuleLine, ...]:
    if change.what == "settings":
        return tuple(_setting(edit, change, home) for edit in change.edits)
    return tuple(_rule(edit, change, home.names) for edit in change.edits)


def _rule(edit: ChangedValue, change: FamilyChange, names: CatalogueIndex) -> RuleLine:
    head, _slash, entry = edit.key.partition("/")
    if head == "devices" and entry:
        return _device(change, entry, has=edit.after is not None)
    if not entry and head in (*BY_ENTRY, *LISTS):  # all of the band's entries are removed or restored
        if edit.after == {}:
            return RuleLine((cleared_text(head),))
        return RuleLine((_("%(what)s: changed", what=title(head, names)),))

    def describe(value: object) -> tuple[str, ...]:
        return _sentences(edit.key, value, names, change.name or "")

    if edit.after is None:
        return RuleLine(tuple(_("Removed: %(rule)s", rule=sentence) for sentence in describe(edit.before)))
    now, before = describe(edit.after), () if edit.before is None else describe(edit.before)
    # Leave out the days of a bedtime or a limit that did not change.
    fresh = tuple(sentence for sentence in now if sentence not in before)
    return RuleLine(
        fresh or now, tuple(sentence for sentence in before if sentence not in now) if fresh else ()
    )


def _sentences(key: str, value: object, names: CatalogueIndex, name: str) -> tuple[str, ...]:
    head, _slash, entry = key.partition("/")
    try:
        if head in LISTS:
            return (say.entry(head, entry, names),)
        if head in AS_WHOLE and entry:
            return sentences(head, [entry], names, name)
        if head == "dates" and entry:
            return say.date(entry, value, names)
        return sentences(key, value, names, name)
    except Unreadable:
        return (say.as_written(key, value),)


def _device(change: FamilyChange, mac: str, *, has: bool) -> RuleLine:
    values = {"device": _called(change, mac), "name": plain(change.name or "")}
    if has:
        return RuleLine((_("%(device)s belongs to %(name)s now", **values),))
    return RuleLine((_("%(device)s no longer belongs to %(name)s", **values),))


def _called(change: FamilyChange, mac: str) -> str:
    name = next((device.name for device in change.devices if device.mac == mac), mac)
    return plain(name or mac, NAME_LENGTH)


def _setting(edit: ChangedValue, change: FamilyChange, home: SentenceNames) -> RuleLine:
    head, _slash, entry = edit.key.partition("/")
    tell = _settings(home).get(head)
    if head in OF_THE_DEVICE and entry:
        return _of_device(head, entry, edit.after, change, home)
    if head == "services" and entry:
        return RuleLine((_own_service(entry, edit.before, edit.after),))
    if tell is None:
        after = say.as_written(edit.key, edit.after)
        return RuleLine((after,) if edit.after is not None else (_("Removed: %(rule)s", rule=edit.key),))
    return RuleLine((tell(entry, edit.after),), (tell(entry, edit.before),))


def _settings(home: SentenceNames) -> dict[str, Callable[[str, object], str]]:
    """Return, by key, a function for each setting of the home that describes its value in words.

    It takes the entry (the key's part after the slash) and the value; None is the default.
    """
    return {
        "country": lambda _entry, value: _("Country: %(name)s", name=_country(value)),
        "timezone": lambda _entry, value: _("Time zone: %(place)s", place=_place(value, home.at)),
        "language": lambda _entry, value: _("Language: %(name)s", name=_tongue(value)),
        "unknown_devices": lambda _entry, value: _("New devices: %(what)s", what=_new_devices(value, home)),
        "interfaces": lambda entry, value: _(
            "New devices on %(network)s: %(what)s",
            network=plain(entry),
            what=_new_devices(value, home, entry),
        ),
        "lists": lambda _entry, value: _("Lists are downloaded: %(interval)s", interval=_interval(value)),
        "registers": lambda entry, value: _register(entry, value),
        **{key: partial(_chosen, setting) for key, setting in CHOICE_SETTINGS.items()},
    }


def _own_service(key: str, before: object, after: object) -> str:
    """Return a sentence that the family defined, changed or removed a service of its own.

    ``before``, ``after``: the service in the settings file; None: there was or is none.
    """
    known = after if isinstance(after, Mapping) else before
    said = known if isinstance(known, Mapping) else {}
    name = plain(str(said.get("name", key)), NAME_LENGTH)
    if after is None:
        return _("Your own service %(name)s is removed", name=name)
    reached = [
        plain(text, NAME_LENGTH) for text in (*texts(said.get("domains")), *texts(said.get("addresses")))
    ]
    return _("Your own service %(name)s: %(sites)s", name=name, sites=listed(reached))


def _interval(value: object) -> str:
    word = value.get("update") if isinstance(value, Mapping) else value
    found = intervals().get(str(word or "daily"))
    return found[0] if found else plain(str(word))


def _register(country: str, value: object) -> str:
    named = register(plain(country))
    on = isinstance(value, Mapping) and flag(value.get("on"))
    return (
        _("%(register)s: on, for everyone in the home", register=named)
        if on
        else _("%(register)s: off", register=named)
    )


def _country(value: object) -> str:
    code = str(value or "").lower()
    return countries().get(code, plain(code.upper())) if code else _("None chosen")


def _place(value: object, at: datetime) -> str:
    return zones.zone(str(value), at).place if value else _("None chosen")


def _tongue(value: object) -> str:
    return OWN_NAMES.get(str(value), plain(str(value))) if value else _("None chosen")


def _new_devices(value: object, home: SentenceNames, network: str = "") -> str:
    if value is None and network:
        return _("as on the other networks")
    known = str(value or "guest")
    if known in new_device_choices():
        return new_device_choices()[known][0]
    name = plain(home.people.get(known, known))
    return _("by the rules of %(name)s", name=name)


def _chosen(setting: ChoiceSetting, _entry: str, value: object) -> str:
    """Return a sentence about a setting with fixed choices. None: the default, which is the first choice."""
    choices = setting.choices()
    word = str(value or next(iter(choices)))
    return setting.changed(choices[word][0] if word in choices else plain(word))


def _of_device(head: str, mac: str, value: object, change: FamilyChange, home: SentenceNames) -> RuleLine:
    device = _called(change, mac)
    if head == "managed":
        sites = [plain(text, NAME_LENGTH) for text in texts(value)]
        if not sites:
            return RuleLine((_("No tunnel is allowed on %(device)s any more", device=device),))
        sentence = _(
            "A school or work tunnel is allowed on %(device)s: %(sites)s", device=device, sites=listed(sites)
        )
        return RuleLine((sentence,))
    people = texts(value.get("people") if isinstance(value, Mapping) else value)
    if not people:
        return RuleLine((_("%(device)s is no longer shared", device=device),))
    shown = listed([plain(home.people.get(person, person)) for person in people])
    return RuleLine((_("%(device)s is shared by %(people)s", device=device, people=shown),))

"""Describes devices for the pages: names, owners, and groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.control.contract.devices import DeviceList, DeviceOwner, ListedDevice, OpenQuestion
from gateway.policy.identity.question_messages import (
    may_be_again,
    question_effects,
    question_facts,
    question_title,
)
from gateway.policy.profile.rules import PresenceDetail
from webui.language.i18n import READER
from webui.language.i18n import gettext as _
from webui.language.words import plain

HOME, GUEST, ADULT_GUEST, ADULT, QUARANTINE = "home", "guest", "visitor", "adult", "quarantine"
PLACES = (HOME, GUEST, ADULT_GUEST, ADULT)  # groups of devices without a personal owner
# A device shared by all children, or by all people if there is one child: the owner in a form is CHILDREN in
# both cases, and the second has the label of FAMILY.
CHILDREN, FAMILY = "children", "family"
FINE = "fine"  # the answer that a device stays as it is
GROUP_SHOWN = 60  # devices of a group; any device on the Wi-Fi can invent more, so the rest is counted
QUESTIONS_SHOWN = 5  # cards of questions; the rest is a number
WITHOUT_MOBILE_DATA = ("tablet", "computer", "console", "tv")  # types that usually have no SIM card
SETTLED = ("copy", "repeater", "address")  # questions that do not move the device while they are open


def called(device: ListedDevice) -> str:
    return device.name or device.mac


def mobile_data_field(mac: str) -> str:
    """Return the name of the form field that says that the device of this address has no mobile data."""
    return f"mobile-data-{mac}"


def is_private(seen: ListedDevice | OpenQuestion) -> bool:
    """Return whether guardians may not see at what time the device was online."""
    return seen.sightings != PresenceDetail.MOMENT


def is_new(device: ListedDevice) -> bool:
    """Return whether a guardian should choose who uses the device.

    That is if it is in quarantine, or if a question to guardians about its owner is open.
    """
    return device.profile == QUARANTINE or bool(device.asked and device.asked not in SETTLED)


class QuestionView:
    """The texts of a question to guardians about a device: title, facts, and the effects of the answers."""

    def __init__(self, question: OpenQuestion) -> None:
        harmless = replace(
            question,
            name=plain(question.name),
            known_name=plain(question.known_name),
            owner_name=plain(question.owner_name),
            rules_name=plain(question.rules_name),
        )
        self.may_be_again = may_be_again(question)
        self.title = question_title(harmless, READER)
        self.facts = question_facts(harmless, READER)
        self.effects = question_effects(harmless, READER)


@dataclass(frozen=True, slots=True)
class DeviceGroup:
    """Devices under one heading; ``count`` includes those that are not shown.

    ``person``: the id of their owner; empty: no personal owner.
    """

    key: str
    name: str
    devices: tuple[ListedDevice, ...]
    person: str = ""
    count: int = 0


class DevicesView:
    """The devices of the network and the people who own them."""

    def __init__(self, state: DeviceList) -> None:
        self.state = state

    def person(self, profile: str) -> DeviceOwner | None:
        return next((person for person in self.state.people if person.id == profile), None)

    def place_of(self, mac: str) -> str:
        """Return the owner's id of a device, or its group without an owner, such as ``guest``.

        Empty if unknown.
        """
        return next((device.profile for device in self.state.devices if device.mac == mac), "")

    def names_of(self, profiles: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the people with these ids. Unknown ids are left out."""
        return tuple(person.name for person in self.state.people if person.id in profiles)

    def owner(self, device: ListedDevice) -> str:
        """Return a device's owner as a short text: a person, several people, or a group such as guests."""
        person = self.person(device.profile)
        if device.shared:
            return ", ".join(plain(name) for name in self.names_of(device.shared))
        return plain(person.name) if person else place_name(device.profile)

    @property
    def groups(self) -> tuple[DeviceGroup, ...]:
        """Return the devices in groups: by child, by adult, shared, adults', unfiltered, guests', new.

        Empty groups are left out, except a child's. "Adults'": marked as an adult's, without a
        profile.
        """
        new = [device for device in self.state.devices if is_new(device)]
        shared = [device for device in self.state.devices if device.shared and device not in new]
        rest = [device for device in self.state.devices if device not in new and device not in shared]
        found = []
        for person in sorted(self.state.people, key=lambda person: not person.child):
            own = [device for device in rest if device.profile == person.id]
            if own or person.child:
                found.append(_group(f"of-{person.id}", plain(person.name), own, person.id))
        others = (
            ("shared", _("Shared by several"), shared),
            ("adults", _("An adult's"), [device for device in rest if device.profile == ADULT]),
            ("house", _("Not filtered"), [device for device in rest if device.profile == HOME]),
            ("guests", _("Guests"), [device for device in rest if device.profile in (GUEST, ADULT_GUEST)]),
            ("new", _("New: who uses it?"), new),
        )
        return (*found, *(_group(key, name, ones) for key, name, ones in others if ones))


def _group(key: str, name: str, devices: Iterable[ListedDevice], person: str = "") -> DeviceGroup:
    """Return a group of devices, online ones first, then by last sighting; at most GROUP_SHOWN.

    ``key``: the group's anchor on the page. ``person``: the owner's id; empty: none.
    """
    found = sorted(devices, key=_last_seen, reverse=True)
    found.sort(key=lambda device: not device.online)
    return DeviceGroup(key, name, tuple(found[:GROUP_SHOWN]), person, len(found))


def _last_seen(device: ListedDevice) -> float:
    return device.last_seen.timestamp() if device.last_seen else 0.0


def place_name(place: str) -> str:
    return {
        HOME: _("not filtered"),
        GUEST: _("a guest"),
        ADULT_GUEST: _("an adult guest"),
        ADULT: _("an adult's"),
        QUARANTINE: _("new, blocked until you choose who uses it"),
    }.get(place, plain(place))


def place_choice(place: str) -> tuple[str, str]:
    """Return the label of a choice of who uses a device, and a line that explains it.

    ``place``: a group without a personal owner, such as ``guest``; CHILDREN, FAMILY or FINE. Raises KeyError
    for others, such as QUARANTINE.
    """
    return {
        HOME: (_("Not filtered"), _("For printers, lamps and the like. Only harmful sites are blocked.")),
        GUEST: (
            _("A guest"),
            _("Sites are filtered as for a child of 10 or older, no internet at night."),
        ),
        ADULT_GUEST: (
            _("Adult guest, until 06:00"),
            _("Filtered like a guest, but with internet at night."),
        ),
        ADULT: (_("An adult's"), _("Only harmful sites are blocked, and nothing is recorded.")),
        CHILDREN: (_("Shared by all children"), _("The youngest's rules, until a child says who uses it.")),
        FAMILY: (_("Shared by all"), _("The youngest's rules, until someone says who uses it.")),
        FINE: (_("As it is"), _("Its rules do not change.")),
    }[place]


def describe_place(name: str, place: str, person: DeviceOwner | None) -> str:
    """Return a sentence that says who uses a device now: ``person``, or else the group ``place``.

    ``name``: the device's. Empty for an unknown group.
    """
    if person is not None:
        return _("%(device)s is %(name)s's now.", device=name, name=plain(person.name))
    sentences = {
        HOME: _("%(device)s is not filtered: only harmful sites are blocked.", device=name),
        ADULT: _("%(device)s is an adult's: only harmful sites are blocked.", device=name),
        GUEST: _("%(device)s is a guest.", device=name),
        ADULT_GUEST: _("%(device)s is an adult guest until tomorrow at 06:00.", device=name),
    }
    return sentences.get(place, "")

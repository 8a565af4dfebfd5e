"""The devices of the home: their owners, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.language.i18n import gettext as _
from webui.language.words import plain
from webui.values.adultproof import AdultProof, parse_adult_proof
from webui.values.answers import QUIET
from webui.values.questions import Question, parse_question
from webui.values.shapes import Answer

HOME, GUEST, VISITOR, ADULT, QUARANTINE = "home", "guest", "visitor", "adult", "quarantine"
PLACES = (HOME, GUEST, VISITOR, ADULT)  # groups of devices without a personal owner
GROUP_SHOWN = 60  # devices of a group; any device on the Wi-Fi can invent more, so the rest is counted
SETTLED = ("copy", "repeater")  # questions that do not move the device while they are open


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    child: bool


@dataclass(frozen=True, slots=True)
class Device:
    """One device. All its texts are untrusted input."""

    mac: str
    name: str  # the guardian's name for it, else its own
    label: str  # the guardian's name for it
    own_name: str
    online: bool
    ip: str
    profile: str  # a person's id, or home, guest, visitor, adult, quarantine
    until: datetime | None  # when that ends automatically
    vendor: str
    kind: str
    model: str
    system: str  # from its DHCP request
    random: bool  # its address is randomised
    shared: tuple[str, ...]  # ids of those who share the device
    managed: tuple[str, ...]  # host names of a VPN that stay allowed for it
    asked: str  # the open question about it
    proof: AdultProof | None  # that unlocks it for an adult for a while
    opens: bool  # an adult's proof can unlock it, or has
    mark: str  # yes or no: no mobile data; empty: not known to the daemon
    first_seen: datetime | None
    last_seen: datetime | None
    sightings: str = ""  # their precision: moment, day, nothing

    @property
    def quiet(self) -> bool:
        """Return whether its online status is private."""
        return self.sightings in QUIET

    @property
    def called(self) -> str:
        return self.name or self.mac

    @property
    def is_new(self) -> bool:
        """Return whether the device has no owner yet."""
        return self.profile == QUARANTINE or bool(self.asked and self.asked not in SETTLED)


@dataclass(frozen=True, slots=True)
class Had:
    """A former address of the device. A hardware address is one it used before."""

    address: str
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a device says about itself."""

    model: str
    system: str
    services: tuple[str, ...]
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    behind: tuple[str, ...]  # devices behind it: it is a repeater
    through: tuple[str, ...]  # repeaters between it and the gateway
    history: tuple[Had, ...]
    question: Question | None


@dataclass(frozen=True, slots=True)
class Group:
    """Devices under one heading. ``person``: their owner; empty: no personal owner."""

    key: str
    name: str
    devices: tuple[Device, ...]
    person: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Devices:
    found: tuple[Device, ...]
    people: tuple[Person, ...]
    scanning: bool

    def person(self, profile: str) -> Person | None:
        return next((person for person in self.people if person.id == profile), None)

    def names_of(self, profiles: Iterable[str]) -> tuple[str, ...]:
        """Return the names of these people. Unknown ids are left out."""
        return tuple(person.name for person in self.people if person.id in profiles)

    def owner(self, device: Device) -> str:
        """Return the owner in a word or two."""
        person = self.person(device.profile)
        if device.shared:
            return ", ".join(plain(name) for name in self.names_of(device.shared))
        return plain(person.name) if person else place_name(device.profile)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Return children's devices first, then adults', shared, unfiltered, guests', and new ones."""
        new = [device for device in self.found if device.is_new]
        shared = [device for device in self.found if device.shared and device not in new]
        rest = [device for device in self.found if device not in new and device not in shared]
        found = []
        for person in sorted(self.people, key=lambda person: not person.child):
            own = [device for device in rest if device.profile == person.id]
            if own or person.child:
                found.append(_group(f"of-{person.id}", plain(person.name), own, person.id))
        others = (
            ("shared", _("Shared by several"), shared),
            ("adults", _("An adult's"), [device for device in rest if device.profile == ADULT]),
            ("house", _("Of the house"), [device for device in rest if device.profile == HOME]),
            ("guests", _("Guests"), [device for device in rest if device.profile in (GUEST, VISITOR)]),
            ("new", _("New: whose is it?"), new),
        )
        return (*found, *(_group(key, name, ones) for key, name, ones in others if ones))


def _group(key: str, name: str, devices: list[Device], person: str = "") -> Group:
    """Return a group with online devices first, then by last sighting."""
    devices.sort(key=lambda device: device.last_seen.timestamp() if device.last_seen else 0.0, reverse=True)
    devices.sort(key=lambda device: not device.online)
    return Group(key, name, tuple(devices[:GROUP_SHOWN]), person, len(devices))


def place_name(place: str) -> str:
    return {
        HOME: _("of the house"),
        GUEST: _("a guest"),
        VISITOR: _("a visitor"),
        ADULT: _("an adult's"),
        QUARANTINE: _("new, and closed until you say whose it is"),
    }.get(place, plain(place))


def describe_place(name: str, place: str, person: Person | None) -> str:
    """Describe the assignment in one sentence."""
    if person is not None:
        return _("%(device)s is %(name)s's now.", device=name, name=plain(person.name))
    sentences = {
        HOME: _("%(device)s belongs to the house: only harmful sites are refused.", device=name),
        ADULT: _("%(device)s is an adult's: only harmful sites are refused.", device=name),
        GUEST: _("%(device)s is a guest.", device=name),
        VISITOR: _("%(device)s is a visitor until tomorrow at 06:00.", device=name),
    }
    return sentences.get(place, "")


def parse_devices(values: Mapping[str, Any]) -> Devices:
    answer = Answer(values)
    return Devices(
        found=tuple(_device(entry) for entry in answer.entries("devices")),
        people=tuple(entry.read(Person) for entry in answer.entries("people")),
        scanning=answer.flag("scanning"),
    )


def _device(entry: Answer) -> Device:
    return entry.read(Device, mark=_mark(entry), proof=parse_adult_proof(entry))


def _mark(entry: Answer) -> str:
    if entry.values.get("no_mobile_data") is None:
        return ""
    return "yes" if entry.flag("no_mobile_data") else "no"


def parse_learnt(values: Mapping[str, Any]) -> Learnt | None:
    """Parse an answer about one device."""
    entry = next(iter(Answer(values).entries("devices")), None)
    if entry is None:
        return None
    question = entry.entry("question")
    return entry.read(
        Learnt,
        history=tuple(address.read(Had) for address in entry.entries("history")),
        question=parse_question(question) if question else None,
    )

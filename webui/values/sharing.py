"""Users of shared devices, handed-over devices, and children's PINs, as the daemon reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webui.values.adultproof import AdultProof, parse_adult_proof
from webui.values.shapes import Answer


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    pin: bool  # needs one, from the age of ten
    pin_set: datetime | None
    pin_by: str  # the guardian who set it; empty: the child itself


@dataclass(frozen=True, slots=True)
class Lent:
    """A shared device, or one that is handed over."""

    device: str  # MAC
    name: str  # untrusted input
    people: tuple[Person, ...]  # youngest first
    youngest: str  # name of the child whose rules apply while no user is set
    who: str  # the current user; empty: none set
    who_name: str
    kind: str  # use, claim, handed
    until: datetime | None
    by: str  # the guardian who handed it over
    untold: bool = False  # the user may be a child whose activity is private

    @property
    def handed(self) -> bool:
        return self.kind == "handed"

    @property
    def label(self) -> str:
        return self.name or self.device

    def person(self, who: str) -> Person | None:
        return next((person for person in self.people if person.id == who), None)


@dataclass(frozen=True, slots=True)
class Pin:
    """The PIN of the child whose rules apply on the device that asks."""

    pin: bool
    pin_set: datetime | None
    pin_by: str
    may_set: bool  # from this device: it is the child's own


@dataclass(frozen=True, slots=True)
class Own:
    """What the device that asks may see of its own state."""

    sharing: Lent | None = None
    screens: tuple[Lent, ...] = ()  # on which the child may sign in
    pin: Pin | None = None
    adult: bool = False  # a user of it says that they are an adult
    proof: AdultProof | None = None  # that unlocks it for a while
    opens: bool = False  # an adult's proof can unlock it

    @property
    def handed(self) -> bool:
        return self.sharing is not None and self.sharing.handed

    def screen(self, mac: str) -> Lent | None:
        return next((screen for screen in self.screens if screen.device == mac), None)


@dataclass(frozen=True, slots=True)
class Lending:
    """The sharing of all devices of a home, for guardians."""

    devices: tuple[Lent, ...]
    people: tuple[Person, ...]

    def device(self, mac: str) -> Lent | None:
        return next((device for device in self.devices if device.device == mac), None)

    def person(self, who: str) -> Person | None:
        return next((person for person in self.people if person.id == who), None)


@dataclass(frozen=True, slots=True)
class Handed:
    """Whether the device at an address is handed over."""

    mac: str
    who: str  # empty: it is not
    name: str


def parse_own(answer: Answer) -> Own:
    sharing, pin = answer.entry("sharing"), answer.entry("pin")
    return Own(
        sharing=None if sharing is None else _lent(sharing),
        screens=tuple(_lent(screen) for screen in answer.entries("screens")),
        pin=None if pin is None else pin.read(Pin),
        adult=answer.flag("adult"),
        proof=parse_adult_proof(answer),
        opens=answer.flag("opens"),
    )


def parse_lending(values: Mapping[str, Any]) -> Lending:
    answer = Answer(values)
    return Lending(
        tuple(_lent(device) for device in answer.entries("devices")),
        tuple(person.read(Person) for person in answer.entries("people")),
    )


def parse_handed(values: Mapping[str, Any]) -> Handed:
    return Answer(values).read(Handed)


def _lent(answer: Answer) -> Lent:
    return answer.read(Lent, people=tuple(person.read(Person) for person in answer.entries("people")))

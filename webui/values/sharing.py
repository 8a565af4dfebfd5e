"""Who uses a shared device, what is handed over, and children's PINs, as the daemon tells of them."""

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
    pin: bool  # needs one, being ten or older
    pin_set: datetime | None
    pin_by: str  # the guardian who set it; empty: the child itself


@dataclass(frozen=True, slots=True)
class Lent:
    """A device that several may use, or that is handed over."""

    device: str  # MAC
    name: str  # hostile input
    people: tuple[Person, ...]  # the youngest first
    youngest: str  # the name of whose rules hold while nobody is on it
    who: str  # who has it now; empty: nobody said
    who_name: str
    kind: str  # use, claim, handed
    until: datetime | None
    by: str  # the guardian who decided
    untold: bool = False  # who took it may be one of whom that is not told

    @property
    def handed(self) -> bool:
        return self.kind == "handed"

    @property
    def label(self) -> str:
        return self.name or self.device

    def person(self, who: str) -> Person | None:
        return next((one for one in self.people if one.id == who), None)


@dataclass(frozen=True, slots=True)
class Pin:
    """Of the child whose rules hold on the device that asks."""

    pin: bool
    pin_set: datetime | None
    pin_by: str
    may_set: bool  # here: it is the child's own device


@dataclass(frozen=True, slots=True)
class Own:
    """What the device that asks is told of itself."""

    sharing: Lent | None = None
    screens: tuple[Lent, ...] = ()  # that the child may say to be on
    pin: Pin | None = None
    adult: bool = False  # somebody said on it to be an adult
    proof: AdultProof | None = None  # that opens it for a while
    opens: bool = False  # an adult's proof would open it

    @property
    def handed(self) -> bool:
        return self.sharing is not None and self.sharing.handed

    def screen(self, mac: str) -> Lent | None:
        return next((one for one in self.screens if one.device == mac), None)


@dataclass(frozen=True, slots=True)
class Lending:
    """All of a home's, for guardians."""

    devices: tuple[Lent, ...]
    people: tuple[Person, ...]

    def device(self, mac: str) -> Lent | None:
        return next((one for one in self.devices if one.device == mac), None)

    def person(self, who: str) -> Person | None:
        return next((one for one in self.people if one.id == who), None)


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
        screens=tuple(_lent(one) for one in answer.entries("screens")),
        pin=None if pin is None else pin.read(Pin),
        adult=answer.flag("adult"),
        proof=parse_adult_proof(answer),
        opens=answer.flag("opens"),
    )


def parse_lending(values: Mapping[str, Any]) -> Lending:
    answer = Answer(values)
    return Lending(
        tuple(_lent(one) for one in answer.entries("devices")),
        tuple(one.read(Person) for one in answer.entries("people")),
    )


def parse_handed(values: Mapping[str, Any]) -> Handed:
    return Answer(values).read(Handed)


def _lent(answer: Answer) -> Lent:
    return answer.read(Lent, people=tuple(one.read(Person) for one in answer.entries("people")))

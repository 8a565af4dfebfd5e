"""Devices: owners, details, questions about them, and the bypass methods that they use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from gateway.control.schema import Text, record
from webui.api.operations import ChildId, Name, Noun
from webui.api.who import Caller

noun = Noun("devices")

Owner = Annotated[str, Text(1, 63, r"[a-z0-9][a-z0-9_-]{0,62}")]  # a person, or home guest visitor adult


Sightings = Literal["moment", "day", "nothing"]  # precision of a device's online times
Length = Literal["1h", "4h", "morning"]


@record
class AdultProof:
    method: str
    by: str | None
    until: datetime


@record
class Opening:
    length: Length


@record
class Device:
    mac: str
    name: str
    label: str
    own_name: str
    online: bool | None  # null: private
    ip: str
    sightings: Sightings
    profile: str | None
    until: datetime | None
    vendor: str
    kind: str
    model: str
    system: str
    random: bool
    shared: tuple[str, ...]
    managed: tuple[str, ...]
    asked: str | None
    no_mobile_data: bool
    adult_proof: AdultProof | None
    opens: bool
    first_seen: datetime | None
    last_seen: datetime | None


@record
class Person:
    id: str
    name: str
    child: bool


@record
class Devices:
    devices: tuple[Device, ...]
    people: tuple[Person, ...]
    scanning: bool


@record
class Learnt:
    mac: str
    name: str
    label: str
    own_name: str
    online: bool | None  # null: private
    ip: str
    sightings: Sightings
    profile: str | None
    vendor: str
    kind: str
    random: bool
    shared: tuple[str, ...]
    managed: tuple[str, ...]
    no_mobile_data: bool
    model: str
    system: str
    services: tuple[str, ...]
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    history: tuple[Mapping[str, Any], ...]


@record
class Assign:
    owner: Owner


@record
class Assigned:
    profile: str | None
    was: str | None
    problems: tuple[str, ...]


@record
class Rename:
    name: Name | None = None  # None: the device's own name


@record
class Renamed:
    name: str
    was: str


@record
class Mark:
    no_mobile_data: bool


@record
class Marked:
    mac: str
    no_mobile_data: bool


@record
class Scan:
    running: bool
    found: tuple[str, ...]
    problem: str


@record
class Question:
    mac: str
    ask: str
    at: datetime | None
    name: str
    kind: str
    online: bool | None
    sightings: Sightings
    known: str
    known_name: str
    owner: str
    owner_name: str
    rules: str
    signs: tuple[str, ...]
    settled: bool
    replies: tuple[str, ...]
    people: bool
    sentence: str


@record
class Questions:
    questions: tuple[Question, ...]
    count: int


@record
class QuestionReply:
    answer: Literal["again", "also", "me", "fine", "not_same", "home", "guest", "visitor", "adult"] | None = (
        None
    )
    child: ChildId | None = None


@record
class Identified:
    profile: str | None
    problems: tuple[str, ...]


@noun.declare("GET", "/devices", answer=Devices)
def all_(me: Caller) -> object:
    """List every device of the home."""
    return me.ask("devices", brief=True)


@noun.declare("GET", "/devices/{mac}", answer=Learnt)
def one(me: Caller, mac: str) -> object:
    """Return one device with all its details."""
    return me.ask("devices", mac=mac)["devices"][0]


@noun.declare("PUT", "/devices/{mac}/owner", body=Assign, answer=Assigned)
def assign(me: Caller, mac: str, body: Assign) -> object:
    """Set the owner: a person's id, or `home`, `guest`, `visitor`, `adult`."""
    return me.change("assign", mac=mac, profile=body.owner)


@noun.declare("PUT", "/devices/{mac}/name", body=Rename, answer=Renamed)
def name(me: Caller, mac: str, body: Rename) -> object:
    """Set the family's name for a device; null: its own name."""
    return me.change("name_device", mac=mac, **({"name": body.name} if body.name else {}))


@noun.declare("PUT", "/devices/{mac}/mark", body=Mark, answer=Marked)
def mark(me: Caller, mac: str, body: Mark) -> object:
    """Set whether it has no mobile data."""
    return me.change("device_mark", mac=mac, no_mobile_data=body.no_mobile_data)


@noun.declare("PUT", "/devices/{mac}/adult-proof", body=Opening, answer=AdultProof)
def open_(me: Caller, mac: str, body: Opening) -> object:
    """Unlock a new, a guest's or a shared device for an adult for a while; never a child's own."""
    return me.change("adult_proof", action="open", device=mac, length=body.length)


@noun.declare("DELETE", "/devices/{mac}/adult-proof")
def close(me: Caller, mac: str) -> object:
    """Lock it again: its own rules apply."""
    return me.change("adult_proof", action="end", device=mac)


@noun.declare("DELETE", "/devices/{mac}")
def forget(me: Caller, mac: str) -> object:
    """Delete all data of a device. If it returns, it is a new device."""
    return me.change("forget", mac=mac)


@noun.declare("GET", "/scan", answer=Scan)
def look(me: Caller) -> object:
    """Return the state of the last network scan."""
    return me.ask("scan", look=True)


@noun.declare("POST", "/scan", answer=Scan)
def scan(me: Caller) -> object:
    """Start a network scan."""
    return me.change("scan")


@noun.declare("GET", "/questions", answer=Questions)
def questions(me: Caller) -> object:
    """List the open questions about devices."""
    return me.ask("questions")


@noun.declare("POST", "/questions/{mac}/answer", body=QuestionReply, answer=Identified)
def identify(me: Caller, mac: str, body: QuestionReply) -> object:
    """Answer a question with one of its `replies`, or with an owner."""
    values = {"answer": body.answer, "profile": body.child}
    return me.change("identify", mac=mac, **{key: one for key, one in values.items() if one})

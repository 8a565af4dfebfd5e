"""API operations for devices: details, owners, names, scans, and questions about devices."""

from __future__ import annotations

from typing import Literal

from gateway.control.contract.devices import (
    ASSIGN,
    DEVICE_MARK,
    DEVICES,
    FORGET,
    IDENTIFY,
    NAME_DEVICE,
    QUESTIONS,
    SCAN,
    Assigned,
    DeviceDetails,
    DeviceMark,
    DeviceOwner,
    DeviceRenamed,
    Identified,
    ListedDevice,
    OpenQuestion,
    ScanState,
)
from gateway.control.contract.sharing import ADULT_PROOF, AdultProofChange, Length
from gateway.control.schema import record
from webui.api.operations import ChildId, Name, Noun
from webui.api.who import Caller

noun = Noun("devices")


@record
class AdultUnlockBody:
    length: Length


# The API has an empty text in place of the null in the control socket's records.


@record
class Device(ListedDevice):
    ip: str
    no_mobile_data: bool


@record
class DetailedDevice(DeviceDetails):
    """One device with all its details. `Device` is an entry of the list of all devices."""

    ip: str
    no_mobile_data: bool


@record
class Devices:
    devices: tuple[Device, ...]
    people: tuple[DeviceOwner, ...]
    scanning: bool


@record
class DeviceQuestion(OpenQuestion):
    known: str
    owner: str
    rules: str


@record
class Questions:
    questions: tuple[DeviceQuestion, ...]
    count: int


@record
class Assign:
    owner: ChildId  # or another person, home, guest, visitor, adult


@record
class Rename:
    name: Name | None = None  # None: the device's own name


@record
class DeviceMarkBody:
    no_mobile_data: bool


@record
class QuestionReply:
    answer: Literal["again", "also", "me", "fine", "not_same", "home", "guest", "visitor", "adult"] | None = (
        None
    )
    child: ChildId | None = None


@noun.declare("GET", "/devices", answer=Devices)
def all_(me: Caller) -> object:
    """List every device of the home, the people who own them, and whether a scan runs."""
    return me.ask(DEVICES, brief=True)


@noun.declare("GET", "/devices/{mac}", answer=DetailedDevice)
def one(me: Caller, mac: str) -> object:
    """Return one device with all its details."""
    return me.ask(DEVICES, mac=mac).devices[0]


@noun.declare("PUT", "/devices/{mac}/owner", body=Assign, answer=Assigned)
def assign(me: Caller, mac: str, body: Assign) -> object:
    """Set a device's owner: a person's id, or `home`, `guest`, `visitor`, `adult`."""
    return me.change(ASSIGN, mac=mac, profile=body.owner)


@noun.declare("PUT", "/devices/{mac}/name", body=Rename, answer=DeviceRenamed)
def name(me: Caller, mac: str, body: Rename) -> object:
    """Set the family's name for a device; null: its own name."""
    return me.change(NAME_DEVICE, mac=mac, **({"name": body.name} if body.name else {}))


@noun.declare("PUT", "/devices/{mac}/mark", body=DeviceMarkBody, answer=DeviceMark)
def mark(me: Caller, mac: str, body: DeviceMarkBody) -> object:
    """Set whether a device has no mobile data. Such a device opens the gateway's page while it is blocked."""
    return me.change(DEVICE_MARK, mac=mac, no_mobile_data=body.no_mobile_data)


@noun.declare("PUT", "/devices/{mac}/adult-proof", body=AdultUnlockBody, answer=AdultProofChange)
def open_(me: Caller, mac: str, body: AdultUnlockBody) -> object:
    """Unlock a new, a guest's or a shared device for an adult for a limited time; never a child's own."""
    return me.change(ADULT_PROOF, action="open", device=mac, length=body.length)


@noun.declare("DELETE", "/devices/{mac}/adult-proof")
def close(me: Caller, mac: str) -> object:
    """End the unlocking of a device for an adult: its own rules apply again."""
    return me.change(ADULT_PROOF, action="end", device=mac)


@noun.declare("DELETE", "/devices/{mac}")
def forget(me: Caller, mac: str) -> object:
    """Delete what is stored about a device. If it returns, it is a new device.

    The audit log and the activity of the device's owner stay.
    """
    return me.change(FORGET, mac=mac)


@noun.declare("GET", "/scan", answer=ScanState)
def look(me: Caller) -> object:
    """Return the state of the running or last network scan."""
    return me.ask(SCAN, look=True)


@noun.declare("POST", "/scan", answer=ScanState)
def scan(me: Caller) -> object:
    """Start a network scan for devices."""
    return me.change(SCAN)


@noun.declare("GET", "/questions", answer=Questions)
def questions(me: Caller) -> object:
    """List the open questions about devices."""
    return me.ask(QUESTIONS)


@noun.declare("POST", "/questions/{mac}/answer", body=QuestionReply, answer=Identified)
def identify(me: Caller, mac: str, body: QuestionReply) -> object:
    """Answer a question about a device with one of its `replies`, or with an owner."""
    values = {"answer": body.answer, "profile": body.child}
    return me.change(IDENTIFY, mac=mac, **{key: value for key, value in values.items() if value})

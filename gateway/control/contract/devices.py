"""Verbs of devices: the list, names, owners, scans, leases, and questions about new devices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from gateway.control.contract.sharing import AdultProofState
from gateway.control.schema import OneLine, Text, Whole, record
from gateway.control.verbs import BY_GUARDIANS, BY_PAGES, Danger, NoValues, Verb
from gateway.policy.identity.device_kinds import APPLIANCE
from gateway.policy.profile.rules import HOME, PresenceDetail

QUESTIONS_MOST = 64  # in one answer

LeaseText = Annotated[str, Text(0, one_line=True)]


# ------------------------------------------------------------------------------------------- questions


@record
class OpenQuestion:
    """A question about a device that waits for a guardian's answer. Names are untrusted input.

    ``ask``: who uses a ``new`` device; is it ``again`` the device that left; do two devices use one MAC
    address (``copy``); is it a ``repeater``; or another device took its IP ``address``.
    """

    mac: str
    ask: str  # new, again, copy, repeater, address
    at: datetime | None
    name: str  # the device's own name
    kind: str  # phone, tablet, tv, console, computer, speaker, thing; empty: unknown
    online: bool | None  # None: private
    sightings: PresenceDetail
    known: str | None  # MAC of the device that it may be, or that took its IP address
    known_name: str
    owner: str | None  # of that device, or of the address that two devices use
    owner_name: str
    rules: str | None  # the profile that applies until an answer; None: no change
    rules_name: str
    signs: tuple[str, ...]
    settled: bool
    adult: bool  # its user says to be an adult
    replies: tuple[str, ...]
    people: bool  # a person is a valid answer
    sentence: str  # in English


@record
class QuestionsRequest:
    limit: Annotated[int, Whole(1, QUESTIONS_MOST)] = QUESTIONS_MOST


@record
class OpenQuestions:
    questions: tuple[OpenQuestion, ...]
    count: int  # of all, without the limit


@record
class IdentifyRequest:
    """A guardian's answer to a question about a device: its user (``profile``), or one of the ``replies``."""

    mac: OneLine
    profile: OneLine | None = None
    answer: OneLine | None = None


@record
class Identified:
    profile: str  # the device's owner or place now
    problems: tuple[str, ...]  # of the rules


# --------------------------------------------------------------------------------------------- devices


@record
class ListedDevice:
    """A device with its names, owner, type and last use. All its texts are untrusted input."""

    mac: str
    name: str  # the guardian's name for it, or else its own
    label: str  # the guardian's name for it
    own_name: str
    online: bool | None  # None: private
    ip: str | None
    sightings: PresenceDetail
    profile: str  # a person's id, or home, guest, visitor, adult, quarantine
    until: datetime | None  # the end of a visit
    vendor: str
    kind: str  # phone, tablet, tv, console, computer, speaker, thing; empty: unknown
    model: str
    system: str  # from its DHCP request
    random: bool  # its MAC address is randomised
    shared: tuple[str, ...]  # ids of the people who share it
    managed: tuple[str, ...]  # hosts of a school's or firm's VPN that stay allowed for it
    asked: str | None  # the open question about it
    no_mobile_data: bool | None  # None: from a daemon of an older version
    adult_proof: AdultProofState | None  # that opens it for an adult for a while
    opens: bool  # an adult's proof can open it, or has
    undecided: bool  # it was here at the first run, and no guardian has said who uses it
    first_seen: datetime | None
    last_seen: datetime | None

    @property
    def waits_for_owner(self) -> bool:
        """Return whether a guardian still has to choose who uses a device that was here at the first run.

        Unfiltered appliances, such as printers, do not wait.
        """
        return self.undecided and not (self.profile == HOME and self.kind == APPLIANCE)


@record
class FormerAddress:
    """An IP address that a device had, or a MAC address that it used before, with its first and last use."""

    address: str
    first: datetime | None
    last: datetime | None


@record
class DeviceDetails(ListedDevice):
    """A device with all details: also services, addresses, repeaters, and the question to the guardians."""

    services: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()  # devices behind it: it is a repeater
    through: tuple[str, ...] = ()  # repeaters between it and the gateway
    question: OpenQuestion | None = None
    history: tuple[FormerAddress, ...] = ()  # of one device alone


@record
class DeviceOwner:
    id: str
    name: str
    child: bool


@record
class DevicesRequest:
    """Request for one device by ``mac``, with its former addresses, or for all devices without ``mac``.

    ``brief``: without details.
    """

    mac: OneLine | None = None
    brief: bool = False


@record
class DeviceList:
    devices: tuple[DeviceDetails, ...]
    people: tuple[DeviceOwner, ...] = ()  # of one device, and of a brief list
    scanning: bool = False  # likewise


@record
class NameDeviceRequest:
    mac: OneLine
    name: OneLine | None = None  # None: the device's own name


@record
class DeviceRenamed:
    name: str
    was: str


@record
class AssignRequest:
    mac: OneLine
    profile: OneLine  # a person, or home, guest, visitor, adult


@record
class Assigned:
    problems: tuple[str, ...]  # of the rules
    profile: str
    was: str


@record
class ForgetRequest:
    mac: OneLine


@record
class Forgotten:
    problems: tuple[str, ...]  # of the rules


@record
class DeviceMarkRequest:
    mac: OneLine
    no_mobile_data: bool


@record
class DeviceMark:
    mac: str
    no_mobile_data: bool


@record
class ScanRequest:
    look: bool = False  # return the state of the last scan


@record
class ScanState:
    running: bool
    found: tuple[str, ...]  # MAC addresses of the devices that responded
    problem: str


@record
class LeaseRequest:
    """Report of a DHCP lease that dnsmasq gave, renewed or ended, as its script sends it to the daemon."""

    mac: OneLine
    action: Literal["add", "old", "del"]
    name: LeaseText = ""
    supplied: LeaseText = ""  # the name that the device sent
    vendor_class: LeaseText = ""
    options: LeaseText = ""  # numbers with commas


QUESTIONS = Verb("questions", QuestionsRequest, OpenQuestions, senders=BY_PAGES)
_UNFILTERED: Danger[Any] = Danger(
    "making a child's device an adult's, an adult guest's or unfiltered, or giving it to an adult", None
)

IDENTIFY = Verb("identify", IdentifyRequest, Identified, senders=BY_GUARDIANS, danger=_UNFILTERED)
DEVICES = Verb("devices", DevicesRequest, DeviceList, senders=BY_PAGES)
NAME_DEVICE = Verb("name_device", NameDeviceRequest, DeviceRenamed, senders=BY_GUARDIANS)
ASSIGN = Verb("assign", AssignRequest, Assigned, senders=BY_GUARDIANS, danger=_UNFILTERED)
FORGET = Verb(
    "forget",
    ForgetRequest,
    Forgotten,
    senders=BY_GUARDIANS,
    danger=Danger("forgetting a child's device while new devices are unfiltered", None),
)
DEVICE_MARK = Verb("device_mark", DeviceMarkRequest, DeviceMark, senders=BY_GUARDIANS)
SCAN = Verb("scan", ScanRequest, ScanState, senders=BY_PAGES | BY_GUARDIANS)
LEASE = Verb("lease", LeaseRequest, NoValues)


@record
class SimulatedSight:
    """A made-up observation of a device, such as a DHCP request, for the virtual home of the tests."""

    mac: OneLine
    what: Literal["dhcp", "gone", "back", "behind"] = "dhcp"
    macs: OneLine | None = None  # of the devices behind it, separated by spaces
    options: OneLine | None = None  # numbers of the DHCP options, separated by spaces
    hop_limit: Annotated[int, Whole(0, 255)] = 0
    host_name: OneLine | None = None
    vendor_class: OneLine | None = None


SIGHT = Verb("sight", SimulatedSight, NoValues)

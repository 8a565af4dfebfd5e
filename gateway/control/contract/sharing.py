"""Verbs that set who uses a shared or handed-over device, manage PINs, and open devices for adults."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.control.schema import OneLine, record
from gateway.control.verbs import BY_CHILDREN, BY_GUARDIANS, BY_PAGES, NoValues, Verb

Length = Literal["1h", "4h", "morning"]


# ------------------------------------------------------------------------------------------------ PINs


@record
class PinState:
    """Whether a child needs a PIN on shared devices, when it was set (None: there is none), and by whom."""

    pin: bool  # needs one, from the age of ten
    pin_set: datetime | None
    pin_by: str  # the guardian who set it; empty: the child itself


@record
class OwnPinState(PinState):
    may_set: bool  # on the device that asks: it belongs to this child alone


@record
class PinRequest:
    """Request to set, check or clear the PIN by which a child identifies itself on shared devices.

    A guardian names the child in ``who`` to set or clear it; a child checks or sets it from its
    ``device``.
    """

    action: Literal["set", "check", "clear"]
    device: OneLine | None = None
    who: OneLine | None = None
    pin: OneLine | None = None
    old: OneLine | None = None  # when the child replaces it


@record
class ChangedPin(PinState):
    who: str


# -------------------------------------------------------------------------------------- shared devices


@record
class SharingPerson(PinState):
    id: str
    name: str


@record
class SharedDevice:
    """A device that several people share, or that a guardian handed to a child, and its current user."""

    device: str  # MAC
    name: str  # untrusted input
    people: tuple[SharingPerson, ...]  # youngest first
    youngest: str  # name of the child whose rules apply while no user is set; empty: none
    who: str | None  # the current user
    who_name: str
    kind: str  # use, claim, handed; empty: no user
    until: datetime | None
    by: str  # the guardian who started this use
    untold: bool = False  # for guardians: the user may be a child whose activity is private


@record
class UseRequest:
    device: OneLine
    who: OneLine
    pin: OneLine | None = None  # of a child from ten years on, unless a guardian asks


@record
class LeaveRequest:
    device: OneLine
    screen: OneLine | None = None  # that the child claimed from its own device


@record
class ClaimRequest:
    screen: OneLine


@record
class HandOverRequest:
    device: OneLine
    who: OneLine


@record
class TakeBackRequest:
    device: OneLine


@record
class HandedRequest:
    """Ask whether the device at ``ip`` is an adult's that a guardian handed to a child for a while.

    ``device``: MAC address of the device on which the browser's session began; it may have another
    address by now.
    """

    ip: OneLine
    device: OneLine | None = None


@record
class Handed:
    """The device that a guardian handed to a child, and that child (``who``: its ID).

    If there is none: the device at the address, None if that is unknown, and no child.
    """

    mac: str | None
    who: str | None
    name: str | None


@record
class Lending:
    """All devices that people share or that were handed to a child, and whether each child has a PIN.

    It is for guardians.
    """

    devices: tuple[SharedDevice, ...]
    people: tuple[SharingPerson, ...]


@record
class AdultRequest:
    device: OneLine


@record
class AdultResponse:
    adult: bool


# ---------------------------------------------------------------------------------------- adult proofs


@record
class AdultProofState:
    """A valid proof that an adult uses a device: method, guardian and end.

    Until the end, the device is treated as an adult's.
    """

    method: str  # password, guardian, wallet
    by: str | None  # the guardian; None for a wallet, which gives no name
    until: datetime


@record
class OwnSharing:
    """The part of a device's status that is about sharing, the PIN and the proof that an adult uses it.

    A key without a value is left out.
    """

    sharing: SharedDevice | None = None
    screens: tuple[SharedDevice, ...] = ()  # that the child may claim
    pin: OwnPinState | None = None  # of a child's device
    adult: bool = False  # a user of it says to be an adult
    adult_proof: AdultProofState | None = None  # that opens it now
    opens: bool = False  # an adult's proof can open it


@record
class AdultProofRequest:
    """Request to open a device for an adult for a while, by a proof of being one, or to end that.

    ``open`` needs ``length``, and ``method`` unless a guardian sends it.
    """

    action: Literal["open", "end"]
    device: OneLine
    length: Length | None = None
    method: Literal["password", "wallet"] | None = None
    name: OneLine | None = None  # of a guardian, with a password
    digest: OneLine | None = None  # of the password
    otp: OneLine | None = None  # a code of the guardian's second factor
    until: datetime | None = None  # the end of a wallet's proof


@record
class AdultProofChange:
    """The answer to `AdultProofRequest`: the device and the proof that opens it.

    After ``end`` the device alone.
    """

    device: str
    method: str | None = None
    by: str | None = None
    until: datetime | None = None


_PAGES, _GUARDIAN = BY_PAGES, BY_GUARDIANS

PIN = Verb("pin", PinRequest, ChangedPin, senders=BY_CHILDREN | BY_GUARDIANS)
USE = Verb("use", UseRequest, SharedDevice, senders=_PAGES | _GUARDIAN)
LEAVE = Verb("leave", LeaveRequest, SharedDevice, senders=_PAGES | _GUARDIAN | BY_CHILDREN)
CLAIM = Verb("claim", ClaimRequest, SharedDevice, senders=BY_CHILDREN)
HAND_OVER = Verb("hand_over", HandOverRequest, SharedDevice, senders=_GUARDIAN)
TAKE_BACK = Verb("take_back", TakeBackRequest, SharedDevice, senders=_GUARDIAN)
HANDED = Verb("handed", HandedRequest, Handed, senders=_PAGES)
LENT = Verb("lent", NoValues, Lending, senders=_PAGES)
ADULT = Verb("adult", AdultRequest, AdultResponse, senders=_PAGES)
ADULT_PROOF = Verb("adult_proof", AdultProofRequest, AdultProofChange, senders=_PAGES | _GUARDIAN)

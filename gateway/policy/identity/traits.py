"""Compares what devices show of themselves, to recognise a device whose MAC address has changed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# Devices can imitate all of this. A similarity therefore never gives a device more than it would have
# without: it keeps a child's stricter rules, or it is a proposal for a guardian.

SHORT_ABSENCE = timedelta(minutes=15)
"""Time between leaving with one address and joining with another.

A phone rejoins Wi-Fi within seconds; the rest covers a restart, a user who looks up how to do it, and the
gateway's delay in noticing the departure."""
LIKELY = 4  # a name of its own and one more sign; or what all phones of a maker share, within SHORT_ABSENCE
EUI64 = b"\xff\xfe"  # in the middle of an interface id made from a hardware address (RFC 4291, App. A)

# Default names: they identify a model, not a device.
COMMON_NAMES = frozenset(
    {"android", "galaxy", "iphone", "ipad", "ipod", "laptop", "linux", "localhost", "mac", "macbook", "pc",
     "phone", "samsung", "tablet", "unknown", "watch", "windows", "xiaomi"}
)  # fmt: skip
_COUNTED = re.compile(r"[-_. ]?\(?\d{0,3}\)?$")  # iphone-2, "iPhone (3)"


@dataclass(frozen=True, slots=True)
class Traits:
    """The known traits of the host with one MAC address. All text is untrusted input; empty: not seen."""

    mac: str  # lower case, colons
    host_name: str = ""  # DHCP option 12, else from mDNS
    vendor_class: str = ""  # DHCP option 60
    options: tuple[int, ...] = ()  # DHCP option 55, in the order of the request; differs by operating system
    vendor: str = ""  # by the OUI; empty for a random address
    kind: str = ""  # one of DEVICE_KINDS; empty: unknown
    hop_limit: int = 0  # initial hop limit of its packets: 64, 128 or 255; 0: not seen
    interface_ids: frozenset[bytes] = frozenset()  # the lower 8 bytes of its IPv6 addresses, newest sixteen

    @property
    def is_random(self) -> bool:
        """True if the address is locally administered (IEEE 802 §8.2.2), as phones' random addresses are."""
        return bool(int(self.mac[:2], 16) & 2)

    @property
    def has_own_name(self) -> bool:
        """True if the device has a host name that is no default name such as iphone or android."""
        return bool(self.host_name) and _COUNTED.sub("", self.host_name.casefold()) not in COMMON_NAMES


class Sign(StrEnum):
    """A trait or event that shows that two addresses are one device, or that one address is two devices."""

    HOST_NAME = "host_name"
    OPTIONS = "options"
    VENDOR_CLASS = "vendor_class"
    KIND = "kind"
    TIME = "time"  # one joined when the other left
    HOP_LIMIT = "hop_limit"
    INTERFACE_ID = "interface_id"
    CARRIES = "carries"  # queries of other devices come through a device that was known to be alone


@dataclass(frozen=True, slots=True)
class Likeness:
    """How similar a new device is to a known one: a score, and the traits that agree."""

    score: int = 0
    signs: tuple[Sign, ...] = ()

    @property
    def likely(self) -> bool:
        return self.score >= LIKELY


UNLIKE = Likeness()


def same_device(known: Traits, new_device: Traits, gone_for: timedelta | None) -> Likeness:
    """Return a score of how likely a new device is a known one with another MAC address, with its signs.

    It is 0 if kind or hop limit contradict, or ``known`` is present (``gone_for`` None).
    ``gone_for``: its absence before the new one came; a short one adds to the score, even if
    negative.
    """
    if gone_for is None or _contradict(known, new_device):
        return UNLIKE
    found: list[tuple[Sign, int]] = []
    if known.host_name and known.host_name.casefold() == new_device.host_name.casefold():
        found.append((Sign.HOST_NAME, 3 if known.has_own_name else 1))
    if known.options and new_device.options:
        # A system updated in the same minutes has other options; that is rare.
        found.append((Sign.OPTIONS, 2 if known.options == new_device.options else -2))
    if known.vendor_class and known.vendor_class == new_device.vendor_class:
        found.append((Sign.VENDOR_CLASS, 1))
    if known.kind and known.kind == new_device.kind:
        found.append((Sign.KIND, 1))
    if abs(gone_for) <= SHORT_ABSENCE:
        found.append((Sign.TIME, 2))
    return Likeness(sum(weight for _, weight in found), tuple(sign for sign, weight in found if weight > 0))


def _contradict(first: Traits, other: Traits) -> bool:
    """Return True if the kinds or the hop limits of both are known and differ.

    The kind is guessed from the name first, and a name is easily changed. It contradicts nothing if both send
    the same DHCP options.
    """
    kinds, hops = {first.kind, other.kind} - {""}, {first.hop_limit, other.hop_limit} - {0}
    alike = bool(first.options) and first.options == other.options
    return (len(kinds) > 1 and not alike) or len(hops) > 1


def may_be_departed(new_device: Traits, gone_for: timedelta | None) -> bool:
    """Return True if a new device may be one that left, judging by random address and time only.

    A child's phone that calls itself a television is still the child's phone. ``gone_for``: as for
    `same_device`.
    """
    return gone_for is not None and abs(gone_for) <= SHORT_ABSENCE and new_device.is_random


def interface_id_from(mac: str) -> bytes:
    """Return the IPv6 interface id that a host makes from its MAC address (RFC 4291, App. A)."""
    packed = bytes.fromhex(mac.replace(":", ""))
    return bytes((packed[0] ^ 2, *packed[1:3], *EUI64, *packed[3:]))


def foreign_ids(traits: Traits) -> frozenset[bytes]:
    """Return the device's IPv6 interface ids that were made from another MAC address than its own."""
    own = interface_id_from(traits.mac)
    return frozenset(
        interface_id
        for interface_id in traits.interface_ids
        if interface_id[3:5] == EUI64 and interface_id != own
    )


def id_origins(ids: Iterable[bytes]) -> frozenset[bool]:
    """Return how IPv6 interface ids were made: from the MAC address (True), at random (False), or both."""
    return frozenset(interface_id[3:5] == EUI64 for interface_id in ids)

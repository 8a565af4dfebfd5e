"""Whether two sights of the network are one device: by what devices say of themselves. Addresses change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# All that devices say can be imitated. So likeness never gives one more than it would have without: it keeps
# a child's stricter rules, or it is a proposal that a guardian answers.

SOON = timedelta(minutes=15)
"""Between leaving by one address and coming by another: the Wi-Fi is joined anew within seconds, the rest is
for a phone that is restarted, for somebody who looks up how, and for us to notice that the first one went."""
LIKELY = 4  # a name of its own and one sign more; or what the maker's phones have in common, within SOON
EUI64 = b"\xff\xfe"  # in the middle of an interface id made from a hardware address (RFC 4291, App. A)

# What devices are called that nobody named: it tells a model, not a device.
COMMON_NAMES = frozenset(
    {"android", "galaxy", "iphone", "ipad", "ipod", "laptop", "linux", "localhost", "mac", "macbook", "pc",
     "phone", "samsung", "tablet", "unknown", "watch", "windows", "xiaomi"}
)  # fmt: skip
_COUNTED = re.compile(r"[-_. ]?\(?\d{0,3}\)?$")  # iphone-2, "iPhone (3)"


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of who answers for one hardware address. All text is hostile input; empty: not seen."""

    mac: str  # lower case, colons
    host_name: str = ""  # DHCP option 12, else what mDNS says
    vendor_class: str = ""  # DHCP option 60
    options: tuple[
        int, ...
    ] = ()  # DHCP option 55, in the order of the request: told apart by operating systems
    vendor: str = ""  # by the OUI; empty for a random address
    kind: str = ""  # phone, tablet, tv, console, computer, thing
    hop_limit: int = 0  # 64, 128 or 255: what its packets begin with; 0: not seen
    interface_ids: frozenset[bytes] = frozenset()  # the lower 8 bytes of its IPv6 addresses, newest sixteen

    @property
    def is_random(self) -> bool:
        """Whether the address is locally administered (IEEE 802 8.2.2), as phones invent them."""
        return bool(int(self.mac[:2], 16) & 2)

    @property
    def has_own_name(self) -> bool:
        """Whether it is called as few others are."""
        return bool(self.host_name) and _COUNTED.sub("", self.host_name.casefold()) not in COMMON_NAMES


class Sign(StrEnum):
    """What speaks for one device behind two addresses, or for two behind one."""

    HOST_NAME = "host_name"
    OPTIONS = "options"
    VENDOR_CLASS = "vendor_class"
    KIND = "kind"
    TIME = "time"  # one came when the other went
    HOP_LIMIT = "hop_limit"
    INTERFACE_ID = "interface_id"
    CARRIES = "carries"  # other devices' questions come through one that was known to be alone


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much speaks for it that a newcomer is a device that is known."""

    score: int = 0
    signs: tuple[Sign, ...] = ()

    @property
    def likely(self) -> bool:
        return self.score >= LIKELY


UNLIKE = Likeness()


def same_device(known: Traits, newcomer: Traits, gone_for: timedelta | None) -> Likeness:
    """``gone_for``: how long ``known`` had been away when the newcomer came; below zero where it was missed
    later; None: it is here. What contradicts (another kind, another system's packets) outweighs everything.
    """
    if gone_for is None or _contradict(known, newcomer):
        return UNLIKE
    found: list[tuple[Sign, int]] = []
    if known.host_name and known.host_name.casefold() == newcomer.host_name.casefold():
        found.append((Sign.HOST_NAME, 3 if known.has_own_name else 1))
    if known.options and newcomer.options:
        # A system that was brought up to date at the same time asks otherwise; that is rare.
        found.append((Sign.OPTIONS, 2 if known.options == newcomer.options else -2))
    if known.vendor_class and known.vendor_class == newcomer.vendor_class:
        found.append((Sign.VENDOR_CLASS, 1))
    if known.kind and known.kind == newcomer.kind:
        found.append((Sign.KIND, 1))
    if abs(gone_for) <= SOON:
        found.append((Sign.TIME, 2))
    return Likeness(sum(weight for _, weight in found), tuple(sign for sign, weight in found if weight > 0))


def _contradict(one: Traits, other: Traits) -> bool:
    """The kind is guessed by the name before all else, and a name is quickly changed: it contradicts nothing
    where both ask for the same.
    """
    kinds, hops = {one.kind, other.kind} - {""}, {one.hop_limit, other.hop_limit} - {0}
    alike = bool(one.options) and one.options == other.options
    return (len(kinds) > 1 and not alike) or len(hops) > 1


def may_be(newcomer: Traits, gone_for: timedelta | None) -> bool:
    """Whether ``newcomer`` may be a device that went, by its random address and the time alone: a child's
    phone that calls itself a television is still the child's phone.
    """
    return gone_for is not None and abs(gone_for) <= SOON and newcomer.is_random


def made_from(mac: str) -> bytes:
    """The interface id that a host makes from its hardware address (RFC 4291, App. A)."""
    packed = bytes.fromhex(mac.replace(":", ""))
    return bytes((packed[0] ^ 2, *packed[1:3], *EUI64, *packed[3:]))


def foreign_ids(traits: Traits) -> frozenset[bytes]:
    """Interface ids that were made from another hardware address than the device shows."""
    own = made_from(traits.mac)
    return frozenset(one for one in traits.interface_ids if one[3:5] == EUI64 and one != own)


def kinds_of_ids(ids: Iterable[bytes]) -> frozenset[bool]:
    """Whether hosts make their ids from the hardware address (True), at random (False), or both."""
    return frozenset(one[3:5] == EUI64 for one in ids)

"""All that is known of one device, beside whose it is: one value, kept in memory and in the database."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.policy.identity import Traits

MAX_INTERFACE_IDS = 16  # newest of a device; privacy addresses change daily and eight may live at once
MAX_ADDRESSES = 24  # of a device: one of IPv4, a link's own, and temporary ones of two prefixes
MAX_BEHIND = 32  # other hardware addresses behind one: the clients of a repeater
MAX_NAMES = 4  # that a device has called itself


@dataclass(frozen=True, slots=True)
class Sight:
    """``addresses`` and ``names`` are the newest last. All text is hostile input."""

    traits: Traits
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    services: frozenset[str] = frozenset()  # of multicast DNS, such as _airplay
    model: str = ""  # what it says to be, such as AppleTV11,1
    behind: frozenset[str] = frozenset()  # hardware addresses that DHCP names in its frames, unlike its own

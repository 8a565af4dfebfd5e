"""Who is who in the virtual home, and the address of every name on the pretended internet.

Addresses come from the ranges kept for documentation and benchmarks (RFC 5737, RFC 2544, RFC 3849): nothing
here can be mistaken for a machine that exists.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seat:
    """One device's place in the home."""

    key: str  # short name, also the tail of the namespace's name
    label: str  # what the family calls it
    mac: str
    ipv4: str
    ipv6: str
    hostname: str  # what it tells the router when it asks for an address


TABLET = Seat(
    "tablet", "Daughter's tablet", "02:00:00:00:00:0a", "192.168.77.10", "2001:db8:77::10", "tablet"
)
PHONE = Seat("phone", "Son's phone", "02:00:00:00:00:0b", "192.168.77.11", "2001:db8:77::11", "sons-phone")
PARENT = Seat("parent", "Mum's phone", "02:00:00:00:00:0c", "192.168.77.12", "2001:db8:77::12", "mums-phone")
NEW = Seat("new", "A new phone", "02:00:00:00:00:0d", "192.168.77.13", "2001:db8:77::13", "new-phone")
SEATS = (TABLET, PHONE, PARENT, NEW)

LAN = "br-lan"
WAN = "wan"
GATEWAY_IPV4 = "192.168.77.1"
GATEWAY_IPV6 = "2001:db8:77::1"
GATEWAY_MAC = "02:00:00:00:00:01"
LAN_IPV6_PREFIX = "2001:db8:77::/64"
WAN_IPV4 = "203.0.113.2"
WAN_IPV6 = "2001:db8:ff::2"
PROVIDER_IPV4 = "203.0.113.1"
PROVIDER_IPV6 = "2001:db8:ff::1"

RESOLVER_IPV4 = "198.18.0.53"
RESOLVER_IPV6 = "2001:db8:1::53"

# AS112's (RFC 7535): the IANA registry calls it globally reachable, so the gateway fetches from it, and only
# reverse DNS is served there.
PUBLIC_IPV4 = "192.31.196.10"

NAMES_IPV4 = ipaddress.IPv4Network("198.18.0.0/15")
NAMES_IPV6 = ipaddress.IPv6Network("2001:db8:1::/48")
# The first 256 addresses of both ranges belong to servers with fixed addresses.
_RESERVED = 256


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.lower().rstrip(".").encode()).digest()


def ipv4_of(name: str) -> str:
    """The one IPv4 address of ``name``; two names may share one, as on real hosting, but rarely do."""
    room = NAMES_IPV4.num_addresses - 2 * _RESERVED
    offset = _RESERVED + int.from_bytes(_digest(name)[:4], "big") % room
    return str(NAMES_IPV4.network_address + offset)


def ipv6_of(name: str) -> str:
    """The one IPv6 address of ``name``."""
    offset = _RESERVED + int.from_bytes(_digest(name)[:8], "big")
    return str(NAMES_IPV6.network_address + offset)

"""Fetching from the internet for the family, and from nowhere else: what somebody typed, or a server leads on
to, may not reach the gateway itself, its home, or any other place that is not the internet.

Names are resolved here, once for each connection. All addresses that a name has are looked at, and the
connection goes to one of those that were: what the name says the next time it is asked changes nothing. It
holds for redirects too, since each of them is a connection of its own. No proxy is used, which would resolve
names by itself.

What is and what is not the internet is here; `outgoing.py` connects by it. Lists are fetched so
(gateway/lists/fetch.py). Calendars are files today; one by address belongs there too.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from gateway.core.errors import GatewayError
from gateway.core.netlink import dump_route, fields

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SCHEMES = ("https", "http")
URL_LIMIT = 4096  # characters; where a server leads on to a signed address has a thousand

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_6TO4 = ipaddress.ip_network("2002::/16")  # RFC 3056: an address of IPv4 in clothes that no server wears
_INTERNET6 = ipaddress.ip_network("2000::/3")  # all that IANA gives out as global unicast
_GETROUTE = 26  # RTM_GETROUTE, linux/rtnetlink.h
_RTMSG = struct.Struct("=8BI")
_DESTINATION = 1  # RTA_DST
# A shorter prefix is a way to the internet that was cut in pieces, as VPNs do, and no network of ours.
_SHORTEST = {4: 8, 6: 16}


class NotOutside(GatewayError):
    """What was asked for is not on the internet."""


def check_url(url: str) -> str:
    """The host of a web address. Raises NotOutside for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        msg = "it is no web address"
        raise NotOutside(msg) from None
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        msg = f"a web address has at most {URL_LIMIT} plain characters"
        raise NotOutside(msg)
    if parts.scheme not in SCHEMES or not host or port == 0:
        msg = "a web address begins with https:// or http://"
        raise NotOutside(msg)
    if parts.username is not None or parts.password is not None:
        msg = "a web address with a name or a password in it is not used"
        raise NotOutside(msg)
    return host


def is_outside(text: str, ours: Iterable[Network] = ()) -> bool:
    """Whether an address is of the internet, and of no network that this machine is in."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return all(_is_internet(one) and not any(one in net for net in ours) for one in _meant(address))


def looks_like_address(host: str) -> bool:
    """Whether it is one already, and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _meant(address: IPAddress) -> Iterator[IPAddress]:
    """The address, and the one of IPv4 that hides in it."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if inner is not None:
            yield inner
            return
        if address in _NAT64:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            return
    yield address


def _is_internet(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (
        address not in _INTERNET6 or address in _6TO4 or address.scope_id
    ):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def our_networks() -> tuple[Network, ...]:
    """All to which the kernel knows a way of its own: the machine's addresses, its home, what is behind it.

    Raises OSError.
    """
    found = set()
    for body in dump_route(_GETROUTE, _RTMSG.size):
        family, bits = _RTMSG.unpack_from(body)[:2]
        packed = fields(body[_RTMSG.size :]).get(_DESTINATION)
        version = {socket.AF_INET: 4, socket.AF_INET6: 6}.get(family)
        if packed is not None and version is not None and bits >= _SHORTEST[version]:
            found.add(ipaddress.ip_network((bytes(packed), bits), strict=False))
    return tuple(found)

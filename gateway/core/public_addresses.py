"""Checks whether a URL or an IP address leads to the public internet.

Users and servers supply URLs that the gateway fetches. Such a URL must not reach the gateway itself, its LAN
or any other private address.

`http_client.py` connects by these checks, for example for gateway/lists/fetch.py, which downloads lists. It
resolves a name once per connection. All addresses of the name are checked, and the connection goes to one of
the checked addresses, so a later DNS response changes nothing. Each redirect is a connection of its own and
is checked as well. Proxies are not used, since they would resolve names themselves.
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
URL_LIMIT = 4096  # characters; a redirect to a signed URL has about a thousand

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_6TO4 = ipaddress.ip_network("2002::/16")  # RFC 3056: embeds an IPv4 address; no server uses it
_INTERNET6 = ipaddress.ip_network("2000::/3")  # IANA's global unicast space
_GETROUTE = 26  # RTM_GETROUTE, linux/rtnetlink.h
_RTMSG = struct.Struct("=8BI")
_DESTINATION = 1  # RTA_DST
# A shorter prefix is part of a split default route, as VPNs set it, and not a local network.
_SHORTEST = {4: 8, 6: 16}


class NotOutside(GatewayError):
    """Raised if a URL is invalid, or a host does not lead to the public internet."""


def check_url(url: str) -> str:
    """Return the host of an http or https URL. Raises NotOutside for any other text.

    A URL with a user name or password is refused too. The host's addresses are not checked here.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        msg = "this is not a web address; enter one that begins with https:// or http://"
        raise NotOutside(msg) from None
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url:
        msg = f"a web address has at most {URL_LIMIT} plain characters"
        raise NotOutside(msg)
    if parts.scheme not in SCHEMES or not host or port == 0:
        msg = "a web address begins with https:// or http://"
        raise NotOutside(msg)
    if parts.username is not None or parts.password is not None:
        msg = "a web address must not contain a user name or a password"
        raise NotOutside(msg)
    return host


def is_outside(text: str, ours: Iterable[Network] = ()) -> bool:
    """Return whether ``text`` is a public IP address that is in none of the networks ``ours``.

    Of an IPv4-mapped or NAT64 address, the embedded IPv4 address counts. False for another text.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return all(
        _is_internet(meant) and not any(meant in network for network in ours) for meant in _meant(address)
    )


def looks_like_address(host: str) -> bool:
    """Return whether the text ``host`` is an IP address; False for a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _meant(address: IPAddress) -> Iterator[IPAddress]:
    """Yield the IPv4 address in an IPv6 address (mapped, or of 64:ff9b::/96); else the address itself."""
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
    """Return the networks to which the kernel has routes: own addresses, the LAN, networks behind it.

    Default routes, also split ones, are left out: prefixes shorter than IPv4 /8 or IPv6 /16. Raises OSError.
    """
    found = set()
    for body in dump_route(_GETROUTE, _RTMSG.size):
        family, bits = _RTMSG.unpack_from(body)[:2]
        packed = fields(body[_RTMSG.size :]).get(_DESTINATION)
        version = {socket.AF_INET: 4, socket.AF_INET6: 6}.get(family)
        if packed is not None and version is not None and bits >= _SHORTEST[version]:
            found.add(ipaddress.ip_network((bytes(packed), bits), strict=False))
    return tuple(found)

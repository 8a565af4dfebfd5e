"""Fetching from the internet for the family, and from nowhere else: what somebody typed, or a server leads on
to, may not reach the gateway itself, its home, or any other place that is not the internet.

Names are resolved here, once for each connection. All addresses that a name has are looked at, and the
connection goes to one of those that were: what the name says the next time it is asked changes nothing. It
holds for redirects too, since each of them is a connection of its own. No proxy is used, which would resolve
names by itself.

Lists are fetched by it (gateway/lists/fetch.py). Calendars are files today; one by address belongs here too.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    UnknownHandler,
)

from gateway.errors import GatewayError
from gateway.netlink import dump_route, fields

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[str]]

SCHEMES = ("https", "http")
URL_LIMIT = 4096  # characters; where a server leads on to a signed address has a thousand
MAX_ADDRESSES = 32  # of one name; more are no web server's

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


def resolve(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver, in its order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


class Outside:
    """What checks and connects. ``resolver`` and ``networks`` are the outside world, for tests."""

    def __init__(
        self, resolver: Resolve = resolve, networks: Callable[[], Iterable[Network]] = our_networks
    ) -> None:
        self._resolve = resolver
        self._networks = networks

    def addresses(self, host: str, port: int) -> list[str]:
        """Of a host, all of them outside. Raises NotOutside, and OSError where there is none."""
        found = self._resolve(host, port)
        ours = tuple(self._networks())
        inside = next((one for one in found if not is_outside(one, ours)), None)
        if inside is not None:
            msg = f"{host} is {inside}, which is not on the internet"
            raise NotOutside(msg)
        return found[:MAX_ADDRESSES]

    def connect(self, where: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
        """As socket.create_connection, to an address that was looked at."""
        last: OSError | None = None
        for address in self.addresses(*where):
            try:
                return socket.create_connection((address, where[1]), timeout, source)
            except OSError as error:
                last = error
        raise last or OSError(f"{where[0]} has no address")

    def opener(self, redirects: HTTPRedirectHandler) -> OpenerDirector:
        """Every connection is made by ``connect``. A plain one of urllib's follows a redirect to FTP too, and
        reads files.
        """
        made = OpenerDirector()
        handlers = (_Http(self), _Https(self), redirects, HTTPDefaultErrorHandler(), HTTPErrorProcessor())
        for one in (*handlers, UnknownHandler()):
            made.add_handler(one)
        return made


class _Http(HTTPHandler):
    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside

    def http_open(self, req: Request) -> Any:
        check_url(req.full_url)
        return self.do_open(partial(_connection, HTTPConnection, self._outside), req)


class _Https(HTTPSHandler):
    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside

    def https_open(self, req: Request) -> Any:
        check_url(req.full_url)
        return self.do_open(partial(_connection, HTTPSConnection, self._outside), req)


def _connection(kind: type[HTTPConnection], outside: Outside, host: str, **options: Any) -> HTTPConnection:
    made = kind(host, **options)
    made._create_connection = outside.connect  # type: ignore[attr-defined]  # where http.client makes its own
    return made

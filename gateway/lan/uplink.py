"""Finds the interfaces with a default route (IPv4: in the kernel's main table), and counts their traffic.

This reads /proc (Documentation/networking, net/ipv4/fib_trie.c, net/ipv6/route.c), and whether an interface
runs by an ioctl; nothing is sent.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc/self/net")

_SIOCGIFFLAGS = 0x8913  # linux/sockios.h
_IFREQ = struct.Struct("=16sH22x")
_IFF_RUNNING = 0x40  # up, and with a carrier
_RTF_UP, _RTF_REJECT = 0x1, 0x200
_IPV4_ANYWHERE = "00000000"
_IPV6_ANYWHERE = "0" * 32


@dataclass(frozen=True, slots=True)
class Traffic:
    """Traffic counters of one interface, or the sum of several, each since the interface was created."""

    received: int  # packets
    sent: int  # packets
    received_bytes: int


@dataclass(frozen=True, slots=True)
class Uplink:
    """The interfaces of the internet connection and their traffic.

    ``names`` are the running interfaces with a default route; empty: no internet connection.
    """

    names: frozenset[str]
    traffic: Traffic | None  # of all of them; None if one also faces the LAN


class Prefix(NamedTuple):
    """An IP network that an interface reaches without a router, as numbers."""

    number: int  # of its first address
    host_bits: int
    size: int  # bytes of an address


def ways_out() -> frozenset[str]:
    """Return the names of the interfaces with a default route. Raises OSError if /proc cannot be read."""
    return default_interfaces((PROC / "route").read_text("ascii"), _read_ipv6())


def near(name: str) -> tuple[Prefix, ...]:
    """Return the IPv4 and IPv6 networks that an interface reaches without a router. Raises OSError."""
    return (*near4(name, (PROC / "route").read_text("ascii")), *near6(name, _read_ipv6()))


def read_uplink(inside: Collection[str]) -> Uplink:
    """Return the running interfaces that have a default route, and their traffic. Raises OSError.

    ``inside`` are the interfaces that face the LAN. If one of them is among the result, the traffic is
    None.
    """
    names = frozenset(name for name in ways_out() if _runs(name))
    if not names.isdisjoint(inside):
        return Uplink(names, None)
    counters = traffic((PROC / "dev").read_text("ascii"))
    counted = [counter for name, counter in counters.items() if name in names]
    total = Traffic(
        sum(counter.received for counter in counted),
        sum(counter.sent for counter in counted),
        sum(counter.received_bytes for counter in counted),
    )
    return Uplink(names, total)


def default_interfaces(ipv4: str, ipv6: str) -> frozenset[str]:
    """Return the interfaces with a default route. Arguments: the texts of /proc/net/route and ipv6_route."""
    found = set()
    for words in map(str.split, ipv4.splitlines()[1:]):
        name, destination, flags, mask = words[0], words[1], int(words[3], 16), words[7]
        if (destination, mask) == (_IPV4_ANYWHERE, _IPV4_ANYWHERE) and _leads(flags):
            found.add(name)
    for words in map(str.split, ipv6.splitlines()):
        destination, length, flags, name = words[0], words[1], int(words[8], 16), words[9]
        if (destination, length) == (_IPV6_ANYWHERE, "00") and _leads(flags) and name != "lo":
            found.add(name)
    return frozenset(found)


def near4(name: str, routes: str) -> Iterator[Prefix]:
    """Yield an interface's on-link IPv4 networks. ``routes``: the text of /proc/net/route."""
    for words in map(str.split, routes.splitlines()[1:]):
        mask = _number(words[7])
        if words[0] == name and mask and words[2] == _IPV4_ANYWHERE and _leads(int(words[3], 16)):
            yield Prefix(_number(words[1]), 32 - mask.bit_count(), 4)


def _number(word: str) -> int:
    """Return the IPv4 address in a hex word of /proc (host byte order) as a number."""
    return int.from_bytes(int(word, 16).to_bytes(4, sys.byteorder), "big")


def near6(name: str, routes: str) -> Iterator[Prefix]:
    """Yield an interface's on-link IPv6 networks. ``routes``: the text of /proc/net/ipv6_route."""
    for words in map(str.split, routes.splitlines()):
        length = int(words[1], 16)
        if words[9] == name and length and words[4] == _IPV6_ANYWHERE and _leads(int(words[8], 16)):
            yield Prefix(int(words[0], 16), 128 - length, 16)


def traffic(dev: str) -> dict[str, Traffic]:
    """Return packets received and sent, and bytes received, by interface name.

    ``dev``: the text of /proc/net/dev.
    """
    found = {}
    for line in dev.splitlines()[2:]:
        name, _, rest = line.rpartition(": ")
        words = rest.split()
        found[name.strip()] = Traffic(int(words[1]), int(words[9]), int(words[0]))
    return found


def _leads(flags: int) -> bool:
    return flags & (_RTF_UP | _RTF_REJECT) == _RTF_UP


def _read_ipv6() -> str:
    try:
        return (PROC / "ipv6_route").read_text("ascii")
    except FileNotFoundError:
        return ""  # a kernel without IPv6


def _runs(name: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, _IFREQ.pack(name.encode(), 0))
        except OSError:
            return False  # the interface has disappeared
    return bool(_IFREQ.unpack(answer)[1] & _IFF_RUNNING)

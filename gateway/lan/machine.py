"""Reads the machine's network configuration: links, addresses, default routes, neighbours (rtnetlink(7)).

Reading it from the kernel needs no privileges; nothing is sent to the network.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.core.netlink import dump_route, fields
from gateway.lan.neighbours import read_neighbours

PROC = Path("/proc")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_GET_LINK, _GET_ADDRESS, _GET_ROUTE = 18, 22, 26
_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix, flags, scope, index
_ROUTING = struct.Struct(
    "=BBBBBBBBI"
)  # struct rtmsg: family, dst_len, …, table, protocol, scope, type, flags
_NAME, _MASTER, _LINK_INFO, _INFO_KIND = 3, 10, 18, 1
_LOCAL, _IFA_ADDRESS = 2, 1
_OUT, _GATEWAY, _SEVERAL = 4, 5, 9
_HOP = struct.Struct("=HxxI")  # struct rtnexthop: length, interface; followed by attributes
_UP, _ETHERNET = 0x1, 1  # IFF_UP, ARPHRD_ETHER
_MAIN, _UNICAST = 254, 1
_PERMANENT = 0x80  # IFA_F_PERMANENT
_CAP_NET_ADMIN = 12  # linux/capability.h


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    up: bool
    ethernet: bool  # loopback and tunnels are not
    kind: str  # bridge, vlan, veth …; empty for a card
    master: str  # the bridge that it is a port of, or empty


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A default route of the kernel's main table: its interface, gateway and IP version."""

    interface: str
    gateway: Address | None  # None: the route needs none, as over a tunnel
    version: int  # 4 or 6


@dataclass(frozen=True, slots=True)
class RecentNeighbour:
    """A device in the kernel's neighbour table: interface, IP address and MAC address.

    It has been there, perhaps not now. Entries set by hand are left out, except routers.
    """

    interface: str
    ip: Address
    mac: str
    router: bool  # it announces itself as a router


@dataclass(frozen=True, slots=True)
class NetworkSnapshot:
    """The machine's network configuration at one moment: links, addresses, default routes, neighbours."""

    links: dict[str, Link]
    addresses: dict[str, tuple[Interface, ...]]  # by interface
    ways: tuple[DefaultRoute, ...]
    seen: tuple[RecentNeighbour, ...]
    leased: frozenset[str] = frozenset()  # interfaces with a temporary IPv4 address, as from DHCP

    def way_out(self, version: int | None = None) -> frozenset[str]:
        """Return the interfaces of the default routes. ``version``: 4 or 6; None: both."""
        return frozenset(way.interface for way in self.ways if version in (None, way.version))

    def one_armed(self, lan: Collection[str]) -> frozenset[str]:
        """Return those of the LAN interfaces ``lan`` that have a default route as well."""
        return self.way_out() & set(lan)


def read_machine() -> NetworkSnapshot:
    """Return the machine's current network configuration, read from the kernel. Raises OSError."""
    names: dict[int, str] = {}
    raw = []
    for body in dump_route(_GET_LINK, _LINK.size):
        _, kind, index, flags, _ = _LINK.unpack_from(body)
        found = fields(body[_LINK.size :])
        names[index] = _text(found.get(_NAME))
        raw.append((names[index], kind, flags, found))
    links = {name: _link(name, kind, flags, found, names) for name, kind, flags, found in raw}
    addresses: dict[str, tuple[Interface, ...]] = dict.fromkeys(links, ())
    leased = set()
    for body in dump_route(_GET_ADDRESS, _ADDRESS.size):
        family, length, flags, _, index = _ADDRESS.unpack_from(body)
        found = fields(body[_ADDRESS.size :])
        ip = found.get(_LOCAL) or found.get(_IFA_ADDRESS)
        if ip is not None and index in names:
            addresses[names[index]] += (ipaddress.ip_interface((bytes(ip), length)),)
            if family == socket.AF_INET and not flags & _PERMANENT:
                leased.add(names[index])
    return NetworkSnapshot(
        links, addresses, tuple(_ways(names)), tuple(_neighbours(names)), frozenset(leased)
    )


def setting(name: str) -> str:
    """Return a kernel setting, as text: the file ``name`` under /proc/sys/net. Empty if it cannot be read."""
    return text_of(PROC / "sys/net" / name).strip()


def text_of(path: Path) -> str:
    """Return the text of a file, with invalid UTF-8 replaced; empty if it cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _link(name: str, kind: int, flags: int, found: dict[int, memoryview], names: dict[int, str]) -> Link:
    info = fields(found[_LINK_INFO]) if _LINK_INFO in found else {}
    master = struct.unpack("=I", found[_MASTER])[0] if _MASTER in found else 0
    return Link(
        name, bool(flags & _UP), kind == _ETHERNET, _text(info.get(_INFO_KIND)), names.get(master, "")
    )


def _ways(names: dict[int, str]) -> Iterator[DefaultRoute]:
    for body in dump_route(_GET_ROUTE, _ROUTING.size):
        family, length, _, _, table, _, _, kind, _ = _ROUTING.unpack_from(body)
        found = fields(body[_ROUTING.size :])
        if length or table != _MAIN or kind != _UNICAST:
            continue
        for index, hop in _hops(found):
            if index in names:
                gateway = ipaddress.ip_address(bytes(hop[_GATEWAY])) if _GATEWAY in hop else None
                yield DefaultRoute(names[index], gateway, 4 if family == socket.AF_INET else 6)


def _hops(found: dict[int, memoryview]) -> Iterator[tuple[int, dict[int, memoryview]]]:
    """Yield the interface index and the attributes of each next hop of a route.

    It may have several (ECMP).
    """
    if _OUT in found:
        yield struct.unpack("=I", found[_OUT])[0], found
    rest = found.get(_SEVERAL, memoryview(b""))
    while len(rest) >= _HOP.size:
        length, index = _HOP.unpack_from(rest)
        if not _HOP.size <= length <= len(rest):
            return
        yield index, fields(rest[_HOP.size : length])
        rest = rest[length + 3 & ~3 :]


def _neighbours(names: dict[int, str]) -> Iterator[RecentNeighbour]:
    for neighbour in read_neighbours():
        if not neighbour.mac or neighbour.ifindex not in names:
            continue
        # A fixed entry does not show that the device has ever been there.
        if neighbour.router or not neighbour.fixed:
            ip = ipaddress.ip_address(neighbour.ip)
            yield RecentNeighbour(names[neighbour.ifindex], ip, neighbour.mac, neighbour.router)


def _text(value: memoryview | None) -> str:
    return "" if value is None else bytes(value).rstrip(b"\0").decode("ascii", "replace")


def may_administer() -> bool:
    """Return whether this process has CAP_NET_ADMIN (as root has), and so may read the network rules."""
    for line in text_of(PROC / "self/status").splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            return bool(int(value, 16) >> _CAP_NET_ADMIN & 1)
    return False

"""What the machine's network looks like: links, addresses, default routes, neighbours (rtnetlink(7)).

Read from the kernel, without any right; nothing is sent to the network.
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
_HOP = struct.Struct("=HxxI")  # struct rtnexthop: length, interface; its attributes behind it
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
    master: str  # the bridge whose port it is, or empty


@dataclass(frozen=True, slots=True)
class Way:
    """A default route of the main table."""

    interface: str
    gateway: Address | None
    version: int


@dataclass(frozen=True, slots=True)
class Seen:
    """Who has answered lately."""

    interface: str
    ip: Address
    mac: str
    router: bool  # it says so of itself


@dataclass(frozen=True, slots=True)
class Machine:
    links: dict[str, Link]
    addresses: dict[str, tuple[Interface, ...]]  # by interface
    ways: tuple[Way, ...]
    seen: tuple[Seen, ...]
    leased: frozenset[str] = frozenset()  # interfaces whose IPv4 address is lent to them, as by DHCP

    def way_out(self, version: int | None = None) -> frozenset[str]:
        """Interfaces of the default routes."""
        return frozenset(one.interface for one in self.ways if version in (None, one.version))

    def one_armed(self, lan: Collection[str]) -> frozenset[str]:
        """Interfaces of the home that are the way out as well."""
        return self.way_out() & set(lan)


def read_machine() -> Machine:
    """Raises OSError."""
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
    return Machine(links, addresses, tuple(_ways(names)), tuple(_neighbours(names)), frozenset(leased))


def setting(name: str) -> str:
    """A value under /proc/sys/net of this network namespace; empty where there is none."""
    return text_of(PROC / "sys/net" / name).strip()


def text_of(path: Path) -> str:
    """What a file says; empty where it is not there or may not be read."""
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


def _ways(names: dict[int, str]) -> Iterator[Way]:
    for body in dump_route(_GET_ROUTE, _ROUTING.size):
        family, length, _, _, table, _, _, kind, _ = _ROUTING.unpack_from(body)
        found = fields(body[_ROUTING.size :])
        if length or table != _MAIN or kind != _UNICAST:
            continue
        for index, hop in _hops(found):
            if index in names:
                gateway = ipaddress.ip_address(bytes(hop[_GATEWAY])) if _GATEWAY in hop else None
                yield Way(names[index], gateway, 4 if family == socket.AF_INET else 6)


def _hops(found: dict[int, memoryview]) -> Iterator[tuple[int, dict[int, memoryview]]]:
    """The interface of each of a route's ways, with its attributes: a route may have several (ECMP)."""
    if _OUT in found:
        yield struct.unpack("=I", found[_OUT])[0], found
    rest = found.get(_SEVERAL, memoryview(b""))
    while len(rest) >= _HOP.size:
        length, index = _HOP.unpack_from(rest)
        if not _HOP.size <= length <= len(rest):
            return
        yield index, fields(rest[_HOP.size : length])
        rest = rest[length + 3 & ~3 :]


def _neighbours(names: dict[int, str]) -> Iterator[Seen]:
    for one in read_neighbours():
        if one.ifindex in names and (one.router or not one.fixed):  # else nobody has been there
            yield Seen(names[one.ifindex], ipaddress.ip_address(one.ip), one.mac, one.router)


def _text(value: memoryview | None) -> str:
    return "" if value is None else bytes(value).rstrip(b"\0").decode("ascii", "replace")


def may_administer() -> bool:
    """Whether the kernel tells us of its rules: root, or a user with that one capability."""
    for line in text_of(PROC / "self/status").splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            return bool(int(value, 16) >> _CAP_NET_ADMIN & 1)
    return False

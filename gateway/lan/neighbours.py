"""Reads and changes the kernel's neighbour table: the MAC address of each IP address (rtnetlink(7)).

The table is read as a list, and as events when a neighbour appears, answers, falls silent or changes its
address. ``Owners`` stores the owner of each address from these. The hardware address in a packet is chosen by
its sender; this table shows where responses go.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from gateway.core.netlink import (
    HEADER,
    RECEIVE,
    REQUEST,
    PendingDatagrams,
    attribute,
    dump_route,
    fields,
    frames,
    route_socket,
)

MAX_OF_ONE = 256  # addresses of one device: a repeater with fifty devices behind it has four or five each
MAX_IN_ALL = 2048  # the kernel stores 1,024 neighbours per address family; 400 bytes each

_ROUTE = 0  # NETLINK_ROUTE
_GROUP_NEIGHBOURS = 0x4  # RTMGRP_NEIGH
_NEW_NEIGHBOUR, _GONE_NEIGHBOUR, _GET_NEIGHBOUR = 28, 29, 30  # 29 is also the request to delete
_REPLACE, _CREATE = 0x100, 0x400
_DESTINATION, _LINK_ADDRESS = 1, 2
_USE, _ROUTER = 0x01, 0x80  # NTF_USE, NTF_ROUTER
# linux/neighbour.h: NUD_REACHABLE, NUD_DELAY, NUD_PROBE; a STALE neighbour answered once and may be gone
_PROBE, _PERMANENT = 0x10, 0x80
_ONLINE = 0x02 | 0x08 | _PROBE
_ANSWERED = 0x02 | _PERMANENT  # NUD_REACHABLE
_KNOWN = _ONLINE | 0x04 | _PERMANENT  # and NUD_STALE
_FAILED = 0x20
_BUFFER = 1 << 18  # bytes of waiting events: some 1,500, more than the devices of a household cause together
_MOST_EVENTS = 256  # per turn of the loop; the others wait for the next

_MESSAGE = struct.Struct("=BxxxiHBB")  # struct ndmsg

Place = tuple[str, int]
"""An IP address, and the index of its interface."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the kernel's neighbour table, or a change of one: an IP address and its MAC address."""

    mac: str  # lower case, with colons; empty for a silent or deleted neighbour
    ip: str
    ifindex: int
    online: bool  # confirmed within about half a minute, or in use while the kernel checks it
    answered: bool = False  # confirmed within about half a minute, or set by hand
    failed: bool = False  # did not answer a probe
    gone: bool = False  # deleted from the table, which says nothing about the device
    router: bool = False  # announces itself as a router (IPv6)
    fixed: bool = False  # set by hand: the kernel never probes it


def read_neighbours() -> list[Neighbour]:
    """Return the kernel's neighbour table (ARP and ND) of all Ethernet interfaces. Raises OSError.

    An entry that did not answer a probe (``failed``) has no MAC address. Entries that the kernel is
    still resolving are left out.
    """
    found = (_parse(_NEW_NEIGHBOUR, body) for body in dump_route(_GET_NEIGHBOUR, _MESSAGE.size))
    return [neighbour for neighbour in found if neighbour is not None]


def find_neighbour(place: Place) -> Neighbour | None:
    """Return the neighbour table's entry for one address. Raises OSError.

    None if the kernel has none with a MAC address.
    """
    with route_socket() as sock:
        sock.send(_question(place, 0, 0, REQUEST, _GET_NEIGHBOUR))
        for kind, _, _, body in frames(memoryview(sock.recv(RECEIVE))):
            neighbour = _parse(kind, body)  # None for an error as well
            if neighbour is not None and neighbour.mac:
                return neighbour
    return None


class NeighbourEvents:
    """A netlink socket that receives changes of the kernel's neighbour table. Readable after a change."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _ROUTE
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, _GROUP_NEIGHBOURS))

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> tuple[list[Neighbour], bool]:
        """Return pending changes in order, and True if the kernel dropped some. Never blocks.

        If it dropped some, the caller has to read the whole table. At most about _MOST_EVENTS are
        returned.
        """
        found: list[Neighbour] = []
        waiting = PendingDatagrams(self._socket, RECEIVE)
        for data in waiting:
            parsed = (_parse(kind, body) for kind, _, _, body in frames(data))
            found += [neighbour for neighbour in parsed if neighbour is not None]
            if len(found) >= _MOST_EVENTS:
                break
        return found, waiting.lost

    def close(self) -> None:
        self._socket.close()


class Owners:
    """Stores which MAC address has each IP address (on each interface), from neighbour entries.

    It does no I/O. The caller removes entries for which there is no room (`surplus`) from the
    kernel's table as well: the kernel then has to resolve the address again before it uses it, and
    that is an event.
    """

    def __init__(self) -> None:
        self._of: dict[Place, Neighbour] = {}  # the longest unchanged first
        self._places: dict[str, dict[Place, None]] = {}  # by hardware address
        self._moved: set[Place] = set()
        self._surplus: list[Place] = []

    def __iter__(self) -> Iterator[tuple[Place, str]]:
        return ((place, neighbour.mac) for place, neighbour in self._of.items())

    def mac_of(self, place: Place) -> str | None:
        neighbour = self._of.get(place)
        return None if neighbour is None else neighbour.mac

    def moved(self) -> set[Place]:
        """Return the addresses that got another owner, or none, since the last call."""
        found, self._moved = self._moved, set()
        return found

    def surplus(self) -> list[Place]:
        """Return the addresses that were dropped for lack of room since the last call.

        The caller deletes them from the kernel's neighbour table.
        """
        found, self._surplus = self._surplus, []
        return found

    def neighbour(self, neighbour: Neighbour) -> None:
        """Update the owner of one address from a neighbour entry.

        An entry that is gone removes the owner. A device that does not answer keeps its address until
        another device has it.
        """
        place = (neighbour.ip, neighbour.ifindex)
        if neighbour.gone:
            self._leave(place)
        elif not neighbour.failed:
            before = self._of.get(place)
            if before is None or before.mac != neighbour.mac:
                self._leave(place)
                self._take(place, neighbour)

    def listed(self, neighbours: Iterable[Neighbour]) -> None:
        """Update all owners from the complete neighbour table.

        Addresses that are not in it lose their owner.
        """
        present = set()
        for neighbour in neighbours:
            present.add((neighbour.ip, neighbour.ifindex))
            self.neighbour(neighbour)
        for place in [place for place in self._of if place not in present]:
            self._leave(place)

    def _take(self, place: Place, neighbour: Neighbour) -> None:
        self._of[place] = neighbour
        self._places.setdefault(neighbour.mac, {})[place] = None
        self._moved.add(place)
        if len(self._places[neighbour.mac]) > MAX_OF_ONE:
            self._make_room(self._places[neighbour.mac])
        if len(self._of) > MAX_IN_ALL:
            self._make_room(self._of)

    def _make_room(self, places: Iterable[Place]) -> None:
        """Drop the oldest of ``places`` and add it to the surplus. Entries set by hand are never dropped.

        The kernel would not learn them again.
        """
        oldest = next((place for place in places if not self._of[place].fixed), None)
        if oldest is not None:
            self._leave(oldest)
            self._surplus.append(oldest)

    def _leave(self, place: Place) -> None:
        neighbour = self._of.pop(place, None)
        if neighbour is None:
            return
        self._moved.add(place)
        places = self._places[neighbour.mac]
        del places[place]
        if not places:
            del self._places[neighbour.mac]


def ask(places: Collection[Place], *, again: bool = False) -> None:
    """Make the kernel probe whether devices still answer at these addresses (``places``).

    Results arrive as events (`NeighbourEvents`). The kernel sends an ARP request or a neighbour
    solicitation, as it does before it uses an address. For half a minute after an answer it does so only
    with ``again``. A failure is reported after three seconds. Raises OSError.
    """
    requests = [_question(place, 0, _USE, REQUEST | _REPLACE | _CREATE) for place in places]
    if again:
        fixed = {(neighbour.ip, neighbour.ifindex) for neighbour in read_neighbours() if neighbour.fixed}
        again_to = [place for place in places if place not in fixed]
        requests += [_question(place, _PROBE, 0, REQUEST | _REPLACE) for place in again_to]
    _send(requests)


def drop(places: Collection[Place]) -> None:
    """Delete the entries of these addresses from the kernel's neighbour table. Raises OSError."""
    _send([_question(place, 0, 0, REQUEST, _GONE_NEIGHBOUR) for place in places])


def _send(requests: Collection[bytes]) -> None:
    if not requests:
        return
    with route_socket() as sock:
        sock.send(b"".join(requests))  # errors are not read: the device then simply stays silent


def _question(place: Place, state: int, flags: int, how: int, kind: int = _NEW_NEIGHBOUR) -> bytes:
    ip, ifindex = place
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    packed = socket.inet_pton(family, ip)
    body = _MESSAGE.pack(family, ifindex, state, flags, 0)
    body += attribute(_DESTINATION, packed)
    return HEADER.pack(HEADER.size + len(body), kind, how, 0, 0) + body


def _parse(kind: int, body: memoryview) -> Neighbour | None:
    """Return the neighbour entry in an rtnetlink message of type ``kind``; None for other messages.

    None also for entries that are not on Ethernet, and for those that the kernel is still resolving.
    """
    if kind not in (_NEW_NEIGHBOUR, _GONE_NEIGHBOUR) or len(body) < _MESSAGE.size:
        return None
    _, ifindex, state, flags, _ = _MESSAGE.unpack_from(body)
    found = fields(body[_MESSAGE.size :])
    ip, mac = bytes(found.get(_DESTINATION, b"")), bytes(found.get(_LINK_ADDRESS, b""))
    if len(ip) not in (4, 16):
        return None
    address = socket.inet_ntop(socket.AF_INET if len(ip) == 4 else socket.AF_INET6, ip)
    if kind == _GONE_NEIGHBOUR:
        return Neighbour("", address, ifindex, online=False, gone=True)
    if state & _FAILED:
        return Neighbour("", address, ifindex, online=False, failed=True)
    if len(mac) != 6 or not state & _KNOWN or not any(mac) or mac[0] & 1:
        return None  # a group address belongs to no single device
    return Neighbour(
        mac.hex(":"),
        address,
        ifindex,
        online=bool(state & _ONLINE),
        answered=bool(state & _ANSWERED),
        router=bool(flags & _ROUTER),
        fixed=bool(state & _PERMANENT),
    )

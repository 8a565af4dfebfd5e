"""The kernel's neighbour table: the hardware address for each IP address on a link (rtnetlink(7)).

Available as a list, and as events when a neighbour appears, answers, falls silent or changes its address.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection
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
    """An entry of the table, or a change of it."""

    mac: str  # lower case, with colons; empty in an event for a silent or deleted neighbour
    ip: str
    ifindex: int
    online: bool  # confirmed within the last minute
    answered: bool = False  # confirmed just now
    failed: bool = False  # did not answer a probe
    gone: bool = False  # deleted from the table, which says nothing about the device
    router: bool = False  # announces itself as a router (IPv6)
    fixed: bool = False  # set by hand: the kernel never probes it


def read_neighbours() -> list[Neighbour]:
    """Return every neighbour with an Ethernet address, on all interfaces. Raises OSError."""
    found = (_parse(_NEW_NEIGHBOUR, body) for body in dump_route(_GET_NEIGHBOUR, _MESSAGE.size))
    return [neighbour for neighbour in found if neighbour is not None and neighbour.mac]


def find_neighbour(place: Place) -> Neighbour | None:
    """Return the neighbour that answers for one address, or None if the kernel knows none. Raises OSError."""
    with route_socket() as sock:
        sock.send(_question(place, 0, 0, REQUEST, _GET_NEIGHBOUR))
        for kind, _, _, body in frames(memoryview(sock.recv(RECEIVE))):
            neighbour = _parse(kind, body)  # None for an error as well
            if neighbour is not None and neighbour.mac:
                return neighbour
    return None


class NeighbourEvents:
    """Events of the kernel's neighbour table. Readable (``fileno``) when the table has changed."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _ROUTE
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, _GROUP_NEIGHBOURS))

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> tuple[list[Neighbour], bool]:
        """Return the changes in order, and whether the kernel dropped some: then read the whole list."""
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


def ask(places: Collection[Place], *, again: bool = False) -> None:
    """Make the kernel probe whether these still answer. The result arrives as events.

    The kernel sends an ARP request or a neighbour solicitation, as it does before it uses an address. For
    half a minute after an answer it does so only with ``again``. A failure is reported after three seconds.
    """
    requests = [_question(place, 0, _USE, REQUEST | _REPLACE | _CREATE) for place in places]
    if again:
        fixed = {(neighbour.ip, neighbour.ifindex) for neighbour in read_neighbours() if neighbour.fixed}
        again_to = [place for place in places if place not in fixed]
        requests += [_question(place, _PROBE, 0, REQUEST | _REPLACE) for place in again_to]
    _send(requests)


def drop(places: Collection[Place]) -> None:
    """Delete these entries from the kernel's table."""
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
    """Return None for entries that are not on Ethernet, and for those that the kernel is still resolving."""
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

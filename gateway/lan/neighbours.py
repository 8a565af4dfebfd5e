"""The kernel's neighbours: which hardware address answers for which IP address (rtnetlink(7)).

As a list when asked for, and as events when one appears, answers, falls silent, or is somebody else's.
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
    Waiting,
    attribute,
    dump_route,
    fields,
    frames,
    route_socket,
)

_ROUTE = 0  # NETLINK_ROUTE
_GROUP_NEIGHBOURS = 0x4  # RTMGRP_NEIGH
_NEW_NEIGHBOUR, _GONE_NEIGHBOUR, _GET_NEIGHBOUR = 28, 29, 30  # 29 asks for it, too
_REPLACE, _CREATE = 0x100, 0x400
_DESTINATION, _LINK_ADDRESS = 1, 2
_USE, _ROUTER = 0x01, 0x80  # NTF_USE, NTF_ROUTER
# linux/neighbour.h: NUD_REACHABLE, NUD_DELAY, NUD_PROBE; what is STALE answered once and may be gone
_PROBE, _PERMANENT = 0x10, 0x80
_ONLINE = 0x02 | 0x08 | _PROBE
_ANSWERED = 0x02 | _PERMANENT  # NUD_REACHABLE
_KNOWN = _ONLINE | 0x04 | _PERMANENT  # and NUD_STALE
_FAILED = 0x20
_BUFFER = 1 << 18  # bytes of events that wait: some 1,500, more than a home's devices at once
_MOST_EVENTS = 256  # that one turn of the loop reads; the others are still there in the next

_MESSAGE = struct.Struct("=BxxxiHBB")  # struct ndmsg


Place = tuple[str, int]
"""An address, and the index of the interface that it is on."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    mac: str  # lower case, colons; of an event empty where nobody answers
    ip: str
    ifindex: int
    online: bool  # confirmed within the last minute
    answered: bool = False  # confirmed just now
    failed: bool = False  # asked, and nobody answered
    gone: bool = False  # taken out of the table, which says nothing of the device
    router: bool = False  # it says so of itself (IPv6)
    fixed: bool = False  # entered by hand: the kernel never asks


def read_neighbours() -> list[Neighbour]:
    """Every neighbour with an Ethernet address, of all interfaces. Raises OSError."""
    found = (_parse(_NEW_NEIGHBOUR, body) for body in dump_route(_GET_NEIGHBOUR, _MESSAGE.size))
    return [one for one in found if one is not None and one.mac]


def find_neighbour(place: Place) -> Neighbour | None:
    """Who answers for one address. None: nobody, as far as the kernel knows. Raises OSError."""
    with route_socket() as sock:
        sock.send(_question(place, 0, 0, REQUEST, _GET_NEIGHBOUR))
        for kind, _, _, body in frames(memoryview(sock.recv(RECEIVE))):
            one = _parse(kind, body)  # None for an error as well
            if one is not None and one.mac:
                return one
    return None


class NeighbourEvents:
    """Readable (``fileno``) when the kernel's table changed."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _ROUTE
        )
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.bind((0, _GROUP_NEIGHBOURS))

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> tuple[list[Neighbour], bool]:
        """What changed, in its order; and whether the kernel had to drop some: then read the whole list."""
        found: list[Neighbour] = []
        waiting = Waiting(self._socket, RECEIVE)
        for data in waiting:
            read = (_parse(kind, body) for kind, _, _, body in frames(data))
            found += [one for one in read if one is not None]
            if len(found) >= _MOST_EVENTS:
                break
        return found, waiting.lost

    def close(self) -> None:
        self._socket.close()


def ask(places: Collection[Place], *, again: bool = False) -> None:
    """Have the kernel find out whether these still answer; events tell what it found.

    It sends what it always sends before it uses an address: an ARP request or a neighbour solicitation, but
    for half a minute after an answer only with ``again``. Who does not answer is told of after three seconds.
    """
    requests = [_question(place, 0, _USE, REQUEST | _REPLACE | _CREATE) for place in places]
    if again:
        fixed = {(one.ip, one.ifindex) for one in read_neighbours() if one.fixed}
        requests += [_question(one, _PROBE, 0, REQUEST | _REPLACE) for one in places if one not in fixed]
    _send(requests)


def drop(places: Collection[Place]) -> None:
    """Have the kernel forget who answered for these."""
    _send([_question(place, 0, 0, REQUEST, _GONE_NEIGHBOUR) for place in places])


def _send(requests: Collection[bytes]) -> None:
    if not requests:
        return
    with route_socket() as sock:
        sock.send(b"".join(requests))  # refusals come as answers that nobody reads: the device is just silent


def _question(place: Place, state: int, flags: int, how: int, kind: int = _NEW_NEIGHBOUR) -> bytes:
    ip, ifindex = place
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    packed = socket.inet_pton(family, ip)
    body = _MESSAGE.pack(family, ifindex, state, flags, 0)
    body += attribute(_DESTINATION, packed)
    return HEADER.pack(HEADER.size + len(body), kind, how, 0, 0) + body


def _parse(kind: int, body: memoryview) -> Neighbour | None:
    """None for what is no neighbour on Ethernet, and for one that the kernel is still looking for."""
    if kind not in (_NEW_NEIGHBOUR, _GONE_NEIGHBOUR) or len(body) < _MESSAGE.size:
        return None
    _, ifindex, state, flags, _ = _MESSAGE.unpack_from(body)
    told = fields(body[_MESSAGE.size :])
    ip, mac = bytes(told.get(_DESTINATION, b"")), bytes(told.get(_LINK_ADDRESS, b""))
    if len(ip) not in (4, 16):
        return None
    address = socket.inet_ntop(socket.AF_INET if len(ip) == 4 else socket.AF_INET6, ip)
    if kind == _GONE_NEIGHBOUR:
        return Neighbour("", address, ifindex, online=False, gone=True)
    if state & _FAILED:
        return Neighbour("", address, ifindex, online=False, failed=True)
    if len(mac) != 6 or not state & _KNOWN or not any(mac) or mac[0] & 1:
        return None  # no one device answers for a group's address
    return Neighbour(
        mac.hex(":"),
        address,
        ifindex,
        online=bool(state & _ONLINE),
        answered=bool(state & _ANSWERED),
        router=bool(flags & _ROUTER),
        fixed=bool(state & _PERMANENT),
    )

"""The kernel's neighbours: which hardware address answers for which IP address (rtnetlink(7)).

As a list when asked for, and as events when one appears, answers, falls silent, or is somebody else's.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_ROUTE = 0  # NETLINK_ROUTE
_GROUP_NEIGHBOURS = 0x4  # RTMGRP_NEIGH
_NEW_NEIGHBOUR, _GONE_NEIGHBOUR, _GET_NEIGHBOUR, _ERROR, _DONE = 28, 29, 30, 2, 3
_REQUEST, _REPLACE, _CREATE = 0x1, 0x100, 0x400
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_DESTINATION, _LINK_ADDRESS = 1, 2
_USE = 0x01  # NTF_USE
# linux/neighbour.h: NUD_REACHABLE, NUD_DELAY, NUD_PROBE; what is STALE answered once and may be gone
_PROBE, _PERMANENT = 0x10, 0x80
_ONLINE = 0x02 | 0x08 | _PROBE
_ANSWERED = 0x02 | _PERMANENT  # NUD_REACHABLE
_KNOWN = _ONLINE | 0x04 | _PERMANENT  # and NUD_STALE
_FAILED = 0x20
_RECEIVE = 65536
_BUFFER = 1 << 18  # bytes of events that wait: some 1,500, more than a home's devices at once
_MOST_EVENTS = 256  # that one turn of the loop reads; the others are still there in the next
_TIMEOUT = 2.0  # seconds; the kernel answers a dump at once

_HEADER = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=BxxxiHBB")  # struct ndmsg
_ATTRIBUTE = struct.Struct("=HH")


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
    fixed: bool = False  # entered by hand: the kernel never asks


def read_neighbours() -> list[Neighbour]:
    """Every neighbour with an Ethernet address, of all interfaces. Raises OSError."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE) as sock:
        sock.settimeout(_TIMEOUT)
        sock.send(_HEADER.pack(28, _GET_NEIGHBOUR, _REQUEST_DUMP, 1, 0) + bytes(12))
        found: list[Neighbour] = []
        while True:
            data = sock.recv(_RECEIVE)
            for kind, body in _messages(data):
                if kind in (_DONE, _ERROR):
                    return found
                neighbour = _parse(kind, body)
                if neighbour is not None and neighbour.mac:
                    found.append(neighbour)


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
        lost = False
        while len(found) < _MOST_EVENTS:
            try:
                data = self._socket.recv(_RECEIVE)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            for kind, body in _messages(data):
                neighbour = _parse(kind, body)
                if neighbour is not None:
                    found.append(neighbour)
        return found, lost

    def close(self) -> None:
        self._socket.close()


def ask(places: Collection[Place], *, again: bool = False) -> None:
    """Have the kernel find out whether these still answer; events tell what it found.

    It sends what it always sends before it uses an address: an ARP request or a neighbour solicitation, but
    for half a minute after an answer only with ``again``. Who does not answer is told of after three seconds.
    """
    requests = [_question(place, 0, _USE, _REQUEST | _REPLACE | _CREATE) for place in places]
    if again:
        fixed = {(one.ip, one.ifindex) for one in read_neighbours() if one.fixed}
        requests += [_question(one, _PROBE, 0, _REQUEST | _REPLACE) for one in places if one not in fixed]
    if not requests:
        return
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE) as sock:
        sock.settimeout(_TIMEOUT)
        sock.send(b"".join(requests))  # refusals come as answers that nobody reads: the device is just silent


def _question(place: Place, state: int, flags: int, how: int) -> bytes:
    ip, ifindex = place
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    packed = socket.inet_pton(family, ip)
    body = _MESSAGE.pack(family, ifindex, state, flags, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _DESTINATION) + packed
    return _HEADER.pack(_HEADER.size + len(body), _NEW_NEIGHBOUR, how, 0, 0) + body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(data) - at >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _parse(kind: int, body: bytes) -> Neighbour | None:
    """None for what is no neighbour on Ethernet, and for one that the kernel is still looking for."""
    if kind not in (_NEW_NEIGHBOUR, _GONE_NEIGHBOUR) or len(body) < _MESSAGE.size:
        return None
    _, ifindex, state, _, _ = _MESSAGE.unpack_from(body)
    ip = mac = b""
    at = _MESSAGE.size
    while len(body) - at >= _ATTRIBUTE.size:
        length, attribute = _ATTRIBUTE.unpack_from(body, at)
        if not _ATTRIBUTE.size <= length <= len(body) - at:
            break
        value = body[at + _ATTRIBUTE.size : at + length]
        if attribute == _DESTINATION:
            ip = value
        elif attribute == _LINK_ADDRESS:
            mac = value
        at += length + 3 & ~3
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
        fixed=bool(state & _PERMANENT),
    )

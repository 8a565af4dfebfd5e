"""The kernel's neighbour table: which hardware address answers for which IP address (rtnetlink(7))."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ROUTE = 0  # NETLINK_ROUTE
_GET_NEIGHBOUR, _NEW_NEIGHBOUR, _ERROR, _DONE = 30, 28, 2, 3
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_DESTINATION, _LINK_ADDRESS = 1, 2
# linux/neighbour.h: NUD_REACHABLE, NUD_DELAY, NUD_PROBE; what is STALE answered once and may be gone
_ONLINE = 0x02 | 0x08 | 0x10
_KNOWN = _ONLINE | 0x04 | 0x80  # and NUD_STALE, NUD_PERMANENT
_RECEIVE = 65536
_TIMEOUT = 2.0  # seconds; the kernel answers a dump at once

_HEADER = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=BxxxiHBB")  # struct ndmsg
_ATTRIBUTE = struct.Struct("=HH")


@dataclass(frozen=True, slots=True)
class Neighbour:
    mac: str  # lower case, colons
    ip: str
    ifindex: int
    online: bool  # confirmed within the last minute


def read_neighbours() -> list[Neighbour]:
    """Every neighbour with an Ethernet address, of all interfaces."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _ROUTE) as sock:
        sock.settimeout(_TIMEOUT)
        sock.send(_HEADER.pack(28, _GET_NEIGHBOUR, _REQUEST_DUMP, 1, 0) + bytes(12))
        found: list[Neighbour] = []
        while True:
            data = sock.recv(_RECEIVE)
            for kind, body in _messages(data):
                if kind in (_DONE, _ERROR):
                    return found
                neighbour = _parse(body) if kind == _NEW_NEIGHBOUR else None
                if neighbour is not None:
                    found.append(neighbour)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(data) - at >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _parse(body: bytes) -> Neighbour | None:
    if len(body) < _MESSAGE.size:
        return None
    _, ifindex, state, _, _ = _MESSAGE.unpack_from(body)
    ip = mac = b""
    at = _MESSAGE.size
    while len(body) - at >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if not _ATTRIBUTE.size <= length <= len(body) - at:
            break
        value = body[at + _ATTRIBUTE.size : at + length]
        if kind == _DESTINATION:
            ip = value
        elif kind == _LINK_ADDRESS:
            mac = value
        at += length + 3 & ~3
    if len(ip) not in (4, 16) or len(mac) != 6 or not state & _KNOWN or not any(mac):
        return None
    return Neighbour(mac.hex(":"), str(ipaddress.ip_address(ip)), ifindex, bool(state & _ONLINE))

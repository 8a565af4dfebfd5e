"""Sockets of the simulated internet that report the destination of a packet (RFC 3542, ip(7)), so that the
response can be sent from that address.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

Peer = tuple[str, int]
Answer = Callable[[bytes, str, Peer], bytes | None]
"""From data, destination address and sender to the response."""

_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO, _IPV6_FREEBIND = 8, 49, 50, 78  # linux/in.h, linux/in6.h
_IN_PKTINFO, _IN6_PKTINFO = struct.Struct("@i4s4s"), struct.Struct("@16si")


def opened(version: int, kind: int, protocol: int = 0) -> socket.socket:
    """Return a socket that reports destinations and may send from any address."""
    made = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, kind, protocol)
    if version == 4:
        made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    return made


def serve(sock: socket.socket, answer: Answer) -> None:
    """Respond to incoming packets, forever."""
    while True:
        data, extra, _, peer = sock.recvmsg(65535, 128)
        for level, _, info in extra:
            here, back = _origin(level, info)
            try:
                response = answer(data, here, peer[:2])
                if response is not None:
                    sock.sendmsg([response], [back], 0, peer[:2])
            except OSError:
                continue  # the response cannot be sent; it is lost, as on any network


def _origin(level: int, info: bytes) -> tuple[str, tuple[int, int, bytes]]:
    """Return the destination address, and the control message that makes a response use it."""
    if level == socket.IPPROTO_IP:
        local = _IN_PKTINFO.unpack(info)[2]
        back = _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4))
        return socket.inet_ntop(socket.AF_INET, local), (level, *back)
    local = _IN6_PKTINFO.unpack(info)[0]
    return socket.inet_ntop(socket.AF_INET6, local), (level, _IPV6_PKTINFO, _IN6_PKTINFO.pack(local, 0))

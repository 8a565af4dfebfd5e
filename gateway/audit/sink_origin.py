"""Sockets of the pretended internet that tell to which address something came (RFC 3542, ip(7)): the answer
leaves from there.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

Peer = tuple[str, int]
Answer = Callable[[bytes, str, Peer], bytes | None]
"""From what came, the address that it came to, and who sent it."""

_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO, _IPV6_FREEBIND = 8, 49, 50, 78  # linux/in.h, linux/in6.h
_IN_PKTINFO, _IN6_PKTINFO = struct.Struct("@i4s4s"), struct.Struct("@16si")


def opened(version: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket that tells it, and may answer from addresses that are nobody's."""
    made = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, kind, protocol)
    if version == 4:
        made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    else:
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
    return made


def serve(sock: socket.socket, answer: Answer) -> None:
    """Answers whatever comes, without end."""
    while True:
        data, extra, _, peer = sock.recvmsg(65535, 128)
        for level, _, info in extra:
            here, back = _origin(level, info)
            try:
                said = answer(data, here, peer[:2])
                if said is not None:
                    sock.sendmsg([said], [back], 0, peer[:2])
            except OSError:
                continue  # an answer that could not leave, as anywhere


def _origin(level: int, info: bytes) -> tuple[str, tuple[int, int, bytes]]:
    """The address, and what makes an answer leave from it."""
    if level == socket.IPPROTO_IP:
        local = _IN_PKTINFO.unpack(info)[2]
        back = _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4))
        return socket.inet_ntop(socket.AF_INET, local), (level, *back)
    local = _IN6_PKTINFO.unpack(info)[0]
    return socket.inet_ntop(socket.AF_INET6, local), (level, _IPV6_PKTINFO, _IN6_PKTINFO.pack(local, 0))

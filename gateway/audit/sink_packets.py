"""IP protocols without ports: what arrives is written down and sent back."""

from __future__ import annotations

import socket
import struct

from gateway.audit.arrivals import Arrivals

_IPV6_RECVPKTINFO, _IPV6_PKTINFO, _IPV6_FREEBIND = 49, 50, 78  # linux/in6.h
_IP_PKTINFO = 8
_IN_PKTINFO, _IN6_PKTINFO = struct.Struct("@i4s4s"), struct.Struct("@16si")
_IPV4_WORDS = 0x0F


class PacketServer:
    def __init__(self, number: int, version: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._number = number
        self._version = version
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        self._socket = socket.socket(family, socket.SOCK_RAW, number)
        if version == 4:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)

    def serve(self) -> None:
        while True:
            data, extra, _, peer = self._socket.recvmsg(65535, 128)
            for level, _, value in extra:
                try:
                    self._meet(data, peer, level, value)
                except OSError:
                    continue

    def _meet(self, data: bytes, peer: tuple[str, int], level: int, info: bytes) -> None:
        if level == socket.IPPROTO_IP:  # the header comes with it
            data = data[(data[0] & _IPV4_WORDS) * 4 :]
            local = _IN_PKTINFO.unpack(info)[2]
            back = (level, _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4)))
            here = socket.inet_ntop(socket.AF_INET, local)
        else:
            local = _IN6_PKTINFO.unpack(info)[0]
            back = (level, _IPV6_PKTINFO, _IN6_PKTINFO.pack(local, 0))
            here = socket.inet_ntop(socket.AF_INET6, local)
        self._arrivals.note("ip", here, self._number, data)
        self._socket.sendmsg([data], [back], 0, (peer[0], 0))

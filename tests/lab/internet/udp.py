"""UDP on every address of this host: a reply leaves from the address that was asked (RFC 3542)."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

_IP_PKTINFO = 8
_IPV6_RECVPKTINFO = 49
_IPV6_PKTINFO = 50
_IPV6_FREEBIND = 78  # else an address without an interface cannot be a reply's source
_IN_PKTINFO = struct.Struct("@i4s4s")
_IN6_PKTINFO = struct.Struct("@16si")
_BURST = 64  # datagrams taken at one wake-up, so that other sockets get their turn
_BUFFER = 4 << 20

# Host, port, and the packed address of ours that was asked: its length tells the family.
Peer = tuple[str, int, bytes]
Receive = Callable[[bytes, Peer], None]


class UdpPort:
    """One port, IPv4 and IPv6, every address."""

    def __init__(self, port: int, receive: Receive) -> None:
        self._receive = receive
        self._v4 = _bound(socket.AF_INET, port)
        self._v6 = _bound(socket.AF_INET6, port)
        loop = asyncio.get_running_loop()
        for sock in (self._v4, self._v6):
            loop.add_reader(sock, self._readable, sock)

    def sendto(self, data: bytes, peer: Peer) -> None:
        host, port, local = peer
        try:
            if len(local) == 4:
                info = _IN_PKTINFO.pack(0, local, bytes(4))
                self._v4.sendmsg([data], [(socket.IPPROTO_IP, _IP_PKTINFO, info)], 0, (host, port))
            else:
                info = _IN6_PKTINFO.pack(local, 0)
                self._v6.sendmsg([data], [(socket.IPPROTO_IPV6, _IPV6_PKTINFO, info)], 0, (host, port))
        except (BlockingIOError, ConnectionRefusedError):
            return  # a lost datagram, as anywhere

    def _readable(self, sock: socket.socket) -> None:
        for _ in range(_BURST):
            try:
                data, ancillary, _flags, address = sock.recvmsg(65535, 128)
            except (BlockingIOError, ConnectionRefusedError):
                return
            for level, kind, value in ancillary:
                if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                    self._receive(data, (address[0], address[1], _IN_PKTINFO.unpack(value)[2]))
                elif level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO:
                    self._receive(data, (address[0], address[1], _IN6_PKTINFO.unpack(value)[0]))


def _bound(family: socket.AddressFamily, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    if family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.bind(("0.0.0.0", port))
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        sock.bind(("::", port))
    return sock

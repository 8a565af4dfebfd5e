"""UDP servers of the pretended internet: an answer leaves from the address that was asked (RFC 3542)."""

from __future__ import annotations

import socket
import struct

from gateway.audit import hellos, tunnels, zone
from gateway.audit.arrivals import Arrivals
from gateway.wire.quic import Kind, long_packets
from gateway.wire.quic_initials import Initials

_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50  # linux/in.h, linux/in6.h
_IPV6_FREEBIND = 78
_IN_PKTINFO, _IN6_PKTINFO = struct.Struct("@i4s4s"), struct.Struct("@16si")
_DNS_PORTS = (53, 5300)
_LONG_HEADER = 0x80
_MOST_HELLOS = 64  # connections whose hello is not whole; an audit has two at a time


class DatagramServer:
    def __init__(self, port: int, version: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._port = port
        if version == 4:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self._socket.bind(("0.0.0.0", port))
        else:
            self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            for option, value in ((socket.IPV6_V6ONLY, 1), (_IPV6_RECVPKTINFO, 1), (_IPV6_FREEBIND, 1)):
                self._socket.setsockopt(socket.IPPROTO_IPV6, option, value)
            self._socket.bind(("::", port))
        self._hellos: dict[object, Initials] = {}  # of connections whose first datagram came

    def serve(self) -> None:
        while True:
            data, extra, _, peer = self._socket.recvmsg(65535, 128)
            for level, _, value in extra:
                try:
                    self._meet(data, peer, level, value)
                except OSError:
                    continue  # an answer that could not leave, as anywhere

    def _meet(self, data: bytes, peer: tuple[str, int], level: int, info: bytes) -> None:
        if level == socket.IPPROTO_IP:
            local = _IN_PKTINFO.unpack(info)[2]
            here = socket.inet_ntop(socket.AF_INET, local)
            back = (level, _IP_PKTINFO, _IN_PKTINFO.pack(0, local, bytes(4)))
        else:
            local = _IN6_PKTINFO.unpack(info)[0]
            here = socket.inet_ntop(socket.AF_INET6, local)
            back = (level, _IPV6_PKTINFO, _IN6_PKTINFO.pack(local, 0))
        answer = self._answer(data, here, peer)
        if answer is not None:
            self._socket.sendmsg([answer], [back], 0, peer[:2])

    def _answer(self, data: bytes, here: str, peer: tuple[str, int]) -> bytes | None:
        if self._port in _DNS_PORTS:
            self._arrivals.note("udp", here, self._port, data)
            return zone.answer(data)
        if data and data[0] & _LONG_HEADER and self._port in (443, 853, 8443):
            return self._hello(data, here, peer)
        self._arrivals.note("udp", here, self._port, data)
        return tunnels.answer_datagram(data)

    def _hello(self, data: bytes, here: str, peer: tuple[str, int]) -> bytes | None:
        """A server's Initial, once the client's hello is whole."""
        found = long_packets(data)
        initial = next((one for one in found if one.kind is Kind.INITIAL), None)
        if initial is None:  # of a version that nobody here speaks: its server would
            self._arrivals.note("udp", here, self._port, data)
            return data
        key = (peer[:2], here, initial.dcid)
        if len(self._hellos) >= _MOST_HELLOS:
            self._hellos.clear()
        read = self._hellos.setdefault(key, Initials()).from_client(data)
        for one in read:
            self._arrivals.note("udp", here, self._port, data, one.sni or "-")
        return hellos.server_answer(initial.dcid) if read else None

"""Servers for IP protocols without ports: what arrives is recorded and sent back."""

from __future__ import annotations

import socket

from gateway.audit import sink_origin
from gateway.audit.arrivals import Arrivals
from gateway.audit.sink_origin import Peer

_IPV4_WORDS = 0x0F


class PacketServer:
    """One IP protocol over one IP version."""

    def __init__(self, number: int, version: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._number = number
        self._version = version
        self._socket = sink_origin.opened(version, socket.SOCK_RAW, number)

    def serve(self) -> None:
        sink_origin.serve(self._socket, self._answer)

    def _answer(self, data: bytes, here: str, _peer: Peer) -> bytes:
        if self._version == 4:  # raw IPv4 sockets receive the IP header as well
            data = data[(data[0] & _IPV4_WORDS) * 4 :]
        self._arrivals.note("ip", here, self._number, data)
        return data

"""UDP servers of the simulated internet."""

from __future__ import annotations

import socket

from gateway.audit import hellos, sink_origin, tunnels, zone
from gateway.audit.arrivals import Arrivals
from gateway.audit.sink_origin import Peer
from gateway.wire.quic.initials import DatagramKind, Initials, long_packets

_LONG_HEADER = 0x80
_MOST_HELLOS = 64  # connections with an incomplete hello; a test has two at a time


class DatagramServer:
    """One UDP port over one IP version."""

    def __init__(self, port: int, version: int, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._port = port
        self._socket = sink_origin.opened(version, socket.SOCK_DGRAM)
        if version == 6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self._socket.bind(("0.0.0.0" if version == 4 else "::", port))
        self._hellos: dict[object, Initials] = {}  # of connections whose first datagram came

    def serve(self) -> None:
        sink_origin.serve(self._socket, self._answer)

    def _answer(self, data: bytes, here: str, peer: Peer) -> bytes | None:
        if self._port in zone.PORTS:
            self._arrivals.note("udp", here, self._port, data)
            return zone.answer(data)
        if data and data[0] & _LONG_HEADER and self._port in (443, 853, 8443):
            return self._hello(data, here, peer)
        self._arrivals.note("udp", here, self._port, data)
        return tunnels.answer_datagram(data)

    def _hello(self, data: bytes, here: str, peer: Peer) -> bytes | None:
        """Return a server's Initial once the client's hello is complete."""
        found = long_packets(data)
        initial = next((packet for packet in found if packet.kind is DatagramKind.INITIAL), None)
        if initial is None:  # an unknown version: respond as its server would
            self._arrivals.note("udp", here, self._port, data)
            return data
        key = (peer, here, initial.dcid)
        if len(self._hellos) >= _MOST_HELLOS:
            self._hellos.clear()
        read = self._hellos.setdefault(key, Initials()).from_client(data)
        for client_hello in read:
            self._arrivals.note("udp", here, self._port, data, client_hello.sni or "-")
        return hellos.server_answer(initial.dcid) if read else None

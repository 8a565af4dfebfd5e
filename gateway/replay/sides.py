"""Finds the client of each flow, which a capture does not contain, and stores whether the flow is decided."""

from __future__ import annotations

from gateway.wire.http.head import looks_like_http
from gateway.wire.ip.packet import ACK, SYN, TCP, Packet

MAX_FLOWS = 1 << 15  # in each of two generations: 500 bytes each
WELL_KNOWN = 1024  # ports below are servers'
# Higher ports of servers: WireGuard, STUN, proxies, XMPP, push, alternative web ports.
SERVER_PORTS = frozenset({1194, 3128, 3478, 5222, 5223, 5228, 8000, 8008, 8080, 8443, 8853, 8888, 51820})

_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_FROM_CLIENT, _SURE, _DECIDED = 1, 2, 4  # bits

Ends = tuple[int, bytes, int, bytes, int]  # protocol, source and its port, destination and its port


class FlowClients:
    """The client of each flow. Bounded: flows that were idle for longest are dropped."""

    def __init__(self, limit: int = MAX_FLOWS) -> None:
        self._limit = limit
        self._young: dict[Ends, int] = {}
        self._old: dict[Ends, int] = {}

    def from_client(self, packet: Packet) -> bool | None:
        """Whether the client sent ``packet``; None for a decided TCP flow.

        The client is the sender of the SYN. If the capture begins later: the side with bytes of a client,
        else the side with a port that is no server's, else the sender of the first packet.
        """
        ends = (packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
        side = self._young.get(ends)
        if side is None:
            side = self._old.get(ends)
            if side is None:
                side = _guess(packet)
            self._put(ends, side)
        if packet.flags & SYN and packet.proto == TCP:
            side = side & ~_DECIDED if side & _SURE else _guess(packet)
            self._put(ends, side)
        return None if side & _DECIDED else side & _FROM_CLIENT != 0

    def decided(self, packet: Packet) -> None:
        """Record that the packet's flow is decided: ignore it until a SYN opens another on its ports."""
        ends = (packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
        self._put(ends, self._young[ends] | _DECIDED)

    def _put(self, ends: Ends, side: int) -> None:
        if len(self._young) >= 2 * self._limit:
            self._old, self._young = self._young, {}
        proto, src, sport, dst, dport = ends
        self._young[ends] = side
        self._young[proto, dst, dport, src, sport] = side ^ _FROM_CLIENT

    def __len__(self) -> int:
        return (len(self._young) + len(self._old)) // 2


def _guess(packet: Packet) -> int:
    if packet.proto == TCP:
        if packet.flags & SYN:
            return _SURE if packet.flags & ACK else _SURE | _FROM_CLIENT
        asks = _asks(packet.payload[:2048].tobytes())
        if asks is not None:
            return int(asks)
    serves, is_served = _is_server(packet.sport), _is_server(packet.dport)
    return int(is_served or not serves)


def _asks(payload: bytes) -> bool | None:
    """Whether these bytes are a client's; None if unknown."""
    if payload.startswith(b"\x16") and len(payload) > 5:
        return {_CLIENT_HELLO: True, _SERVER_HELLO: False}.get(payload[5])
    if payload.startswith(b"HTTP/"):
        return False
    return looks_like_http(payload) or None


def _is_server(port: int) -> bool:
    return port < WELL_KNOWN or port in SERVER_PORTS

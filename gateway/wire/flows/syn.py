"""Decides which SYNs of one 4-tuple open a connection, and which are sent only to make it look new."""

from __future__ import annotations

from gateway.wire.flows.limits import Limits
from gateway.wire.ip.packet import ACK, SYN, Packet

Opening = tuple[bool, int]  # from the LAN?; sequence number of the SYN


class Openings:
    """The first SYN seen, and a later one that is not answered yet."""

    __slots__ = ("_first", "_limits", "_offer")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._first: Opening | None = None
        self._offer: Opening | None = None

    def is_offer(self, packet: Packet) -> bool:
        """Whether this SYN of the LAN side is not answered yet."""
        return packet.flags & SYN != 0 and self._offer == (True, packet.seq)

    def is_other(self, packet: Packet, from_lan: bool, *, fresh: bool, begun: bool) -> bool:
        """Whether ``packet`` opens another connection than the current one.

        A SYN does, as long as the client has not sent data (``begun``). After that, any host on the LAN could
        have sent it, so the other side's answer is required, which acknowledges its number (RFC 9293 §3.5).
        ``fresh`` means that the server has not sent data either.
        """
        flags = packet.flags & (SYN | ACK)
        if flags == SYN:
            opening = (from_lan, packet.seq)
            if self._first is None and fresh and not begun:
                self._first = opening
            if opening == self._first:
                return False
            self._offer = opening
            return not begun
        if flags != SYN | ACK or self._offer is None:
            return False
        offered, seq = self._offer
        return offered is not from_lan and 0 < (packet.ack - seq) & 0xFFFFFFFF <= self._limits.stream_bytes

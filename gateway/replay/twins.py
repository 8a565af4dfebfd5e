"""Recognises packets that were captured twice in one host."""

from __future__ import annotations

from collections import OrderedDict

from gateway.wire.ip.packet import Packet

MAX_TWINS = 64  # queries of the last millisecond
TWIN = 0.001  # seconds between two captures of one packet in a host


class DuplicatePackets:
    """The packets of the last moment."""

    def __init__(self) -> None:
        self._last: OrderedDict[bytes, float] = OrderedDict()

    def is_duplicate(self, data: bytes, packet: Packet, now: float) -> bool:
        """Whether the same packet was captured a moment ago on another interface of the same host.

        Its TTL, and so its IPv4 checksum, may have changed. TCP and QUIC need no check: what is sent twice is
        read once.
        """
        identification = data[4:6] if packet.version == 4 else b""
        key = b"".join((identification, packet.src, packet.dst, data[packet.l4 : packet.total]))
        before = self._last.pop(key, None)
        self._last[key] = now
        if len(self._last) > MAX_TWINS:
            self._last.popitem(last=False)
        return before is not None and now - before < TWIN

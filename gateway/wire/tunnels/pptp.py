"""PPTP's control connection (RFC 2637 §2); its payload is in GRE (``protocols``)."""

from __future__ import annotations

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, TunnelMatch

_CONTROL = b"\x00\x01\x1a\x2b\x3c\x4d"  # after the length: type control message, and the magic cookie


def classify_tcp(data: bytes) -> TunnelMatch:
    """Recognise a control message. One random stream in 2**56 matches."""
    if data[0]:  # the longest message has 220 bytes
        return None
    if data.startswith(_CONTROL, 2):
        return Proto.PPTP
    return MORE if _CONTROL.startswith(data[2:8]) else None

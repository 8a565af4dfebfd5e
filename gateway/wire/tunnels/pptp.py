"""PPTP's control connection (RFC 2637 section 2); what it carries is GRE (``protocols``)."""

from __future__ import annotations

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, Told

_CONTROL = b"\x00\x01\x1a\x2b\x3c\x4d"  # behind the length: a control message, and the magic cookie


def classify_tcp(data: bytes) -> Told:
    """One stream of random bytes in 2**56."""
    if data[0]:  # the longest message has 220 bytes
        return None
    if data.startswith(_CONTROL, 2):
        return Proto.PPTP
    return MORE if _CONTROL.startswith(data[2:8]) else None

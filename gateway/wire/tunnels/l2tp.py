"""L2TP's control messages, version 2 (RFC 2661 3.1, 4.1) and 3 over UDP (RFC 3931 4.1.2.1, 5.1)."""

from __future__ import annotations

from gateway.policy.values import Proto

_FLAGS = (b"\xc8\x02", b"\xc8\x03")  # control, with length and sequence; the version
_MESSAGE_TYPE = b"\x80\x08\x00\x00\x00\x00\x00"  # the first value: mandatory, 8 bytes, of the IETF, type 0
_BODY = 12  # where the values begin, in both versions


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """One message of random bytes in 2**87."""
    if payload[:2] not in _FLAGS or int.from_bytes(payload[2:4], "big") != len(payload):
        return None
    return Proto.L2TP if payload.startswith(_MESSAGE_TYPE, _BODY) else None

"""Control messages of L2TP version 2 (RFC 2661 §3.1, §4.1) and 3 over UDP (RFC 3931 §4.1.2.1, §5.1)."""

from __future__ import annotations

from gateway.policy.values import Proto

_FLAGS = (b"\xc8\x02", b"\xc8\x03")  # control message with length and sequence; version
_MESSAGE_TYPE = b"\x80\x08\x00\x00\x00\x00\x00"  # the first AVP: mandatory, 8 bytes, vendor IETF, type 0
_BODY = 12  # offset of the first AVP, in both versions


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """Recognise a control message. One random message in 2**87 matches."""
    if payload[:2] not in _FLAGS or int.from_bytes(payload[2:4], "big") != len(payload):
        return None
    return Proto.L2TP if payload.startswith(_MESSAGE_TYPE, _BODY) else None

"""Overlay networks, by their first messages: Nebula (docs of slackhq's nebula, "header"; its handshake uses
Noise) and ZeroTier (protocol page of its manual, "VL1 packets").
"""

from __future__ import annotations

from gateway.policy.values import Proto

# Nebula: version 1 and the type of a handshake, its subtype, reserved bytes; the receiver's index; a counter,
# which is 1 in the first message and 2 in the answer.
_NEBULA = b"\x10\0\0\0"
_NEBULA_HEADER = 16  # bytes
_NEBULA_LEAST = _NEBULA_HEADER + 32  # bytes, with Noise's key
_NO_INDEX = bytes(4)
_FIRST, _SECOND = bytes(7) + b"\x01", bytes(7) + b"\x02"

# ZeroTier: an id, two node addresses, flags, a MAC. A HELLO, which is not encrypted, continues with the verb,
# versions, the time, and the sender's identity, which begins with its address again.
_SOURCE, _FLAGS, _VERB, _IDENTITY = 13, 18, 27, 41
_ADDRESS = 5  # bytes
_CIPHER, _IN_CLEAR = 0x38, 0
_VERB_BITS, _HELLO = 0x1F, 1
_KEYS = 64  # bytes of a public identity, after a byte of type


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """Recognise Nebula (one random message in 2**95 matches) and ZeroTier (one in 2**48)."""
    return Proto.MESH if _is_nebula(payload) or _is_zerotier(payload) else None


def _is_nebula(payload: bytes) -> bool:
    if len(payload) < _NEBULA_LEAST or not payload.startswith(_NEBULA):
        return False
    number = payload[8:_NEBULA_HEADER]
    return number == (_FIRST if payload[4:8] == _NO_INDEX else _SECOND)


def _is_zerotier(payload: bytes) -> bool:
    if len(payload) < _IDENTITY + _ADDRESS + 1 + _KEYS:
        return False
    source = payload[_SOURCE : _SOURCE + _ADDRESS]
    if payload[_IDENTITY : _IDENTITY + _ADDRESS] != source or source == bytes(_ADDRESS):
        return False
    return payload[_FLAGS] & _CIPHER == _IN_CLEAR and payload[_VERB] & _VERB_BITS == _HELLO

"""OpenVPN's resets, the first messages of both sides, in the protocol that openvpn.net publishes (wire format
in ssl_pkt.h, "Network protocol"; tls-crypt and tls-crypt-v2 in doc/tls-crypt-v2.txt).

Messages that a patched OpenVPN scrambles are not recognised.
"""

from __future__ import annotations

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, TunnelMatch

_CLIENT_V1, _SERVER_V1, _CLIENT_V2, _SERVER_V2, _CLIENT_V3 = 1, 2, 7, 8, 10
# First bytes: the opcode, and three bits of the key id, which is 0 in a reset.
_CLIENT = frozenset({_CLIENT_V1 << 3, _CLIENT_V2 << 3})
_SERVER = frozenset({_SERVER_V1 << 3, _SERVER_V2 << 3})
_WITH_KEY = _CLIENT_V3 << 3

_HEAD = 9  # bytes: opcode and session id
_REPLAY = 8  # bytes: packet id and time, of authenticated packets
_DIGESTS = (16, 20, 28, 32, 48, 64)  # bytes of MD5, SHA-1 and the SHA-2 family
_CRYPT_TAG = 32  # bytes, of tls-crypt
# After the head: the number of acknowledgements (the server has one, with the client's session id), then the
# message id.
_CLIENT_TAIL, _SERVER_TAIL = 5, 17
_NUMBERS = (b"\0\0\0", b"\x0f\0\0")  # upper bytes of a first packet's id; the second since version 2.6
_MIN_WRAPPED = 32 + 256 + 2  # bytes of a wrapped client key: tag, key, length
_MAX_WRAPPED = 1024
_MAX_RESET = _HEAD + _REPLAY + _CRYPT_TAG + _CLIENT_TAIL + _MAX_WRAPPED


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """Recognise a reset. One random message in 2**30 matches (54 and 66 bytes), 2**47 (14 other sizes)."""
    return Proto.OPENVPN if payload and _is_reset(payload) else None


def classify_tcp(data: bytes) -> TunnelMatch:
    """Recognise a reset after two bytes of length."""
    if data[0] > _MAX_RESET >> 8:
        return None
    if len(data) < 3:
        return MORE
    first, size = data[2], int.from_bytes(data[:2], "big")
    if not _may_be(first, size):
        return None
    if len(data) < 2 + size:
        return MORE
    return Proto.OPENVPN if _is_reset(data[2 : 2 + size]) else None


def _lengths(tail: int) -> frozenset[int]:
    signed = (_HEAD + _REPLAY + digest + tail for digest in _DIGESTS)
    return frozenset({_HEAD + tail, _HEAD + _REPLAY + _CRYPT_TAG + tail, *signed})


_CLIENT_LENGTHS, _SERVER_LENGTHS = _lengths(_CLIENT_TAIL), _lengths(_SERVER_TAIL)


def _may_be(first: int, size: int) -> bool:
    if first in _CLIENT:
        return size in _CLIENT_LENGTHS
    if first in _SERVER:
        return size in _SERVER_LENGTHS
    crypt = _HEAD + _REPLAY + _CRYPT_TAG + _CLIENT_TAIL
    return first == _WITH_KEY and _MIN_WRAPPED <= size - crypt <= _MAX_WRAPPED


def _is_reset(message: bytes) -> bool:
    first, size = message[0], len(message)
    if not _may_be(first, size):
        return False
    if first == _WITH_KEY:
        wrapped = size - (_HEAD + _REPLAY + _CRYPT_TAG + _CLIENT_TAIL)
        return _is_numbered(message, _HEAD) and int.from_bytes(message[-2:], "big") == wrapped
    tail = _CLIENT_TAIL if first in _CLIENT else _SERVER_TAIL
    digest = size - tail - _HEAD - _REPLAY
    if digest == _CRYPT_TAG and _is_numbered(message, _HEAD):
        return True
    if digest > 0 and not _is_numbered(message, _HEAD + digest):
        return False
    return _is_first(message[-tail:])


def _is_numbered(message: bytes, at: int) -> bool:
    return message[at : at + 3] in _NUMBERS


def _is_first(tail: bytes) -> bool:
    """Whether a side's first packet ends so: message id 0; for the server, with id 0 acknowledged."""
    acknowledged = 0 if len(tail) == _CLIENT_TAIL else 1
    return tail[0] == acknowledged and tail[-4:] == bytes(4) and tail[1:5] == bytes(4)

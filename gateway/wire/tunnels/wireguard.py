"""WireGuard's four messages (Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", section 5.4)."""

from __future__ import annotations

from gateway.policy.values import Proto

_INITIATION, _RESPONSE, _COOKIE, _DATA = 1, 2, 3, 4
# Length of the first three, and the end of the clear Curve25519 key; its last bit is 0 (RFC 7748 §5).
_FIXED = {_INITIATION: (148, 40), _RESPONSE: (92, 44), _COOKIE: (64, 0)}
_MAC = bytes(16)  # mac2 without a cookie
_RESERVED = bytes(3)
_MIN_DATA = 32  # bytes: a keepalive
_BLOCK = 16  # bytes; the payload is padded to a multiple
_COUNTER = bytes(3)  # upper bytes: 2**40 packets of one key, which lasts three minutes


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """Recognise a message. One random message in 2**33 matches (148 and 92 bytes; 2**32: 64; 2**56: data).

    Cloudflare's service puts a client number in the reserved bytes. Such a handshake matches if it ends in
    sixteen zeros, which means that it has no cookie.
    """
    kind = payload[0] if payload else 0
    if not _INITIATION <= kind <= _DATA:
        return None
    size = len(payload)
    if kind == _DATA:
        whole = size >= _MIN_DATA and size % _BLOCK == 0
        known = payload[1:4] == _RESERVED and payload[13:16] == _COUNTER
        return Proto.WIREGUARD if whole and known else None
    length, key_end = _FIXED[kind]
    if size != length or (key_end and payload[key_end - 1] & 0x80):
        return None
    known = payload[1:4] == _RESERVED or (key_end > 0 and payload.endswith(_MAC))
    return Proto.WIREGUARD if known else None

"""IKE (RFC 2408 §3.1, RFC 7296 §3.1) on any port and over TCP (RFC 9329 §3.1), and ESP in UDP (RFC 3948)."""

from __future__ import annotations

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, TunnelMatch

_HEADER = 28  # bytes of IKE
_NON_ESP = bytes(4)  # before IKE on ports that may also carry ESP
# Exchanges and flags by version byte: RFC 2408 §3.1 and RFC 2409 §5; RFC 7296 §3.1, RFC 5723 and RFC 9242.
_EXCHANGES = {0x10: frozenset({2, 4, 5, 6, 32, 33}), 0x20: frozenset({34, 35, 36, 37, 38, 43})}
_FLAGS = {0x10: 0x07, 0x20: 0x38}
_STREAM = b"IKETCP"

_NAT_TRAVERSAL = 4500
_MIN_ESP = 32  # bytes: SPI, sequence, IV, one block and tag, with the smallest sizes in use
_MIN_SPI = 256  # RFC 4303 §2.1
_MAX_SEQUENCE = 1 << 16  # an undecided flow has just begun


def classify_udp(payload: bytes, dport: int) -> Proto | None:
    """Recognise IKE: one random message in 2**49. Recognise ESP on port 4500 only: one random message in
    2**16, and a media stream with a clock that has just begun at 0.
    """
    if is_ike(payload) or (payload[:4] == _NON_ESP and is_ike(payload[4:])):
        return Proto.IPSEC
    return Proto.IPSEC if dport == _NAT_TRAVERSAL and _is_esp(payload) else None


def classify_tcp(data: bytes) -> TunnelMatch:
    """Recognise IKE over TCP by its prefix: one random stream in 2**48."""
    if data.startswith(_STREAM):
        return Proto.IPSEC
    return MORE if _STREAM.startswith(data) else None


def is_ike(message: bytes) -> bool:
    """Recognise any IKE message, not only the first: the tunnel may be older than the flow."""
    size = len(message)
    if size < _HEADER or int.from_bytes(message[24:28], "big") != size:
        return False
    version = message[17]
    exchanges = _EXCHANGES.get(version)
    if exchanges is None or message[18] not in exchanges or message[19] & ~_FLAGS[version]:
        return False
    return message[:8] != bytes(8)


def _is_esp(payload: bytes) -> bool:
    if len(payload) < _MIN_ESP or len(payload) % 4:
        return False
    spi, sequence = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
    return spi >= _MIN_SPI and 0 < sequence < _MAX_SEQUENCE

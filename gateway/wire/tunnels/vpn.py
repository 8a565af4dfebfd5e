"""Recognises VPNs and overlay networks by their first messages, and tunnels by their IP protocol number.

``NAME_udp`` classifies one datagram, ``NAME_tcp`` the start of a stream. Sources:

- WireGuard: Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", section 5.4.
- OpenVPN: the protocol that openvpn.net publishes (wire format in ssl_pkt.h, "Network protocol"; tls-crypt
  and tls-crypt-v2 in doc/tls-crypt-v2.txt). Messages that a patched OpenVPN scrambles are not recognised.
- IPsec: IKE (RFC 2408 §3.1, RFC 7296 §3.1), also over TCP (RFC 9329 §3.1); ESP in UDP (RFC 3948).
- L2TP: control messages of version 2 (RFC 2661 §3.1, §4.1) and 3 over UDP (RFC 3931 §4.1.2.1, §5.1).
- PPTP: the control connection (RFC 2637 §2); its payload is in GRE.
- Nebula: docs of slackhq's nebula, "header"; its handshake uses Noise.
- ZeroTier: protocol page of its manual, "VL1 packets".
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.policy.values import Proto
from gateway.wire.tunnels.signs import MORE, TunnelMatch

# ---------------- WireGuard: all four messages

_WG_INITIATION, _WG_RESPONSE, _WG_COOKIE, _WG_DATA = 1, 2, 3, 4
# Length of the first three, and the end of the clear Curve25519 key; its last bit is 0 (RFC 7748 §5).
_WG_FIXED = {_WG_INITIATION: (148, 40), _WG_RESPONSE: (92, 44), _WG_COOKIE: (64, 0)}
_WG_MAC = bytes(16)  # mac2 without a cookie
_WG_RESERVED = bytes(3)
_WG_MIN_DATA = 32  # bytes: a keepalive
_WG_BLOCK = 16  # bytes; the payload is padded to a multiple
_WG_COUNTER = bytes(3)  # upper bytes: 2**40 packets of one key, which lasts three minutes


def wireguard_udp(payload: bytes, _dport: int) -> Proto | None:
    """Return WIREGUARD if a datagram is any WireGuard message; else None.

    One random message in 2**33 matches (148 and 92 bytes; 2**32: 64; 2**56: data). Cloudflare's service puts
    a client number in the reserved bytes. Such a handshake matches if it ends in sixteen zeros, which means
    that it has no cookie.
    """
    kind = payload[0] if payload else 0
    if not _WG_INITIATION <= kind <= _WG_DATA:
        return None
    size = len(payload)
    if kind == _WG_DATA:
        whole = size >= _WG_MIN_DATA and size % _WG_BLOCK == 0
        known = payload[1:4] == _WG_RESERVED and payload[13:16] == _WG_COUNTER
        return Proto.WIREGUARD if whole and known else None
    length, key_end = _WG_FIXED[kind]
    if size != length or (key_end and payload[key_end - 1] & 0x80):
        return None
    known = payload[1:4] == _WG_RESERVED or (key_end > 0 and payload.endswith(_WG_MAC))
    return Proto.WIREGUARD if known else None


# ---------------- OpenVPN: the resets, the first messages of both sides

_CLIENT_V1, _SERVER_V1, _CLIENT_V2, _SERVER_V2, _CLIENT_V3 = 1, 2, 7, 8, 10
# First bytes: the opcode, and three bits of the key id, which is 0 in a reset.
_OPENVPN_CLIENT = frozenset({_CLIENT_V1 << 3, _CLIENT_V2 << 3})
_OPENVPN_SERVER = frozenset({_SERVER_V1 << 3, _SERVER_V2 << 3})
_WITH_KEY = _CLIENT_V3 << 3

_OPENVPN_HEAD = 9  # bytes: opcode and session id
_OPENVPN_REPLAY = 8  # bytes: packet id and time, of authenticated packets
_OPENVPN_DIGESTS = (16, 20, 28, 32, 48, 64)  # bytes of MD5, SHA-1 and the SHA-2 family
_CRYPT_TAG = 32  # bytes, of tls-crypt
# After the head: the number of acknowledgements (the server has one, with the client's session id), then the
# message id.
_CLIENT_TAIL, _SERVER_TAIL = 5, 17
# Upper bytes of a first packet's id; the second since version 2.6.
_OPENVPN_NUMBERS = (b"\0\0\0", b"\x0f\0\0")
_MIN_WRAPPED = 32 + 256 + 2  # bytes of a wrapped client key: tag, key, length
_MAX_WRAPPED = 1024
_MAX_RESET = _OPENVPN_HEAD + _OPENVPN_REPLAY + _CRYPT_TAG + _CLIENT_TAIL + _MAX_WRAPPED


def openvpn_udp(payload: bytes, _dport: int) -> Proto | None:
    """Return OPENVPN if a datagram is an OpenVPN reset, the first message of either side; else None.

    One random message in 2**30 matches (54 and 66 bytes), in 2**47 (14, and 344 to 1,078 bytes); of other
    sizes fewer.
    """
    return Proto.OPENVPN if payload and _is_reset(payload) else None


def openvpn_tcp(data: bytes) -> TunnelMatch:
    """Return OPENVPN if a stream begins with an OpenVPN reset after its length, MORE if it may; else None.

    The length has two bytes. ``data`` is not empty.
    """
    if data[0] > _MAX_RESET >> 8:
        return None
    if len(data) < 3:
        return MORE
    first, size = data[2], int.from_bytes(data[:2], "big")
    if not _may_be_reset(first, size):
        return None
    if len(data) < 2 + size:
        return MORE
    return Proto.OPENVPN if _is_reset(data[2 : 2 + size]) else None


def _lengths(tail: int) -> frozenset[int]:
    signed = (_OPENVPN_HEAD + _OPENVPN_REPLAY + digest + tail for digest in _OPENVPN_DIGESTS)
    return frozenset({_OPENVPN_HEAD + tail, _OPENVPN_HEAD + _OPENVPN_REPLAY + _CRYPT_TAG + tail, *signed})


_CLIENT_LENGTHS, _SERVER_LENGTHS = _lengths(_CLIENT_TAIL), _lengths(_SERVER_TAIL)


def _may_be_reset(first: int, size: int) -> bool:
    if first in _OPENVPN_CLIENT:
        return size in _CLIENT_LENGTHS
    if first in _OPENVPN_SERVER:
        return size in _SERVER_LENGTHS
    crypt = _OPENVPN_HEAD + _OPENVPN_REPLAY + _CRYPT_TAG + _CLIENT_TAIL
    return first == _WITH_KEY and _MIN_WRAPPED <= size - crypt <= _MAX_WRAPPED


def _is_reset(message: bytes) -> bool:
    first, size = message[0], len(message)
    if not _may_be_reset(first, size):
        return False
    if first == _WITH_KEY:
        wrapped = size - (_OPENVPN_HEAD + _OPENVPN_REPLAY + _CRYPT_TAG + _CLIENT_TAIL)
        return _is_numbered(message, _OPENVPN_HEAD) and int.from_bytes(message[-2:], "big") == wrapped
    tail = _CLIENT_TAIL if first in _OPENVPN_CLIENT else _SERVER_TAIL
    digest = size - tail - _OPENVPN_HEAD - _OPENVPN_REPLAY
    if digest == _CRYPT_TAG and _is_numbered(message, _OPENVPN_HEAD):
        return True
    if digest > 0 and not _is_numbered(message, _OPENVPN_HEAD + digest):
        return False
    return _is_first(message[-tail:])


def _is_numbered(message: bytes, at: int) -> bool:
    return message[at : at + 3] in _OPENVPN_NUMBERS


def _is_first(tail: bytes) -> bool:
    """Return whether ``tail``, the end of an OpenVPN reset, is that of a side's first packet.

    It has message id 0; the server's also acknowledges message 0.
    """
    acknowledged = 0 if len(tail) == _CLIENT_TAIL else 1
    return tail[0] == acknowledged and tail[-4:] == bytes(4) and tail[1:5] == bytes(4)


# ---------------- IPsec

_IKE_HEADER = 28  # bytes of IKE
_NON_ESP = bytes(4)  # before IKE on ports that may also carry ESP
# Exchanges and flags by version byte: RFC 2408 §3.1 and RFC 2409 §5; RFC 7296 §3.1, RFC 5723 and RFC 9242.
_IKE_EXCHANGES = {0x10: frozenset({2, 4, 5, 6, 32, 33}), 0x20: frozenset({34, 35, 36, 37, 38, 43})}
_IKE_FLAGS = {0x10: 0x07, 0x20: 0x38}
_IKE_STREAM = b"IKETCP"

_NAT_TRAVERSAL = 4500
_MIN_ESP = 32  # bytes: SPI, sequence, IV, one block and tag, with the smallest sizes in use
_MIN_SPI = 256  # RFC 4303 §2.1
_MAX_SEQUENCE = 1 << 16  # an undecided flow has just begun


def ipsec_udp(payload: bytes, dport: int) -> Proto | None:
    """Return IPSEC if a datagram is IKE, or ESP on port 4500; else None.

    One random message in 2**49 matches as IKE, in 2**16 as ESP. A media stream (RTP) whose timestamps have
    just begun at 0 also matches as ESP.
    """
    if _is_ike(payload) or (payload[:4] == _NON_ESP and _is_ike(payload[4:])):
        return Proto.IPSEC
    return Proto.IPSEC if dport == _NAT_TRAVERSAL and _is_esp(payload) else None


def ipsec_tcp(data: bytes) -> TunnelMatch:
    """Return IPSEC if a stream begins with the prefix of IKE over TCP, MORE if it may; else None.

    One random stream in 2**48 matches.
    """
    if data.startswith(_IKE_STREAM):
        return Proto.IPSEC
    return MORE if _IKE_STREAM.startswith(data) else None


def _is_ike(message: bytes) -> bool:
    """Return whether a message is IKE of any exchange: the tunnel may be older than the flow."""
    size = len(message)
    if size < _IKE_HEADER or int.from_bytes(message[24:28], "big") != size:
        return False
    version = message[17]
    exchanges = _IKE_EXCHANGES.get(version)
    if exchanges is None or message[18] not in exchanges or message[19] & ~_IKE_FLAGS[version]:
        return False
    return message[:8] != bytes(8)


def _is_esp(payload: bytes) -> bool:
    if len(payload) < _MIN_ESP or len(payload) % 4:
        return False
    spi, sequence = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
    return spi >= _MIN_SPI and 0 < sequence < _MAX_SEQUENCE


# ---------------- L2TP

_L2TP_FLAGS = (b"\xc8\x02", b"\xc8\x03")  # control message with length and sequence; version
_L2TP_MESSAGE = b"\x80\x08\x00\x00\x00\x00\x00"  # the first AVP: mandatory, 8 bytes, vendor IETF, type 0
_L2TP_BODY = 12  # offset of the first AVP, in both versions


def l2tp_udp(payload: bytes, _dport: int) -> Proto | None:
    """Return L2TP if a datagram is an L2TP control message; else None.

    One random message in 2**87 matches.
    """
    if payload[:2] not in _L2TP_FLAGS or int.from_bytes(payload[2:4], "big") != len(payload):
        return None
    return Proto.L2TP if payload.startswith(_L2TP_MESSAGE, _L2TP_BODY) else None


# ---------------- PPTP

_PPTP_CONTROL = b"\x00\x01\x1a\x2b\x3c\x4d"  # after the length: type control message, and the magic cookie


def pptp_tcp(data: bytes) -> TunnelMatch:
    """Return PPTP if a stream begins with a PPTP control message, MORE if it may; else None.

    ``data`` is not empty. One random stream in 2**56 matches.
    """
    if data[0]:  # the longest message has 220 bytes
        return None
    if data.startswith(_PPTP_CONTROL, 2):
        return Proto.PPTP
    return MORE if _PPTP_CONTROL.startswith(data[2:8]) else None


# ---------------- Nebula and ZeroTier

# Nebula: version 1 and the type of a handshake, its subtype, reserved bytes; the receiver's index; a counter,
# which is 1 in the first message and 2 in the answer.
_NEBULA = b"\x10\0\0\0"
_NEBULA_HEADER = 16  # bytes
_NEBULA_LEAST = _NEBULA_HEADER + 32  # bytes, with Noise's key
_NEBULA_NO_INDEX = bytes(4)
_NEBULA_FIRST, _NEBULA_SECOND = bytes(7) + b"\x01", bytes(7) + b"\x02"

# ZeroTier: an id, two node addresses, flags, a MAC. A HELLO, which is not encrypted, continues with the verb,
# versions, the time, and the sender's identity, which begins with its address again.
_ZT_SOURCE, _ZT_FLAGS, _ZT_VERB, _ZT_IDENTITY = 13, 18, 27, 41
_ZT_ADDRESS = 5  # bytes
_ZT_CIPHER, _ZT_IN_CLEAR = 0x38, 0
_ZT_VERB_BITS, _ZT_HELLO = 0x1F, 1
_ZT_KEYS = 64  # bytes of a public identity, after a byte of type


def mesh_udp(payload: bytes, _dport: int) -> Proto | None:
    """Return MESH if a datagram is of Nebula or ZeroTier; else None.

    One random message in 2**96 matches as Nebula, in 2**48 as ZeroTier.
    """
    return Proto.MESH if _is_nebula(payload) or _is_zerotier(payload) else None


def _is_nebula(payload: bytes) -> bool:
    if len(payload) < _NEBULA_LEAST or not payload.startswith(_NEBULA):
        return False
    number = payload[8:_NEBULA_HEADER]
    return number == (_NEBULA_FIRST if payload[4:8] == _NEBULA_NO_INDEX else _NEBULA_SECOND)


def _is_zerotier(payload: bytes) -> bool:
    if len(payload) < _ZT_IDENTITY + _ZT_ADDRESS + 1 + _ZT_KEYS:
        return False
    source = payload[_ZT_SOURCE : _ZT_SOURCE + _ZT_ADDRESS]
    if payload[_ZT_IDENTITY : _ZT_IDENTITY + _ZT_ADDRESS] != source or source == bytes(_ZT_ADDRESS):
        return False
    return payload[_ZT_FLAGS] & _ZT_CIPHER == _ZT_IN_CLEAR and payload[_ZT_VERB] & _ZT_VERB_BITS == _ZT_HELLO


# ---------------- IP protocols, by number (IANA, "Protocol Numbers")

_BY_NUMBER: Mapping[int, Proto] = {
    4: Proto.IP_IN_IP,  # RFC 2003
    41: Proto.IP_IN_IP,  # RFC 4213: 6in4, 6to4
    47: Proto.PPTP,  # GRE: RFC 2637, 2784
    50: Proto.IPSEC,  # ESP: RFC 4303
    51: Proto.IPSEC,  # AH: RFC 4302
    115: Proto.L2TP,  # RFC 3931 §4.1.1
}


def classify_ip(number: int) -> Proto:
    """Return the tunnel protocol with this IP protocol number; OTHER if it is no known tunnel."""
    return _BY_NUMBER.get(number, Proto.OTHER)

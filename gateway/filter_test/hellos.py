"""First bytes of TLS and QUIC, valid and unusual (RFC 8446 4.1.2, 6066 3, 9849 5; RFC 9000 17.2.2).

Servers respond to them as to a browser: the key shares are points on the curve, without a private key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from gateway.wire.quic.crypto import VERSION_1, initial_keys

_SERVER_NAME, _GROUPS, _SIGNATURES, _ALPN, _VERSIONS, _SHARES, _ECH = 0, 10, 13, 16, 43, 51, 0xFE0D
_QUIC_PARAMETERS = 57
_X25519 = b"\x00\x1d"
_SUITES = bytes.fromhex("130113021303c02bc02fc02cc030")
_ALGORITHMS = bytes.fromhex("040308040401050308050501080606010201")
_HANDSHAKE, _CRYPTO = 22, 0x06
_RECORD_VERSION = b"\x03\x01"
DATAGRAM = 1200  # minimum bytes of a datagram with a client's Initial (RFC 9000 14.1)
_TAG = 16
_CONNECTION_ID = 8


def _counted(body: bytes, size: int) -> bytes:
    return len(body).to_bytes(size, "big") + body


def _extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + _counted(body, 2)


def client_hello(
    name: bytes | None, alpn: Sequence[bytes] = (), *, ech: bool = False, quic: bool = False
) -> bytes:
    """Return a TLS ClientHello as a handshake message, without a record header.

    ``name`` is the server name, which may be invalid; with ``ech`` it is the outer one.
    """
    extensions = b""
    if name is not None:
        extensions += _extension(_SERVER_NAME, _counted(b"\x00" + _counted(name, 2), 2))
    extensions += _extension(_GROUPS, _counted(_X25519, 2))
    extensions += _extension(_SIGNATURES, _counted(_ALGORITHMS, 2))
    if alpn:
        extensions += _extension(_ALPN, _counted(b"".join(_counted(token, 1) for token in alpn), 2))
    extensions += _extension(_VERSIONS, b"\x02\x03\x04" if quic else b"\x04\x03\x04\x03\x03")
    extensions += _extension(_SHARES, _counted(_X25519 + _counted(os.urandom(32), 2), 2))
    if quic:
        extensions += _extension(_QUIC_PARAMETERS, b"\x04\x04\x80\x10\x00\x00\x0f\x00")  # RFC 9000 18.2
    if ech:
        suite = b"\x00\x01\x00\x01\x07"  # HKDF-SHA256, AES-128-GCM, key 7
        hidden = _counted(os.urandom(32), 2) + _counted(os.urandom(208), 2)
        extensions += _extension(_ECH, b"\x00" + suite + hidden)
    session = b"" if quic else os.urandom(32)
    body = b"\x03\x03" + os.urandom(32) + _counted(session, 1)
    body += _counted(_SUITES, 2) + b"\x01\x00" + _counted(extensions, 2)
    return b"\x01" + _counted(body, 3)


def records(message: bytes, size: int = 0) -> bytes:
    """Return a handshake message in TLS records of ``size`` bytes each; 0: one record."""
    size = size or len(message)
    parts = (message[at : at + size] for at in range(0, len(message), size))
    return b"".join(bytes((_HANDSHAKE,)) + _RECORD_VERSION + _counted(part, 2) for part in parts)


def varint(value: int) -> bytes:
    """Return a QUIC integer in its shortest form (RFC 9000 16)."""
    size = 1 if value < 1 << 6 else 2 if value < 1 << 14 else 4
    return (value | (size.bit_length() - 1) << (8 * size - 2)).to_bytes(size, "big")


def initials(hello: bytes, *, version: int = VERSION_1, pieces: int = 1) -> list[bytes]:
    """Return the datagrams of a client's Initials.

    With ``pieces`` the hello is split into that many CRYPTO frames, in reverse order, half of them in a
    second datagram. An unknown version is encrypted with the keys of version 1.
    """
    connection = os.urandom(_CONNECTION_ID)
    step = -(-len(hello) // pieces)
    frames = [_crypto_frame(at, hello[at : at + step]) for at in range(0, len(hello), step)][::-1]
    half = -(-len(frames) // 2) if pieces > 1 else len(frames)
    shares = [b"".join(part) for part in (frames[:half], frames[half:]) if part]
    return [initial(share, connection, number, version=version) for number, share in enumerate(shares)]


def _crypto_frame(at: int, data: bytes) -> bytes:
    return bytes((_CRYPTO,)) + varint(at) + varint(len(data)) + data


def initial(
    frames: bytes, connection: bytes, number: int, *, version: int = VERSION_1, server: bool = False
) -> bytes:
    """Return one Initial, padded to a full datagram.

    The keys derive from ``connection``, the client's first connection id. The server's packets go to a client
    without a connection id.
    """
    ids = _counted(b"" if server else connection, 1) + _counted(connection if server else b"", 1)
    header = b"\xc3" + version.to_bytes(4, "big") + ids + b"\x00"  # no token
    room = DATAGRAM - len(header) - 2 - 4 - _TAG
    payload = frames + bytes(max(0, room - len(frames)))
    header += (len(payload) + 4 + _TAG | 0x4000).to_bytes(2, "big") + number.to_bytes(4, "big")
    return initial_keys(VERSION_1, connection, server=server).seal(header, number, payload)


def server_answer(connection: bytes) -> bytes:
    """Return a server's Initial with a ServerHello, in response to a client's first one."""
    extensions = _extension(_VERSIONS, b"\x03\x04") + _extension(
        _SHARES, _X25519 + _counted(os.urandom(32), 2)
    )
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + b"\x13\x01\x00" + _counted(extensions, 2)
    acknowledged = b"\x02\x00\x00\x00\x00"
    frames = acknowledged + _crypto_frame(0, b"\x02" + _counted(body, 3))
    return initial(frames, connection, 0, server=True)

"""First bytes of TLS and QUIC, valid and unusual (RFC 8446 4.1.2, 6066 3, 9849 5; RFC 9000 17.2.2).

Servers respond to them as to a browser: the key shares are points on the curve, without a private key.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from gateway.wire.quic.crypto import VERSION_1, initial_keys
from gateway.wire.tls import build
from gateway.wire.tls.build import SHARES, VERSIONS, X25519, counted, extension

_CRYPTO = 0x06
DATAGRAM = 1200  # minimum bytes of a datagram with a client's Initial (RFC 9000 14.1)
_TAG = 16
_CONNECTION_ID = 8


def client_hello(
    name: bytes | None, alpn: Sequence[bytes] = (), *, ech: bool = False, quic: bool = False
) -> bytes:
    """Return a TLS ClientHello with new random values.

    ``name``: in SNI; None: none. ``ech``: with an ECH extension. ``quic``: as within QUIC.
    See `gateway.wire.tls.build`.
    """
    return build.client_hello(name, alpn, random=os.urandom, ech=ech, quic=quic)


def varint(value: int) -> bytes:
    """Return an integer below 2**30 as QUIC's variable-length integer, in the shortest form (RFC 9000 16)."""
    size = 1 if value < 1 << 6 else 2 if value < 1 << 14 else 4
    return (value | (size.bit_length() - 1) << (8 * size - 2)).to_bytes(size, "big")


def initials(hello: bytes, *, version: int = VERSION_1, pieces: int = 1) -> list[bytes]:
    """Return the UDP datagrams with a QUIC client's Initial packets that carry a TLS ClientHello (``hello``).

    With ``pieces`` above 1 the hello is split into at most that many CRYPTO frames, in reverse order, half of
    them in a second datagram. The keys are those of version 1 for every ``version``.
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
    """Return a QUIC datagram with one encrypted Initial packet that has ``frames``, of at least 1,200 bytes.

    The keys derive from ``connection``, the client's first connection id. ``number``: the packet number.
    ``server``: the packet is a server's, for a client without a connection id.
    """
    ids = counted(b"" if server else connection, 1) + counted(connection if server else b"", 1)
    header = b"\xc3" + version.to_bytes(4, "big") + ids + b"\x00"  # no token
    room = DATAGRAM - len(header) - 2 - 4 - _TAG
    payload = frames + bytes(max(0, room - len(frames)))
    header += (len(payload) + 4 + _TAG | 0x4000).to_bytes(2, "big") + number.to_bytes(4, "big")
    return initial_keys(VERSION_1, connection, server=server).seal(header, number, payload)


def server_answer(connection: bytes) -> bytes:
    """Return a QUIC server's first datagram: an Initial packet with a ServerHello.

    ``connection``: the destination connection id of the client's first packet.
    """
    extensions = extension(VERSIONS, b"\x03\x04") + extension(SHARES, X25519 + counted(os.urandom(32), 2))
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + b"\x13\x01\x00" + counted(extensions, 2)
    acknowledged = b"\x02\x00\x00\x00\x00"
    frames = acknowledged + _crypto_frame(0, b"\x02" + counted(body, 3))
    return initial(frames, connection, 0, server=True)

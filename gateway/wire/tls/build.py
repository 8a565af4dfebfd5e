"""Builds ClientHellos and TLS records (RFC 8446 4.1.2, 5.1, RFC 6066 3, RFC 9849 5; for QUIC RFC 9001 8.2).

Their sizes and forms are those of browsers. A server answers them if ``random`` is random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

SERVER_NAME, GROUPS, SIGNATURES, ALPN, PADDING, VERSIONS, SHARES, ECH = 0, 10, 13, 16, 21, 43, 51, 0xFE0D
QUIC_PARAMETERS = 57
X25519, X25519MLKEM768 = b"\x00\x1d", b"\x11\xec"
_SUITES = bytes.fromhex("130113021303c02bc02fc02cc030")
_ALGORITHMS = bytes.fromhex("040308040401050308050501080606010201")
_HANDSHAKE, _RECORD_VERSION = 22, b"\x03\x01"
_MLKEM_SHARE = 1216  # bytes
_PADDED = 400  # bytes, in place of the other extensions of a browser


def counted(body: bytes, size: int) -> bytes:
    """Return ``body`` after its length, a number of ``size`` bytes."""
    return len(body).to_bytes(size, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    """Return a TLS extension of type ``kind`` as bytes (RFC 8446 4.2)."""
    return kind.to_bytes(2, "big") + counted(body, 2)


def client_hello(
    name: bytes | None,
    alpn: Sequence[bytes] = (),
    *,
    random: Callable[[int], bytes],
    ech: bool = False,
    quic: bool = False,
    large: bool = False,
) -> bytes:
    """Return a TLS ClientHello as a handshake message, without a record header.

    ``name`` is the server name, which may be invalid; with ``ech`` it is the outer one. ``random(n)`` returns
    n bytes. ``ech``: with an encrypted hello of random bytes. ``quic``: as in QUIC. ``large``: with a
    post-quantum key share and padding, as of browsers.
    """
    extensions = b""
    if name is not None:
        extensions += extension(SERVER_NAME, counted(b"\x00" + counted(name, 2), 2))
    groups = X25519MLKEM768 + X25519 if large else X25519
    extensions += extension(GROUPS, counted(groups, 2))
    extensions += extension(SIGNATURES, counted(_ALGORITHMS, 2))
    if alpn:
        extensions += extension(ALPN, counted(b"".join(counted(token, 1) for token in alpn), 2))
    extensions += extension(VERSIONS, b"\x02\x03\x04" if quic else b"\x04\x03\x04\x03\x03")
    shares = X25519 + counted(random(32), 2)
    if large:
        shares = X25519MLKEM768 + counted(random(_MLKEM_SHARE), 2) + shares
        extensions += extension(PADDING, bytes(_PADDED))
    extensions += extension(SHARES, counted(shares, 2))
    if quic:
        extensions += extension(QUIC_PARAMETERS, b"\x04\x04\x80\x10\x00\x00\x0f\x00")  # RFC 9000 18.2
    if ech:
        suite = b"\x00\x01\x00\x01\x07"  # HKDF-SHA256, AES-128-GCM, key 7
        hidden = counted(random(32), 2) + counted(random(208), 2)
        extensions += extension(ECH, b"\x00" + suite + hidden)
    session = b"" if quic else random(32)
    body = b"\x03\x03" + random(32) + counted(session, 1)
    body += counted(_SUITES, 2) + b"\x01\x00" + counted(extensions, 2)
    return b"\x01" + counted(body, 3)


def records(message: bytes, size: int = 0) -> bytes:
    """Return a handshake message in TLS records with ``size`` bytes of it each; 0: in one record."""
    size = size or len(message)
    parts = (message[at : at + size] for at in range(0, len(message), size))
    return b"".join(bytes((_HANDSHAKE,)) + _RECORD_VERSION + counted(part, 2) for part in parts)

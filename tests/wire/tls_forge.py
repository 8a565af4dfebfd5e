"""Builds TLS hellos and records, right ones and wrong ones, for the tests and the lab."""

from __future__ import annotations

from collections.abc import Sequence

SERVER_NAME = 0
ALPN = 16
PADDING = 21
EARLY_DATA = 42
SUPPORTED_VERSIONS = 43
KEY_SHARE = 51
ECH = 0xFE0D
ESNI = 0xFFCE
GREASE = 0x3A3A  # RFC 8701

CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"
WARNING_ALERT = b"\x15\x03\x01\x00\x02\x01\x70"  # unrecognized_name
FATAL_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # handshake_failure

HELLO_RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def counted(body: bytes, size: int) -> bytes:
    """``body`` after its length in ``size`` bytes."""
    return len(body).to_bytes(size, "big") + body


def extension(kind: int, body: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + counted(body, 2)


def server_name(*names: bytes, kind: int = 0) -> bytes:
    """A server_name extension; a correct one has one name of kind 0."""
    return extension(SERVER_NAME, counted(b"".join(bytes([kind]) + counted(name, 2) for name in names), 2))


def alpn(*protocols: str) -> bytes:
    return extension(ALPN, counted(b"".join(counted(p.encode("latin-1"), 1) for p in protocols), 2))


def versions(*numbers: int) -> bytes:
    return extension(SUPPORTED_VERSIONS, counted(b"".join(n.to_bytes(2, "big") for n in numbers), 1))


def key_share(post_quantum: bool) -> bytes:
    """Shares of X25519, and of X25519MLKEM768 (1,216 bytes) in front of it as browsers send them."""
    shares = b"\x00\x1d" + counted(b"\x55" * 32, 2)
    if post_quantum:
        shares = b"\x3a\x3a\x00\x01\x00" + b"\x11\xec" + counted(b"\x77" * 1216, 2) + shares
    return extension(KEY_SHARE, counted(shares, 2))


def ech(
    *, inner: bool = False, config_id: int = 7, aead: int = 1, enc: bytes = b"\x05" * 32, payload: int = 208
) -> bytes:
    """An ECH extension; a GREASE one looks the same (RFC 9849 section 6.2)."""
    if inner:
        return extension(ECH, b"\x01")
    suite = b"\x00\x01" + aead.to_bytes(2, "big")
    return extension(
        ECH, b"\x00" + suite + bytes([config_id]) + counted(enc, 2) + counted(b"\x99" * payload, 2)
    )


def client_hello(
    sni: str | bytes | None = "www.example.com",
    *,
    protocols: Sequence[str] = ("h2", "http/1.1"),
    post_quantum: bool = False,
    padding_before_sni: int = 0,
    before: bytes = b"",
    after: bytes = b"",
    supported: Sequence[int] = (GREASE, 0x0304, 0x0303),
    legacy_version: int = 0x0303,
    session_id: bytes = b"\x22" * 32,
    random: bytes = b"\x11" * 32,
) -> bytes:
    """A ClientHello message in the shape that Chromium sends.

    ``before`` and ``after`` are whole extensions put in front of the name and at the end; with
    ``padding_before_sni`` and ``post_quantum`` the name lands in a later segment.
    """
    extensions = extension(GREASE) + before
    if padding_before_sni:
        extensions += extension(PADDING, bytes(padding_before_sni))
    if post_quantum:
        extensions += key_share(post_quantum=True)
    if sni is not None:
        extensions += server_name(sni.encode() if isinstance(sni, str) else sni)
    extensions += extension(23) + extension(10, b"\x00\x06\x3a\x3a\x00\x1d\x00\x17") + extension(35)
    if protocols:
        extensions += alpn(*protocols)
    extensions += extension(13, b"\x00\x04\x04\x03\x08\x04")
    if supported:
        extensions += versions(*supported)
    if not post_quantum:
        extensions += key_share(post_quantum=False)
    return raw_client_hello(extensions + after, legacy_version, session_id, random)


def raw_client_hello(
    extensions: bytes | None,
    legacy_version: int = 0x0303,
    session_id: bytes = b"",
    random: bytes = b"\x11" * 32,
) -> bytes:
    """A ClientHello around the given extension bytes; None leaves the block out, as TLS 1.0 allows."""
    body = legacy_version.to_bytes(2, "big") + random + counted(session_id, 1)
    body += counted(b"\x3a\x3a\x13\x01\x13\x02\xc0\x2b", 2) + counted(b"\x00", 1)
    if extensions is not None:
        body += counted(extensions, 2)
    return b"\x01" + counted(body, 3)


def server_hello(*, hrr: bool = False, version: int = 0x0304, share: int = 32) -> bytes:
    """A ServerHello (or HelloRetryRequest); ``share`` is 1,120 bytes for X25519MLKEM768."""
    random = HELLO_RETRY_RANDOM if hrr else b"\x33" * 32
    extensions = b""
    if version >= 0x0304:
        extensions += extension(SUPPORTED_VERSIONS, version.to_bytes(2, "big"))
        extensions += extension(KEY_SHARE, b"\x00\x1d" + (b"" if hrr else counted(b"\x44" * share, 2)))
    else:
        extensions += extension(0xFF01, b"\x00") + alpn("h2")
    body = min(version, 0x0303).to_bytes(2, "big") + random + counted(b"\x22" * 32, 1) + b"\x13\x01\x00"
    return b"\x02" + counted(body + counted(extensions, 2), 3)


def record(body: bytes, kind: int = 22, version: int = 0x0301) -> bytes:
    return bytes([kind]) + version.to_bytes(2, "big") + counted(body, 2)


def records(handshake: bytes, *sizes: int, version: int = 0x0301) -> bytes:
    """``handshake`` in records of the given sizes, the last of which repeats; without sizes, in one."""
    out, pos, turn = b"", 0, 0
    while pos < len(handshake):
        size = sizes[min(turn, len(sizes) - 1)] if sizes else len(handshake)
        out += record(handshake[pos : pos + size], version=version)
        pos += size
        turn += 1
    return out

"""Decrypts and encrypts Initial packets of QUIC v1 and v2 (RFC 9001 §5, RFC 9369 §3.3).

Initial keys are derived from the version and the connection id only, so any host on the path can read
Initials. The protection is against random data and accidents, not against an observer.

AES-128 comes from the OpenSSL libcrypto that Python's ssl module uses. The package `cryptography` has it too,
but takes 4 MB of flash and 7 MB of the daemon's memory.
"""

from __future__ import annotations

import ctypes
import hmac
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from gateway.core.errors import KernelError

VERSION_1 = 0x00000001
VERSION_2 = 0x6B3343CF

_SAMPLE = 16  # bytes of ciphertext that header protection uses (RFC 9001 §5.4.2)

TAG = 16  # bytes of a GCM tag
NONCE = 12  # bytes that the library reads, whatever the buffer's size
BLOCK = 16  # bytes of a block, and of the key
_LIBRARIES = ("libcrypto.so.3", "libcrypto.so.1.1")
_GET_TAG, _SET_TAG = 0x10, 0x11  # openssl/evp.h, EVP_CTRL_AEAD_*
_OPENING, _SEALING = 0, 1

_pointer, _bytes, _int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


def _label(label: str, length: int) -> bytes:
    """Return the input of HKDF-Expand-Label's only block (RFC 8446 §7.1, RFC 5869 §2.3).

    ``length``: bytes of the key to derive.
    """
    full = b"tls13 " + label.encode()
    return length.to_bytes(2, "big") + bytes((len(full),)) + full + b"\x00\x01"


class _Version(NamedTuple):
    salt: bytes
    key: bytes
    iv: bytes
    hp: bytes


_VERSIONS = {
    VERSION_1: _Version(
        bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
        _label("quic key", 16),
        _label("quic iv", 12),
        _label("quic hp", 16),
    ),
    VERSION_2: _Version(
        bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
        _label("quicv2 key", 16),
        _label("quicv2 iv", 12),
        _label("quicv2 hp", 16),
    ),
}
_CLIENT_IN = _label("client in", 32)
_SERVER_IN = _label("server in", 32)


class DecryptedPacket(NamedTuple):
    """A decrypted QUIC packet: its number and payload."""

    number: int
    payload: bytes


class InitialKeys:
    """Decrypts and encrypts the Initial packets of one direction of a QUIC connection."""

    __slots__ = ("_aead", "_iv", "_mask")

    def __init__(self, key: bytes, iv: bytes, hp: bytes) -> None:
        self._aead = AesGcm(key)
        self._iv = int.from_bytes(iv, "big")
        self._mask = AesBlock(hp).mask

    def open(
        self, packet: bytes, number_offset: int, largest: int, others: Iterable[int] = ()
    ) -> DecryptedPacket | None:
        """Return the decrypted ``packet``: one whole long-header packet, without others of its datagram.

        ``number_offset`` is the offset of the packet number, ``largest`` the largest number decrypted so far
        in this direction, -1 for none. ``others`` are smaller numbers, used if ``largest`` is of a decoy that
        the server never sees. Returns None if the packet is too short or was not protected with these keys.
        """
        sample = packet[number_offset + 4 : number_offset + 4 + _SAMPLE]
        if len(sample) < _SAMPLE:
            return None
        mask = self._mask(sample)
        first = packet[0] ^ (mask[0] & 0x0F)
        size = (first & 0x03) + 1
        body = number_offset + size
        truncated = int.from_bytes(packet[number_offset:body], "big")
        truncated ^= int.from_bytes(mask[1 : 1 + size], "big")
        header = bytes((first,)) + packet[1:number_offset] + truncated.to_bytes(size, "big")
        number = packet_number(truncated, size, largest)
        payload = self._decrypt(number, packet[body:], header)
        if payload is None:
            rest = {truncated, *(packet_number(truncated, size, other) for other in others)} - {number}
            for number in rest:
                payload = self._decrypt(number, packet[body:], header)
                if payload is not None:
                    break
        return None if payload is None else DecryptedPacket(number, payload)

    def seal(self, header: bytes, number: int, payload: bytes) -> bytes:
        """Return the encrypted QUIC packet; ``header`` ends in a packet number of four bytes.

        ``number`` is that number. ``payload`` is 20 bytes shorter than the header's length field says:
        without the packet number's four bytes and the tag's 16.
        """
        sealed = self._aead.seal((self._iv ^ number).to_bytes(12, "big"), payload, header)
        mask = self._mask(sealed[:_SAMPLE])  # the sample begins four bytes after the packet number does
        covered = bytes(a ^ b for a, b in zip(header[-4:], mask[1:], strict=False))
        return bytes((header[0] ^ (mask[0] & 0x0F),)) + header[1:-4] + covered + sealed

    def _decrypt(self, number: int, ciphertext: bytes, header: bytes) -> bytes | None:
        return self._aead.open((self._iv ^ number).to_bytes(12, "big"), ciphertext, header)


def initial_keys(version: int, dcid: bytes, *, server: bool) -> InitialKeys:
    """Return the keys of the client's QUIC Initial packets, or with ``server`` of the server's.

    ``version`` is VERSION_1 or VERSION_2 (KeyError for others). ``dcid`` is the destination connection id of
    the client's first Initial; after a Retry, of the first one that follows it (RFC 9001 §5.2). Raises
    KernelError without OpenSSL.
    """
    parts = _VERSIONS[version]
    common = hmac.digest(parts.salt, dcid, "sha256")
    secret = hmac.digest(common, _SERVER_IN if server else _CLIENT_IN, "sha256")
    return InitialKeys(
        hmac.digest(secret, parts.key, "sha256")[:16],
        hmac.digest(secret, parts.iv, "sha256")[:12],
        hmac.digest(secret, parts.hp, "sha256")[:16],
    )


def warm_up() -> None:
    """Load libcrypto's ciphers now: otherwise the first packet takes a millisecond longer.

    Raises KernelError without OpenSSL.
    """
    keys = initial_keys(VERSION_1, bytes(8), server=False)
    header = b"\xc3" + bytes(24)
    keys.open(keys.seal(header, 0, bytes(64)), len(header) - 4, -1)


def packet_number(truncated: int, size: int, largest: int) -> int:
    """Return the whole QUIC packet number of one that was sent with ``size`` bytes (RFC 9000 §A.3).

    It is the number nearest to ``largest`` + 1 that ends in these bytes, ``truncated``.
    """
    window = 1 << (8 * size)
    half = window >> 1
    expected = largest + 1
    number = (expected & ~(window - 1)) | truncated
    if number <= expected - half and number < (1 << 62) - window:
        return number + window
    if number > expected + half and number >= window:
        return number - window
    return number


class _Crypto(NamedTuple):
    lib: ctypes.CDLL
    gcm: int
    ecb: int


@cache
def _crypto() -> _Crypto:
    for name in _LIBRARIES:
        try:
            lib = ctypes.CDLL(name)
        except OSError:
            continue
        lib.EVP_CIPHER_CTX_new.restype = _pointer
        lib.EVP_CIPHER_CTX_free.argtypes = [_pointer]
        lib.EVP_CipherInit_ex.argtypes = [_pointer, _pointer, _pointer, _bytes, _bytes, _int]
        lib.EVP_CIPHER_CTX_ctrl.argtypes = [_pointer, _int, _int, _pointer]
        lib.EVP_CipherUpdate.argtypes = [_pointer, _pointer, _pointer, _bytes, _int]
        lib.EVP_CipherFinal_ex.argtypes = [_pointer, _pointer, _pointer]
        return _Crypto(lib, _cipher(lib, "gcm"), _cipher(lib, "ecb"))
    msg = f"{_LIBRARIES[0]} is missing, which QUIC needs; install libopenssl (on Debian libssl3)"
    raise KernelError(msg)


def _cipher(lib: ctypes.CDLL, mode: str) -> int:
    """Return a pointer to libcrypto's AES-128 cipher in ``mode``: gcm or ecb. Raises KernelError without it.

    OpenSSL 3 and later look a cipher up at each use, unless it was fetched.
    """
    if hasattr(lib, "EVP_CIPHER_fetch"):
        lib.EVP_CIPHER_fetch.argtypes, lib.EVP_CIPHER_fetch.restype = [_pointer, _bytes, _bytes], _pointer
        found = lib.EVP_CIPHER_fetch(None, b"AES-128-" + mode.upper().encode(), None)
    else:
        named = getattr(lib, f"EVP_aes_128_{mode}")
        named.restype = _pointer
        found = named()
    if not found:
        msg = f"libcrypto has no AES-128-{mode.upper()}, which QUIC needs; install an OpenSSL that has it"
        raise KernelError(msg)
    pointer: int = found
    return pointer


class _Context:
    """A libcrypto cipher with its key, for one thread.

    Raises ValueError for a key or nonce of the wrong length, MemoryError if the library fails.
    """

    __slots__ = ("_context", "_lib", "_size")

    def __init__(self, lib: ctypes.CDLL, cipher: int, key: bytes) -> None:
        self._lib = lib
        self._size = ctypes.byref(_int())
        self._context: int | None = lib.EVP_CIPHER_CTX_new()
        if len(key) != BLOCK:
            msg = f"a key of AES-128 has {BLOCK} bytes, not {len(key)}"
            raise ValueError(msg)
        if not self._context or not lib.EVP_CipherInit_ex(self._context, cipher, None, key, None, _SEALING):
            raise MemoryError

    def __del__(self) -> None:
        self._lib.EVP_CIPHER_CTX_free(self._context)

    def begin(self, nonce: bytes, way: int) -> None:
        if len(nonce) != NONCE:
            msg = f"a nonce has {NONCE} bytes, not {len(nonce)}"
            raise ValueError(msg)
        if not self._lib.EVP_CipherInit_ex(self._context, None, None, None, nonce, way):
            raise MemoryError

    def update(self, out: ctypes.Array[ctypes.c_char] | None, data: bytes) -> None:
        if not self._lib.EVP_CipherUpdate(self._context, out, self._size, data, len(data)):
            raise MemoryError

    def tag_matches(self, out: ctypes.Array[ctypes.c_char]) -> bool:
        """Finish the operation; when decrypting, return whether the tag is correct.

        Writes nothing to ``out``: there is no padding.
        """
        return bool(self._lib.EVP_CipherFinal_ex(self._context, out, self._size))

    def get_tag(self) -> bytes:
        tag = ctypes.create_string_buffer(TAG)
        if not self._lib.EVP_CIPHER_CTX_ctrl(self._context, _GET_TAG, TAG, tag):
            raise MemoryError
        return tag.raw

    def expect_tag(self, tag: bytes) -> None:
        if not self._lib.EVP_CIPHER_CTX_ctrl(self._context, _SET_TAG, TAG, tag):
            raise MemoryError


class AesGcm:
    """Encrypts and decrypts with AEAD_AES_128_GCM (RFC 5116 §5.1).

    Raises KernelError without OpenSSL, ValueError for a key of another length than 16 bytes.
    """

    __slots__ = ("_context",)

    def __init__(self, key: bytes) -> None:
        crypto = _crypto()
        self._context = _Context(crypto.lib, crypto.gcm, key)

    def seal(self, nonce: bytes, data: bytes, header: bytes) -> bytes:
        """Return the encrypted ``data`` with its tag of 16 bytes; ``header`` is authenticated too.

        ``nonce`` has 12 bytes (ValueError otherwise).
        """
        context, out = self._context, ctypes.create_string_buffer(len(data) + BLOCK)
        context.begin(nonce, _SEALING)
        context.update(None, header)
        context.update(out, data)
        sealed = out.raw[: len(data)]
        if not context.tag_matches(out):
            raise MemoryError
        return sealed + context.get_tag()

    def open(self, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        """Return the decrypted data; None if ``sealed`` is too short, or data or ``header`` have changed."""
        size = len(sealed) - TAG
        if size < 0:
            return None
        context, out = self._context, ctypes.create_string_buffer(size + BLOCK)
        context.begin(nonce, _OPENING)
        context.expect_tag(sealed[size:])
        context.update(None, header)
        context.update(out, sealed[:size])
        return out.raw[:size] if context.tag_matches(out) else None


class AesBlock:
    """Encrypts single blocks with AES-128, for header protection (RFC 9001 §5.4.3).

    Raises KernelError without OpenSSL, ValueError for a key of another length than 16 bytes.
    """

    __slots__ = ("_context",)

    def __init__(self, key: bytes) -> None:
        crypto = _crypto()
        self._context = _Context(crypto.lib, crypto.ecb, key)

    def mask(self, block: bytes) -> bytes:
        out = ctypes.create_string_buffer(2 * BLOCK)
        self._context.update(out, block)
        return out.raw[:BLOCK]

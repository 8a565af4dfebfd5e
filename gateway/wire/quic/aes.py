"""AES-128 for QUIC Initials, from the OpenSSL libcrypto that Python's ssl module uses.

The package `cryptography` can do this too, but takes 4 MB of flash and 7 MB of the daemon's memory.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import NamedTuple

from gateway.core.errors import KernelError

TAG = 16  # bytes of a GCM tag
NONCE = 12  # bytes that the library reads, whatever the buffer's size
BLOCK = 16  # bytes of a block, and of the key
_LIBRARIES = ("libcrypto.so.3", "libcrypto.so.1.1")
_GET_TAG, _SET_TAG = 0x10, 0x11  # openssl/evp.h, EVP_CTRL_AEAD_*
_OPENING, _SEALING = 0, 1

_pointer, _bytes, _int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


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
    """Return the cipher. OpenSSL 3 and later look a cipher up at each use, unless it was fetched."""
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
    """A cipher with its key, for one thread.

    Raises MemoryError if the library fails: the output is then not plain text.
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
        """Whether the tag is correct. Writes nothing: there is no padding."""
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
    """AEAD_AES_128_GCM (RFC 5116 §5.1). Raises KernelError if OpenSSL is missing."""

    __slots__ = ("_context",)

    def __init__(self, key: bytes) -> None:
        crypto = _crypto()
        self._context = _Context(crypto.lib, crypto.gcm, key)

    def seal(self, nonce: bytes, data: bytes, header: bytes) -> bytes:
        """Return the encrypted ``data`` with its tag; ``header`` is authenticated too."""
        context, out = self._context, ctypes.create_string_buffer(len(data) + BLOCK)
        context.begin(nonce, _SEALING)
        context.update(None, header)
        context.update(out, data)
        sealed = out.raw[: len(data)]
        if not context.tag_matches(out):
            raise MemoryError
        return sealed + context.get_tag()

    def open(self, nonce: bytes, sealed: bytes, header: bytes) -> bytes | None:
        """Return the decrypted data; None if it is too short or was not sealed with this key."""
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
    """AES on single blocks, for header protection (RFC 9001 §5.4.3)."""

    __slots__ = ("_context",)

    def __init__(self, key: bytes) -> None:
        crypto = _crypto()
        self._context = _Context(crypto.lib, crypto.ecb, key)

    def mask(self, block: bytes) -> bytes:
        out = ctypes.create_string_buffer(2 * BLOCK)
        self._context.update(out, block)
        return out.raw[:BLOCK]

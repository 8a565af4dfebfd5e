"""AES by ctypes, beside another library; the vectors of QUIC are test_quic_crypto's."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import KernelError
from gateway.wire.quic import aes as ciphers
from gateway.wire.quic.aes import TAG, AesBlock, AesGcm

KEY = st.binary(min_size=16, max_size=16)
NONCE = st.binary(min_size=12, max_size=12)


@given(KEY, NONCE, st.binary(max_size=3000), st.binary(max_size=60))
def test_it_seals_as_another_library_does(key: bytes, nonce: bytes, data: bytes, header: bytes) -> None:
    sealed = AesGcm(key).seal(nonce, data, header)
    assert sealed == AESGCM(key).encrypt(nonce, data, header)
    assert AesGcm(key).open(nonce, sealed, header) == data


@given(KEY, NONCE, st.binary(max_size=100), st.data())
def test_one_other_bit_and_it_does_not_open(
    key: bytes, nonce: bytes, data: bytes, draw: st.DataObject
) -> None:
    cipher = AesGcm(key)
    sealed = bytearray(cipher.seal(nonce, data, b"header"))
    sealed[draw.draw(st.integers(0, len(sealed) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    assert cipher.open(nonce, bytes(sealed), b"header") is None
    assert cipher.open(nonce, cipher.seal(nonce, data, b"header"), b"other") is None


def test_too_short_for_a_tag() -> None:
    assert AesGcm(bytes(16)).open(bytes(12), bytes(TAG - 1), b"") is None


def test_one_block_of_the_standard() -> None:
    """FIPS 197, appendix B."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    block = bytes.fromhex("3243f6a8885a308d313198a2e0370734")
    assert AesBlock(key).mask(block) == bytes.fromhex("3925841d02dc09fbdc118597196a0b32")


@pytest.fixture
def unread() -> Iterator[None]:
    ciphers._crypto.cache_clear()
    yield
    ciphers._crypto.cache_clear()


def test_a_machine_without_openssl(monkeypatch: pytest.MonkeyPatch, unread: None) -> None:
    monkeypatch.setattr(ciphers, "_LIBRARIES", ("libnosuchthing.so.9",))
    with pytest.raises(KernelError, match=r"^libnosuchthing\.so\.9 is missing, .*; install libopenssl"):
        AesGcm(bytes(16))


def test_one_of_before_that_fetches_nothing(monkeypatch: pytest.MonkeyPatch, unread: None) -> None:
    """OpenSSL 1.1 has its ciphers by name alone, as 3 has them too."""
    real = ctypes.CDLL("libcrypto.so.3")

    class Older:
        def __getattr__(self, name: str) -> object:
            if name == "EVP_CIPHER_fetch":
                raise AttributeError(name)
            return getattr(real, name)

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Older())
    sealed = AesGcm(bytes(16)).seal(bytes(12), b"data", b"")
    assert sealed == AESGCM(bytes(16)).encrypt(bytes(12), b"data", b"")


@pytest.mark.parametrize(
    "call", ["EVP_CipherInit_ex", "EVP_CipherUpdate", "EVP_CipherFinal_ex", "EVP_CIPHER_CTX_ctrl"]
)
def test_where_the_library_fails_nothing_is_opened_and_nothing_sealed(
    monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    cipher, nonce = AesGcm(bytes(16)), bytes(12)
    sealed = cipher.seal(nonce, b"data", b"header")
    monkeypatch.setattr(ciphers._crypto().lib, call, lambda *_: 0)
    with pytest.raises(MemoryError):
        cipher.seal(nonce, b"data", b"header")
    if call == "EVP_CipherFinal_ex":
        assert cipher.open(nonce, sealed, b"header") is None
    else:
        with pytest.raises(MemoryError):
            cipher.open(nonce, sealed, b"header")


def test_a_block_that_was_not_made_masks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    block = AesBlock(bytes(16))
    monkeypatch.setattr(ciphers._crypto().lib, "EVP_CipherUpdate", lambda *_: 0)
    with pytest.raises(MemoryError):
        block.mask(bytes(16))


def test_a_key_or_nonce_of_another_length_is_not_read_beyond_its_end() -> None:
    for size in (0, 15, 32):
        with pytest.raises(ValueError, match=rf"16 bytes, not {size}"):
            AesGcm(bytes(size))
    for size in (0, 8, 16):
        with pytest.raises(ValueError, match=rf"12 bytes, not {size}"):
            AesGcm(bytes(16)).seal(bytes(size), b"", b"")

"""Initial protection by the vectors of the RFCs and by aioquic; AES by another library."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest
from aioquic.quic.crypto import CryptoPair
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import KernelError
from gateway.wire.quic import crypto as ciphers
from gateway.wire.quic.crypto import (
    TAG,
    VERSION_1,
    VERSION_2,
    AesBlock,
    AesGcm,
    DecryptedPacket,
    initial_keys,
    packet_number,
)
from tests.wire import quic_forge as forge

# RFC 9001 appendix A and RFC 9369 appendix A, which share ids, payloads and packet numbers.
DCID = bytes.fromhex("8394c8f03e515708")
SERVER_ID = bytes.fromhex("f067a5502a4262b5")
CLIENT_FRAMES = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868"
    "04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578"
    "616d706c652e636f6dff01000100000a00080006001d00170018001000070005"
    "04616c706e000500050100000000003300260024001d00209370b2c9caa47fba"
    "baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400"
    "0d0010000e0403050306030203080408050806002d00020101001c0002400100"
    "3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000"
    "75300901100f088394c8f03e51570806048000ffff"
)
SERVER_FRAMES = bytes.fromhex(
    "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739"
    "88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94"
    "0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00"
    "020304"
)
SERVER_PACKETS = {
    VERSION_1: bytes.fromhex(
        "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a"
        "5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3"
        "dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84"
        "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc4"
        "2158407dd074ee"
    ),
    VERSION_2: bytes.fromhex(
        "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698"
        "baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17"
        "f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2"
        "c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8"
        "4bed8521e2e140"
    ),
}
# First and last bytes of the client's 1,200; the last 16 are the tag over all that is between.
CLIENT_PACKETS = {
    VERSION_1: (
        bytes.fromhex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11"),
        bytes.fromhex(
            "7e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934"
        ),
    ),
    VERSION_2: (
        bytes.fromhex("d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485"),
        bytes.fromhex(
            "9a37ddec600545473cfb5a05e08d0b209973b2172b4d21fb69745a262ccde96ba18b2faa745b6fe189cf772a9f84cbfc"
        ),
    ),
}
VERSIONS = (VERSION_1, VERSION_2)
CLIENT_NUMBER_OFFSET = 18
SERVER_NUMBER_OFFSET = 18

KEY = st.binary(min_size=16, max_size=16)
NONCE = st.binary(min_size=12, max_size=12)


def client_packet(version: int) -> bytes:
    return forge.encrypt_initial(CLIENT_FRAMES, dcid=DCID, version=version, number=2, number_size=4)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_forge_makes_the_packets_of_the_rfcs(version: int) -> None:
    head, tail = CLIENT_PACKETS[version]
    packet = client_packet(version)
    assert len(packet) == 1200
    assert packet.startswith(head)
    assert packet.endswith(tail)
    server = forge.encrypt_initial(
        SERVER_FRAMES,
        dcid=b"",
        scid=SERVER_ID,
        key_dcid=DCID,
        version=version,
        number=1,
        server=True,
        pad_to=0,
    )
    assert server == SERVER_PACKETS[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_opens_the_packets_of_the_rfcs(version: int) -> None:
    client = initial_keys(version, DCID, server=False)
    assert client.open(client_packet(version), CLIENT_NUMBER_OFFSET, -1) == DecryptedPacket(
        2, CLIENT_FRAMES + bytes(917)
    )
    server = initial_keys(version, DCID, server=True)
    assert server.open(SERVER_PACKETS[version], SERVER_NUMBER_OFFSET, -1) == DecryptedPacket(1, SERVER_FRAMES)


@pytest.mark.parametrize("version", VERSIONS)
def test_opens_what_aioquic_protects(version: int) -> None:
    pair = CryptoPair()
    pair.setup_initial(cid=b"an id", is_client=True, version=version)
    header = (
        forge.long_header("initial", b"an id", b"", version, 1) + b"\x00" + forge.varint(82, 2) + b"\x01\x2c"
    )
    packet = pair.encrypt_packet(header, bytes(64), 300)
    assert initial_keys(version, b"an id", server=False).open(
        packet, len(header) - 2, 299
    ) == DecryptedPacket(300, bytes(64))


def test_does_not_open_with_other_keys() -> None:
    packet = client_packet(VERSION_1)
    for keys in (
        initial_keys(VERSION_1, DCID, server=True),
        initial_keys(VERSION_2, DCID, server=False),
        initial_keys(VERSION_1, DCID[:-1], server=False),
    ):
        assert keys.open(packet, CLIENT_NUMBER_OFFSET, -1) is None


def test_does_not_open_what_was_changed_anywhere() -> None:
    packet = SERVER_PACKETS[VERSION_1]
    keys = initial_keys(VERSION_1, DCID, server=True)
    for at in range(len(packet)):
        changed = bytearray(packet)
        changed[at] ^= 0x10
        assert keys.open(bytes(changed), SERVER_NUMBER_OFFSET, -1) is None


def test_does_not_open_what_is_cut() -> None:
    packet = SERVER_PACKETS[VERSION_1]
    keys = initial_keys(VERSION_1, DCID, server=True)
    for size in range(len(packet)):
        assert keys.open(packet[:size], SERVER_NUMBER_OFFSET, -1) is None


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_opens_packet_numbers_of_any_size(size: int) -> None:
    keys = initial_keys(VERSION_1, DCID, server=False)
    for number, largest in ((0, -1), (200, 199), (1000, 995)):
        packet = forge.encrypt_initial(forge.PING, dcid=DCID, number=number, number_size=size)
        opened = keys.open(packet, CLIENT_NUMBER_OFFSET, largest)
        assert opened is not None
        assert opened.number == number


def test_a_decoy_with_a_huge_number_does_not_hide_the_real_packet() -> None:
    keys = initial_keys(VERSION_1, DCID, server=False)
    packet = forge.encrypt_initial(forge.PING, dcid=DCID, number=3, number_size=1)
    opened = keys.open(packet, CLIENT_NUMBER_OFFSET, 1 << 40)
    assert opened is not None
    assert opened.number == 3


@pytest.mark.parametrize(
    ("truncated", "size", "largest", "number"),
    [
        (0x9B32, 2, 0xA82F30EA, 0xA82F9B32),  # RFC 9000 A.3
        (0, 1, -1, 0),
        (255, 1, -1, 255),
        (0x01, 1, 0xFE, 0x101),
        (0xFE, 1, 0x101, 0xFE),
        (0xFF, 1, (1 << 62) - 2, (1 << 62) - 1),
        (0x00, 1, (1 << 62) - 1, (1 << 62)),  # out of range: never opens
    ],
)
def test_reconstructs_packet_numbers(truncated: int, size: int, largest: int, number: int) -> None:
    assert packet_number(truncated, size, largest) == number


def test_other_versions_have_no_keys() -> None:
    with pytest.raises(KeyError):
        initial_keys(forge.DRAFT_29, DCID, server=False)


@given(st.binary(max_size=120), st.integers(1, 40), st.integers(-1, (1 << 62) - 1))
def test_noise_does_not_open_and_raises_nothing(noise: bytes, offset: int, largest: int) -> None:
    assert initial_keys(VERSION_1, DCID, server=False).open(noise, offset, largest) is None


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

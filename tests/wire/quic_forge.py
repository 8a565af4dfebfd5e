"""Builds QUIC Initial packets, right ones and wrong ones, for the tests and the lab.

It has its own key derivation (HKDF of the cryptography package), so that it is a witness for the code under
test and not an echo of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

V1 = 0x00000001
V2 = 0x6B3343CF
DRAFT_29 = 0xFF00001D

_SALT = {
    V1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    V2: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
    DRAFT_29: bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"),
}
_PREFIX = {V1: "quic", V2: "quicv2", DRAFT_29: "quic"}
_TYPES = {
    V1: {"initial": 0, "0-rtt": 1, "handshake": 2, "retry": 3},
    V2: {"initial": 1, "0-rtt": 2, "handshake": 3, "retry": 0},
}
_TYPES[DRAFT_29] = _TYPES[V1]

PING = b"\x01"


def varint(value: int, size: int = 0) -> bytes:
    """A QUIC integer in the fewest bytes, or in ``size`` of 1, 2, 4, 8."""
    size = size or next(s for s in (1, 2, 4, 8) if value < 1 << (8 * s - 2))
    return (value | (size.bit_length() - 1) << (8 * size - 2)).to_bytes(size, "big")


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + varint(offset) + varint(len(data)) + data


def padding(count: int) -> bytes:
    return bytes(count)


def ack(largest: int = 0, ranges: Sequence[tuple[int, int]] = (), *, ecn: bool = False) -> bytes:
    frame = (b"\x03" if ecn else b"\x02") + varint(largest) + varint(0) + varint(len(ranges)) + varint(0)
    frame += b"".join(varint(gap) + varint(size) for gap, size in ranges)
    return frame + (varint(1) * 3 if ecn else b"")


def connection_close(reason: bytes = b"") -> bytes:
    return b"\x1c" + varint(0x0A) + varint(6) + varint(len(reason)) + reason


def expand_label(secret: bytes, label: str, length: int) -> bytes:
    name = b"tls13 " + label.encode()
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + b"\x00"
    return HKDFExpand(SHA256(), length, info).derive(secret)


def initial_secrets(version: int, dcid: bytes, *, server: bool) -> tuple[bytes, bytes, bytes]:
    """Key, iv and header-protection key."""
    extract = HMAC(_SALT[version], SHA256())
    extract.update(dcid)
    secret = expand_label(extract.finalize(), "server in" if server else "client in", 32)
    prefix = _PREFIX[version]
    return (
        expand_label(secret, f"{prefix} key", 16),
        expand_label(secret, f"{prefix} iv", 12),
        expand_label(secret, f"{prefix} hp", 16),
    )


def long_header(
    kind: str, dcid: bytes, scid: bytes, version: int = V1, low_bits: int = 0, *, fixed: bool = True
) -> bytes:
    first = 0x80 | (0x40 if fixed else 0) | _TYPES[version][kind] << 4 | low_bits
    return bytes([first]) + version.to_bytes(4, "big") + bytes([len(dcid)]) + dcid + bytes([len(scid)]) + scid


def encrypt_initial(
    frames: bytes,
    *,
    dcid: bytes,
    scid: bytes = b"",
    version: int = V1,
    token: bytes = b"",
    number: int = 0,
    number_size: int = 2,
    key_dcid: bytes | None = None,
    server: bool = False,
    pad_to: int = 1200,
    broken_tag: bool = False,
    fixed: bool = True,
    length_size: int = 2,
) -> bytes:
    """One protected Initial packet.

    ``key_dcid`` is the connection id that the keys come from, ``dcid`` unless the ids have changed since
    (always for a server). ``pad_to`` is the size of the packet, reached by PADDING at the end; 0 for none.
    """
    key, iv, hp = initial_secrets(version, dcid if key_dcid is None else key_dcid, server=server)
    header = long_header("initial", dcid, scid, version, number_size - 1, fixed=fixed)
    header += varint(len(token)) + token
    missing = pad_to - len(header) - length_size - number_size - len(frames) - 16
    frames += padding(max(missing, 4 - number_size - len(frames), 0))
    header += varint(number_size + len(frames) + 16, length_size)
    number_offset = len(header)
    header += (number % (1 << (8 * number_size))).to_bytes(number_size, "big")
    nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
    packet = bytearray(header + AESGCM(key).encrypt(nonce, frames, header))
    sample = bytes(packet[number_offset + 4 : number_offset + 20])
    mask = Cipher(AES(hp), ECB()).encryptor().update(sample)
    packet[0] ^= mask[0] & 0x0F
    for index in range(number_size):
        packet[number_offset + index] ^= mask[1 + index]
    if broken_tag:
        packet[-1] ^= 0x01
    return bytes(packet)


def protected(
    kind: str, dcid: bytes, scid: bytes = b"", version: int = V1, size: int = 64, *, fixed: bool = True
) -> bytes:
    """A 0-RTT or Handshake packet of noise: nobody without its keys can tell."""
    body = random.Random(kind).randbytes(size)
    return long_header(kind, dcid, scid, version, fixed=fixed) + varint(len(body), 2) + body


def retry(dcid: bytes, scid: bytes, token: bytes = b"token", version: int = V1) -> bytes:
    """A Retry; its integrity tag is zeros, which no one here verifies."""
    return long_header("retry", dcid, scid, version) + token + bytes(16)


def version_negotiation(dcid: bytes, scid: bytes, *versions: int) -> bytes:
    return (
        b"\xca\x00\x00\x00\x00"
        + bytes([len(dcid)])
        + dcid
        + bytes([len(scid)])
        + scid
        + b"".join(v.to_bytes(4, "big") for v in versions)
    )


def pieces(hello: bytes, size: int, offset: int = 0) -> list[bytes]:
    """``hello`` in CRYPTO frames of ``size`` bytes."""
    return [crypto(offset + at, hello[at : at + size]) for at in range(0, len(hello), size)]


def scrambled(hello: bytes, size: int, seed: int = 1) -> list[bytes]:
    """CRYPTO frames in any order with PING and PADDING between, as Chromium sends them."""
    rng = random.Random(seed)
    frames = pieces(hello, size)
    rng.shuffle(frames)
    return [frame + rng.choice([b"", PING, padding(rng.randrange(1, 9))]) for frame in frames]


def datagrams(
    frames: Iterable[bytes], count: int, *, dcid: bytes, number: int = 0, **how: Any
) -> list[bytes]:
    """The frames dealt in order over ``count`` Initials, one a datagram; ``how`` goes to encrypt_initial."""
    frames = list(frames)
    share = -(-len(frames) // count)
    return [
        encrypt_initial(b"".join(frames[turn * share :][:share]), dcid=dcid, number=number + turn, **how)
        for turn in range(count)
    ]

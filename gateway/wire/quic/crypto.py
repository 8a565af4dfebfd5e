"""Initial packet protection of QUIC v1 and v2 (RFC 9001 §5, RFC 9369 §3.3).

Initial keys are derived from the version and the connection id only, so any host on the path can read
Initials. The protection is against random data and accidents, not against an observer.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import NamedTuple

from gateway.wire.quic.aes import AesBlock, AesGcm

VERSION_1 = 0x00000001
VERSION_2 = 0x6B3343CF

_SAMPLE = 16  # bytes of ciphertext that header protection uses (RFC 9001 §5.4.2)


def _label(label: str, length: int) -> bytes:
    """Return the input of HKDF-Expand-Label's only block (RFC 8446 §7.1, RFC 5869 §2.3)."""
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
    """A decrypted packet: its number and payload."""

    number: int
    payload: bytes


class InitialKeys:
    """The keys of one direction."""

    __slots__ = ("_aead", "_iv", "_mask")

    def __init__(self, key: bytes, iv: bytes, hp: bytes) -> None:
        self._aead = AesGcm(key)
        self._iv = int.from_bytes(iv, "big")
        self._mask = AesBlock(hp).mask

    def open(
        self, packet: bytes, number_offset: int, largest: int, others: Iterable[int] = ()
    ) -> DecryptedPacket | None:
        """Remove the protection of ``packet``, one whole long-header packet without its neighbours.

        ``number_offset`` is the offset of the packet number, ``largest`` the largest number decrypted so far
        in this direction, -1 for none. ``others`` are smaller numbers, used if ``largest`` is of a decoy that
        the server never sees. None if the packet is too short or was not protected with these keys.
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
        """Return the protected packet; ``header`` ends in a packet number of four bytes.

        ``payload`` is as long as the header's length field says, without the tag's 16 bytes.
        """
        sealed = self._aead.seal((self._iv ^ number).to_bytes(12, "big"), payload, header)
        mask = self._mask(sealed[:_SAMPLE])  # the sample begins four bytes after the packet number does
        covered = bytes(a ^ b for a, b in zip(header[-4:], mask[1:], strict=False))
        return bytes((header[0] ^ (mask[0] & 0x0F),)) + header[1:-4] + covered + sealed

    def _decrypt(self, number: int, ciphertext: bytes, header: bytes) -> bytes | None:
        return self._aead.open((self._iv ^ number).to_bytes(12, "big"), ciphertext, header)


def initial_keys(version: int, dcid: bytes, *, server: bool) -> InitialKeys:
    """Return the keys of the client's Initials, or with ``server`` of the server's.

    ``version`` is VERSION_1 or VERSION_2 (KeyError for others). ``dcid`` is the destination connection id of
    the client's first Initial; after a Retry, of the first one that follows it (RFC 9001 §5.2).
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
    """Load the library's ciphers now: otherwise the first packet takes a millisecond longer."""
    keys = initial_keys(VERSION_1, bytes(8), server=False)
    header = b"\xc3" + bytes(24)
    keys.open(keys.seal(header, 0, bytes(64)), len(header) - 4, -1)


def packet_number(truncated: int, size: int, largest: int) -> int:
    """Return the packet number nearest to ``largest`` + 1 that ends in the ``size`` bytes of ``truncated``
    (RFC 9000 §A.3).
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

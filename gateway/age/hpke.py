"""The receiver of HPKE (RFC 9180): base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.

Uses primitives that every supported version of `cryptography` has: version 43 in Debian 13 has no HPKE. The
tests encrypt with the HPKE of a newer version.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.age.refusals import AgeProofError, ProofRefusal

CURVE: Final = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
KEY, NONCE, HASH, POINT = 16, 12, 32, 65  # bytes
_KEM = b"KEM\x00\x10"
_SUITE = b"HPKE\x00\x10\x00\x01\x00\x01"
_BASE = b"\x00"


def derive_key(material: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 private key that HPKE derives from 32 random bytes (DeriveKeyPair)."""
    secret = _extract(_KEM, b"", b"dkp_prk", material)
    for counter in range(256):
        number = int.from_bytes(_expand(_KEM, secret, b"candidate", bytes([counter]), HASH), "big")
        if 0 < number < ORDER:
            return ec.derive_private_key(number, CURVE)
    raise AssertionError  # one in 2^8192


def unseal(
    key: ec.EllipticCurvePrivateKey, enc: bytes, sealed: bytes, info: bytes, aad: bytes = b""
) -> bytes:
    """Return the decrypted content of an HPKE message (``enc`` and ``sealed``) for ``key`` and ``info``.

    Raises AgeProofError if it was encrypted for another key or ``info``, or is damaged.
    """
    if len(enc) != POINT:
        raise AgeProofError(ProofRefusal.NOT_SEALED, "no point of P-256")
    try:
        shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, enc))
    except ValueError:
        raise AgeProofError(ProofRefusal.NOT_SEALED, "no point of P-256") from None
    mine = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = _expand(_KEM, _extract(_KEM, b"", b"eae_prk", shared), b"shared_secret", enc + mine, HASH)
    context = _BASE + _extract(_SUITE, b"", b"psk_id_hash", b"") + _extract(_SUITE, b"", b"info_hash", info)
    schedule = _extract(_SUITE, secret, b"secret", b"")
    cipher = AESGCM(_expand(_SUITE, schedule, b"key", context, KEY))
    try:
        return cipher.decrypt(_expand(_SUITE, schedule, b"base_nonce", context, NONCE), sealed, aad)
    except (InvalidTag, ValueError):  # ValueError: shorter than a tag, in some versions
        raise AgeProofError(ProofRefusal.NOT_SEALED) from None


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, hashlib.sha256)


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, size: int) -> bytes:
    """Return ``size`` bytes of HPKE's LabeledExpand. One block of HKDF is enough: at most 32 are needed."""
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, labelled + b"\x01", hashlib.sha256)[:size]

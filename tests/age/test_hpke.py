"""HPKE against RFC 9180's own vector and `cryptography`'s sender."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from gateway.age.hpke import ORDER, POINT, derive_key, unseal
from gateway.age.refusals import AgeProofError, ProofRefusal

SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_128_GCM)
# RFC 9180, A.3.1: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode, sequence number 0.
IKM = "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550"
SECRET = "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2"
ENC = (
    "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9"
    "8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4"
)
INFO, AAD = "4f6465206f6e2061204772656369616e2055726e", "436f756e742d30"
PLAIN = "4265617574792069732074727574682c20747275746820626561757479"
SEALED = "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434"


def opened(sealed: bytes, info: str = INFO, enc: str = ENC) -> bytes:
    return unseal(
        derive_key(bytes.fromhex(IKM)), bytes.fromhex(enc), sealed, bytes.fromhex(info), bytes.fromhex(AAD)
    )


def test_the_vector_of_the_rfc() -> None:
    key = derive_key(bytes.fromhex(IKM))
    assert key.private_numbers().private_value == int(SECRET, 16)
    assert opened(bytes.fromhex(SEALED)) == bytes.fromhex(PLAIN)


@pytest.mark.parametrize(
    ("sealed", "info", "enc"),
    [
        (SEALED[:-2] + "35", INFO, ENC),
        (SEALED, INFO + "00", ENC),
        (SEALED, INFO, "02" + ENC[2:66]),  # a compressed point
        (SEALED, INFO, ENC[:-2] + "c5"),  # not on the curve
        (SEALED, INFO, "00"),
        (SEALED, INFO, ""),
        (SEALED[:30], INFO, ENC),  # shorter than a tag
        ("", INFO, ENC),
    ],
)
def test_anything_else_is_not_sealed_for_us(sealed: str, info: str, enc: str) -> None:
    with pytest.raises(AgeProofError) as refused:
        opened(bytes.fromhex(sealed), info, enc)
    assert refused.value.refusal is ProofRefusal.NOT_SEALED


def test_the_order_is_the_curves() -> None:
    """A private key is less than it."""
    ec.derive_private_key(ORDER - 1, ec.SECP256R1())
    with pytest.raises(ValueError, match="key"):
        ec.derive_private_key(ORDER, ec.SECP256R1())


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.binary(max_size=200))
def test_what_another_implementation_seals(secret: bytes, info: bytes, text: bytes) -> None:
    key = derive_key(secret)
    sealed = SUITE.encrypt(text, key.public_key(), info)
    assert unseal(key, sealed[:POINT], sealed[POINT:], info) == text
    with pytest.raises(AgeProofError):
        unseal(derive_key(bytes(31) + b"x"), sealed[:POINT], sealed[POINT:], info)

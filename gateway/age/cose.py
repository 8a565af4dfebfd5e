"""COSE (RFC 9052, 9053) as mdocs use it: keys on the NIST curves, and COSE_Sign1 with ECDSA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gateway.age.cbor import Key, Value, decode, encode
from gateway.age.refusals import AgeProofError, ProofRefusal

ALG, CRIT, X5CHAIN = 1, 2, 33  # header labels
_KTY, _CRV, _X, _Y, _EC2 = 1, -1, -2, -3, 2
_CURVES: Final[dict[int, ec.EllipticCurve]] = {1: ec.SECP256R1(), 2: ec.SECP384R1(), 3: ec.SECP521R1()}
# Every proof supports ES256; licences also use the others. Each algorithm is bound to one curve.
_HASHES: Final[dict[int, tuple[str, hashes.HashAlgorithm]]] = {
    -7: ("secp256r1", hashes.SHA256()),
    -35: ("secp384r1", hashes.SHA384()),
    -36: ("secp521r1", hashes.SHA512()),
}


@dataclass(frozen=True, slots=True)
class Sign1:
    """A parsed COSE_Sign1, a signed message of COSE. Its signature is not verified yet."""

    protected: bytes  # the signed headers, in CBOR
    algorithm: int  # COSE number, such as -7 for ES256
    unprotected: dict[Key, Value]  # the headers that are not signed
    payload: bytes | None  # None: the message does not contain it (detached)
    signature: bytes


def read_sign1(value: Value) -> Sign1:
    """Return the signed message in decoded CBOR, without verifying its signature. Raises AgeProofError."""
    match value:
        case [bytes() as protected, dict() as unprotected, (bytes() | None) as payload, bytes() as signature]:
            return Sign1(protected, _algorithm(protected, unprotected), unprotected, payload, signature)
    raise AgeProofError(ProofRefusal.BAD_RESPONSE, "no COSE_Sign1")


def _algorithm(protected: bytes, unprotected: dict[Key, Value]) -> int:
    """Return the COSE number of the signature algorithm, from the signed header.

    Raises AgeProofError if it is not signed or not supported, if there is a critical header, or if a header
    is both signed and unsigned.
    """
    headers = decode(protected)
    if not isinstance(headers, dict) or CRIT in headers or ALG in unprotected:
        raise AgeProofError(ProofRefusal.WRONG_ALGORITHM, "not said where it is signed")
    if headers.keys() & unprotected.keys():  # ambiguous
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "a header that is signed and not signed")
    algorithm = headers.get(ALG)
    if isinstance(algorithm, bool) or not isinstance(algorithm, int) or algorithm not in _HASHES:
        raise AgeProofError(ProofRefusal.WRONG_ALGORITHM, "not one of ES256, ES384, ES512")
    return algorithm


def check(signed: Sign1, key: ec.EllipticCurvePublicKey, payload: bytes, failing: ProofRefusal) -> None:
    """Verify that ``key`` made the signature of ``signed`` over ``payload``.

    Raises AgeProofError: with the reason ``failing`` for a bad signature, with WRONG_KEY for a key of another
    curve.
    """
    curve, digest = _HASHES[signed.algorithm]
    if key.curve.name != curve:
        raise AgeProofError(ProofRefusal.WRONG_KEY, "not of the algorithm's curve")
    size = (key.curve.key_size + 7) // 8
    if len(signed.signature) != 2 * size:
        raise AgeProofError(failing, "of another length")
    first, second = (
        int.from_bytes(part, "big") for part in (signed.signature[:size], signed.signature[size:])
    )
    to_verify = encode(["Signature1", signed.protected, b"", payload])
    try:
        key.verify(encode_dss_signature(first, second), to_verify, ec.ECDSA(digest))
    except InvalidSignature:
        raise AgeProofError(failing) from None


def read_key(value: Value) -> ec.EllipticCurvePublicKey:
    """Return the public key in a decoded COSE_Key. Raises AgeProofError."""
    if not isinstance(value, dict) or value.get(_KTY) != _EC2:
        raise AgeProofError(ProofRefusal.WRONG_KEY, "not on a curve")
    number = value.get(_CRV)
    curve = _CURVES.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
    x, y = value.get(_X), value.get(_Y)
    if curve is None or not isinstance(x, bytes) or not isinstance(y, bytes | bool):
        raise AgeProofError(ProofRefusal.WRONG_KEY, "not on a curve that is known here")
    point = (b"\x03" if y else b"\x02") + x if isinstance(y, bool) else b"\x04" + x + y
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError:
        raise AgeProofError(ProofRefusal.WRONG_KEY, "no point of its curve") from None


def key_value(key: ec.EllipticCurvePublicKey) -> Value:
    """Return a P-256 public key as a COSE_Key, to be encoded as CBOR."""
    numbers = key.public_numbers()
    return {_KTY: _EC2, _CRV: 1, _X: numbers.x.to_bytes(32, "big"), _Y: numbers.y.to_bytes(32, "big")}

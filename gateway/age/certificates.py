"""An X.509 certificate with what is asked of it here."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.age.der import Extensions, read_extensions
from gateway.age.refusals import AgeProofError, Refusal
from gateway.age.validity import validity

MOST_BYTES = 4 << 10  # ISO's and the EU's have 700; one with long names and addresses has 1,500
_CURVES = frozenset(("secp256r1", "secp384r1", "secp521r1"))
_WHOLE = b"\0"  # ahead of a bit string's bytes: all their bits are of it
_DIGESTS = frozenset(("sha256", "sha384", "sha512"))


@dataclass(frozen=True, slots=True)
class Certificate:
    data: bytes
    x509: x509.Certificate
    key: ec.EllipticCurvePublicKey
    extensions: Extensions
    not_before: datetime
    not_after: datetime
    countries: frozenset[str]  # of its subject

    def is_issued_by(self, other: Certificate) -> bool:
        """By name and signature; whether ``other`` may issue any is another question."""
        try:
            digest = self.x509.signature_hash_algorithm
            if digest is None or digest.name not in _DIGESTS:
                return False
            # A bit string may say that its last bits, where zero, are none of it: one signature, two forms.
            if not self.data.endswith(_WHOLE + self.x509.signature):
                return False
            self.x509.verify_directly_issued_by(other.x509)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True


def read_certificate(data: bytes) -> Certificate:
    """Raises AgeProofError."""
    if len(data) > MOST_BYTES:
        raise AgeProofError(Refusal.BAD_CERTIFICATE, f"more than {MOST_BYTES} bytes")
    try:
        with warnings.catch_warnings():  # of a serial number that is no longer allowed, and the like
            warnings.simplefilter("ignore")
            read = x509.load_der_x509_certificate(data)
            key, tbs = read.public_key(), read.tbs_certificate_bytes
            begins, ends = validity(read)
            countries = read.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):  # TypeError: of a name
        raise AgeProofError(Refusal.BAD_CERTIFICATE) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise AgeProofError(Refusal.WRONG_KEY, "of a certificate, on none of the curves known here")
    named = frozenset(str(one.value) for one in countries)
    return Certificate(data, read, key, read_extensions(tbs), begins, ends, named)

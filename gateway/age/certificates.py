"""X.509 certificates, with the properties that age proofs need."""

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

MOST_BYTES = 4 << 10  # ISO's and the EU's have 700; long names and addresses make 1,500
_CURVES = frozenset(("secp256r1", "secp384r1", "secp521r1"))
_WHOLE = b"\0"  # first byte of a bit string without unused bits
_DIGESTS = frozenset(("sha256", "sha384", "sha512"))


@dataclass(frozen=True, slots=True)
class ParsedCertificate:
    """A certificate with an elliptic-curve key."""

    data: bytes
    x509: x509.Certificate
    key: ec.EllipticCurvePublicKey
    extensions: Extensions
    not_before: datetime
    not_after: datetime
    countries: frozenset[str]  # of the subject

    def is_issued_by(self, other: ParsedCertificate) -> bool:
        """Check name and signature only, not whether ``other`` may issue certificates."""
        try:
            digest = self.x509.signature_hash_algorithm
            if digest is None or digest.name not in _DIGESTS:
                return False
            # A bit string may declare trailing zero bits as unused, which gives one signature two encodings.
            if not self.data.endswith(_WHOLE + self.x509.signature):
                return False
            self.x509.verify_directly_issued_by(other.x509)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True


def read_certificate(data: bytes) -> ParsedCertificate:
    """Parse a DER certificate. Raises AgeProofError."""
    if len(data) > MOST_BYTES:
        raise AgeProofError(Refusal.BAD_CERTIFICATE, f"more than {MOST_BYTES} bytes")
    try:
        with warnings.catch_warnings():  # about obsolete serial numbers, for example
            warnings.simplefilter("ignore")
            read = x509.load_der_x509_certificate(data)
            key, tbs = read.public_key(), read.tbs_certificate_bytes
            begins, ends = validity(read)
            countries = read.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):  # TypeError: an invalid name
        raise AgeProofError(Refusal.BAD_CERTIFICATE) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise AgeProofError(Refusal.WRONG_KEY, "of a certificate, on none of the curves known here")
    named = frozenset(str(country.value) for country in countries)
    return ParsedCertificate(data, read, key, read_extensions(tbs), begins, ends, named)

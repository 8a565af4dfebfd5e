"""Decides which issuers of age proofs are trusted: the trust file, certificates, and the path to an issuer.

The trust file is a signed JSON list of issuers. Format: docs/families/age-proof.md. The signature covers
`SIGNED` and the canonical form (RFC 8785) of the document without the signature. The document has only
strings, lists and one integer, so this form is: sorted keys, no spaces, UTF-8.

`signer` validates the path from a proof's signer to a trusted issuer (RFC 5280, ISO 18013-5 annex B).
"""

from __future__ import annotations

import base64
import binascii
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.x509.oid import NameOID

from gateway.age.der import DIGITAL_SIGNATURE, KEY_CERT_SIGN, CertificateExtensions, read_extensions
from gateway.age.documents import Document
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.validity import validity

BROKEN = ProofRefusal.TRUST_BROKEN
FORMAT = 1
# The prefix keeps a signature from being valid in any other context.
SIGNED = b"qalqan age trust 1\n"
MOST_FILE = 1 << 20  # bytes: 400 issuers with 2 KB each, and their names
MOST_ISSUERS = 400  # the EU has 27 states with a few issuers each; licences have some 60
MOST_TEXT = 200  # characters of a name
_KEYS: Final = frozenset(("format", "made", "until", "issuers"))
_ISSUER_KEYS: Final = frozenset(("name", "country", "documents", "until", "certificate"))

MOST_CHAIN = 4  # a signer, two intermediate CAs, and the optional anchor; ISO has no intermediate CAs

MOST_BYTES = 4 << 10  # of a certificate; ISO's and the EU's have 700, with long names and addresses 1,500
_CURVES = frozenset(("secp256r1", "secp384r1", "secp521r1"))
_WHOLE = b"\0"  # first byte of a bit string without unused bits
_DIGESTS = frozenset(("sha256", "sha384", "sha512"))


@dataclass(frozen=True, slots=True)
class ParsedCertificate:
    """An X.509 certificate with an elliptic-curve key, and those of its properties that age proofs need."""

    data: bytes
    x509: x509.Certificate
    key: ec.EllipticCurvePublicKey
    extensions: CertificateExtensions
    not_before: datetime
    not_after: datetime
    countries: frozenset[str]  # of the subject

    def is_issued_by(self, other: ParsedCertificate) -> bool:
        """Return whether ``other`` issued this certificate, by name and signature only.

        Whether ``other`` may issue certificates is not checked.
        """
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


@dataclass(frozen=True, slots=True)
class Issuer:
    """A trusted certificate in the trust file: of a CA that certifies signers of proofs, or of one signer."""

    name: str
    country: str  # two capital letters
    documents: frozenset[Document]  # the types that it may issue
    until: datetime  # when its trust ends, in UTC
    certificate: ParsedCertificate


@dataclass(frozen=True, slots=True)
class Trust:
    """The content of a trust file with a verified signature: the trusted issuers of age proofs."""

    made: datetime  # in UTC
    until: datetime  # when the file expires, in UTC
    issuers: tuple[Issuer, ...]

    def check(self, now: datetime) -> None:
        """Raise AgeProofError if the trust file has expired."""
        if now >= self.until:
            raise AgeProofError(ProofRefusal.TRUST_EXPIRED)


def read_trust(data: bytes, key: bytes) -> Trust:
    """Return the content of a trust file, after verification of its signature.

    Its expiry is not checked; `Trust.check` does that. ``key``: an Ed25519 public key of 32 bytes. Raises
    AgeProofError.
    """
    if len(data) > MOST_FILE:
        raise AgeProofError(BROKEN, f"larger than {MOST_FILE} bytes")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_float=_no_fraction)
    except (ValueError, RecursionError):
        raise AgeProofError(BROKEN, "no JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("signature"), str):
        raise AgeProofError(BROKEN, "not signed")
    signature = _bytes(document.pop("signature"))
    signed = to_be_signed(document)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise AgeProofError(ProofRefusal.TRUST_SIGNATURE) from None
    return _trust(document)


def sign_trust(document: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return a trust file: the document as JSON with its signature.

    Raises AgeProofError for a document that a gateway would refuse, except one of more than MOST_FILE bytes.
    """
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    _trust(unsigned)
    signature = base64.b64encode(key.sign(to_be_signed(unsigned))).decode("ascii")
    return json.dumps({**unsigned, "signature": signature}, ensure_ascii=False, indent=1).encode() + b"\n"


def to_be_signed(document: Mapping[str, Any]) -> bytes:
    """Return the bytes of a trust file's document that the signature covers.

    Raises AgeProofError for text that is not Unicode, a number that JSON does not have, and too many levels.
    """
    try:
        text = json.dumps(
            document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return SIGNED + text.encode("utf-8")
    except (ValueError, RecursionError):  # a lone surrogate, as JSON can express it
        raise AgeProofError(BROKEN, "no text") from None


def _trust(document: Mapping[str, Any]) -> Trust:
    if document.get("format") is True or document.get("format") != FORMAT:
        raise AgeProofError(BROKEN, f"not of format {FORMAT}")
    if set(document) != _KEYS:
        raise AgeProofError(BROKEN, "a key is missing, or not known")
    issuers = document["issuers"]
    if not isinstance(issuers, list) or not 1 <= len(issuers) <= MOST_ISSUERS:
        raise AgeProofError(BROKEN, f"not 1 to {MOST_ISSUERS} issuers")
    made, until = _moment(document["made"]), _moment(document["until"])
    if made >= until:
        raise AgeProofError(BROKEN, "it ends before it begins")
    return Trust(made, until, tuple(map(_issuer, issuers)))


def _issuer(entry: object) -> Issuer:
    if not isinstance(entry, dict) or set(entry) != _ISSUER_KEYS:
        raise AgeProofError(BROKEN, "an issuer without one of its keys, or with another")
    name, country, documents = entry["name"], entry["country"], entry["documents"]
    if not isinstance(name, str) or not 1 <= len(name) <= MOST_TEXT:
        raise AgeProofError(BROKEN, "an issuer without a name")
    if not isinstance(country, str) or len(country) != 2 or not (country.isascii() and country.isupper()):
        raise AgeProofError(BROKEN, "a country that is not two capital letters")
    known = {kind.value: kind for kind in Document}
    if (
        not isinstance(documents, list)
        or not documents
        or not all(isinstance(kind, str) for kind in documents)
    ):
        raise AgeProofError(BROKEN, "an issuer without documents")
    if not known.keys() >= set(documents):
        raise AgeProofError(BROKEN, "a document that is not known here")
    try:
        certificate = read_certificate(_bytes(entry["certificate"]))
    except AgeProofError:
        raise AgeProofError(BROKEN, "a certificate that cannot be read") from None
    return Issuer(
        name, country, frozenset(known[kind] for kind in documents), _moment(entry["until"]), certificate
    )


def _moment(text: object) -> datetime:
    """Return the time in an ISO 8601 text with an offset, in UTC. Raises AgeProofError for other values."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise AgeProofError(BROKEN, "a date without its offset, or none")


def _bytes(text: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        raise AgeProofError(BROKEN, "no base64") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key twice"
        raise ValueError(msg)
    return found


def _no_fraction(text: str) -> object:
    raise ValueError(text)


def signer(chain: Sequence[bytes], trust: Trust, document: Document, now: datetime) -> ParsedCertificate:
    """Return the first certificate of ``chain``, after validating it up to a trusted issuer of ``document``.

    ``chain``: DER certificates, the proof's signer first. Revocation is not checked: a query would show the
    issuer when and where a proof is used. `Trust.check` checks the expiry of ``trust``, not this function.
    Raises AgeProofError.
    """
    if not 1 <= len(chain) <= MOST_CHAIN:
        raise AgeProofError(ProofRefusal.LONG_CHAIN, f"not 1 to {MOST_CHAIN} certificates")
    path = [read_certificate(data) for data in chain]
    for below, above in pairwise(path):
        if not below.is_issued_by(above):
            raise AgeProofError(ProofRefusal.UNTRUSTED, "a chain with a gap")
    _check_signer(path[0], document, now)
    return _anchored(path, trust, document, now)


def _anchored(
    path: list[ParsedCertificate], trust: Trust, document: Document, now: datetime
) -> ParsedCertificate:
    """Return the first certificate of ``path`` if the path leads to a trusted issuer. Raises AgeProofError.

    Tries every issuer: a CA may be listed twice, with its previous and its next certificate.
    """
    problem = AgeProofError(ProofRefusal.UNTRUSTED)
    for issuer in trust.issuers:
        whole = _up_to(path, issuer)
        if not whole:
            continue
        try:
            _check_issuer(issuer, document, now)
            _check_above(whole, now)
        except AgeProofError as error:
            problem = error
        else:
            return path[0]
    raise problem


def _up_to(path: list[ParsedCertificate], issuer: Issuer) -> list[ParsedCertificate]:
    """Return the certificates from the signer up to the issuer's; empty if the path does not lead there."""
    anchor = issuer.certificate
    for place, certificate in enumerate(path):
        if certificate.data == anchor.data:
            return path[: place + 1]
    return [*path, anchor] if path[-1].is_issued_by(anchor) else []


def _check_issuer(issuer: Issuer, document: Document, now: datetime) -> None:
    if now >= issuer.until:
        raise AgeProofError(ProofRefusal.UNTRUSTED, "its time on the list is over")
    if document not in issuer.documents:
        raise AgeProofError(ProofRefusal.NOT_ITS_DOCUMENT)


def _check_signer(leaf: ParsedCertificate, document: Document, now: datetime) -> None:
    _check_dates(leaf, now)
    extensions = leaf.extensions
    if extensions.ca:
        raise AgeProofError(ProofRefusal.WRONG_PURPOSE, "a CA does not sign proofs itself")
    if extensions.usage is None or DIGITAL_SIGNATURE not in extensions.usage:
        raise AgeProofError(ProofRefusal.WRONG_KEY_USAGE, "the signer's is not for signatures")
    if not extensions.purposes & document.purposes:
        raise AgeProofError(ProofRefusal.WRONG_PURPOSE, "the signer's is not for documents of this kind")


def _check_above(whole: list[ParsedCertificate], now: datetime) -> None:
    """Check the CA certificates, and that the signer names the issuer's country, if that has one.

    ``whole``: the certificates from the signer to the issuer. Raises AgeProofError.
    """
    for between, ca in enumerate(whole[1:]):
        _check_dates(ca, now)
        extensions = ca.extensions
        if not extensions.ca:
            raise AgeProofError(ProofRefusal.NO_CA)
        if extensions.usage is None or KEY_CERT_SIGN not in extensions.usage:
            raise AgeProofError(ProofRefusal.WRONG_KEY_USAGE, "a CA's is not for certificates")
        if extensions.path_length is not None and between > extensions.path_length:
            raise AgeProofError(ProofRefusal.PATH_LENGTH)
    if whole[-1].countries and whole[0].countries != whole[-1].countries:
        raise AgeProofError(ProofRefusal.WRONG_COUNTRY)


def _check_dates(certificate: ParsedCertificate, now: datetime) -> None:
    if not certificate.not_before <= now <= certificate.not_after:
        raise AgeProofError(ProofRefusal.CERTIFICATE_EXPIRED)
    if certificate.extensions.strange:
        raise AgeProofError(ProofRefusal.CRITICAL_EXTENSION)


def read_certificate(data: bytes) -> ParsedCertificate:
    """Return a parsed DER certificate.

    Raises AgeProofError, also for a key that is on none of the NIST curves.
    """
    if len(data) > MOST_BYTES:
        raise AgeProofError(ProofRefusal.BAD_CERTIFICATE, f"more than {MOST_BYTES} bytes")
    try:
        with warnings.catch_warnings():  # about obsolete serial numbers, for example
            warnings.simplefilter("ignore")
            read = x509.load_der_x509_certificate(data)
            key, tbs = read.public_key(), read.tbs_certificate_bytes
            begins, ends = validity(read)
            countries = read.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):  # TypeError: an invalid name
        raise AgeProofError(ProofRefusal.BAD_CERTIFICATE) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise AgeProofError(ProofRefusal.WRONG_KEY, "of a certificate, on none of the curves known here")
    named = frozenset(str(country.value) for country in countries)
    return ParsedCertificate(data, read, key, read_extensions(tbs), begins, ends, named)

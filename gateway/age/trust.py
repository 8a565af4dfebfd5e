"""Reads the trust file: a signed JSON list of issuers of age proofs. Format: docs/families/age-proof.md.

The signature covers `SIGNED` and the canonical form (RFC 8785) of the document without the signature. The
document has only strings, lists and one integer, so this form is: sorted keys, no spaces, UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.age.certificates import ParsedCertificate, read_certificate
from gateway.age.documents import Document
from gateway.age.refusals import AgeProofError, Refusal

BROKEN = Refusal.TRUST_BROKEN
FORMAT = 1
# The prefix keeps a signature from being valid in any other context.
SIGNED = b"qalqan age trust 1\n"
MOST_FILE = 1 << 20  # bytes: 400 issuers with 2 KB each, and their names
MOST_ISSUERS = 400  # the EU has 27 states with a few issuers each; licences have some 60
MOST_TEXT = 200  # characters of a name
_KEYS: Final = frozenset(("format", "made", "until", "issuers"))
_ISSUER_KEYS: Final = frozenset(("name", "country", "documents", "until", "certificate"))


@dataclass(frozen=True, slots=True)
class Issuer:
    """A trusted certificate: of a CA that issues signers, or of a single signer."""

    name: str
    country: str
    documents: frozenset[Document]
    until: datetime
    certificate: ParsedCertificate


@dataclass(frozen=True, slots=True)
class Trust:
    """The content of a trust file with a valid signature."""

    made: datetime
    until: datetime
    issuers: tuple[Issuer, ...]

    def check(self, now: datetime) -> None:
        """Raise AgeProofError if the file has expired."""
        if now >= self.until:
            raise AgeProofError(Refusal.TRUST_EXPIRED)


def read_trust(data: bytes, key: bytes) -> Trust:
    """Parse and verify a trust file, except for its expiry, which `Trust.check` verifies.

    ``key`` is an Ed25519 public key of 32 bytes. Raises AgeProofError.
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
        raise AgeProofError(Refusal.TRUST_SIGNATURE) from None
    return _trust(document)


def sign_trust(document: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """Return the signed file for a document. Raises AgeProofError for one that a gateway would refuse."""
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    _trust(unsigned)
    signature = base64.b64encode(key.sign(to_be_signed(unsigned))).decode("ascii")
    return json.dumps({**unsigned, "signature": signature}, ensure_ascii=False, indent=1).encode() + b"\n"


def to_be_signed(document: Mapping[str, Any]) -> bytes:
    """Return the bytes that the signature covers. Raises AgeProofError for text that is not Unicode."""
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
    """Parse ISO 8601 with an offset."""
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

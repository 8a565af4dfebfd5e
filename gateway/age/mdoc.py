"""Verifies a wallet's DeviceResponse (ISO 18013-5) with exactly one document and one element.

The response is parsed first, then verified from the issuer to the device: the signer's certificate, the
signed data, its validity, and the device key. Data that was not requested is refused, not skipped.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.age.cbor import EMBEDDED, Key, Tagged, Value, decode, embedded, encode
from gateway.age.cose import X5CHAIN, Sign1, check, read_key, read_sign1
from gateway.age.documents import ELEMENT, Document
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.trust import ParsedCertificate, Trust, signer

VERSION = "1.0"
_DIGESTS: Final = {"SHA-256": hashlib.sha256, "SHA-384": hashlib.sha384, "SHA-512": hashlib.sha512}
_LEAST_SALT = 16  # bytes; with fewer, the value could be guessed from its digest
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DATE_TAG = 0


@dataclass(frozen=True, slots=True)
class MdocItem:
    """One data element of a wallet's document, such as ``age_over_18``, parsed but not verified."""

    data: bytes  # the bytes that were digested
    digest_id: int  # the key of the digest in `Mso.digests`
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class PresentedDocument:
    """The one document in a wallet's response, parsed but not verified."""

    document: Document
    item: MdocItem
    issuer: Sign1
    device_namespaces: bytes  # elements that the wallet asserts about itself, in CBOR: an empty map
    device: Sign1


@dataclass(frozen=True, slots=True)
class Mso:
    """The part of a document that the issuer signed (MSO): digests of elements, device key, and validity."""

    document: str  # its docType
    algorithm: str  # of the digests, such as SHA-256
    digests: dict[Key, Value]  # namespace → digest id → digest
    device_key: ec.EllipticCurvePublicKey
    signed: datetime
    valid_from: datetime
    valid_until: datetime


def adult_until(
    data: bytes, transcript: bytes, asked: Collection[Document], trust: Trust, now: datetime
) -> tuple[Document, datetime]:
    """Verify a wallet's DeviceResponse; return the document type, and until when the proof is valid.

    That is the earlier end of the document and of its signer's certificate. ``data``: in CBOR.
    ``transcript``: the SessionTranscript of the request (`Challenge.transcript`). ``asked``: the requested
    document types. Raises AgeProofError if it does not prove that the holder is 18 or older. The caller
    checks that the request and the trust file have not expired.
    """
    shown = read_response(data, asked)
    certificate = signer(read_chain(shown.issuer), trust, shown.document, now)
    mso = read_mso(shown.issuer, certificate.key)
    if mso.document != shown.document:
        raise AgeProofError(ProofRefusal.WRONG_DOCUMENT, "what is signed is of another kind")
    check_item(shown.item, shown.document.namespace, mso)
    _check_dates(mso, certificate, now)
    check_device(shown, transcript, mso)
    if shown.item.value is not True:
        raise AgeProofError(ProofRefusal.NOT_ADULT)
    return shown.document, min(mso.valid_until, certificate.not_after)


def read_response(data: bytes, asked: Collection[Document]) -> PresentedDocument:
    """Return the only document in a wallet's DeviceResponse (CBOR), parsed but not verified.

    ``asked``: the document types of the request. Raises AgeProofError, also for another type, a
    missing ``age_over_18``, and any data that was not requested.
    """
    may = {"documents", "documentErrors", "errors"}  # the last two are ISO's codes for absent data
    response = _exactly(decode(data), {"version", "status", "documents", "documentErrors"}, may)
    if response["version"] != VERSION:
        raise AgeProofError(ProofRefusal.WRONG_VERSION)
    if not _is_number(response["status"]) or response["status"] != 0:
        raise AgeProofError(ProofRefusal.WRONG_STATUS)
    documents = response.get("documents", [])
    if not isinstance(documents, list) or not documents:
        raise AgeProofError(ProofRefusal.NO_DOCUMENT)
    if len(documents) > 1:
        raise AgeProofError(ProofRefusal.MANY_DOCUMENTS)
    shown = _exactly(documents[0], {"docType", "issuerSigned", "deviceSigned", "errors"}, may)
    document = next((document for document in asked if document.value == shown["docType"]), None)
    if document is None:
        raise AgeProofError(ProofRefusal.WRONG_DOCUMENT, "not one that was asked for")
    issued = _exactly(shown["issuerSigned"], {"nameSpaces", "issuerAuth"}, {"nameSpaces"})
    item = _one_item(issued.get("nameSpaces", {}), document.namespace)
    held = _exactly(shown["deviceSigned"], {"nameSpaces", "deviceAuth"})
    own = held["nameSpaces"]
    if embedded(own) != {}:  # elements that the wallet asserts about itself
        raise AgeProofError(ProofRefusal.OVER_DISCLOSED, "the wallet added something")
    return PresentedDocument(
        document, item, read_sign1(issued["issuerAuth"]), encode(own), _device(held["deviceAuth"])
    )


def _one_item(namespaces: Value, namespace: str) -> MdocItem:
    if not isinstance(namespaces, dict):
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "namespaces that are none")
    if not namespaces:
        raise AgeProofError(ProofRefusal.NOT_DISCLOSED)
    if namespace not in namespaces:
        raise AgeProofError(ProofRefusal.WRONG_NAMESPACE)
    if len(namespaces) > 1:
        raise AgeProofError(ProofRefusal.OVER_DISCLOSED, "another namespace")
    items = namespaces[namespace]
    if not isinstance(items, list):
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "elements that are none")
    if len(items) > 1:
        raise AgeProofError(ProofRefusal.OVER_DISCLOSED, "another element")
    item = read_item(items[0]) if items else None
    if item is None or item.name != ELEMENT:
        raise AgeProofError(ProofRefusal.NOT_DISCLOSED)
    return item


def read_item(value: Value) -> MdocItem:
    """Return the data element in a decoded IssuerSignedItem. Raises AgeProofError."""
    item = _exactly(embedded(value), {"digestID", "random", "elementIdentifier", "elementValue"})
    number, salt, name = item["digestID"], item["random"], item["elementIdentifier"]
    if not _is_number(number) or not isinstance(salt, bytes) or not isinstance(name, str):
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "no element")
    if len(salt) < _LEAST_SALT:
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "a digest that could be guessed")
    return MdocItem(encode(value), number, name, item["elementValue"])


def _device(value: Value) -> Sign1:
    if isinstance(value, dict) and "deviceMac" in value:
        raise AgeProofError(ProofRefusal.DEVICE_MAC)
    signed = read_sign1(_exactly(value, {"deviceSignature"})["deviceSignature"])
    if signed.payload is not None:
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "a device's signature over something of its own")
    return signed


def read_chain(signed: Sign1) -> list[bytes]:
    """Return the DER certificates in a signed message, the signer's first (x5chain, RFC 9360).

    Raises AgeProofError if the header is missing or has other values. The result may be empty.
    """
    match signed.unprotected.get(X5CHAIN):
        case bytes() as single:
            return [single]
        case list() as several:
            found = [certificate for certificate in several if isinstance(certificate, bytes)]
            if len(found) == len(several):
                return found
    raise AgeProofError(ProofRefusal.BAD_CERTIFICATE, "none, or no chain of them")


def read_mso(signed: Sign1, key: ec.EllipticCurvePublicKey) -> Mso:
    """Verify the issuer's signature with ``key``, and return what it signed. Raises AgeProofError."""
    if signed.payload is None:
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "an issuer's signature over nothing")
    check(signed, key, signed.payload, ProofRefusal.ISSUER_SIGNATURE)
    mso = _map(embedded(decode(signed.payload)))
    document, algorithm = mso.get("docType"), mso.get("digestAlgorithm")
    if mso.get("version") != VERSION:
        raise AgeProofError(ProofRefusal.WRONG_VERSION, "of what is signed")
    if not isinstance(document, str) or not isinstance(algorithm, str):
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "what is signed says too little")
    validity = _map(mso.get("validityInfo"))
    dates = [_moment(validity.get(name)) for name in ("signed", "validFrom", "validUntil")]
    device = read_key(_map(mso.get("deviceKeyInfo")).get("deviceKey"))
    return Mso(document, algorithm, _map(mso.get("valueDigests")), device, *dates)


def check_item(item: MdocItem, namespace: str, mso: Mso) -> None:
    """Verify that the element's digest is among those that the issuer signed. Raises AgeProofError."""
    digest = _DIGESTS.get(mso.algorithm)
    if digest is None:
        raise AgeProofError(ProofRefusal.WRONG_ALGORITHM, "of the digests")
    digests = mso.digests.get(namespace)
    if not isinstance(digests, dict):
        raise AgeProofError(ProofRefusal.WRONG_NAMESPACE, "not one that was signed")
    signed = digests.get(item.digest_id)
    if not isinstance(signed, bytes) or not hmac.compare_digest(signed, digest(item.data).digest()):
        raise AgeProofError(ProofRefusal.DIGEST)


def check_device(shown: PresentedDocument, transcript: bytes, mso: Mso) -> None:
    """Verify that the key of the wallet's device, which the issuer signed, signed this session's transcript.

    Raises AgeProofError.
    """
    head = b"\x84" + encode("DeviceAuthentication") + transcript + encode(shown.document.value)
    signed = encode(Tagged(EMBEDDED, head + shown.device_namespaces))
    check(shown.device, mso.device_key, signed, ProofRefusal.DEVICE_SIGNATURE)


def _check_dates(mso: Mso, certificate: ParsedCertificate, now: datetime) -> None:
    if not mso.signed <= mso.valid_from < mso.valid_until:
        raise AgeProofError(ProofRefusal.BAD_VALIDITY, "it ends before it begins")
    if not certificate.not_before <= mso.signed <= certificate.not_after:
        raise AgeProofError(ProofRefusal.BAD_VALIDITY, "signed outside of the signer's own time")
    if now < mso.valid_from:
        raise AgeProofError(ProofRefusal.NOT_YET_VALID)
    if now >= mso.valid_until:
        raise AgeProofError(ProofRefusal.EXPIRED)


def _moment(value: Value) -> datetime:
    """Return the time of a CBOR date in UTC and whole seconds. Raises AgeProofError for any other value."""
    text = value.value if isinstance(value, Tagged) and value.number == _DATE_TAG else None
    if isinstance(text, str) and _DATE.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # a month 13, for example
            pass
    raise AgeProofError(ProofRefusal.BAD_VALIDITY, "a date that is none")


def _map(value: Value) -> dict[Key, Value]:
    if not isinstance(value, dict):
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "no map where one has to be")
    return value


def _exactly(value: Value, keys: set[Key], optional: Collection[Key] = ()) -> dict[Key, Value]:
    """Return a decoded map, which must have all ``keys`` except ``optional`` ones, and no others.

    Raises AgeProofError.
    """
    found = _map(value)
    if not keys - set(optional) <= found.keys() <= keys:
        raise AgeProofError(ProofRefusal.BAD_RESPONSE, "a key is missing, or not known")
    return found


def _is_number(value: Value) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)

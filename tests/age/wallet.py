"""An issuer and a wallet of our own, honest by default: what real ones do between a browser's call
and its answer. Written over `cbor2` and `cryptography`'s own HPKE, so that nothing of the verifier is in it.

``Wallet(Issuer()).answer(request, origin)`` is what `navigator.credentials.get(request)` gives to a page of
``origin``. Everything is dated around `NOW`; with a real clock it is ``Issuer(now=datetime.now(UTC))``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gateway.age.trust import sign_trust

EU_AV, MDL = "eu.europa.ec.av.1", "org.iso.18013.5.1.mDL"
NAMESPACES = {EU_AV: EU_AV, MDL: "org.iso.18013.5.1"}
SIGNER = x509.ObjectIdentifier("1.0.18013.5.1.2")
NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
POINT = 65  # bytes of a public key of P-256
_SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_128_GCM)
_ALGORITHMS: dict[str, tuple[int, hashes.HashAlgorithm]] = {
    "secp256r1": (-7, hashes.SHA256()),
    "secp384r1": (-35, hashes.SHA384()),
    "secp521r1": (-36, hashes.SHA512()),
}


def new_key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def tagged(value: Any) -> cbor2.CBORTag:
    """CBOR in CBOR, tag 24."""
    return cbor2.CBORTag(24, cbor2.dumps(value))


def cose_key(key: ec.EllipticCurvePublicKey) -> dict[int, Any]:
    numbers, size = key.public_numbers(), (key.curve.key_size + 7) // 8
    curve = {"secp256r1": 1, "secp384r1": 2, "secp521r1": 3}[key.curve.name]
    return {1: 2, -1: curve, -2: numbers.x.to_bytes(size, "big"), -3: numbers.y.to_bytes(size, "big")}


def sign1(
    key: ec.EllipticCurvePrivateKey,
    payload: bytes,
    *,
    detached: bool = False,
    unprotected: dict[int, Any] | None = None,
    protected: bytes | None = None,
) -> list[Any]:
    algorithm, digest = _ALGORITHMS[key.curve.name]
    header = cbor2.dumps({1: algorithm}) if protected is None else protected
    signed = cbor2.dumps(["Signature1", header, b"", payload])
    size = (key.curve.key_size + 7) // 8
    signature = b"".join(
        part.to_bytes(size, "big") for part in decode_dss_signature(key.sign(signed, ec.ECDSA(digest)))
    )
    return [header, unprotected or {}, None if detached else payload, signature]


def transcript(info: str, origin: str) -> list[Any]:
    return [None, None, ["dcapi", hashlib.sha256(cbor2.dumps([info, origin])).digest()]]


@dataclass
class Authority:
    """Somebody with a key and a certificate for it: a CA, or who signs proofs."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    above: Authority | None = None
    ca: bool | None = True  # None: the certificate says nothing of it
    path_length: int | None = None
    usage: Sequence[str] = ("key_cert_sign", "crl_sign")
    purposes: Sequence[x509.ObjectIdentifier] = ()
    country: str = "UT"
    begins: timedelta = timedelta(days=-30)  # from ``now``
    ends: timedelta = timedelta(days=400)
    now: datetime = NOW
    others: Sequence[tuple[x509.ExtensionType, bool]] = ()
    digest: hashes.SHA224 | hashes.SHA256 = field(default_factory=hashes.SHA256)

    def __post_init__(self) -> None:
        above = self.above or self
        made = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(above.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + self.begins)
            .not_valid_after(self.now + self.ends)
        )
        if self.ca is not None:
            made = made.add_extension(x509.BasicConstraints(self.ca, self.path_length), critical=True)
        if self.usage:
            made = made.add_extension(_usage(self.usage), critical=True)
        if self.purposes:
            made = made.add_extension(x509.ExtendedKeyUsage(list(self.purposes)), critical=True)
        for extension, critical in self.others:
            made = made.add_extension(extension, critical=critical)
        self.certificate = made.sign(above.key, self.digest)

    @property
    def subject(self) -> x509.Name:
        names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, self.name)]
        if self.country:
            names.insert(0, x509.NameAttribute(x509.NameOID.COUNTRY_NAME, self.country))
        return x509.Name(names)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)


def _usage(bits: Sequence[str]) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in bits for name in names})


def signer_below(above: Authority, **changed: Any) -> Authority:
    """Who signs proofs, as ISO 18013-5 has their certificate."""
    said: dict[str, Any] = {
        "name": "Test signer",
        "ca": None,
        "usage": ("digital_signature",),
        "purposes": (SIGNER,),
        "ends": timedelta(days=90),
        "now": above.now,
    }
    return Authority(above=above, **{**said, **changed})


@dataclass
class Credential:
    """A document in a wallet: what was signed, and what can be shown of it."""

    document: str
    items: dict[str, dict[str, cbor2.CBORTag]]  # by namespace and element
    auth: list[Any]


@dataclass
class Issuer:
    """One CA, one signer below it (or given ones), and what they say of whom."""

    root: Authority | None = None
    signer: Authority | None = None
    chain: Sequence[Authority] | None = None  # what goes along; the signer alone
    documents: Sequence[str] = (EU_AV, MDL)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.top = self.root or Authority("Test root", now=self.now)
        self.by = self.signer or signer_below(self.top)

    def issue(self, document: str, device: ec.EllipticCurvePublicKey, **changed: Any) -> Credential:
        """``changed``: ``elements`` by name, ``begins`` and ``ends`` from now, the ``header`` that is
        signed, the ``namespace``, or keys of what is signed.
        """
        begins = self.now + changed.pop("begins", timedelta(days=-1))
        ends = self.now + changed.pop("ends", timedelta(days=60))
        header, namespace = changed.pop("header", None), changed.pop("namespace", NAMESPACES[document])
        elements = changed.pop("elements", {"age_over_18": True})
        items = {
            name: tagged(
                {"digestID": at, "random": bytes([at]) * 32, "elementIdentifier": name, "elementValue": value}
            )
            for at, (name, value) in enumerate(elements.items())
        }
        digests = {at: hashlib.sha256(cbor2.dumps(item)).digest() for at, item in enumerate(items.values())}
        mso = {
            "version": "1.0",
            "digestAlgorithm": "SHA-256",
            "docType": document,
            "valueDigests": {namespace: digests},
            "deviceKeyInfo": {"deviceKey": cose_key(device)},
            "validityInfo": {"signed": date(begins), "validFrom": date(begins), "validUntil": date(ends)},
            **changed,
        }
        chain = [certificate.der for certificate in self.chain or (self.by,)]
        unprotected = {33: chain[0] if len(chain) == 1 else chain}
        auth = sign1(self.by.key, cbor2.dumps(tagged(mso)), unprotected=unprotected, protected=header)
        return Credential(document, {namespace: items}, auth)


def date(moment: datetime) -> cbor2.CBORTag:
    return cbor2.CBORTag(0, moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


@dataclass
class Wallet:
    """A phone with one document."""

    issuer: Issuer
    document: str = EU_AV
    changed: dict[str, Any] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def __post_init__(self) -> None:
        self.credential = self.issuer.issue(self.document, self.key.public_key(), **self.changed)

    def answer(self, request: str | dict[str, Any], origin: str) -> str:
        """To the first of the questions that is for its document, as JSON. The browser says the origin."""
        query = json.loads(request) if isinstance(request, str) else request
        data = next(
            entry["data"]
            for entry in query["digital"]["requests"]
            if self._wants(entry["data"])[0] == self.document
        )
        response = self.response(transcript(data["encryptionInfo"], origin), self._wants(data)[1])
        return self.sealed(cbor2.dumps(response), data["encryptionInfo"], origin)

    def _wants(self, data: dict[str, str]) -> tuple[str, dict[str, list[str]]]:
        asked = cbor2.loads(unb64(data["deviceRequest"]))["docRequests"][0]["itemsRequest"].value
        wanted = cbor2.loads(asked)
        return wanted["docType"], {space: list(names) for space, names in wanted["nameSpaces"].items()}

    def response(self, session: list[Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
        """What it shows (DeviceResponse): of its document what was asked for."""
        own = tagged({})
        authenticated = tagged(["DeviceAuthentication", session, self.credential.document, own])
        spaces = {
            space: [items[name] for name in wanted.get(space, ()) if name in items]
            for space, items in self.credential.items.items()
        }
        shown = {
            "docType": self.credential.document,
            "issuerSigned": {
                "nameSpaces": {space: items for space, items in spaces.items() if items},
                "issuerAuth": self.credential.auth,
            },
            "deviceSigned": {
                "nameSpaces": own,
                "deviceAuth": {"deviceSignature": sign1(self.key, cbor2.dumps(authenticated), detached=True)},
            },
        }
        return {"version": "1.0", "documents": [shown], "status": 0}

    def sealed(self, response: bytes, info: str, origin: str) -> str:
        """For whoever asked, and this origin alone."""
        numbers = cbor2.loads(unb64(info))[1]["recipientPublicKey"]
        x, y = (int.from_bytes(numbers[label], "big") for label in (-2, -3))
        recipient = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        sealed = _SUITE.encrypt(response, recipient, cbor2.dumps(transcript(info, origin)))
        inner = cbor2.dumps(["dcapi", {"enc": sealed[:POINT], "cipherText": sealed[POINT:]}])
        return json.dumps({"protocol": "org-iso-mdoc", "data": {"response": b64(inner)}})


def trust_document(*issuers: Issuer) -> dict[str, Any]:
    """Before it is signed; good for 30 days."""
    now = issuers[0].now
    return {
        "format": 1,
        "made": (now - timedelta(days=1)).isoformat(),
        "until": (now + timedelta(days=30)).isoformat(),
        "issuers": [
            {
                "name": issuer.top.name,
                "country": issuer.top.country or "UT",
                "documents": list(issuer.documents),
                "until": (now + timedelta(days=365)).isoformat(),
                "certificate": base64.b64encode(issuer.top.der).decode("ascii"),
            }
            for issuer in issuers
        ],
    }


TRUST_KEY = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a key for tests").digest())
TRUST_PUBLIC = TRUST_KEY.public_key().public_bytes_raw()


def trust_file(*issuers: Issuer) -> bytes:
    """By the key whose other half is TRUST_PUBLIC."""
    return sign_trust(trust_document(*issuers), TRUST_KEY)

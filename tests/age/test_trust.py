"""The trust file, and certificate paths from a signer to a trusted issuer."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.age.der import CertificateExtensions, read_extensions
from gateway.age.documents import Document
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.trust import (
    MOST_BYTES,
    MOST_FILE,
    MOST_ISSUERS,
    read_certificate,
    read_trust,
    sign_trust,
    signer,
    to_be_signed,
)
from tests.age.wallet import (
    EU_AV,
    NOW,
    SIGNER,
    TRUST_KEY,
    TRUST_PUBLIC,
    Authority,
    Issuer,
    new_key,
    signer_below,
    trust_document,
    trust_file,
)

ISSUER = Issuer(documents=(EU_AV,))

ROOT = Authority("Root").der
EU, ISO = x509.ObjectIdentifier("1.3.130.2.0.0.1.2"), x509.ObjectIdentifier("1.0.23220.4.1.2")


def refused(data: bytes, code: ProofRefusal = ProofRefusal.TRUST_BROKEN, key: bytes = TRUST_PUBLIC) -> None:
    with pytest.raises(AgeProofError) as error:
        read_trust(data, key)
    assert error.value.refusal is code


def forged(document: dict[str, Any]) -> bytes:
    """Signed by the right key, whatever it is."""
    signature = base64.b64encode(TRUST_KEY.sign(to_be_signed(document))).decode()
    return json.dumps({**document, "signature": signature}).encode()


def test_what_is_in_it() -> None:
    trust = read_trust(trust_file(ISSUER), TRUST_PUBLIC)
    (issuer,) = trust.issuers
    assert (issuer.name, issuer.country, issuer.documents) == (
        "Test root",
        "UT",
        frozenset((Document.EU_AV,)),
    )
    assert issuer.certificate.data == ISSUER.top.der
    trust.check(NOW + timedelta(days=30, seconds=-1))
    with pytest.raises(AgeProofError) as error:
        trust.check(NOW + timedelta(days=30))
    assert error.value.refusal is ProofRefusal.TRUST_EXPIRED


def test_how_it_is_laid_out_changes_nothing() -> None:
    document = json.loads(trust_file(ISSUER))
    compact = json.dumps(dict(reversed(document.items())), separators=(",", ":")).encode()
    assert read_trust(compact, TRUST_PUBLIC) == read_trust(trust_file(ISSUER), TRUST_PUBLIC)


def test_a_name_in_any_writing() -> None:
    document = trust_document(ISSUER)
    document["issuers"][0]["name"] = 'Қазақстан "\\\u0001" \U0001f600'
    trust = read_trust(sign_trust(document, TRUST_KEY), TRUST_PUBLIC)
    assert trust.issuers[0].name == document["issuers"][0]["name"]


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(until="2099-01-01T00:00:00+00:00"),
        lambda document: document["issuers"][0].update(documents=["org.iso.18013.5.1.mDL"]),
        lambda document: document.update(signature=base64.b64encode(bytes(64)).decode()),
        lambda document: document.update(signature=""),
        lambda document: document.update(more=1),
    ],
)
def test_a_change_after_it_was_signed(change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(trust_file(ISSUER))
    change(document)
    refused(json.dumps(document).encode(), ProofRefusal.TRUST_SIGNATURE)


def test_another_key() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for key in (other, b"", TRUST_PUBLIC[:-1]):
        refused(trust_file(ISSUER), ProofRefusal.TRUST_SIGNATURE, key)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(format=2),
        lambda document: document.update(format=True),
        lambda document: document.update(more="x"),
        lambda document: document.pop("made"),
        lambda document: document.update(made="2026-11-26"),
        lambda document: document.update(made="2026-11-26T00:00:00"),
        lambda document: document.update(until=document["made"]),
        lambda document: document.update(until=7),
        lambda document: document.update(issuers=[]),
        lambda document: document.update(issuers=document["issuers"] * (MOST_ISSUERS + 1)),
        lambda document: document.update(issuers=["x"]),
        lambda document: document["issuers"][0].pop("country"),
        lambda document: document["issuers"][0].update(country="Utopia"),
        lambda document: document["issuers"][0].update(country="ut"),
        lambda document: document["issuers"][0].update(name=""),
        lambda document: document["issuers"][0].update(name="x" * 201),
        lambda document: document["issuers"][0].update(documents=[]),
        lambda document: document["issuers"][0].update(documents=EU_AV),
        lambda document: document["issuers"][0].update(documents=["eu.europa.ec.eudi.pid.1"]),
        lambda document: document["issuers"][0].update(certificate="AAAA"),
        lambda document: document["issuers"][0].update(certificate="no base64"),
        lambda document: document["issuers"][0].update(certificate=base64.b64encode(bytes(8192)).decode()),
        lambda document: document["issuers"][0].update(note="x"),
    ],
)
def test_what_is_no_trust_file_although_it_is_signed(change: Callable[[dict[str, Any]], None]) -> None:
    document = trust_document(ISSUER)
    change(document)
    refused(forged(document))
    with pytest.raises(AgeProofError):
        sign_trust(document, TRUST_KEY)


def test_a_ca_with_a_key_that_is_not_taken() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    document = trust_document(Issuer(Authority("Test root", new_key(ec.SECP256K1()))))
    refused(forged(document))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"signature": 7}',
        b'{"signature": "AAAA", "signature": "AAAA"}',
        b'{"signature": "AAAA", "format": 1.0}',
        b'{"signature": "AAAA", "format": 1e999}',
        b'{"signature": "no base64"}',
        b'{"signature": "AAAA", "name": "\\ud800"}',
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
        b" " * (MOST_FILE + 1),
    ],
)
def test_what_is_no_signed_json(data: bytes) -> None:
    refused(data)


@pytest.mark.needs("openssl")
def test_openssl_signs_the_same(tmp_path: Path) -> None:
    """As docs/families/age-proof.md has it: the canonical form behind its line, Ed25519 over both."""
    pem = TRUST_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    document = trust_document(ISSUER)
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    (tmp_path / "signed").write_bytes(b"qalqan age trust 1\n" + canonical.encode())
    argv = [
        "openssl",
        "pkeyutl",
        "-sign",
        "-rawin",
        "-inkey",
        "key.pem",
        "-in",
        "signed",
        "-out",
        "signature",
    ]
    subprocess.run(argv, cwd=tmp_path, check=True, timeout=20)
    signature = base64.b64encode((tmp_path / "signature").read_bytes()).decode()
    trust = read_trust(json.dumps({**document, "signature": signature}).encode(), TRUST_PUBLIC)
    assert trust == read_trust(trust_file(ISSUER), TRUST_PUBLIC)


def leads(root: Authority, *chain: Authority, document: Document = Document.EU_AV) -> bool:
    trust = read_trust(trust_file(Issuer(root)), TRUST_PUBLIC)
    return signer([authority.der for authority in chain], trust, document, NOW).data == chain[0].der


def test_a_signer_below_the_root() -> None:
    root = Authority("Root", path_length=0)
    assert leads(root, signer_below(root))


def test_the_root_may_come_along() -> None:
    root = Authority("Root", path_length=0)
    assert leads(root, signer_below(root), root)


def test_cas_between() -> None:
    root = Authority("Root", path_length=2)
    first = Authority("First", above=root, path_length=1)
    second = Authority("Second", above=first, path_length=0)
    leaf = signer_below(second)
    assert leads(root, leaf, second, first)
    assert leads(root, leaf, second, first, root)
    assert leads(second, leaf)
    assert leads(second, leaf, second, first)


def test_a_signer_may_be_on_the_list_itself() -> None:
    """Where a state's list has no CA: what is asked of signers holds, nothing that is asked of CAs."""
    leaf = signer_below(Authority("Elsewhere"))
    assert leads(leaf, leaf)
    with pytest.raises(AgeProofError) as error:
        leads(leaf, signer_below(leaf))
    assert error.value.refusal is ProofRefusal.NO_CA


@pytest.mark.parametrize("purpose", [SIGNER, EU, ISO])
def test_purposes_of_the_eus_signers(purpose: x509.ObjectIdentifier) -> None:
    root = Authority("Root")
    assert leads(root, signer_below(root, purposes=(purpose,)))


def test_a_ca_whose_certificate_was_renewed() -> None:
    """The old one ended, or may not issue this document; the new one has the same key."""
    old = Authority("Root", ends=timedelta(seconds=-1))
    new = Authority("Root", old.key)
    leaf = signer_below(new)
    trust = read_trust(trust_file(Issuer(old), Issuer(new)), TRUST_PUBLIC)
    assert signer([leaf.der], trust, Document.EU_AV, NOW).data == leaf.der
    assert (
        signer([leaf.der], replace(trust, issuers=trust.issuers[::-1]), Document.EU_AV, NOW).data == leaf.der
    )


def test_an_extension_that_nobody_asks_about_may_be_damaged() -> None:
    """As in the EU profile's own examples, whose alternative name has itself inside."""
    name = x509.ObjectIdentifier("2.5.29.18")
    twice = bytes.fromhex(
        "30300603551d1204293027822568747470733a2f2f636f6d6d697373696f6e2e6575726f70612e65752f"
    )
    root = Authority("Root")
    leaf = signer_below(root, others=((x509.UnrecognizedExtension(name, twice + b"index_en"), False),))
    with pytest.raises(ValueError, match="asn1"):
        _ = leaf.certificate.extensions
    assert leads(root, leaf)


def test_what_a_certificate_says() -> None:
    root = Authority("Root", path_length=3, usage=("key_cert_sign", "key_agreement", "decipher_only"))
    read = read_certificate(root.der)
    assert read.extensions == CertificateExtensions(True, 3, frozenset((4, 5, 8)))
    assert read.countries == {"UT"}
    leaf = read_certificate(signer_below(root, others=((x509.OCSPNoCheck(), True),)).der)
    assert leaf.extensions == CertificateExtensions(
        usage=frozenset((0,)), purposes=frozenset(("1.0.18013.5.1.2",)), strange=True
    )


def test_one_without_extensions() -> None:
    assert read_certificate(Authority("Root", ca=None, usage=()).der).extensions == CertificateExtensions()


def test_its_size_is_bounded() -> None:
    large = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(MOST_BYTES))
    with pytest.raises(AgeProofError, match="more than 4096 bytes"):
        read_certificate(Authority("Root", others=((large, False),)).der)


@pytest.mark.parametrize(
    "tbs",
    [
        "",
        "30",
        "3003",
        "3080",
        "30830000000000",
        "3003020101a300",
        "3004a30230",
        "3006a304300230",
        "3008a300a3003000",  # twice
        "300aa308300630040603550402",  # an extension without a value
        "3010a30e300c300a0603551d130403010100",  # a constraint that is none
        "3013a311300f300d0603551d13010101040330000000",  # neither true nor false
    ],
)
def test_extensions_that_cannot_be_read(tbs: str) -> None:
    with pytest.raises(AgeProofError) as error:
        read_extensions(bytes.fromhex(tbs))
    assert error.value.refusal is ProofRefusal.BAD_CERTIFICATE


@given(st.binary(max_size=80), st.integers(0, 10_000))
def test_any_bytes_for_a_certificate(data: bytes, seed: int) -> None:
    changed = bytearray(ROOT)
    for _ in range(3):
        changed[random.Random(seed).randrange(len(changed))] ^= 1 << seed % 8
    for encoded in (data, bytes(changed)):
        try:
            read_certificate(encoded)
        except AgeProofError:
            pass


def test_a_name_that_is_no_text() -> None:
    """Found by `make fuzz`: `cryptography` raises TypeError where a name has bits in it."""
    assert ROOT.count(b"\x0c\x04Root") == 2
    with pytest.raises(AgeProofError) as error:
        read_certificate(ROOT.replace(b"\x0c\x04Root", b"\x03\x04\0oot"))
    assert error.value.refusal is ProofRefusal.BAD_CERTIFICATE


def test_a_short_digest_is_none() -> None:
    """SHA-224 stands for SHA-1 as well, with which no library of today makes a certificate."""
    root = Authority("Root")
    short = signer_below(root, digest=hashes.SHA224())
    short.certificate.verify_directly_issued_by(root.certificate)  # else it is in order
    with pytest.raises(AgeProofError) as error:
        leads(root, short)
    assert error.value.refusal is ProofRefusal.UNTRUSTED


def test_the_signature_has_one_form() -> None:
    """Its last bits may be zero; that they are left out would be another certificate with the same words."""
    root = Authority("Root", path_length=0)
    leaf = next(
        authority for authority in iter(lambda: signer_below(root), None) if not authority.der[-1] & 1
    )
    changed = bytearray(leaf.der)
    changed[-len(leaf.certificate.signature) - 1] = 1  # how many bits of its last byte are none of it
    assert read_certificate(leaf.der).is_issued_by(read_certificate(root.der))
    assert not read_certificate(bytes(changed)).is_issued_by(read_certificate(root.der))

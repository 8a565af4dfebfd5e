"""The file that says whose proofs count: read, refused, and signed by the tools that its document names."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.age.documents import Document
from gateway.age.refusals import AgeProofError, Refusal
from gateway.age.trust import MOST_FILE, MOST_ISSUERS, read_trust, sign_trust, to_be_signed
from tests.age.wallet import (
    EU_AV,
    NOW,
    TRUST_KEY,
    TRUST_PUBLIC,
    Authority,
    Issuer,
    new_key,
    trust_document,
    trust_file,
)

ISSUER = Issuer(documents=(EU_AV,))


def refused(data: bytes, code: Refusal = Refusal.TRUST_BROKEN, key: bytes = TRUST_PUBLIC) -> None:
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
    assert error.value.refusal is Refusal.TRUST_EXPIRED


def test_how_it_is_laid_out_changes_nothing() -> None:
    told = json.loads(trust_file(ISSUER))
    compact = json.dumps(dict(reversed(told.items())), separators=(",", ":")).encode()
    assert read_trust(compact, TRUST_PUBLIC) == read_trust(trust_file(ISSUER), TRUST_PUBLIC)


def test_a_name_in_any_writing() -> None:
    document = trust_document(ISSUER)
    document["issuers"][0]["name"] = 'Қазақстан "\\\u0001" \U0001f600'
    trust = read_trust(sign_trust(document, TRUST_KEY), TRUST_PUBLIC)
    assert trust.issuers[0].name == document["issuers"][0]["name"]


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(until="2099-01-01T00:00:00+00:00"),
        lambda told: told["issuers"][0].update(documents=["org.iso.18013.5.1.mDL"]),
        lambda told: told.update(signature=base64.b64encode(bytes(64)).decode()),
        lambda told: told.update(signature=""),
        lambda told: told.update(more=1),
    ],
)
def test_a_change_after_it_was_signed(change: Callable[[dict[str, Any]], None]) -> None:
    told = json.loads(trust_file(ISSUER))
    change(told)
    refused(json.dumps(told).encode(), Refusal.TRUST_SIGNATURE)


def test_another_key() -> None:
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for key in (other, b"", TRUST_PUBLIC[:-1]):
        refused(trust_file(ISSUER), Refusal.TRUST_SIGNATURE, key)


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(format=2),
        lambda told: told.update(format=True),
        lambda told: told.update(more="x"),
        lambda told: told.pop("made"),
        lambda told: told.update(made="2026-11-26"),
        lambda told: told.update(made="2026-11-26T00:00:00"),
        lambda told: told.update(until=told["made"]),
        lambda told: told.update(until=7),
        lambda told: told.update(issuers=[]),
        lambda told: told.update(issuers=told["issuers"] * (MOST_ISSUERS + 1)),
        lambda told: told.update(issuers=["x"]),
        lambda told: told["issuers"][0].pop("country"),
        lambda told: told["issuers"][0].update(country="Utopia"),
        lambda told: told["issuers"][0].update(country="ut"),
        lambda told: told["issuers"][0].update(name=""),
        lambda told: told["issuers"][0].update(name="x" * 201),
        lambda told: told["issuers"][0].update(documents=[]),
        lambda told: told["issuers"][0].update(documents=EU_AV),
        lambda told: told["issuers"][0].update(documents=["eu.europa.ec.eudi.pid.1"]),
        lambda told: told["issuers"][0].update(certificate="AAAA"),
        lambda told: told["issuers"][0].update(certificate="no base64"),
        lambda told: told["issuers"][0].update(certificate=base64.b64encode(bytes(8192)).decode()),
        lambda told: told["issuers"][0].update(note="x"),
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

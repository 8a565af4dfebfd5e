"""What is fuzzed of adult proofs: CBOR, certificates, the trust file, and the verifier from door to end."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import cbor2

from gateway.age.cbor import decode, encode
from gateway.age.cose import check, read_key, read_sign1
from gateway.age.dcapi import Challenge, ask, open_answer, read_challenge
from gateway.age.der import read_extensions
from gateway.age.mdoc import adult_until
from gateway.age.proof import verify
from gateway.age.refusals import AgeProofError, ProofRefusal
from gateway.age.trust import Trust, read_certificate, read_trust, to_be_signed
from tests.age.wallet import (
    EU_AV,
    MDL,
    NOW,
    TRUST_KEY,
    TRUST_PUBLIC,
    Issuer,
    Wallet,
    cose_key,
    transcript,
    trust_document,
    trust_file,
)

ORIGIN = "https://gw.home.test"


@cache
def _home() -> tuple[Issuer, Trust, str, Challenge]:
    """One question that is asked again and again, and whose proofs count."""
    issuer = Issuer()
    request, challenge = ask(ORIGIN, NOW, bytes(range(64)))
    info = str(request["digital"]["requests"][0]["data"]["encryptionInfo"])
    return issuer, read_trust(trust_file(issuer), TRUST_PUBLIC), info, challenge


@cache
def _wallet(document: str) -> Wallet:
    return Wallet(_home()[0], document)


def cbor(data: bytes) -> None:
    """Whatever is taken is written again as it came."""
    with contextlib.suppress(AgeProofError):
        assert encode(decode(data)) == data


def cose(data: bytes) -> None:
    key = _wallet(EU_AV).key.public_key()
    with contextlib.suppress(AgeProofError):
        check(read_sign1(decode(data)), key, data, ProofRefusal.ISSUER_SIGNATURE)
    with contextlib.suppress(AgeProofError):
        read_key(decode(data))


def certificate(data: bytes) -> None:
    for read in (read_certificate, read_extensions):
        with contextlib.suppress(AgeProofError):
            read(data)


def trust(data: bytes) -> None:
    """As it comes, and as if somebody had signed it."""
    with contextlib.suppress(AgeProofError):
        read_trust(data, TRUST_PUBLIC)
    told = _json(data)
    if isinstance(told, dict):
        with contextlib.suppress(AgeProofError):
            read_trust(_signed(told), TRUST_PUBLIC)


def _json(data: bytes) -> object:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(data)
    return None


def _signed(told: dict[str, object]) -> bytes:
    told.pop("signature", None)
    signature = base64.b64encode(TRUST_KEY.sign(to_be_signed(told))).decode()
    return json.dumps({**told, "signature": signature}).encode()


def wallet_answer(data: bytes) -> None:
    """What a page posts: the object, the envelope, the seal; and what was kept of the question."""
    challenge = _home()[3]
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(AgeProofError):
        open_answer({"protocol": "org-iso-mdoc", "data": {"response": text}}, challenge)
    with contextlib.suppress(AgeProofError):
        read_challenge(text)
    told = _json(data)
    with contextlib.suppress(AgeProofError):
        open_answer(told, challenge)


def device_response(data: bytes) -> None:
    """What is in the seal. What is taken has an honest one's core."""
    _, trusted, _, challenge = _home()
    with contextlib.suppress(AgeProofError):
        adult_until(data, challenge.transcript, challenge.documents, trusted, NOW)
        assert any(all(part in data for part in core) for core in cores())


def adult_proof(data: bytes) -> None:
    """The same from door to end: sealed as a wallet does."""
    _, trusted, info, challenge = _home()
    answer = json.loads(_wallet(EU_AV).sealed(data, info, ORIGIN))
    with contextlib.suppress(AgeProofError):
        verify(answer, challenge, trusted, NOW, timedelta(hours=1))
        assert any(all(part in data for part in core) for core in cores())


@cache
def responses() -> tuple[bytes, ...]:
    session = transcript(_home()[2], ORIGIN)
    wanted = {EU_AV: ["age_over_18"], "org.iso.18013.5.1": ["age_over_18"]}
    return tuple(cbor2.dumps(_wallet(document).response(session, wanted)) for document in (EU_AV, MDL))


@cache
def cores() -> tuple[tuple[bytes, ...], ...]:
    """Of each response what cannot be another: the element, and what the issuer signed."""
    return tuple(
        (cbor2.dumps(item), wallet.credential.auth[2])
        for wallet in (_wallet(EU_AV), _wallet(MDL))
        for items in wallet.credential.items.values()
        for item in items.values()
    )


def seeds() -> list[bytes]:
    """Of all of them: what an honest issuer, wallet and page make."""
    issuer, _, info, challenge = _home()
    wallet = _wallet(EU_AV)
    sealed = wallet.sealed(responses()[0], info, ORIGIN)
    return [
        *responses(),
        cbor2.dumps(wallet.credential.auth),
        cbor2.dumps(cose_key(wallet.key.public_key())),
        issuer.top.der,
        issuer.by.der,
        issuer.by.certificate.tbs_certificate_bytes,
        trust_file(issuer),
        json.dumps(trust_document(issuer)).encode(),
        sealed.encode(),
        json.loads(sealed)["data"]["response"].encode(),
        challenge.text().encode(),
    ]


TARGETS: tuple[Callable[[bytes], None], ...] = (
    cbor,
    cose,
    certificate,
    trust,
    wallet_answer,
    device_response,
    adult_proof,
)

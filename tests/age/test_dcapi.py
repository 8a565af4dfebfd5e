"""The question, what is kept of it, and the envelope of its answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import cbor2
import pytest

from gateway.age.cbor import encode
from gateway.age.dcapi import ENTROPY, LIFETIME, MOST_ANSWER, MOST_CHALLENGE, ask, open_answer, read_challenge
from gateway.age.documents import Document
from gateway.age.refusals import AgeProofError, ProofRefusal
from tests.age.wallet import NOW, b64, transcript, unb64

ORIGIN = "https://gw.home.test"
ENTROPIC = bytes(range(ENTROPY))


def refused(code: ProofRefusal, answer: object) -> None:
    _, challenge = ask(ORIGIN, NOW, ENTROPIC)
    with pytest.raises(AgeProofError) as error:
        open_answer(answer, challenge)
    assert error.value.refusal is code


def test_a_question_for_each_document() -> None:
    request, challenge = ask(ORIGIN, NOW, ENTROPIC)
    first, second = request["digital"]["requests"]
    assert {entry["protocol"] for entry in (first, second)} == {"org-iso-mdoc"}
    assert first["data"]["encryptionInfo"] == second["data"]["encryptionInfo"]
    assert [asked(entry) for entry in (first, second)] == [
        {"docType": "eu.europa.ec.av.1", "nameSpaces": {"eu.europa.ec.av.1": {"age_over_18": False}}},
        {"docType": "org.iso.18013.5.1.mDL", "nameSpaces": {"org.iso.18013.5.1": {"age_over_18": False}}},
    ]
    kind, info = cbor2.loads(unb64(first["data"]["encryptionInfo"]))
    assert kind == "dcapi"
    assert info["nonce"] == ENTROPIC[32:]
    assert set(info["recipientPublicKey"]) == {1, -1, -2, -3}
    assert challenge.until == NOW + LIFETIME


def asked(one: dict[str, Any]) -> object:
    """What is asked for; False says that it is not retained."""
    query = cbor2.loads(unb64(one["data"]["deviceRequest"]))
    assert query["version"] == "1.0"
    (only,) = query["docRequests"]
    assert set(only) == {"itemsRequest"}
    return cbor2.loads(only["itemsRequest"].value)


def test_one_document_alone() -> None:
    request, challenge = ask(ORIGIN, NOW, ENTROPIC, (Document.MDL,))
    assert len(request["digital"]["requests"]) == 1
    assert challenge.documents == (Document.MDL,)


def test_the_transcript_is_the_wallets() -> None:
    request, challenge = ask(ORIGIN, NOW, ENTROPIC)
    info = request["digital"]["requests"][0]["data"]["encryptionInfo"]
    assert challenge.transcript == cbor2.dumps(transcript(info, ORIGIN))


@pytest.mark.parametrize("origin", ["https://gw.home.test", "https://gw.home.test:8443", "https://a1"])
def test_an_origin(origin: str) -> None:
    assert ask(origin, NOW, ENTROPIC)[1].origin == origin


@pytest.mark.parametrize(
    "origin",
    [
        "http://gw.home.test",
        "https://gw.home.test/",
        "https://gw.home.test:443",
        "https://gw.home.test:0443",
        "https://GW.home.test",
        "https://gw.home.test\n",
        "https://a@gw.home.test",
        "https://",
        "https://-a.test",
        "null",
        "",
    ],
)
def test_what_is_no_origin_as_a_browser_says_it(origin: str) -> None:
    with pytest.raises(AgeProofError) as error:
        ask(origin, NOW, ENTROPIC)
    assert error.value.refusal is ProofRefusal.BAD_ORIGIN


def test_chance_is_asked_for_in_full() -> None:
    with pytest.raises(ValueError, match="64 random bytes"):
        ask(ORIGIN, NOW, ENTROPIC[:-1])


def test_a_challenge_is_kept_as_text() -> None:
    _, challenge = ask(ORIGIN, NOW, ENTROPIC)
    text = challenge.text()
    assert len(text) < MOST_CHALLENGE // 2
    assert read_challenge(text) == challenge
    assert "secret" not in repr(challenge)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", "["),
        ('"secret"', '"other"'),
        ("AAEC", "AAE"),
        ("AAEC", "ÄAEC"),
        ("+00:00", ""),
        ("eu.europa.ec.av.1", "eu.europa.ec.av.2"),
        ('["eu.europa.ec.av.1","org.iso.18013.5.1.mDL"]', "[]"),
        ('["eu.europa.ec.av.1","org.iso.18013.5.1.mDL"]', "7"),
        ('"until":"', f'"until":"{"x" * MOST_CHALLENGE}'),
    ],
)
def test_a_challenge_that_is_none(old: str, new: str) -> None:
    text = ask(ORIGIN, NOW, ENTROPIC)[1].text()
    assert old in text
    with pytest.raises(AgeProofError) as error:
        read_challenge(text.replace(old, new))
    assert error.value.refusal is ProofRefusal.BAD_CHALLENGE


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"protocol": "org-iso-mdoc"},
        {"protocol": "org-iso-mdoc", "data": "AA"},
        {"protocol": "org-iso-mdoc", "data": {"response": 7}},
        {"protocol": "openid4vp", "data": {"response": "AA"}},
        {"protocol": "org-iso-mdoc", "data": {"response": "AA=="}},  # padded
        {"protocol": "org-iso-mdoc", "data": {"response": "A"}},
        {"protocol": "org-iso-mdoc", "data": {"response": "A+/A"}},  # the other alphabet
        {"protocol": "org-iso-mdoc", "data": {"response": "AB"}},  # bits left over
        {"protocol": "org-iso-mdoc", "data": {"response": "AAAA\n"}},
    ],
)
def test_what_is_no_answer(answer: object) -> None:
    refused(ProofRefusal.BAD_ANSWER, answer)


@pytest.mark.parametrize(
    "sealed",
    [
        7,
        ["dcapi"],
        ["other", {"enc": b"", "cipherText": b""}],
        ["dcapi", {"enc": b""}],
        ["dcapi", {"enc": "", "cipherText": b""}],
        ["dcapi", {"enc": b"", "cipherText": b"", "more": 1}],
        ["dcapi", {"enc": b"", "cipherText": b""}, 1],
    ],
)
def test_what_is_not_sealed_as_the_protocol_has_it(sealed: Any) -> None:
    data = b64(encode(sealed))
    refused(ProofRefusal.BAD_ANSWER, {"protocol": "org-iso-mdoc", "data": {"response": data}})


def test_its_length_is_bounded() -> None:
    for size, code in ((MOST_ANSWER, ProofRefusal.BAD_CBOR), (MOST_ANSWER + 1, ProofRefusal.TOO_LARGE)):
        refused(code, {"protocol": "org-iso-mdoc", "data": {"response": "A" * size}})


def test_a_question_ends_soon() -> None:
    assert timedelta(minutes=1) <= LIFETIME <= timedelta(minutes=10)

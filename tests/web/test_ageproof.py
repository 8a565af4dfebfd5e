"""Adult proofs in a process that ends: one line in, one line out, bounded in time and memory."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.age.refusals import Advice, AgeProofError, ProofRefusal
from gateway.age.trust import read_trust
from gateway.web.age_proof import MOST_INPUT, answer
from gateway.web.request_process import RequestError
from tests.age.wallet import NOW, TRUST_KEY, TRUST_PUBLIC, Issuer, Wallet, trust_document, trust_file

ORIGIN = "https://gw.home.test"
ISSUER = Issuer()


def run(request: object, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    data = request if isinstance(request, bytes) else json.dumps(request).encode()
    argv = (sys.executable, "-m", "gateway.web.age_proof", *arguments)
    return subprocess.run(argv, input=data, capture_output=True, timeout=60, check=False)


def answer_of(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def asked() -> dict[str, Any]:
    return answer_of(run({"do": "ask", "origin": ORIGIN, "now": NOW.isoformat()}))


@pytest.fixture
def request_of(asked: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """What the pages would ask, with an honest wallet's answer."""
    (tmp_path / "trust.json").write_bytes(trust_file(ISSUER))
    return {
        "do": "verify",
        "response": json.loads(Wallet(ISSUER).answer(asked["request"], ORIGIN)),
        "challenge": asked["challenge"],
        "trust": str(tmp_path / "trust.json"),
        "key": base64.b64encode(TRUST_PUBLIC).decode(),
        "now": NOW.isoformat(),
        "lasting": 14400,
    }


def test_from_the_question_to_one_bit(asked: dict[str, Any], request_of: dict[str, Any]) -> None:
    assert asked["until"] == (NOW + timedelta(minutes=5)).isoformat()
    done = run(request_of)
    assert done.returncode == 0
    assert answer_of(done) == {
        "adult": True,
        "until": (NOW + timedelta(hours=4)).isoformat(),
        "method": "eu_av",
    }


def test_no_two_questions_are_the_same(asked: dict[str, Any]) -> None:
    again = answer_of(run({"do": "ask", "origin": ORIGIN, "now": NOW.isoformat()}))
    assert again["challenge"] != asked["challenge"]
    assert again["request"] != asked["request"]


@pytest.mark.parametrize(
    ("change", "refusal", "what"),
    [
        ({"now": (NOW + timedelta(minutes=5)).isoformat()}, ProofRefusal.LATE, Advice.AGAIN),
        ({"response": None}, ProofRefusal.BAD_ANSWER, Advice.AGAIN),
        ({"challenge": "{}"}, ProofRefusal.BAD_CHALLENGE, Advice.AGAIN),
        ({"trust": "/nowhere/trust.json"}, ProofRefusal.TRUST_BROKEN, Advice.GATEWAY),
        ({"trust": "/dev/zero"}, ProofRefusal.TRUST_BROKEN, Advice.GATEWAY),
        ({"trust": "a\0b"}, ProofRefusal.TRUST_BROKEN, Advice.GATEWAY),
        ({"key": base64.b64encode(bytes(32)).decode()}, ProofRefusal.TRUST_SIGNATURE, Advice.GATEWAY),
    ],
)
def test_a_refusal_has_a_name(
    request_of: dict[str, Any], change: dict[str, Any], refusal: ProofRefusal, what: Advice
) -> None:
    with pytest.raises(AgeProofError) as error:
        answer({**request_of, **change})
    assert (error.value.refusal, error.value.refusal.advice) == (refusal, what)


def test_a_refusal_is_a_line(request_of: dict[str, Any]) -> None:
    done = run({**request_of, "trust": "/nowhere/trust.json"})
    assert done.returncode == 1
    assert answer_of(done) == {"refused": "trust_broken", "told": "gateway"}


def test_one_document_alone(asked: dict[str, Any]) -> None:
    assert len(asked["request"]["digital"]["requests"]) == 2
    request = {"do": "ask", "origin": ORIGIN, "now": NOW.isoformat(), "documents": ["org.iso.18013.5.1.mDL"]}
    assert len(answer(request)["request"]["digital"]["requests"]) == 1


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"{}", b"[" * 100_000, b"\xff\xff", b" " * (MOST_INPUT + 1)]
)
def test_a_line_without_sense(data: bytes) -> None:
    done = run(data)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"ageproof: ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "else"},
        {"do": "ask", "origin": ORIGIN},
        {"do": "ask", "origin": ORIGIN, "now": "2026-11-27T12:00:00"},
        {"do": "ask", "origin": ORIGIN, "now": "soon"},
        {"do": "ask", "origin": 7, "now": NOW.isoformat()},
        {"do": "ask", "origin": ORIGIN, "now": NOW.isoformat(), "documents": []},
        {"do": "ask", "origin": ORIGIN, "now": NOW.isoformat(), "documents": ["eu.europa.ec.eudi.pid.1"]},
        {"do": "ask", "origin": ORIGIN, "now": NOW.isoformat(), "documents": [["eu.europa.ec.av.1"]]},
        {"do": "verify", "now": NOW.isoformat(), "lasting": True},
        {"do": "verify", "now": NOW.isoformat(), "lasting": 86401},
        {"do": "verify", "now": NOW.isoformat(), "lasting": 59},
        {"do": "verify", "now": NOW.isoformat(), "lasting": 60},
    ],
)
def test_a_request_without_sense(request_: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        answer(request_)


def test_what_is_said_of_a_key_that_is_none(request_of: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        answer({**request_of, "key": "x"})


def test_it_needs_less_than_half_of_what_it_may_have(request_of: dict[str, Any]) -> None:
    code = (
        "import sys; from gateway.web import age_proof, request_process;"
        "request_process.MEMORY //= 2; request_process.CPU_SECONDS //= 2;"
        "sys.exit(age_proof.main([]))"
    )
    data = json.dumps(request_of).encode()
    done = subprocess.run(
        (sys.executable, "-c", code), input=data, capture_output=True, timeout=60, check=True
    )
    assert answer_of(done)["adult"] is True


@pytest.mark.parametrize(
    ("limits", "waste", "ended"),
    [
        ("MEMORY = 64 << 20", "bytearray(64 << 20)", 1),
        ("CPU_SECONDS = 1", "all(True for _ in iter(int, 1))", -signal.SIGKILL),
        ("SECONDS = 1", "sys.stdin.read()", -signal.SIGALRM),
    ],
)
def test_what_takes_too_much_is_ended(limits: str, waste: str, ended: int) -> None:
    limited = f"request_process.{limits}; request_process.limit_process()"
    code = f"import sys; from gateway.web import request_process; {limited}; {waste}"
    argv = (sys.executable, "-c", code)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.wait(timeout=60) == ended


def test_neither_the_daemons_part_nor_the_pages_part_has_cryptography() -> None:
    code = (
        "import sys, gateway.age.bands, gateway.age.refusals, gateway.age.documents, gateway.age.waiting;"
        "import gateway.web.age_proof;"
        "print([name for name in sys.modules if name.startswith('cryptography')])"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_signing_a_trust_file(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(TRUST_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    done = run(trust_document(ISSUER), "sign", str(key))
    assert done.returncode == 0
    assert read_trust(done.stdout, TRUST_PUBLIC) == read_trust(trust_file(ISSUER), TRUST_PUBLIC)
    done = run({**trust_document(ISSUER), "issuers": []}, "sign", str(key))
    assert (done.returncode, done.stdout) == (1, b"")
    other = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert run(trust_document(ISSUER), "sign", str(key)).returncode == 2
    assert run({}, "other").returncode == 2

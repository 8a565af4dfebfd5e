"""The process that verifies passkeys: fido2 against a software authenticator, correct or with one flaw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.web.passkeys import MOST_INPUT, PasskeyRefusedError, answer
from gateway.web.request_process import RequestError
from tests.hiding import hide
from tests.web.authenticator import PRESENT, VERIFIED, Authenticator, encode

HOST = "home.example.org"
CHALLENGE = encode(bytes(range(32)))
CREATE = {"challenge": CHALLENGE, "attestation": "none", "user": {"id": encode(b"u" * 16)}}
GET = {"challenge": CHALLENGE}
COMMON = {"host": HOST, "challenge": CHALLENGE}


def registered(device: Authenticator, **flaws: Any) -> dict[str, Any]:
    return answer({"do": "register", **COMMON, **device.create(CREATE, **flaws)})


def verified(device: Authenticator, key: str, **flaws: Any) -> dict[str, Any]:
    return answer({"do": "verify", **COMMON, "key": key, **device.get(GET, **flaws)})


@pytest.mark.parametrize("kind", ["es256", "eddsa", "rs256"])
def test_it_verifies_each_algorithm_that_is_offered(kind: str) -> None:
    keys = {"es256": None, "eddsa": ed25519.Ed25519PrivateKey.generate()}
    key = keys[kind] if kind in keys else rsa.generate_private_key(65537, 2048)
    device = Authenticator(HOST, key)
    made = registered(device)
    assert made["count"] == 0
    assert verified(device, made["key"]) == {"count": 1}
    assert verified(device, made["key"]) == {"count": 2}


FLAWS: dict[str, dict[str, Any]] = {
    "another challenge": {"client": {"challenge": encode(bytes(32))}},
    "another site": {"client": {"origin": "https://home.example.org.evil.example"}},
    "a subdomain": {"client": {"origin": f"https://sub.{HOST}"}},
    "plain HTTP": {"client": {"origin": f"http://{HOST}"}},
    "another port": {"client": {"origin": f"https://{HOST}:8443"}},
    "a frame of another site": {"client": {"crossOrigin": True}},
    "another relying party": {"host": "other.example.org"},
    "an authenticator without a user's verification": {"flags": PRESENT},
    "an authenticator without a touch": {"flags": VERIFIED},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_is_refused(flaw: str) -> None:
    device = Authenticator(HOST)
    key = registered(device)["key"]
    with pytest.raises(PasskeyRefusedError):
        registered(Authenticator(HOST), **FLAWS[flaw])
    with pytest.raises(PasskeyRefusedError):
        verified(device, key, **FLAWS[flaw])


def test_the_two_uses_are_not_mixed() -> None:
    device = Authenticator(HOST)
    key = registered(device)["key"]
    with pytest.raises(PasskeyRefusedError):
        registered(device, client={"type": "webauthn.get"})
    with pytest.raises(PasskeyRefusedError):
        verified(device, key, client={"type": "webauthn.create"})


def test_a_wrong_signature_or_key_is_refused() -> None:
    device, other = Authenticator(HOST), Authenticator(HOST)
    key = registered(device)["key"]
    with pytest.raises(PasskeyRefusedError):
        verified(device, key, signature=True)
    with pytest.raises(PasskeyRefusedError):
        verified(device, registered(other)["key"])


def test_a_key_that_is_broken_or_was_not_offered_is_refused_when_it_is_added() -> None:
    for public in ({-2: bytes(32), -3: bytes(32)}, {3: -47}, {3: -35}, {-1: 2}):
        with pytest.raises(PasskeyRefusedError):
            registered(Authenticator(HOST), public=public)
    with pytest.raises(PasskeyRefusedError):
        registered(Authenticator(HOST, ec.generate_private_key(ec.SECP256K1())))


def test_a_credential_is_the_one_that_its_identifier_names() -> None:
    made = Authenticator(HOST).create(CREATE)
    with pytest.raises(PasskeyRefusedError):
        answer({"do": "register", **COMMON, **made, "id": encode(b"another")})


@pytest.mark.parametrize(
    "broken", ["", "!", "AAAA", encode(b"{}"), encode(b"[" * 9000), encode(b"\xa1" * 40)]
)
def test_malformed_parts_are_refused(broken: str) -> None:
    device = Authenticator(HOST)
    key = registered(device)["key"]
    for part in ("client_data", "data"):
        with pytest.raises(PasskeyRefusedError):
            answer({"do": "register", **COMMON, **device.create(CREATE), part: broken})
    for part in ("client_data", "data", "signature", "key"):
        with pytest.raises(PasskeyRefusedError):
            answer({"do": "verify", **COMMON, "key": key, **device.get(GET), part: broken})


def test_a_request_of_another_form_is_the_caller_s_mistake() -> None:
    for request in ({}, {"do": "else"}, {"do": "verify"}, {"do": "register", **COMMON, "id": 3}):
        with pytest.raises(RequestError):
            answer(request)


def run(data: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "gateway.web.passkeys"], input=data, env={**os.environ, **environment},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_process_answers_in_one_line_within_its_limits() -> None:
    device = Authenticator(HOST)
    done = run(json.dumps({"do": "register", **COMMON, **device.create(CREATE)}).encode())
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"key", "count"}
    assert done.stdout.count(b"\n") == 1
    wrong = run(json.dumps({"do": "register", **COMMON, **device.create(CREATE, flags=0)}).encode())
    assert (wrong.returncode, list(json.loads(wrong.stdout))) == (0, ["refused"])
    for data in (b"", b"[]", b"{", b"x" * (MOST_INPUT + 1)):
        assert (run(data).returncode, run(data).stdout) == (2, b"")


def test_without_the_package_it_says_which(tmp_path: Path) -> None:
    done = run(b'{"do": "verify"}', PYTHONPATH=hide(tmp_path, {"fido2"}))
    assert "passkeys need the package python3-fido2" in json.loads(done.stdout)["refused"]

"""``python -m gateway.web.age_proof``: makes a request for a wallet or verifies its response, then ends.

Cryptography takes 20 MB and parses untrusted data, so neither the daemon nor the pages load it. Standard
input and standard output are one line of JSON each (gateway/age/README.md describes both). Exit status: 0
success, 1 refused, 2 invalid request. Exceeding a limit ends the process without output.

``python -m gateway.web.age_proof sign KEY.pem`` signs a trust file (docs/families/age-proof.md). Only the
publisher of a trust file needs it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.age.refusals import Advice, AgeProofError, ProofRefusal
from gateway.core.optional_packages import MissingPackageError, require
from gateway.web.request_process import RequestError, limit_process, read_request, text_of

if TYPE_CHECKING:
    from gateway.age.trust import Trust

MOST_INPUT = 192 << 10  # bytes: a response of 87 KiB with every character escaped, and a challenge


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a request of the pages and return the result. Raises RequestError or AgeProofError.

    ``do`` in the request is ``ask``: make a request for a wallet app; or ``verify``: check a
    wallet's response to one. A response that proves no adult raises AgeProofError.
    """
    match request.get("do"):
        case "ask":
            return _ask(request)
        case "verify":
            return _verify(request)
    msg = "neither to ask nor to verify"
    raise RequestError(msg)


def _ask(request: Mapping[str, Any]) -> dict[str, Any]:
    from gateway.age.dcapi import ENTROPY, ask
    from gateway.age.documents import Document

    known = [document.value for document in Document]
    documents = request.get("documents", known)
    if not isinstance(documents, list) or not documents or any(name not in known for name in documents):
        msg = "documents: not one or more that are known here"
        raise RequestError(msg)
    asked = [Document(name) for name in documents]
    query, challenge = ask(text_of(request, "origin"), _moment(request), os.urandom(ENTROPY), asked)
    return {"request": query, "challenge": challenge.text(), "until": challenge.until.isoformat()}


def _verify(request: Mapping[str, Any]) -> dict[str, Any]:
    from gateway.age.dcapi import read_challenge
    from gateway.age.proof import LONGEST, verify

    lasting, now = request.get("lasting"), _moment(request)
    if type(lasting) is not int or not 60 <= lasting <= LONGEST.total_seconds():
        msg = "lasting: not 60 seconds to a day"
        raise RequestError(msg)
    challenge = read_challenge(text_of(request, "challenge"))
    trust = _trust(text_of(request, "trust"), text_of(request, "key"))
    adult = verify(request.get("response"), challenge, trust, now, timedelta(seconds=lasting))
    return {"adult": True, "until": adult.until.isoformat(), "method": adult.method.value}


def _trust(path: str, key: str) -> Trust:
    from gateway.age.trust import MOST_FILE, read_trust

    try:
        public = base64.b64decode(key, validate=True)
    except binascii.Error:
        msg = "key: no base64"
        raise RequestError(msg) from None
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_FILE + 1)
    except (OSError, ValueError):
        raise AgeProofError(ProofRefusal.TRUST_BROKEN, "it cannot be read") from None
    return read_trust(data, public)


def _moment(request: Mapping[str, Any]) -> datetime:
    """Return the time in the request, with its time zone. Raises RequestError without one.

    The system clock is not used: the caller knows whether that is correct.
    """
    try:
        moment = datetime.fromisoformat(text_of(request, "now"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = "now: no moment with an offset"
        raise RequestError(msg)
    return moment


def _one_request() -> int:
    limit_process()
    try:
        request = read_request(MOST_INPUT)
        require("cryptography", "adult proofs")
        result, status = answer(request), 0
    except MissingPackageError as error:  # the log has the reason; the pages show the advice
        sys.stderr.write(f"ageproof: {error}\n")
        result, status = {"refused": ProofRefusal.TRUST_BROKEN.value, "told": Advice.GATEWAY.value}, 1
    except AgeProofError as error:
        result, status = {"refused": error.refusal.value, "told": error.refusal.advice.value}, 1
    except RequestError as error:
        sys.stderr.write(f"ageproof: {error}\n")
        return 2
    sys.stdout.write(f"{json.dumps(result)}\n")
    return status


def _sign(path: str) -> int:
    """Write a trust file to standard output: the JSON on standard input, signed with the PEM key in ``path``.

    Return the exit status.
    """
    try:
        require("cryptography", "trust files")
    except MissingPackageError as error:
        sys.stderr.write(f"ageproof: {error}\n")
        return 1
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from gateway.age.trust import sign_trust

    key = load_pem_private_key(Path(path).read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        sys.stderr.write("ageproof: the key is not an Ed25519 key\n")
        return 2
    try:
        signed = sign_trust(json.loads(sys.stdin.buffer.read()), key)
    except AgeProofError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(signed)
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            return _one_request()
        case ["sign", path]:
            return _sign(path)
    sys.stderr.write("usage: ageproof [sign KEY.pem]\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m gateway.web.passkeys``: verifies one response of a browser to a WebAuthn request, then ends.

fido2 and cryptography take 31 MB and parse untrusted data, so the daemon starts this process for each
response. Standard input and standard output are one line of JSON each; binary values are base64url. Exit
status: 0 with the result or the reason of a refusal (``refused``), 2 for an invalid request of the caller.
Exceeding a limit ends the process without output.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.core.optional_packages import MissingPackageError, require
from gateway.policy.accounts.passkeys import ALGORITHMS
from gateway.web.request_process import RequestError, serve, text_of

if TYPE_CHECKING:
    from fido2.cose import CoseKey
    from fido2.server import Fido2Server

MOST_INPUT = 32 << 10  # bytes; a response with an RSA key and its certificates has 6 KiB
ALGORITHM = 3  # key of a COSE_Key's algorithm (RFC 9052 §7.1)

# What parsing of a malformed response raises.
_MALFORMED = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, AssertionError),
    *(struct.error, RecursionError),
)


class PasskeyRefusedError(Exception):
    """Raised if a browser's response is not accepted. The message is one line with the reason."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Verify a browser's WebAuthn response and return the result. Raises RequestError or PasskeyRefusedError.

    ``do`` is ``register``: the result has a new passkey's public key and counter; or ``verify``: the result
    has the counter of a passkey that was used.
    """
    _enable_json()
    checks = {"register": _register, "verify": _verify}
    check = checks.get(text_of(request, "do"))
    if check is None:
        msg = "do: neither register nor verify"
        raise RequestError(msg)
    try:
        return check(request)
    except _MALFORMED as error:
        msg = " ".join(str(error).split()) or type(error).__name__
        raise PasskeyRefusedError(msg[:200]) from None


def _register(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return public key and signature counter of a new passkey, after verification (WebAuthn Level 3 §7.1).

    The attestation, which names the make of the authenticator, is ignored. Raises PasskeyRefusedError.
    """
    from fido2 import cbor
    from fido2.utils import websafe_encode

    response = {
        "clientDataJSON": text_of(request, "client_data"),
        "attestationObject": text_of(request, "data"),
    }
    _refuse_frames(request)
    data = _server(request).register_complete(_state(request), _credential(request, response))
    found = data.credential_data
    if found is None or found.public_key.get(ALGORITHM) not in ALGORITHMS:
        msg = "a key of an algorithm that was not offered"
        raise PasskeyRefusedError(msg)
    if websafe_encode(found.credential_id) != text_of(request, "id"):
        msg = "another credential than its identifier says"
        raise PasskeyRefusedError(msg)
    _refuse_broken(found.public_key)
    key = websafe_encode(cbor.encode(dict(found.public_key)))
    return {"key": key, "count": data.counter}


def _verify(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a passkey's signature counter after verification of its response (WebAuthn Level 3 §7.2)."""
    from fido2 import cbor
    from fido2.cose import CoseKey
    from fido2.utils import websafe_decode
    from fido2.webauthn import AttestedCredentialData, AuthenticatorData

    key = cbor.decode(websafe_decode(text_of(request, "key")))
    if not isinstance(key, Mapping):
        msg = "a stored key that is none"
        raise PasskeyRefusedError(msg)
    own = websafe_decode(text_of(request, "id"))
    known = AttestedCredentialData.create(bytes(16), own, CoseKey.parse(key))
    response = {
        "clientDataJSON": text_of(request, "client_data"),
        "authenticatorData": text_of(request, "data"),
        "signature": text_of(request, "signature"),
    }
    _refuse_frames(request)
    _server(request).authenticate_complete(_state(request), [known], _credential(request, response))
    return {"count": AuthenticatorData(websafe_decode(response["authenticatorData"])).counter}


def _server(request: Mapping[str, Any]) -> Fido2Server:
    """Return a WebAuthn verifier that accepts only responses from ``https://`` and the request's host."""
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    host = text_of(request, "host")
    return Fido2Server(
        PublicKeyCredentialRpEntity(name=host, id=host),
        verify_origin=lambda origin: origin == f"https://{host}",
    )


def _state(request: Mapping[str, Any]) -> dict[str, Any]:
    from fido2.webauthn import UserVerificationRequirement

    return {
        "challenge": text_of(request, "challenge"),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _credential(request: Mapping[str, Any], response: Mapping[str, str]) -> dict[str, Any]:
    """Return a browser's WebAuthn response as the JSON object that fido2 reads (WebAuthn Level 3)."""
    own = text_of(request, "id")
    return {"id": own, "rawId": own, "type": "public-key", "response": response, "clientExtensionResults": {}}


def _refuse_frames(request: Mapping[str, Any]) -> None:
    """Raise PasskeyRefusedError if a page of another site got the response, in a frame."""
    from fido2.utils import websafe_decode

    client_data = json.loads(websafe_decode(text_of(request, "client_data")))
    if client_data.get("crossOrigin") or client_data.get("topOrigin"):
        msg = "a page of another site asked"
        raise PasskeyRefusedError(msg)


def _refuse_broken(key: CoseKey) -> None:
    """Raise ValueError for a key that can verify nothing, such as a point that is not on its curve.

    Raises PasskeyRefusedError for an algorithm that is not supported here.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        key.verify(b"", bytes(64))
    except InvalidSignature:
        return
    except UnsupportedAlgorithm:
        msg = "this gateway cannot verify signatures of its algorithm"
        raise PasskeyRefusedError(msg) from None


@cache  # it may be set once
def _enable_json() -> None:
    """Make fido2 1.x accept the JSON form of WebAuthn. Version 2 always does."""
    from fido2 import features

    mapping = getattr(features, "webauthn_json_mapping", None)
    if mapping is not None:
        mapping.enabled = True


def _check(request: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        require("fido2", "passkeys")
        return answer(request)
    except (PasskeyRefusedError, MissingPackageError) as error:
        return {"refused": str(error)}


def main() -> int:
    return serve("passkeys", MOST_INPUT, _check)


if __name__ == "__main__":
    sys.exit(main())

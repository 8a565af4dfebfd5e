"""``python -m gateway.web.passkeys``: verifies one response of a browser to a WebAuthn request, then ends.

fido2 and cryptography take 31 MB and parse untrusted data, so the daemon starts this process for each
response. Standard input and standard output are one line of JSON each; binary values are base64url. Exit
status: 0 with the result or the reason of a refusal (``refused``), 2 for an invalid request of the caller.
Exceeding a limit ends the process without output.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.core.optional_packages import MissingPackageError, require
from gateway.policy.accounts.passkeys import ALGORITHMS

if TYPE_CHECKING:
    from fido2.cose import CoseKey
    from fido2.server import Fido2Server

MOST_INPUT = 32 << 10  # bytes; a response with an RSA key and its certificates has 6 KiB
CPU_SECONDS = 5  # a check takes 0.4, most of it imports; a small router is up to thirty times slower
SECONDS = 20  # includes waiting for the disk
MEMORY = 128 << 20  # bytes of address space; libraries use 43 MiB
ALGORITHM = 3  # key of a COSE_Key's algorithm (RFC 9052 §7.1)

# What parsing of a malformed response raises.
_MALFORMED = (
    *(ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, AssertionError),
    *(struct.error, RecursionError),
)


class PasskeyRequestError(Exception):
    """The daemon sent an invalid request."""


class PasskeyRefusedError(Exception):
    """A response of a browser is refused; one line says why."""


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new passkey (``do`` is ``register``) or the counter of a used one (``verify``).

    Raises PasskeyRequestError or PasskeyRefusedError.
    """
    _enable_json()
    checks = {"register": _register, "verify": _verify}
    check = checks.get(_text(request, "do"))
    if check is None:
        msg = "do: neither register nor verify"
        raise PasskeyRequestError(msg)
    try:
        return check(request)
    except _MALFORMED as error:
        msg = " ".join(str(error).split()) or type(error).__name__
        raise PasskeyRefusedError(msg[:200]) from None


def _register(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return credential ID, public key and counter of a new passkey (WebAuthn Level 3 §7.1).

    The attestation is ignored: which make of authenticator a family uses is not the gateway's concern.
    """
    from fido2 import cbor
    from fido2.utils import websafe_encode

    response = {"clientDataJSON": _text(request, "client_data"), "attestationObject": _text(request, "data")}
    _refuse_frames(request)
    data = _server(request).register_complete(_state(request), _credential(request, response))
    found = data.credential_data
    if found is None or found.public_key.get(ALGORITHM) not in ALGORITHMS:
        msg = "a key of an algorithm that was not offered"
        raise PasskeyRefusedError(msg)
    if websafe_encode(found.credential_id) != _text(request, "id"):
        msg = "another credential than its identifier says"
        raise PasskeyRefusedError(msg)
    _refuse_broken(found.public_key)
    key = websafe_encode(cbor.encode(dict(found.public_key)))
    return {"key": key, "count": data.counter}


def _verify(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the signature counter of a passkey's response (WebAuthn Level 3 §7.2)."""
    from fido2 import cbor
    from fido2.cose import CoseKey
    from fido2.utils import websafe_decode
    from fido2.webauthn import AttestedCredentialData, AuthenticatorData

    key = cbor.decode(websafe_decode(_text(request, "key")))
    if not isinstance(key, Mapping):
        msg = "a stored key that is none"
        raise PasskeyRefusedError(msg)
    own = websafe_decode(_text(request, "id"))
    known = AttestedCredentialData.create(bytes(16), own, CoseKey.parse(key))
    response = {
        "clientDataJSON": _text(request, "client_data"),
        "authenticatorData": _text(request, "data"),
        "signature": _text(request, "signature"),
    }
    _refuse_frames(request)
    _server(request).authenticate_complete(_state(request), [known], _credential(request, response))
    return {"count": AuthenticatorData(websafe_decode(response["authenticatorData"])).counter}


def _server(request: Mapping[str, Any]) -> Fido2Server:
    """Return a verifier that accepts only the trusted name's own origin."""
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    host = _text(request, "host")
    return Fido2Server(
        PublicKeyCredentialRpEntity(name=host, id=host),
        verify_origin=lambda origin: origin == f"https://{host}",
    )


def _state(request: Mapping[str, Any]) -> dict[str, Any]:
    from fido2.webauthn import UserVerificationRequirement

    return {
        "challenge": _text(request, "challenge"),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _credential(request: Mapping[str, Any], response: Mapping[str, str]) -> dict[str, Any]:
    """Return the browser's credential in the JSON form of WebAuthn Level 3."""
    own = _text(request, "id")
    return {"id": own, "rawId": own, "type": "public-key", "response": response, "clientExtensionResults": {}}


def _refuse_frames(request: Mapping[str, Any]) -> None:
    """Refuse a response that a page of another site got in a frame."""
    from fido2.utils import websafe_decode

    client_data = json.loads(websafe_decode(_text(request, "client_data")))
    if client_data.get("crossOrigin") or client_data.get("topOrigin"):
        msg = "a page of another site asked"
        raise PasskeyRefusedError(msg)


def _refuse_broken(key: CoseKey) -> None:
    """Refuse a key that can verify nothing, such as a point that is not on its curve. Raises ValueError."""
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
    """Let fido2 1.x read the JSON form of WebAuthn. Version 2 always does."""
    from fido2 import features

    mapping = getattr(features, "webauthn_json_mapping", None)
    if mapping is not None:
        mapping.enabled = True


def _text(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str):
        msg = f"{name}: no text"
        raise PasskeyRequestError(msg)
    return value


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)


def main() -> int:
    _limit()
    data = sys.stdin.buffer.read(MOST_INPUT + 1)
    try:
        request = json.loads(data) if len(data) <= MOST_INPUT else None
        if not isinstance(request, dict):
            msg = f"no object of JSON of at most {MOST_INPUT} bytes"
            raise PasskeyRequestError(msg)
        require("fido2", "passkeys")
        result = answer(request)
    except (PasskeyRefusedError, MissingPackageError) as error:
        result = {"refused": str(error)}
    except (PasskeyRequestError, ValueError, RecursionError) as error:
        sys.stderr.write(f"passkeys: {error if isinstance(error, PasskeyRequestError) else 'no JSON'}\n")
        return 2
    sys.stdout.write(f"{json.dumps(result)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

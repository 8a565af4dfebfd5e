"""What is fuzzed of passkeys: each part of a browser's answer, for a new and a used passkey."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import cache

from fido2 import cbor, server  # here, so that atheris sees them

from gateway.policy.accounts.passkeys import ALGORITHMS
from gateway.web.passkeys import ALGORITHM, PasskeyRefusedError, answer
from gateway.web.request_process import RequestError
from tests.web.authenticator import Authenticator, decode, encode

__all__ = ["SEEDS", "server"]

HOST = "home.example.org"
CHALLENGE = encode(bytes(range(32)))
COMMON = {"host": HOST, "challenge": CHALLENGE}
SIGNED = ("client_data", "data", "signature")
OF_ADDED, OF_USED = ("client_data", "data", "id"), (*SIGNED, "key", "id")


@cache
def _answers() -> tuple[dict[str, str], dict[str, str]]:
    """Return the requests to the verifier of an honest authenticator: a new passkey, and its first use."""
    device = Authenticator(HOST)
    create = {"challenge": CHALLENGE, "attestation": "none", "user": {"id": encode(b"u" * 16)}}
    added = {"do": "register", **COMMON, **device.create(create)}
    key = str(answer(added)["key"])
    return added, {"do": "verify", **COMMON, "key": key, **device.get({"challenge": CHALLENGE})}


def passkey_added(data: bytes) -> None:
    """The part that the first byte chooses. What is accepted has this challenge, site and an offered key."""
    part = OF_ADDED[data[0] % len(OF_ADDED)] if data else "id"
    request = _answers()[0] | {part: encode(data[1:])}
    with contextlib.suppress(PasskeyRefusedError):
        found = answer(request)
        client = json.loads(decode(request["client_data"]))
        assert (client["type"], client["challenge"]) == ("webauthn.create", CHALLENGE)
        assert client["origin"] == f"https://{HOST}"
        assert 0 <= found["count"] < 1 << 32
        key = cbor.decode(decode(found["key"]))
        assert isinstance(key, dict)
        assert key[ALGORITHM] in ALGORITHMS


def passkey_used(data: bytes) -> None:
    """The part that the first byte chooses. What is accepted is what the authenticator signed."""
    part = OF_USED[data[0] % len(OF_USED)] if data else "id"
    honest = _answers()[1]
    request = honest | {part: encode(data[1:])}
    with contextlib.suppress(PasskeyRefusedError):
        assert answer(request)["count"] == 1
        assert part not in SIGNED or request == honest


def passkey_request(data: bytes) -> None:
    """A whole request to the process, as the daemon sends it."""
    with contextlib.suppress(ValueError, RecursionError):
        request = json.loads(data)
        if isinstance(request, dict):
            with contextlib.suppress(RequestError, PasskeyRefusedError):
                answer(request)


def _parts(request: dict[str, str], parts: tuple[str, ...]) -> list[bytes]:
    return [bytes([number]) + decode(request[part]) for number, part in enumerate(parts)]


SEEDS: dict[Callable[[bytes], None], Callable[[], list[bytes]]] = {
    passkey_added: lambda: _parts(_answers()[0], OF_ADDED),
    passkey_used: lambda: _parts(_answers()[1], OF_USED),
    passkey_request: lambda: [json.dumps(request).encode() for request in _answers()],
}

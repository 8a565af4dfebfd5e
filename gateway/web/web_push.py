"""``python -m gateway.web.web_push``: encrypts and sends one Web Push message, or makes a key, then ends.

The pages start this process for each message: cryptography and TLS take 37 MB. Standard input and standard
output are one line of JSON each; binary values are base64url without padding. Exit status: 0 with ``status``
(the push service's HTTP status), ``failed`` (why none came) or a new key; 2 for an invalid request.

The payload is encrypted for the browser (RFC 8291), so the push service cannot read it. The request is signed
with the home's own key (RFC 8292), so that only this home can use its subscriptions.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.core.http_client import Outside
from gateway.core.optional_packages import MissingPackageError, require
from gateway.core.public_addresses import NotOutside
from gateway.policy.alerts.push_subscriptions import PushSubscription
from gateway.web.push_endpoint import BadSubscription, checked
from gateway.web.request_process import RequestError, serve, text_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

MOST_INPUT = 8 << 10  # bytes
MOST_TEXT = 3000  # bytes; push services accept records of 4096 with header, padding and tag
RECORD = 4096  # bytes; the record size of RFC 8188
SALT, POINT = 16, 65  # bytes; a point of P-256 is uncompressed
LAST = b"\x02"  # delimiter of the last record (RFC 8188 §2)
STALL = 8.0  # seconds for one step of the connection; limit_process limits the whole
TOKEN_LIFE = 12 * 3600  # seconds; RFC 8292 §2 allows 24 hours
# The contact for push services (`sub` of RFC 8292 §2.1). It is the same for all homes.
CONTACT = "https://qalqan.home.arpa/"


def encrypt(text: bytes, to: PushSubscription, salt: bytes, own: EllipticCurvePrivateKey) -> bytes:
    """Return ``text`` as the encrypted body of a push message (RFC 8291 §3.4).

    ``to``: the browser's subscription. ``salt`` and ``own`` must be new for each message. Raises ValueError
    if the subscription's key is no point on the curve.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import ECDH, SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    theirs = decode(to.p256dh)
    secret = own.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), theirs))
    point = _point(own)
    key = _derive(secret, decode(to.auth), b"WebPush: info\0" + theirs + point, 32)
    content_key = _derive(key, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(key, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes((len(point),)) + point
    return header + AESGCM(content_key).encrypt(nonce, text + LAST, None)


def authorization(endpoint: str, key: EllipticCurvePrivateKey, now: float) -> str:
    """Return the Authorization header's value, by which push services recognise the sender (RFC 8292 §3).

    ``key``: the home's. ``now``: Unix seconds; it is valid for 12 hours.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    parts = urlsplit(endpoint)
    claims = {"aud": f"https://{parts.netloc}", "exp": int(now) + TOKEN_LIFE, "sub": CONTACT}
    head = {"typ": "JWT", "alg": "ES256"}
    signed = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    numbers = decode_dss_signature(key.sign(signed.encode(), ECDSA(SHA256())))
    signature = b"".join(number.to_bytes(32, "big") for number in numbers)
    return f"vapid t={signed}.{encode(signature)},k={encode(_point(key))}"


def send(
    to: PushSubscription, text: bytes, key: str, *, life: int, urgent: bool, way: Outside, now: float
) -> int:
    """Send a push message and return the push service's HTTP status.

    ``key``: the home's private key. ``life``: seconds for which the push service stores the message. ``way``:
    limits the addresses that are connected to. Redirects are not followed. Raises OSError, HTTPException,
    NotOutside or ValueError.
    """
    body = encrypt(text, to, os.urandom(SALT), _new_key())
    parts = urlsplit(to.endpoint)
    headers = {
        "Authorization": authorization(to.endpoint, _private(key), now),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(life),
        "Urgency": "high" if urgent else "normal",
    }
    connection = HTTPSConnection(parts.hostname or "", timeout=STALL)
    connection._create_connection = way.connect  # type: ignore[attr-defined]  # the hook of http.client
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        way.release()
        connection.close()


def new_key() -> dict[str, Any]:
    """Return a new key pair of a home, as ``private`` and ``public`` in base64url.

    Browsers need the public key to subscribe.
    """
    key = _new_key()
    number = key.private_numbers().private_value
    return {"private": encode(number.to_bytes(32, "big")), "public": encode(_point(key))}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    return generate_private_key(SECP256R1())


def _private(text: str) -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

    return derive_private_key(int.from_bytes(decode(text), "big"), SECP256R1())


def _point(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt, info).derive(secret)


def answer(request: Mapping[str, Any], way: Outside) -> dict[str, Any]:
    """Carry out a request of the pages: make a key (``do`` is ``key``), or send a push message (``send``).

    Return the key, the HTTP ``status``, or ``failed`` with the reason. A text is cut after MOST_TEXT bytes.
    Raises RequestError.
    """
    if text_of(request, "do") == "key":
        return new_key()
    try:
        to = checked(*(text_of(request, name) for name in ("endpoint", "p256dh", "auth")))
        text = text_of(request, "text").encode()[:MOST_TEXT]
        life, urgent = int(request.get("life", 0)), request.get("urgent") is True
        return {
            "status": send(
                to, text, text_of(request, "key"), life=life, urgent=urgent, way=way, now=time.time()
            )
        }
    except NotOutside:
        return {"failed": "not_outside"}
    except TimeoutError:
        return {"failed": "slow"}
    except socket.gaierror:
        return {"failed": "no_name"}
    except (OSError, HTTPException):
        return {"failed": "unreachable"}
    except (BadSubscription, ValueError, TypeError, binascii.Error) as error:
        raise RequestError(str(error)) from None


def _send(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        require("cryptography", "push messages")
    except MissingPackageError:
        return {"failed": "missing"}
    return answer(request, Outside())


def main() -> int:
    return serve("web_push", MOST_INPUT, _send)


if __name__ == "__main__":
    sys.exit(main())

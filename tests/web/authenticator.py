"""A software authenticator with its browser: it answers WebAuthn options, correctly or with one flaw."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Authenticator:
    """One passkey of a host. ``counts``: whether it counts its signatures."""

    def __init__(self, host: str, key: Key | None = None, *, counts: bool = True) -> None:
        self.host = host
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.user = ""
        self.counts, self.count = counts, 0
        self.flags = PRESENT | VERIFIED

    def create(self, options: Mapping[str, Any], **flaws: Any) -> dict[str, Any]:
        """The browser's answer to `navigator.credentials.create`, in the form of the control socket."""
        assert options["attestation"] == "none"
        self.user = options["user"]["id"]
        assert len(decode(self.user)) <= 64
        attested = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(self._public(**flaws))
        data = self._data(ATTESTED, **flaws) + attested
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        client = self._client("webauthn.create", options, **flaws)
        return {"id": encode(self.id), "client_data": encode(client), "data": encode(cbor2.dumps(statement))}

    def get(self, options: Mapping[str, Any], **flaws: Any) -> dict[str, Any]:
        """The browser's answer to `navigator.credentials.get`, in the form of the control socket."""
        self.count += self.counts
        data, client = self._data(0, **flaws), self._client("webauthn.get", options, **flaws)
        signature = self._sign(data + hashlib.sha256(client).digest())
        if flaws.get("signature"):
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return {
            "id": encode(self.id), "client_data": encode(client), "data": encode(data),
            "signature": encode(signature), "user": flaws.get("user", self.user),
        }  # fmt: skip

    def _client(self, kind: str, options: Mapping[str, Any], **flaws: Any) -> bytes:
        found = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": f"https://{self.host}",
            "crossOrigin": False,
        }
        return json.dumps(found | flaws.get("client", {})).encode()

    def _data(self, more: int, **flaws: Any) -> bytes:
        host = flaws.get("host", self.host)
        flags = flaws.get("flags", self.flags) | more
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _public(self, **flaws: Any) -> dict[int, Any]:
        public: Any = self.key.public_key()
        flaw: dict[int, Any] = flaws.get("public", {})
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        if isinstance(self.key, rsa.RSAPrivateKey):
            return {1: 3, 3: -257, -1: numbers.n.to_bytes(256), -2: numbers.e.to_bytes(3)}
        point = {-2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        return {1: 2, 3: -7, -1: 1} | point | flaw

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(hashes.SHA256()))

"""`org-iso-mdoc` of the Digital Credentials API (ISO 18013-7, annex C): a request and its sealed response."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.age.cbor import MOST_BYTES, Value, decode, embed, encode
from gateway.age.cose import key_value
from gateway.age.documents import ELEMENT, Document
from gateway.age.hpke import derive_key, unseal
from gateway.age.refusals import AgeProofError, ProofRefusal

PROTOCOL = "org-iso-mdoc"
LIFETIME = timedelta(minutes=5)  # to choose a wallet, unlock it and read its prompt
ENTROPY = 64  # bytes: 32 for the key, 32 for the nonce
MOST_ANSWER = (4 * MOST_BYTES + 2) // 3  # characters of base64url
MOST_CHALLENGE = 1 << 10  # characters
_ORIGIN = re.compile(r"https://[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?")
_BASE64 = re.compile(r"[A-Za-z0-9_-]*")
_ALL: Final = (Document.EU_AV, Document.MDL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The stored part of a request to a wallet, to verify its response: for one attempt, in memory only."""

    secret: bytes = field(repr=False)  # 32 random bytes from which the key of the session is derived
    info: str  # `encryptionInfo` as it was sent
    origin: str  # of the page, such as https://gw.example.test
    until: datetime  # aware; when the request expires
    documents: tuple[Document, ...]

    def text(self) -> str:
        stored = {
            "secret": _base64(self.secret),
            "info": self.info,
            "origin": self.origin,
            "until": self.until.isoformat(),
            "documents": [document.value for document in self.documents],
        }
        return json.dumps(stored, separators=(",", ":"))

    @property
    def transcript(self) -> bytes:
        """The SessionTranscript in CBOR, by which the response belongs to this request and origin."""
        return encode([None, None, ["dcapi", hashlib.sha256(encode([self.info, self.origin])).digest()]])


def read_challenge(text: str) -> Challenge:
    """Return the challenge in a text that `Challenge.text` returned. Raises AgeProofError."""
    try:
        stored = json.loads(text) if len(text) <= MOST_CHALLENGE else {}
        documents = tuple(Document(document) for document in stored["documents"])
        until = datetime.fromisoformat(stored["until"])
        secret = _unbase64(stored["secret"])
        read = Challenge(secret, str(stored["info"]), str(stored["origin"]), until, documents)
    except (ValueError, KeyError, TypeError, RecursionError, AgeProofError):
        raise AgeProofError(ProofRefusal.BAD_CHALLENGE) from None
    if len(read.secret) != ENTROPY // 2 or not documents or until.tzinfo is None:
        raise AgeProofError(ProofRefusal.BAD_CHALLENGE)
    return read


def ask(
    origin: str, now: datetime, entropy: bytes, documents: Sequence[Document] = _ALL
) -> tuple[dict[str, Any], Challenge]:
    """Return the argument of the browser's `navigator.credentials.get`, and the challenge to store.

    Each document is a request of its own, of which the wallet answers one; they share the session.
    The EU's own wallet library reads only the first request. The challenge expires LIFETIME after ``now``.
    ``entropy``: 64 random bytes, else ValueError. Raises AgeProofError unless ``origin`` is an https origin
    as browsers write it.
    """
    if not _ORIGIN.fullmatch(origin) or origin.endswith(":443"):
        raise AgeProofError(ProofRefusal.BAD_ORIGIN)
    if len(entropy) != ENTROPY:
        msg = f"{ENTROPY} random bytes are needed"
        raise ValueError(msg)
    secret, nonce = entropy[: ENTROPY // 2], entropy[ENTROPY // 2 :]
    parameters: Value = {"nonce": nonce, "recipientPublicKey": key_value(derive_key(secret).public_key())}
    info = _base64(encode(["dcapi", parameters]))
    requests = [
        {"protocol": PROTOCOL, "data": {"deviceRequest": _base64(request(document)), "encryptionInfo": info}}
        for document in documents
    ]
    return {"digital": {"requests": requests}}, Challenge(
        secret, info, origin, now + LIFETIME, tuple(documents)
    )


def request(document: Document) -> bytes:
    """Return an ISO 18013-5 DeviceRequest (CBOR) that asks only for ``age_over_18``, not to be stored."""
    wanted = embed({"docType": document.value, "nameSpaces": {document.namespace: {ELEMENT: False}}})
    return encode({"version": "1.0", "docRequests": [{"itemsRequest": wanted}]})


def open_answer(answer: object, challenge: Challenge) -> bytes:
    """Return the decrypted DeviceResponse (CBOR) of a wallet. Raises AgeProofError.

    ``answer``: the JSON object from the page.
    """
    match answer:
        case {"protocol": "org-iso-mdoc", "data": {"response": str() as text}}:
            pass
        case _:
            raise AgeProofError(ProofRefusal.BAD_ANSWER)
    if len(text) > MOST_ANSWER:
        raise AgeProofError(ProofRefusal.TOO_LARGE)
    match decode(_unbase64(text)):
        case ["dcapi", {"enc": bytes() as enc, "cipherText": bytes() as sealed, **others}] if not others:
            return unseal(derive_key(challenge.secret), enc, sealed, challenge.transcript)
    raise AgeProofError(ProofRefusal.BAD_ANSWER, "not sealed as the protocol has it")


def _base64(data: bytes) -> str:
    """Return bytes as base64url text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unbase64(text: str) -> bytes:
    if not _BASE64.fullmatch(text) or len(text) % 4 == 1:
        raise AgeProofError(ProofRefusal.BAD_ANSWER, "no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _base64(data) != text:
        raise AgeProofError(ProofRefusal.BAD_ANSWER, "base64url with bits left over")
    return data

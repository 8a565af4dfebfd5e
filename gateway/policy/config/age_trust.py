"""`age_trust` of qalqan.yaml: the signed list of trusted issuers of adult proofs, and its signer's key."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node, shown

KEY_BYTES = 32  # Ed25519


@dataclass(frozen=True, slots=True)
class AgeTrust:
    file: str
    key: str  # base64


def read_age_trust(node: Node) -> AgeTrust:
    part = fields.Fields(fields.mapping(node), ("file", "key"))
    return AgeTrust(fields.full_path(part.need("file")), _key(part.need("key")))


def _key(node: Node) -> str:
    word = fields.text(node)
    try:
        size = len(base64.b64decode(word, validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != KEY_BYTES:
        fix = f"write {KEY_BYTES} bytes in base64, as whoever signs the file tells them"
        node.place.refuse(f"{shown(word)} is no public key", fix)
    return word

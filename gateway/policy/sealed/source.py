"""The sources of sealed lists: `sealed:` in qalqan.yaml → SealedSource."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from gateway.policy.yaml import fields
from gateway.policy.yaml.fields import Node

MAX_SOURCES = 8  # an internet provider's, a hotline's, a police list; each adds a look-up to every new name
_KEYS = ("url", "file", "issuer_key", "set_key_file")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SealedSource:
    """A source of a sealed list: its URL or file, the issuer's public key, and the file of the list's key.

    Either ``url`` or ``file`` is set; the other is empty.
    """

    url: str
    file: str
    issuer_key: bytes  # the issuer's public key, Ed25519
    set_key_file: str

    @property
    def name(self) -> str:
        """The file name of the stored copy in the state directory: a hash of issuer and URL or file."""
        return sha256(self.issuer_key + (self.url or self.file).encode()).hexdigest()[:16]


def sealed_sources(node: Node) -> tuple[SealedSource, ...]:
    """Return the sources of sealed lists in a YAML node.

    Raises PolicyError for invalid ones, duplicates, or too many.
    """
    found = tuple(_source(item) for item in fields.items(node))
    if len(found) > MAX_SOURCES:
        node.place.refuse(f"names {len(found)} sealed lists", f"name at most {MAX_SOURCES}")
    if len({source.name for source in found}) < len(found):
        node.place.refuse("names a sealed list twice", "keep it once")
    return found


def _source(node: Node) -> SealedSource:
    part = fields.Fields(fields.mapping(node), _KEYS)
    url, file = part.read("url", _url, ""), part.read("file", fields.full_path, "")
    if bool(url) is bool(file):
        node.place.refuse("needs either 'url' or 'file'", "say where the sealed list comes from, once")
    key = part.need("issuer_key")
    return SealedSource(url, file, _public_key(key), fields.full_path(part.need("set_key_file")))


def _url(node: Node) -> str:
    return fields.https_url(node, "write it like https://isp.example/set")


def _public_key(node: Node) -> bytes:
    word = fields.text(node).lower()
    if _PUBLIC_KEY.fullmatch(word) is None:
        node.place.refuse(
            "is no public key", "write the 64 hexadecimal digits that the issuer gives (Ed25519)"
        )
    return bytes.fromhex(word)

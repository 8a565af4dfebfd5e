"""An issuer of sealed lists for tests. All its names are under `.invalid` (RFC 6761)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.policy.sealed.sealed_set import (
    CHECK_BYTES,
    ID_BYTES,
    KEY_BYTES,
    SealedSet,
    SetHead,
    parse_set,
    unsigned_set,
)
from gateway.policy.sealed.source import SealedSource

DAY = 86_400
MADE = 1_795_500_000  # 24 November 2026
NAMES = ("sealed-marker.invalid", "deep.sealed-other.invalid")


@dataclass(frozen=True)
class Made:
    """A set, and the key that comes by another way."""

    data: bytes
    key: bytes

    @property
    def opened(self) -> SealedSet:
        return parse_set(self.data).opened(self.key)


@dataclass(frozen=True)
class Issuer:
    name: str = "Test hotline"
    signing: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> bytes:
        return self.signing.public_key().public_bytes_raw()

    def make(self, names: Iterable[str] = NAMES, *, made: int = MADE, days: float = 7) -> Made:
        key, number = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(ID_BYTES)
        times = made, made + int(days * DAY)
        head = SetHead(self.name, "the tests", number, *times, bytes(CHECK_BYTES), 0)
        data = unsigned_set(head, names, key)
        return Made(data + self.signing.sign(data), key)

    def publish(self, folder: Path, made: Made | None = None) -> SealedSource:
        """As an internet provider's channel puts it on a gateway: set and key, each for its owner alone."""
        made = made or self.make()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        file, key = folder / "a.set", folder / "a.key"
        for path, data in ((file, made.data), (key, f"{made.key.hex()}\n".encode())):
            path.write_bytes(data)
            path.chmod(0o600)
        return SealedSource("", str(file), self.public, str(key))


def setting(source: SealedSource) -> dict[str, str]:
    """As `qalqan.yaml` has it."""
    return {
        "url" if source.url else "file": source.url or source.file,
        "issuer_key": source.issuer_key.hex(),
        "set_key_file": source.set_key_file,
    }

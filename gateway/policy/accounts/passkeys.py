"""Passkeys: public keys of a person's authenticators (WebAuthn). They sign in without a password."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

ALGORITHMS = (-8, -7, -257)  # of COSE: EdDSA, ES256, RS256; the first is preferred
PASSKEYS_LIMIT = 10  # per person
LABEL_LIMIT = 40  # characters of a passkey's name


@dataclass(frozen=True, slots=True)
class Passkey:
    """One authenticator of a person: a phone, a computer, a password manager or a security key."""

    credential: str  # the credential ID, base64url
    key: str  # its public key: a COSE_Key in base64url
    host: str  # the trusted name for which it was made (RP ID); it works at no other
    user: str  # the random user handle, base64url
    label: str
    since: datetime
    used: datetime | None = None  # None: never
    count: int = 0  # the signature counter; 0: it has none

    @property
    def id(self) -> str:
        """The short id of the passkey for the pages: a hash, since the credential ID is too long for them."""
        return hashlib.blake2b(self.credential.encode(), digest_size=6).hexdigest()

    def is_copied(self, count: int) -> bool:
        """Return True if a new signature counter shows that two authenticators have this key.

        It is then not above the last one. Synchronised passkeys have no counter: it stays 0.
        """
        return max(count, self.count) > 0 and count <= self.count

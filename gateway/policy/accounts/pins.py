"""A child's PIN: what it may be, and how it is kept.

Four to six digits fall to who has the file, whatever they are hashed with. What protects them is that the
file is root's and that tries are slowed (`policy.tickets.Tries`), so the hash is slow only as far as the
event loop can wait for it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

LEAST, MOST = 4, 6  # digits
ROUNDS = 2000  # of BLAKE2b, 1 ms on a desktop, 10 on a small router: no packet is judged meanwhile
SALT_BYTES = 16
TRIES = 5  # wrong ones by one person's name on one device, then that device waits with that name
TRIES_OF_DAY = 20  # of the same, in 24 hours: of ten thousand PINs a patient sibling tries these and no more


@dataclass(frozen=True, slots=True)
class Pin:
    who: str  # a profile's id
    salt: str  # hex
    hash: str  # hex
    at: datetime  # when it was set
    by: str  # a guardian; empty: the child itself


def typed(text: str) -> str | None:
    """The digits of a PIN; None where it can be none."""
    pin = "".join(text.split())
    return pin if pin.isascii() and pin.isdigit() and LEAST <= len(pin) <= MOST else None


def is_guessed_first(pin: str) -> bool:
    """One digit again and again, or digits in a row: what a sibling tries first."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return len(steps) == 1 and steps <= {0, 1, 9}


def hashed(pin: str, salt: str) -> str:
    """A chain of keyed BLAKE2b: the daemon has no OpenSSL, and so no scrypt (`daemon/memory.py`)."""
    key, own = pin.encode(), bytes.fromhex(salt)
    digest = key
    for _ in range(ROUNDS):
        digest = hashlib.blake2b(digest, key=key, salt=own, digest_size=32).digest()
    return digest.hex()


def is_right(pin: Pin, entered: str) -> bool:
    return hmac.compare_digest(hashed(entered, pin.salt), pin.hash)

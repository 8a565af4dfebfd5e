"""A child's PIN: allowed values, and how it is stored.

Four to six digits can be found by trying all, whatever the hash. The protection is that only root and the
daemon's user can read the file, and that tries are limited (`household.attempt_limits`). The hash is only as
slow as the event loop can wait for it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

MIN_DIGITS, MAX_DIGITS = 4, 6  # digits
ROUNDS = 2000  # of BLAKE2b; 1 ms on a desktop, 10 ms on a small router; no packet is judged meanwhile
SALT_BYTES = 16
TRIES = 5  # wrong tries per name and device until that device must wait for this name
TRIES_OF_DAY = (
    20  # the same within 24 hours: the number of PINs, of ten thousand, that a patient sibling can try
)


@dataclass(frozen=True, slots=True)
class Pin:
    who: str  # a profile's id
    salt: str  # hex
    hash: str  # hex
    at: datetime  # when it was set
    by: str  # a guardian; empty: the child


def parse_pin(text: str) -> str | None:
    """Return the digits of a typed PIN, without spaces; None if it is not 4 to 6 digits."""
    pin = "".join(text.split())
    return pin if pin.isascii() and pin.isdigit() and MIN_DIGITS <= len(pin) <= MAX_DIGITS else None


def is_weak(pin: str) -> bool:
    """Return True for one repeated digit and for digits in a row, which a sibling tries first."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return len(steps) == 1 and steps <= {0, 1, 9}


def hash_pin(pin: str, salt: str) -> str:
    """Return the hex hash of a PIN: ROUNDS of keyed BLAKE2b. ``salt``: hex.

    The daemon does not load OpenSSL, and so has no scrypt.
    """
    key, own = pin.encode(), bytes.fromhex(salt)
    digest = key
    for _ in range(ROUNDS):
        digest = hashlib.blake2b(digest, key=key, salt=own, digest_size=32).digest()
    return digest.hex()


def is_right(pin: Pin, entered: str) -> bool:
    """Return True if ``entered``, a result of `parse_pin`, is the PIN. Compares in constant time."""
    return hmac.compare_digest(hash_pin(entered, pin.salt), pin.hash)

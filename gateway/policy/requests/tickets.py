"""Printed codes for extra minutes: their format, and the check of what a child types.

A code has seven random letters and one check letter (Luhn's scheme with N = 30, ISO/IEC 7812 annex B in
another alphabet). A typing error is thus distinguishable from an unknown code. Only a salted hash is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no characters that look alike on paper
LENGTH = 8  # letters of a code including the check letter: 34 bits, and tries are limited
LIFE = timedelta(days=90)
MAX_UNUSED = 200  # unused codes at the same time
MAX_AT_ONCE = 40  # per command
MAX_MINUTES = 240  # per code
TRIES = 5  # wrong tries per device within ten minutes before it must wait
TRIES_OF_ALL = 50  # of all devices together, since a device may change its address


@dataclass(frozen=True, slots=True)
class Ticket:
    """A stored code for extra minutes: its hash, its minutes, who may use it, and whether it was used."""

    salt: str  # hex
    hash: str  # hex
    minutes: int
    who: str | None  # a profile's id; None: any child
    made: datetime
    by: str
    until: datetime
    used: datetime | None = None
    used_by: str | None = None  # the profile that redeemed it
    clock_trusted: bool = True  # created while the clock was trusted
    batch: str = ""  # codes created together share it

    def is_good(self, now: datetime) -> bool:
        """Return True if the code is unused and has not expired."""
        return self.used is None and now < self.until


@dataclass(frozen=True, slots=True)
class TicketBatch:
    """Codes for extra minutes that were created together: how many are unused, and their properties."""

    id: str
    count: int
    minutes: int  # of each
    who: str | None  # a profile's id; None: any child
    made: datetime
    until: datetime
    by: str


def batches(tickets: Iterable[Ticket], now: datetime) -> tuple[TicketBatch, ...]:
    """Return a summary of each group of codes that were created together, the newest first.

    Only unused, unexpired codes count; a group without any is left out.
    """
    alike: dict[str, list[Ticket]] = {}
    for ticket in tickets:
        if ticket.is_good(now):
            alike.setdefault(ticket.batch, []).append(ticket)
    found = [
        TicketBatch(key, len(good), good[0].minutes, good[0].who, good[0].made, good[0].until, good[0].by)
        for key, good in alike.items()
    ]
    return tuple(sorted(found, key=lambda batch: batch.made, reverse=True))


def new_code(choose: Callable[[str], str]) -> str:
    """Return a new random code with its check letter.

    ``choose`` returns one letter of a text at random; it must be unpredictable.
    """
    letters = "".join(choose(ALPHABET) for _ in range(LENGTH - 1))
    return letters + check_character(letters)


def printed_code(code: str) -> str:
    """Return a code as it is printed, with a dash: ``K7QM3XPR`` → ``K7QM-3XPR``."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def check_character(letters: str) -> str:
    """Return the check letter for a code's other letters.

    It reveals every single wrong letter, and nearly every swap of two adjacent letters. Raises ValueError for
    a letter outside ALPHABET.
    """
    total = 0
    for place, letter in enumerate(reversed(letters)):
        value = ALPHABET.index(letter) * (1 + (place % 2 == 0))
        total += sum(divmod(value, len(ALPHABET)))
    return ALPHABET[-total % len(ALPHABET)]


def parse_code(text: str) -> str | None:
    """Return the code in a text that a child typed; None if it is none, or if its check letter is wrong.

    Case, spaces and dashes do not matter.
    """
    code = "".join(letter for letter in text.upper() if letter not in " -")
    if len(code) != LENGTH or any(letter not in ALPHABET for letter in code):
        return None
    return code if check_character(code[:-1]) == code[-1] else None


def hash_code(code: str, salt: str) -> str:
    """Return the BLAKE2b hash of a code with a salt. Hash and salt are hex, the salt at most 16 bytes.

    A fast hash is enough: the file belongs to root, and a code gives only minutes.
    """
    return hashlib.blake2b(code.encode(), salt=bytes.fromhex(salt), digest_size=16).hexdigest()


def find(code: str, tickets: Iterable[Ticket]) -> Ticket | None:
    """Return the stored ticket with the hash of ``code``, used or not; None if there is none."""
    return next((ticket for ticket in tickets if hash_code(code, ticket.salt) == ticket.hash), None)


def check(ticket: Ticket | None, profile: str, now: datetime) -> Ticket:
    """Return the ticket if ``profile`` (an id) may redeem it at ``now``. Raises ControlError if not.

    It may not if the ticket is None, another child's, used, or expired.
    """
    if ticket is None:
        raise ControlError.of(Code.CODE_UNKNOWN)
    if ticket.who is not None and ticket.who != profile:
        raise ControlError.of(Code.CODE_OF_ANOTHER)
    if ticket.used is not None:
        raise ControlError.of(Code.CODE_USED)
    if not ticket.is_good(now):
        raise ControlError.of(Code.CODE_OLD, days=LIFE.days)
    return ticket

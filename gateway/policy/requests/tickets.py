"""Codes on paper for some minutes: how they are written, how they are held against what a child types.

A code has seven letters that chance chose and one that checks them (Luhn's scheme with N = 30, ISO/IEC 7812
annex B in another alphabet), so that a slip of the finger is told from a code that is none. Only a salted
hash of it is ever kept.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from gateway.core.errors import PolicyError
from gateway.core.reason_codes import Code

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that reads like something else on paper
LENGTH = 8  # letters of a code, the check character included: 34 bits, and tries are slowed
LIFE = timedelta(days=90)
MAX_UNUSED = 200  # codes that are good at the same time
MAX_AT_ONCE = 40  # made by one command
MAX_MINUTES = 240  # of one code
TRIES = 5  # wrong ones of a device within TRIES_WITHIN, then it has to wait
TRIES_OF_ALL = 50  # of all devices together: a device may change its address
TRIES_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One code as it is kept."""

    salt: str  # hex
    hash: str  # hex
    minutes: int
    who: str | None  # a profile's id; None: any child
    made: datetime
    by: str
    until: datetime
    used: datetime | None = None
    used_by: str | None = None  # the profile that redeemed it
    sure: bool = True  # made while the clock was known
    batch: str = ""  # those made at once have one

    def is_good(self, now: datetime) -> bool:
        return self.used is None and now < self.until


@dataclass(frozen=True, slots=True)
class Batch:
    """Codes that were made at once and are good still."""

    id: str
    count: int
    minutes: int  # of each
    who: str | None  # a profile's id; None: any child
    made: datetime
    until: datetime
    by: str


def batches(tickets: Iterable[Ticket], now: datetime) -> tuple[Batch, ...]:
    """Newest first."""
    alike: dict[str, list[Ticket]] = {}
    for one in tickets:
        if one.is_good(now):
            alike.setdefault(one.batch, []).append(one)
    found = [
        Batch(key, len(good), good[0].minutes, good[0].who, good[0].made, good[0].until, good[0].by)
        for key, good in alike.items()
    ]
    return tuple(sorted(found, key=lambda one: one.made, reverse=True))


def new_code(choose: Callable[[str], str]) -> str:
    """``choose`` takes one letter of a text by chance that nobody can guess."""
    letters = "".join(choose(ALPHABET) for _ in range(LENGTH - 1))
    return letters + check_character(letters)


def shown(code: str) -> str:
    """``K7QM3XPR`` → ``K7QM-3XPR``."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def check_character(letters: str) -> str:
    """Finds every single wrong letter, and nearly every two that changed places."""
    total = 0
    for place, letter in enumerate(reversed(letters)):
        value = ALPHABET.index(letter) * (1 + (place % 2 == 0))
        total += sum(divmod(value, len(ALPHABET)))
    return ALPHABET[-total % len(ALPHABET)]


def typed(text: str) -> str | None:
    """What somebody typed as a code: any case, with or without the dash; None where it can be none."""
    code = "".join(one for one in text.upper() if one not in " -")
    if len(code) != LENGTH or any(one not in ALPHABET for one in code):
        return None
    return code if check_character(code[:-1]) == code[-1] else None


def hashed(code: str, salt: str) -> str:
    """``salt`` in hex. A fast hash will do: the file is root's, and a code opens minutes, not a home."""
    return hashlib.blake2b(code.encode(), salt=bytes.fromhex(salt), digest_size=16).hexdigest()


def find(code: str, tickets: Iterable[Ticket]) -> Ticket | None:
    """The ticket that ``code`` is of, whether it is still good or not."""
    return next((one for one in tickets if hashed(code, one.salt) == one.hash), None)


def check(ticket: Ticket | None, profile: str, now: datetime) -> Ticket:
    """The ticket where ``profile`` may redeem it. Raises PolicyError with what is wrong."""

    def refuse(problem: str, mend: str, code: Code, **values: int) -> NoReturn:
        raise PolicyError("this code", problem, mend).coded(code, **values)

    if ticket is None:
        refuse("is none of this home's", "look at the paper again", Code.CODE_UNKNOWN)
    if ticket.who is not None and ticket.who != profile:
        refuse("is for somebody else", "ask for one of your own", Code.CODE_OF_ANOTHER)
    if ticket.used is not None:
        refuse("was used before", "each code is good once", Code.CODE_USED)
    if not ticket.is_good(now):
        days = LIFE.days
        refuse(f"is older than {days} days", "ask for a new one", Code.CODE_OLD, days=days)
    return ticket


class Tries:
    """Wrong tries of one device, or of all together."""

    __slots__ = ("_at", "_limit", "_within")

    def __init__(self, limit: int, within: timedelta = TRIES_WITHIN) -> None:
        self._limit = limit
        self._within = within
        self._at: deque[datetime] = deque(maxlen=limit)

    def add(self, now: datetime) -> None:
        self._at.append(now)

    def wait(self, now: datetime) -> timedelta:
        """How long until the next try may be made; zero: now."""
        if len(self._at) < self._limit:
            return timedelta()
        return max(timedelta(), self._at[0] + self._within - now)

"""Tokens by which a program asks in the name of who made it: values, and a register of them in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.policy.time.clock_changes import Jump, Kind, Moment, moved

TOKENS_LIMIT = 16  # of the whole home: a display in the hall, a home automation, a script or two
LABEL_LIMIT = 24  # characters: it stands in every audit line of a change by it
DAYS = (30, 90, 365)  # that one may last; none: until somebody ends it
USED_EVERY = timedelta(minutes=1)  # how exactly the last use is known

_STAMP = "token:"


@dataclass(frozen=True, slots=True)
class Token:
    key: str  # the token's digest
    name: str  # who made it
    label: str
    role: str  # a PersonRole: what it may at most
    since: datetime
    used: datetime | None = None
    until: datetime | None = None  # None: until somebody ends it
    sure: bool = True  # made while the clock was known

    @property
    def id(self) -> str:
        """By which it is ended; the key opens nothing, and need not be told."""
        return self.key[:12]


class Tokens:
    """``changed`` is called after each change that must not be lost."""

    def __init__(self, tokens: Iterable[Token], changed: Callable[[], None]) -> None:
        self._tokens = {one.key: one for one in tokens}
        self._changed = changed
        self.stale = False  # some token was used since the last `changed`

    def all(self) -> tuple[Token, ...]:
        return tuple(self._tokens.values())

    def of(self, name: str) -> tuple[Token, ...]:
        """The newest first."""
        return tuple(reversed([one for one in self._tokens.values() if one.name == name]))

    def add(self, token: Token) -> None:
        self._tokens[token.key] = token
        self._changed()

    def find(self, token_id: str, name: str) -> Token | None:
        return next((one for one in self._tokens.values() if (one.id, one.name) == (token_id, name)), None)

    def use(self, key: str, now: datetime, *, sure: bool) -> Token | None:
        """Which one it is; noted that it is used, without a write each time."""
        one = self._tokens.get(key)
        if one is None or (sure and one.sure and one.until is not None and one.until <= now):
            return None
        if one.used is None or abs(now - one.used) >= USED_EVERY:
            one = self._tokens[key] = replace(one, used=now)
            self.stale = True
        return one

    def end(self, name: str, only: str = "") -> int:
        """A person's tokens: all, or the one with the id ``only``."""
        gone = [one.key for one in self.of(name) if not only or one.id == only]
        for key in gone:
            del self._tokens[key]
        if gone:
            self._changed()
        return len(gone)

    def shift(self, jump: Jump) -> None:
        """The clock was set, or became known: what lasts goes with it."""
        self._keep({key: after for key, one in self._tokens.items() if (after := _moved(one, jump))})

    def drop_old(self, now: datetime) -> None:
        """Call it while the clock is known."""
        self._keep({key: one for key, one in self._tokens.items() if one.until is None or one.until > now})

    def _keep(self, tokens: Mapping[str, Token]) -> None:
        if tokens != self._tokens:
            self._tokens = dict(tokens)
            self._changed()


def _moved(one: Token, jump: Jump) -> Token | None:
    if one.until is None:
        return one
    found = moved(Moment(one.until, Kind.LASTING, sure=one.sure), one.since, jump)
    return found and replace(one, until=found[0].until, sure=found[0].sure, since=found[1])


def stamped(label: str, place: str) -> str:
    """From where, as the audit keeps it, where a token asked: its label is one word in front of the place."""
    word = label.replace("%", "%25").replace(" ", "%20")
    return f"{_STAMP}{word} {place}".rstrip() if label else place


def unstamped(origin: str) -> tuple[str, str]:
    """The token's label, empty where none asked, and the place."""
    word, _, place = origin.partition(" ")
    if not word.startswith(_STAMP):
        return "", origin
    return word.removeprefix(_STAMP).replace("%20", " ").replace("%25", "%"), place

"""Tokens that let a program act for the person who created them: values, and a register in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.policy.time.clock_changes import Jump, Moment, MomentKind, moved

TOKENS_LIMIT = 16  # of the household: a display, a home automation, a script or two
LABEL_LIMIT = 24  # characters; it is in every audit line of a change made with the token
DAYS = (30, 90, 365)  # selectable lifetimes; a token can also last until it is ended
USED_EVERY = timedelta(minutes=1)  # precision of the last use

_STAMP = "token:"


@dataclass(frozen=True, slots=True)
class Token:
    """An API token of one person: its digest, label, rights and validity."""

    key: str  # the token's digest
    name: str  # the person who created it
    label: str
    role: str  # a PersonRole: the highest rights it has
    since: datetime
    used: datetime | None = None  # None: never
    until: datetime | None = None  # None: until it is ended
    clock_trusted: bool = True  # created while the clock was trusted

    @property
    def id(self) -> str:
        """The first characters of the key, by which the pages name a token to end. They give no access."""
        return self.key[:12]

    def has_ended(self, now: datetime, *, clock_trusted: bool) -> bool:
        """Return True if the token is expired at ``now``.

        None counts as expired without a trusted clock, now or when it was created.
        """
        return clock_trusted and self.clock_trusted and self.until is not None and self.until <= now


class Tokens:
    """All API tokens of the household. Calls ``changed`` after each change that must be stored."""

    def __init__(self, tokens: Iterable[Token], changed: Callable[[], None]) -> None:
        self._tokens = {token.key: token for token in tokens}
        self._changed = changed
        self.stale = False  # a token was used since the last `changed`

    def all(self) -> tuple[Token, ...]:
        return tuple(self._tokens.values())

    def of(self, name: str) -> tuple[Token, ...]:
        """Return a person's tokens, the newest first."""
        return tuple(reversed([token for token in self._tokens.values() if token.name == name]))

    def add(self, token: Token) -> None:
        self._tokens[token.key] = token
        self._changed()

    def find(self, token_id: str, name: str) -> Token | None:
        return next(
            (token for token in self._tokens.values() if (token.id, token.name) == (token_id, name)), None
        )

    def use(self, key: str, now: datetime, *, clock_trusted: bool) -> Token | None:
        """Return the token with this key and record its use; None if it is unknown or expired.

        The time of use is not reported by ``changed``: ``stale`` is set instead.
        """
        token = self._tokens.get(key)
        if token is None or token.has_ended(now, clock_trusted=clock_trusted):
            return None
        if token.used is None or abs(now - token.used) >= USED_EVERY:
            token = self._tokens[key] = replace(token, used=now)
            self.stale = True
        return token

    def end(self, name: str, only: str = "") -> int:
        """Delete a person's tokens, or only the one with the id ``only``; return how many were deleted."""
        gone = [token.key for token in self.of(name) if not only or token.id == only]
        for key in gone:
            del self._tokens[key]
        if gone:
            self._changed()
        return len(gone)

    def shift(self, jump: Jump) -> None:
        """Adjust the times of tokens with an end to a clock change, so that their lifetime stays the same.

        Times that a trusted clock set stay if the clock was not trusted before the change. Expired tokens
        that would be valid again are dropped.
        """
        self._keep({key: after for key, token in self._tokens.items() if (after := _moved(token, jump))})

    def drop_old(self, now: datetime) -> None:
        """Remove expired tokens. Call it only while the clock is trusted."""
        self._keep(
            {key: token for key, token in self._tokens.items() if token.until is None or token.until > now}
        )

    def _keep(self, tokens: Mapping[str, Token]) -> None:
        if tokens != self._tokens:
            self._tokens = dict(tokens)
            self._changed()


def _moved(token: Token, jump: Jump) -> Token | None:
    if token.until is None:
        return token
    found = moved(
        Moment(token.until, MomentKind.LASTING, clock_trusted=token.clock_trusted), token.since, jump
    )
    return found and replace(
        token, until=found[0].until, clock_trusted=found[0].clock_trusted, since=found[1]
    )


def origin_with_token(label: str, place: str) -> str:
    """Return the origin of a change for the audit log: ``place``, after the token's label if there is one.

    The label is written as one word, ``token:LABEL``, with ``%20`` for spaces.
    """
    word = label.replace("%", "%25").replace(" ", "%20")
    return f"{_STAMP}{word} {place}".rstrip() if label else place


def split_origin(origin: str) -> tuple[str, str]:
    """Return the token's label and the place in an origin of the audit log.

    The label is empty if no token was used.
    """
    word, _, place = origin.partition(" ")
    if not word.startswith(_STAMP):
        return "", origin
    return word.removeprefix(_STAMP).replace("%20", " ").replace("%25", "%"), place

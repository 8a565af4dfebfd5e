"""Identifies the caller of the API, by a token in the header or else by the session cookie of the pages.

With a token, cookies are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from flask import Flask, current_app, request

from gateway.control.client import Unreachable
from gateway.control.contract.accounts import ACCOUNTS, AccountResponse
from gateway.control.contract.sharing import HANDED
from gateway.control.contract.status import STATUS, ClaimState
from gateway.control.verbs import Verb
from gateway.core.errors import ControlError
from gateway.policy.accounts.people import digest
from webui.accounts import session, tries
from webui.accounts.tries import TooManyTriesError
from webui.api.problems import Problem, of_status
from webui.daemon import daemon, source_address

ResponseT = TypeVar("ResponseT")

SCHEME = "bearer"
TOKEN_LIMIT = 100  # characters; ours have 39
KNOWN_LIMIT = 16  # maximum number of tokens in the cache
ASK_FOR_TOKEN = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Caller:
    name: str
    role: str
    minutes: int  # that a helper may give to each child a day
    via: str = ""  # the token's id; empty: a session
    session: str = ""
    proof: bool = True  # identity proven in the last ten minutes, or nothing to prove it with; a token: True

    def ask(self, verb: Verb[Any, ResponseT], **values: object) -> ResponseT:
        """Send a request to the daemon without the caller's name, as a query needs, and return its response.

        Raises ControlError.
        """
        return daemon().client.ask(verb, **values)

    def change(self, verb: Verb[Any, ResponseT], **values: object) -> ResponseT:
        """Send a change to the daemon in this caller's name, and return its response. Raises ControlError.

        The session or the token's id is sent too.
        """
        values |= {"via": self.via} if self.via else {"session": self.session}
        return self.ask(verb, by=self.name, origin=source_address(), **values)

    def account(self, action: str, **values: object) -> AccountResponse:
        """Send an action about accounts (the verb ``guardian``) to the daemon in this caller's name.

        Return the daemon's response. Raises ControlError.
        """
        mine = {"session": self.session} if self.session else {"via": self.via}
        origin = source_address()
        return self.ask(ACCOUNTS, action=action, origin=origin, by=self.name, **mine, **values)


class TokenCache:
    """Stores digests of up to 16 valid tokens, so that parallel requests with one do not count as guesses."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._lock = Lock()

    def has(self, key: str) -> bool:
        return key in self._keys

    def keep(self, key: str, *, right: bool) -> None:
        with self._lock:
            self._keys.pop(key, None)
            if right:
                self._keys[key] = None
                while len(self._keys) > KNOWN_LIMIT:
                    del self._keys[next(iter(self._keys))]


def install(app: Flask) -> None:
    app.extensions["qalqan-tokens"] = TokenCache()


def caller() -> Caller | None:
    """Return the user who sent this API request, by token or session; None without credentials.

    Raises Problem for an invalid header, after too many unknown tokens, and for a token on a device that is
    handed to a child; ControlError for a token that the daemon does not accept; Unreachable.
    """
    if "Authorization" in request.headers:
        return _by_token(request.headers["Authorization"])
    found = session.person(with_home=False)
    if found is None:
        return None
    return Caller(found.name, found.role, found.minutes, session=session.token(), proof=found.proof)


def _by_token(header: str) -> Caller:
    answer = with_token(header, _check)
    return Caller(answer.guardian, answer.role, answer.minutes, via=answer.via)


def with_token(header: str, ask: Callable[[str], ResponseT]) -> ResponseT:
    """Call ``ask`` with the bearer token in the value of an Authorization header; return its result.

    A token that the daemon does not know counts as a guess. Raises Problem for an invalid header, after too
    many guesses, and, when ``ask`` has run, on a device that is handed to a child; ControlError or
    Unreachable.
    """
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != SCHEME or not token or len(token) > TOKEN_LIMIT or not token.isprintable():
        raise of_status(401, ASK_FOR_TOKEN)
    known: TokenCache = current_app.extensions["qalqan-tokens"]
    key = digest(token)
    try:
        if known.has(key):
            answer = ask(token)
        else:
            with tries.attempt(stored=_is_claimed):
                answer = ask(token)
    except TooManyTriesError as error:
        headers = {"Retry-After": str(error.seconds)}
        raise Problem(429, "slow_down", error.sentence, headers) from None
    except Unreachable:
        raise
    except ControlError:
        known.keep(key, right=False)
        raise
    known.keep(key, right=True)
    if daemon().client.ask(HANDED, ip=source_address()).who:
        # a child uses this device, whatever credentials its programs store
        raise of_status(401, ASK_FOR_TOKEN)
    return answer


def _is_claimed() -> bool:
    """Return whether the gateway has a parent's account; False also if the daemon does not respond.

    Without an account, nothing about devices is stored.
    """
    try:
        return not daemon().client.ask(STATUS.returning(ClaimState)).unclaimed
    except ControlError:
        return False


def _check(token: str) -> AccountResponse:
    return daemon().client.ask(ACCOUNTS, action="token_check", token=token, origin=source_address())


def still(me: Caller) -> Callable[[], bool]:
    """Return a function that returns whether the caller still has access.

    It works outside of the request too. It returns False after the token's or session's end, after a change
    of role, and if the device is handed to a child; True while the daemon does not respond.
    """
    client, origin = daemon().client, source_address()
    if me.via:
        token = request.headers["Authorization"].partition(" ")[2].strip()
        asked = {"action": "token_check", "token": token, "origin": origin}
    else:
        asked = {"action": "check", "session": me.session}

    def ask() -> bool:
        try:
            return client.ask(ACCOUNTS, **asked).role == me.role and client.ask(HANDED, ip=origin).who is None
        except Unreachable:
            return True  # no events are sent meanwhile
        except ControlError:
            return False

    return ask


def may(found: Caller | None, roles: frozenset[str]) -> bool:
    return found is not None and found.role in roles

"""Who asks: a session as on the pages, or a token in the header. With a token no cookie is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import Flask, current_app, request

from gateway.control.client import Unreachable
from gateway.core.errors import ControlError
from gateway.policy.accounts.people import digest
from webui.accounts import session, tries
from webui.accounts.tries import TooManyTriesError
from webui.api.problems import Problem, of_status
from webui.daemon import daemon, source_address
from webui.values.shapes import Answer

SCHEME = "bearer"
TOKEN_LIMIT = 100  # characters; ours have 39
KNOWN_LIMIT = 16  # as many tokens as there can be
ASK_FOR_TOKEN = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class Caller:
    name: str
    role: str
    minutes: int  # that a helper may give a day and child
    via: str = ""  # the token's id; empty: a session
    session: str = ""

    def ask(self, do: str, **values: object) -> dict[str, Any]:
        """Of the daemon, without a change."""
        return daemon().client.call(do, **values)

    def change(self, do: str, **values: object) -> dict[str, Any]:
        """In this caller's name, and by which token."""
        if self.via:
            values["via"] = self.via
        return daemon().change(do, by=self.name, origin=source_address(), **values)

    def account(self, action: str, **values: object) -> Mapping[str, Any]:
        """Of the verb `guardian`."""
        mine = {"session": self.session} if self.session else {"via": self.via}
        return self._guardian(action, by=self.name, **mine, **values)

    @staticmethod
    def _guardian(action: str, **values: object) -> dict[str, Any]:
        return daemon().client.call("guardian", action=action, origin=source_address(), **values)


class Known:
    """Digests of tokens that were right: asking many things at once with one of them is no guessing."""

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
    app.extensions["qalqan-tokens"] = Known()


def caller() -> Caller | None:
    """None where nobody says who asks. Raises Problem for a token that is none, Unreachable."""
    if "Authorization" in request.headers:
        return _by_token(request.headers["Authorization"])
    found = session.person()
    if found is None:
        return None
    return Caller(found.name, found.role, found.minutes, session=session.token())


def _by_token(header: str) -> Caller:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != SCHEME or not token or len(token) > TOKEN_LIMIT or not token.isprintable():
        raise of_status(401, ASK_FOR_TOKEN)
    known: Known = current_app.extensions["qalqan-tokens"]
    key = digest(token)
    try:
        if known.has(key):
            answer = _check(token)
        else:
            with tries.attempt():
                answer = _check(token)
    except TooManyTriesError as error:
        headers = {"Retry-After": str(error.seconds)}
        raise Problem(429, "slow_down", error.sentence, headers) from None
    except Unreachable:
        raise
    except ControlError:
        known.keep(key, right=False)
        raise
    known.keep(key, right=True)
    if daemon().handed(source_address()).who:
        raise of_status(401, ASK_FOR_TOKEN)  # a child holds this device, whatever its programs kept
    return Caller(
        answer.text("guardian"), answer.text("role"), answer.whole("minutes"), via=answer.text("via")
    )


def _check(token: str) -> Answer:
    values = {"action": "token_check", "token": token, "origin": source_address()}
    return Answer(daemon().client.call("guardian", **values))


def still(me: Caller) -> Callable[[], bool]:
    """Whether this caller may the same as now, asked later and outside of the request: a token that was
    ended, another role, or a device that was handed over meanwhile end what goes on.
    """
    client, origin = daemon().client, source_address()
    if me.via:
        token = request.headers["Authorization"].partition(" ")[2].strip()
        asked = {"action": "token_check", "token": token, "origin": origin}
    else:
        asked = {"action": "check", "session": me.session}

    def ask() -> bool:
        try:
            answer = client.call("guardian", **asked)
            return answer.get("role") == me.role and not client.call("handed", ip=origin).get("who")
        except Unreachable:
            return True  # nothing is told meanwhile
        except ControlError:
            return False

    return ask


def may(found: Caller | None, roles: frozenset[str]) -> bool:
    return found is not None and found.role in roles

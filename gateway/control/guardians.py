"""Who may change the rules: guardians, and the one-time links by which their browsers sign in.

A link's token is typed or tapped once within fifteen minutes. A guardian's *stamp* is in every session
cookie; ``reset`` and ``remove`` change it, which ends those sessions.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.codes import Code
from gateway.control.protocol import Request, Role
from gateway.errors import ControlError
from gateway.policy.tickets import ALPHABET

TOKEN_LIFE = 900.0  # seconds
TOKENS_LIMIT = 32  # unused links at a time; the oldest gives way
TOKEN_LENGTH = 12  # 58 bits: a hopeless guess within fifteen minutes
NAME_LIMIT = 40  # characters

WEB_ACTIONS = frozenset({"signin", "check"})


class Stamps(Protocol):
    """Where guardians are kept: name → stamp."""

    def guardians(self) -> Mapping[str, str]: ...
    def keep_guardian(self, name: str, stamp: str) -> None: ...
    def remove_guardian(self, name: str) -> None: ...


Recorder = Callable[[str, str], None]


class Guardians:
    """The verb ``guardian``: ``action`` is list, add, link, reset, remove (root), signin, check (the pages).

    ``now`` gives seconds of any clock that never goes back. ``record`` puts (what, whom) into the audit.
    """

    def __init__(self, stamps: Stamps, now: Callable[[], float], record: Recorder) -> None:
        self._stamps = stamps
        self._now = now
        self._record = record
        self._links: dict[bytes, tuple[str, float]] = {}  # digest of the token → guardian, end of its life

    def __call__(self, request: Request) -> dict[str, object]:
        actions: dict[str, Callable[[Request], dict[str, object]]] = {
            "list": self._list,
            "add": self._add,
            "link": self._link,
            "reset": self._reset,
            "remove": self._remove,
            "signin": self._sign_in,
            "check": self._check,
        }
        action = request.choice("action", actions)
        if request.role is not Role.OWNER and action not in WEB_ACTIONS:
            request.owner_only()
        return actions[action](request)

    def link(self, name: str) -> str:
        """A fresh token for a known guardian, as ``K7QD-2MXA-9TRB``."""
        self._known(name)
        letters = "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))
        self._forget_old()
        while len(self._links) >= TOKENS_LIMIT:
            del self._links[next(iter(self._links))]
        self._links[_digest(letters)] = (name, self._now() + TOKEN_LIFE)
        return "-".join(letters[i : i + 4] for i in range(0, TOKEN_LENGTH, 4))

    def _list(self, _: Request) -> dict[str, object]:
        return {"guardians": sorted(self._stamps.guardians())}

    def _add(self, request: Request) -> dict[str, object]:
        name = request.text("name")
        if len(name) > NAME_LIMIT:
            request.refuse("name", f"must have at most {NAME_LIMIT} characters")
        if name.casefold() in {known.casefold() for known in self._stamps.guardians()}:
            request.refuse("name", f"is taken: {name} is a guardian already")
        self._stamps.keep_guardian(name, secrets.token_hex(8))
        self._record("guardian add", name)
        return {"guardian": name, "token": self.link(name)}

    def _link(self, request: Request) -> dict[str, object]:
        return {"token": self.link(request.text("name"))}

    def _reset(self, request: Request) -> dict[str, object]:
        name = request.text("name")
        self._known(name)
        self._end(name)
        self._stamps.keep_guardian(name, secrets.token_hex(8))
        self._record("guardian reset", name)
        return {"guardian": name, "token": self.link(name)}

    def _remove(self, request: Request) -> dict[str, object]:
        name = request.text("name")
        self._known(name)
        self._end(name)
        self._stamps.remove_guardian(name)
        self._record("guardian remove", name)
        return {}

    def _sign_in(self, request: Request) -> dict[str, object]:
        self._forget_old()
        typed = "".join(c for c in request.text("token").upper() if c.isalnum())
        name, _ = self._links.pop(_digest(typed), ("", 0.0))
        stamp = self._stamps.guardians().get(name)
        if stamp is None:
            msg = "this code is used or older than 15 minutes; make a new one: qalqan guardian reset NAME"
            raise ControlError(msg).coded(Code.LINK_USED)
        self._record("guardian sign-in", name)
        return {"guardian": name, "stamp": stamp}

    def _check(self, request: Request) -> dict[str, object]:
        stamp = self._stamps.guardians().get(request.text("name"), "")
        if not secrets.compare_digest(stamp.encode(), request.text("stamp").encode()):
            msg = "this session has ended; sign in again"
            raise ControlError(msg).coded(Code.SESSION_ENDED)
        return {}

    def _known(self, name: str) -> None:
        if name not in self._stamps.guardians():
            msg = f"there is no guardian {name!r}; add one with: qalqan guardian add NAME"
            raise ControlError(msg).coded(Code.NO_GUARDIAN)

    def _end(self, name: str) -> None:
        self._links = {digest: link for digest, link in self._links.items() if link[0] != name}

    def _forget_old(self) -> None:
        now = self._now()
        self._links = {digest: link for digest, link in self._links.items() if link[1] > now}


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=16).digest()

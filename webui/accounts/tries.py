"""Limits attempts at passwords and codes. Each counts by device or browser; too many are rejected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from flask import Flask, current_app, request

from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from webui.accounts import browsers
from webui.accounts.limiter import TRIES, TRIES_OF_ALL, Limiter
from webui.daemon import daemon, source_address
from webui.language.i18n import ngettext

WRONG = frozenset(
    {
        Code.LINK_USED, Code.WRONG_PASSWORD, Code.WRONG_RECOVERY, Code.WRONG_LABEL, Code.WRONG_TOKEN,
        Code.FACTOR_WRONG,
        # Nothing was guessed, but a hash was computed. Without a count, one device could block all others.
        Code.CLAIMED, Code.NOT_FROM_HOME, Code.NO_BUTTON,
    }
)  # fmt: skip
STRANGERS = "strangers"
PLACELESS = ("", "guest", "quarantine")  # owners of devices that count as unknown


class TooManyTriesError(Exception):
    """Raised after too many wrong attempts. This one was not checked. ``seconds``: until the next one."""

    def __init__(self, wait: float) -> None:
        self.seconds = int(wait) + 1
        super().__init__(self.seconds)

    @property
    def sentence(self) -> str:
        return ngettext(
            "Too many tries from this device. Try again in %(num)d second.",
            "Too many tries from this device. Try again in %(num)d seconds.",
            self.seconds,
        )


class Gate:
    def __init__(self) -> None:
        self._limiter = Limiter()
        self._lock = Lock()  # the server has several threads

    @contextmanager
    def attempt(self, now: float, name: str, *, placed: bool) -> Iterator[None]:
        """Run the ``with`` block as one attempt at a password or code. It counts only if the input was wrong.

        Raises: TooManyTriesError before the block. ``now``: seconds of a monotonic clock.
        """
        keys = _keys(name, placed=placed)
        with self._lock:
            wait = max(self._limiter.wait(key, now, tries) for key, tries in keys.items())
            if wait > 0:
                raise TooManyTriesError(wait)
            for key in keys:
                self._limiter.count(key, now)
        wrong = False
        try:
            yield
        except ControlError as error:
            wrong = error.code in WRONG
            raise
        finally:
            if not wrong:
                with self._lock:
                    for key in keys:
                        self._limiter.uncount(key)


def _keys(name: str, *, placed: bool) -> dict[str, int]:
    """Return the keys under which an attempt at the account ``name`` counts, each with its limit."""
    # Requests with a token ignore cookies.
    browser = "" if "Authorization" in request.headers else browsers.known(name)
    if browser:
        return {f"browser {browser}": TRIES}
    address = source_address()
    here = daemon().here(address)
    keys = {here.mac or address: TRIES}
    strange = not placed or here.profile in PLACELESS
    return keys | ({STRANGERS: TRIES_OF_ALL} if strange else {})


@contextmanager
def attempt(name: str = "", *, placed: bool = True) -> Iterator[None]:
    """Run the ``with`` block as one attempt of the requesting device. Raises: TooManyTriesError.

    ``name``: the account; empty: none in particular. ``placed``: whether devices have owners yet.
    """
    gate: Gate = current_app.extensions["qalqan-gate"]
    with gate.attempt(time.monotonic(), name, placed=placed):
        yield


def install(app: Flask) -> None:
    app.extensions["qalqan-gate"] = Gate()

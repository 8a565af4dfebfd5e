"""Requests a proof of age 18 from a wallet and checks the response, each in a process that ends.

Pending requests are in this process's memory: a limited number, for five minutes, one attempt, each for one
device and one origin. The result of a check is the end of its validity, or an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from flask import Flask, current_app, request

from gateway.age.refusals import Advice, AgeProofError
from gateway.age.waiting import OpenChallenges
from gateway.core.optional_packages import is_installed
from gateway.core.reason_codes import Code
from webui.accounts.limiter import Limiter
from webui.accounts.passwords import BusyError
from webui.accounts.tries import PLACELESS, TooManyTriesError, new_device
from webui.features.status.home_text import Here
from webui.front import trusted, why_untrusted

LIFETIME = timedelta(minutes=5)  # of a request: enough to choose a wallet, unlock it and read its screen
SECONDS = 40.0  # until a process is ended; it ends itself earlier
ANSWER_LIMIT = 100 * 1024  # bytes of a page's message: a wallet's response has at most 87 KiB
QUESTIONS = 10  # free requests of a device; each costs a process of 42 MB for 0.3 s
NEW_DEVICES = 50  # unknown devices that may begin with requests without a wait
PROGRAM = (sys.executable, "-m", "gateway.web.age_proof")


class RefusedError(Exception):
    """Raised if a wallet's proof is not accepted, or none can be requested.

    ``reason``: what the user can do.
    """

    def __init__(self, reason: Advice) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True)
class WalletRequest:
    """A request for a proof of age, which the page passes to the wallet app."""

    request: Mapping[str, Any]  # for `navigator.credentials.get`


class Wallets:
    """Makes requests for a proof of age from wallet apps, and checks the responses.

    ``trust``: path of the trust list, and its key; None: wallets are off.
    """

    def __init__(self, trust: tuple[str, str] | None) -> None:
        self._trust = trust
        self._waiting = OpenChallenges()
        self._limiter = Limiter()
        self._lock = Lock()  # the server has several threads
        self._one = Lock()  # one process at a time

    @property
    def problem(self) -> str:
        """Why no page can use wallets, as a key; empty if they can be used.

        ``none``: no trust list is configured. ``uninstalled``: the package cryptography is missing.
        ``unreadable``: the trust list cannot be read.
        """
        if self._trust is None:
            return "none"
        if not is_installed("cryptography"):
            return "uninstalled"
        return "" if os.access(self._trust[0], os.R_OK) else "unreadable"

    @property
    def waiting(self) -> int:
        """The number of stored requests without a response. Expired ones count until the next request."""
        return len(self._waiting)

    def ask(self, here: Here, origin: str, now: datetime) -> WalletRequest:
        """Return a new request for a proof of age, for the device ``here`` and a page's ``origin``.

        It replaces the device's previous one for this origin. Raises TooManyTriesError, BusyError or
        RefusedError.
        """
        self._slow(here)
        result = self._run({"do": "ask", "origin": origin, "now": now.isoformat()})
        challenge, asked = result.get("challenge"), result.get("request")
        if not isinstance(challenge, str) or not isinstance(asked, dict):
            raise RefusedError(Advice.GATEWAY)
        moment = _moment()
        with self._lock:
            self._waiting.add(_name(here, origin), challenge, moment + LIFETIME, moment)
        return WalletRequest(asked)

    def check(self, here: Here, origin: str, response: object, now: datetime, lasting: timedelta) -> datetime:
        """Check a wallet's response and return until when it unlocks the device.

        The request cannot be used again, whatever the result. ``here`` and ``origin``: as for `ask`.
        ``lasting``: how long the user wants to unlock the device. Raises BusyError or RefusedError.
        """
        if self._trust is None:
            raise RefusedError(Advice.GATEWAY)
        try:
            with self._lock:
                challenge = self._waiting.take(_name(here, origin), _moment())
        except AgeProofError as error:
            raise RefusedError(error.refusal.advice) from None
        file, key = self._trust
        result = self._run(
            {
                "do": "verify",
                "response": response,
                "challenge": challenge,
                "trust": file,
                "key": key,
                "now": now.isoformat(),
                "lasting": int(lasting.total_seconds()),
            }
        )
        if result.get("adult") is not True:
            raise RefusedError(Advice.FORGED)
        with self._lock:
            self._limiter.uncount(here.mac)
        return datetime.fromisoformat(str(result["until"]))

    def _run(self, asked: Mapping[str, object]) -> dict[str, Any]:
        """Run the process that handles proofs, with ``asked`` as JSON on its input; return its JSON output.

        One such process runs at a time. Its standard error could only repeat its input, and is discarded.
        Raises BusyError or RefusedError.
        """
        if not self._one.acquire(timeout=SECONDS):
            raise _busy()
        try:
            done = subprocess.run(
                PROGRAM,
                input=json.dumps(asked).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
            result = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError):  # no memory for it, or it did not end
            raise _busy() from None
        except ValueError:  # no output: it was ended, or could not parse its input
            raise RefusedError(Advice.AGAIN) from None
        finally:
            self._one.release()
        if "refused" in result:
            raise RefusedError(Advice(result["told"]))
        return dict(result)

    def _slow(self, here: Here) -> None:
        now = time.monotonic()
        with self._lock:
            strange = here.profile in PLACELESS
            own = here.mac
            new = new_device(self._limiter, now, own, strange=strange, most=NEW_DEVICES)
            keys = {own: QUESTIONS} | new
            wait = max(self._limiter.wait(key, now, most) for key, most in keys.items())
            if wait > 0:
                raise TooManyTriesError(wait)
            for key in keys:
                self._limiter.count(key, now)


def origin() -> str:
    """Return the HTTPS origin of the current page, at which wallets work; empty on a page over plain HTTP.

    It does not depend on request headers: only a connection from the TLS front is secure, and
    `webui.request_checks` has rejected every other host name before.
    """
    return trusted().origin if request.is_secure else ""


def why_not() -> str:
    """Return why no wallet can be used on this page, as a key; empty if one can.

    The keys are those of `Wallets.problem` and `why_untrusted`.
    """
    return wallets().problem or why_untrusted()


def way_to() -> str:
    """Return the HTTPS origin at which wallets work, for a link on a page over HTTP; else empty."""
    return trusted().origin if why_not() == "plain" else ""


def _busy() -> BusyError:
    return BusyError.of(Code.BUSY)


def _name(here: Here, origin: str) -> str:
    return f"{here.mac} {origin}"


def _moment() -> datetime:
    """Return a time that only increases and that no clock change affects; it is no date."""
    return datetime.fromtimestamp(time.monotonic(), UTC)


def install(app: Flask, trust: tuple[str, str] | None) -> None:
    app.extensions["qalqan-wallets"] = Wallets(trust)


def wallets() -> Wallets:
    found = current_app.extensions["qalqan-wallets"]
    assert isinstance(found, Wallets)
    return found


def is_offered(here: Here) -> bool:
    """Return whether the page offers the use of a wallet.

    It does if one can be used on this page, and a proof of age can unlock the device ``here``.
    """
    return bool(here.own.opens and not why_not())

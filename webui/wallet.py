"""A wallet is asked whether somebody is 18, and its answer is checked: each by a process that ends.

What waits for an answer is in the memory of this process alone: few questions, five minutes, one attempt,
each for one device and one origin. Of an answer comes back until when it holds, or why it does not.
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
from webui.accounts.tries import PLACELESS, STRANGERS, TooManyTriesError
from webui.front import trusted
from webui.values.answers import Here

LIFETIME = timedelta(minutes=5)  # of a question: to choose a wallet, unlock it and read what it says
SECONDS = 40.0  # for one process, which ends itself before that
ANSWER_LIMIT = 100 * 1024  # bytes of a page's message: what a wallet sends has 87 KiB at most
QUESTIONS = 10  # of a device without a good answer, until it waits: each is a process of 42 MB for 0.3 s
QUESTIONS_OF_ALL = 50  # of devices that nobody has placed
PROGRAM = (sys.executable, "-m", "gateway.web.age_proof")


class RefusedError(Exception):
    """A wallet's answer does not open anything."""

    def __init__(self, told: Advice) -> None:
        self.told = told
        super().__init__(told.value)


@dataclass(frozen=True, slots=True)
class Question:
    request: Mapping[str, Any]  # as `navigator.credentials.get` takes it


class Wallets:
    """``trust``: the path of the file that says whose proofs count, and its key; None: no wallet is asked."""

    def __init__(self, trust: tuple[str, str] | None) -> None:
        self._trust = trust
        self._waiting = OpenChallenges()
        self._limiter = Limiter()
        self._lock = Lock()  # the server has several threads
        self._one = Lock()  # process at a time

    @property
    def problem(self) -> str:
        """Why no wallet can be asked, whatever the page; empty where one can.

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
        """Questions without an answer."""
        return len(self._waiting)

    def ask(self, here: Here, origin: str, now: datetime) -> Question:
        """A device's second question takes the first one's place. Raises TooManyTriesError, BusyError,
        RefusedError.
        """
        self._slow(here)
        told = self._run({"do": "ask", "origin": origin, "now": now.isoformat()})
        challenge, asked = told.get("challenge"), told.get("request")
        if not isinstance(challenge, str) or not isinstance(asked, dict):
            raise RefusedError(Advice.GATEWAY)
        moment = _moment()
        with self._lock:
            self._waiting.add(_name(here, origin), challenge, moment + LIFETIME, moment)
        return Question(asked)

    def check(self, here: Here, origin: str, response: object, now: datetime, lasting: timedelta) -> datetime:
        """Until when it holds; whatever comes of it, the question is used up. Raises BusyError,
        RefusedError.
        """
        if self._trust is None:
            raise RefusedError(Advice.GATEWAY)
        try:
            with self._lock:
                challenge = self._waiting.take(_name(here, origin), _moment())
        except AgeProofError as error:
            raise RefusedError(error.refusal.advice) from None
        file, key = self._trust
        told = self._run(
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
        if told.get("adult") is not True:
            raise RefusedError(Advice.FORGED)
        with self._lock:
            for key in _keys(here):
                self._limiter.uncount(key)
        return datetime.fromisoformat(str(told["until"]))

    def _run(self, asked: Mapping[str, object]) -> dict[str, Any]:
        """One at a time. Its standard error could only say how it was asked, and goes nowhere."""
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
            told = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError):  # no room for it, or no end of it
            raise _busy() from None
        except ValueError:  # no line: it was ended, or could not read what came
            raise RefusedError(Advice.AGAIN) from None
        finally:
            self._one.release()
        if "refused" in told:
            raise RefusedError(Advice(told["told"]))
        return dict(told)

    def _slow(self, here: Here) -> None:
        now, keys = time.monotonic(), _keys(here)
        with self._lock:
            wait = max(self._limiter.wait(key, now, most) for key, most in keys.items())
            if wait > 0:
                raise TooManyTriesError(wait)
            for key in keys:
                self._limiter.count(key, now)


def origin() -> str:
    """Of the page that asks; empty where it is not one that a browser gives a wallet's answer to. It is the
    gateway's own word: what came through the front is secure, and nothing that a browser says makes it so
    (`webui.guard` has turned away each other name by then).
    """
    return trusted().origin if request.is_secure else ""


def why_not() -> str:
    """Why no wallet can be asked on this page; empty where one can.

    Either `Wallets.problem`, or ``plain`` (HTTP, where the trusted name has a good certificate), ``ended``
    (its certificate has expired), ``nameless`` (there is no trusted name).
    """
    found = trusted()
    if wallets().problem or origin():
        return wallets().problem
    return "nameless" if not found.name else "plain" if found.good else "ended"


def way_to() -> str:
    """The origin at which a wallet can be asked, for a page that is not there; empty where there is none."""
    return trusted().origin if why_not() == "plain" else ""


def _keys(here: Here) -> dict[str, int]:
    """Under which its questions count, and how many each has."""
    return {here.mac: QUESTIONS} | ({STRANGERS: QUESTIONS_OF_ALL} if here.profile in PLACELESS else {})


def _busy() -> BusyError:
    return BusyError("too many wallets are asked at once; try again in a moment").coded(Code.BUSY)


def _name(here: Here, origin: str) -> str:
    return f"{here.mac} {origin}"


def _moment() -> datetime:
    """By a clock that nobody sets."""
    return datetime.fromtimestamp(time.monotonic(), UTC)


def install(app: Flask, trust: tuple[str, str] | None) -> None:
    app.extensions["qalqan-wallets"] = Wallets(trust)


def wallets() -> Wallets:
    found = current_app.extensions["qalqan-wallets"]
    assert isinstance(found, Wallets)
    return found


def is_offered(here: Here) -> bool:
    """On the page that was asked for just now."""
    return bool(here.own.opens and not why_not())

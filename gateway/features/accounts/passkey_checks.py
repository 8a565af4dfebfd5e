"""Verifies browsers' WebAuthn responses (passkeys), each in another process, one after the other."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.loop import Loop
from gateway.core.reason_codes import Code

_log = logging.getLogger(__name__)

VERIFIER = "gateway.web.passkeys"
TIMEOUT = 30.0  # seconds; the process ends itself earlier
WAITING_LIMIT = 3  # responses that wait while another one is verified

Done = Callable[[Mapping[str, Any]], None]


class PasskeyChecks:
    """Verifies browsers' WebAuthn responses in another process, one after the other.

    A ``done`` function gets the result: the fields of `gateway.web.passkeys`, such as the passkey's
    counter. If the passkey is refused, the result has only ``refused``, the reason. If the process
    failed, it is empty.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._process = HelperProcess(loop, self._found, self._ended, TIMEOUT)
        self._waiting: list[tuple[bytes, Done]] = []
        self._done: Done | None = None
        self._result: Mapping[str, Any] = {}
        self.close = self._process.close

    def start(self, work: Mapping[str, object], done: Done) -> None:
        """Queue a browser's response (``work``) to be verified; ``done`` is called with the result later.

        If no process can be started, ``done`` gets an empty result, possibly before this method returns.
        Raises ControlError if WAITING_LIMIT responses wait already.
        """
        if len(self._waiting) >= WAITING_LIMIT:
            raise ControlError.of(Code.PASSKEY_UNCHECKED)
        self._waiting.append((json.dumps(work).encode("ascii"), done))
        self._next()

    def _next(self) -> None:
        if self._done is not None or not self._waiting:
            return
        data, self._done = self._waiting.pop(0)
        self._result = {}
        try:
            self._process.start([VERIFIER], data)
        except OSError as error:
            self._ended(1, str(error))

    def _found(self, line: Mapping[str, Any]) -> None:
        self._result = line

    def _ended(self, status: int, _words: str) -> None:
        done, self._done = self._done, None
        if "refused" in self._result:
            _log.info("Passkey refused: %s.", self._result["refused"])
        if done is not None:
            done({} if status else self._result)
        if self._waiting:
            self._loop.call_later(0.0, self._next)

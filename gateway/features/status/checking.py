"""Runs `qalqan check`, the gateway's self-test, for the pages, in another process: so no packet waits."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.control.contract.health import FindingEntry
from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.reason_codes import Code
from gateway.household.context import HomeContext

_log = logging.getLogger(__name__)

TIMEOUT = 120.0  # seconds; a small router needs ten
FRESH = 900.0  # seconds for which findings are current; the next look after that starts a check
PAUSE = 10.0  # seconds from the end of one to the begin of the next
MOST = 200  # findings that are kept; a home of 64 children has some hundred
TEXT_LIMIT = 500  # characters of one
PROBLEM_LIMIT = 300  # characters of the reason why a check failed

LEVELS = frozenset({"ok", "note", "warning", "error"})


class GatewayCheck:
    """Runs `qalqan check`, the gateway's self-test, one at a time, and stores its findings.

    ``findings`` are those of the last check that succeeded.
    """

    def __init__(self, home: HomeContext) -> None:
        self._home = home
        self._process = HelperProcess(home.loop, self._found, self._done, TIMEOUT)
        self.close = self._process.close
        self._coming: list[FindingEntry] = []
        self.findings: tuple[FindingEntry, ...] = ()
        self.problem = ""  # why the last check failed
        self.ended: datetime | None = None
        self._since: float | None = None  # when the last check ended, by the loop's clock

    @property
    def running(self) -> bool:
        return self._process.running

    def look(self, *, again: bool = False) -> None:
        """Start a check if the last one ended more than FRESH seconds ago; with ``again``, more than PAUSE.

        Also start one if none has ended yet. Does nothing while one runs. Raises ControlError if no process
        can be started.
        """
        age = PAUSE if again else FRESH
        fresh = self._since is not None and self._home.loop.now() - self._since < age
        if self.running or fresh:
            return
        self._coming = []
        try:
            self._process.start(["gateway", "check", "--steps", "--config", str(self._home.rules.path)])
        except OSError as error:
            _log.warning("Starting `qalqan check` failed: %s.", error.strerror or error)
            raise ControlError.of(Code.BUSY) from None
        self._publish("begun")

    def _found(self, said: Mapping[str, Any]) -> None:
        if len(self._coming) < MOST and said.get("level") in LEVELS:
            keys = ("level", "about", "text", "fix", "code")
            texts = {key: str(said.get(key, ""))[:TEXT_LIMIT] for key in keys}
            values = {str(key): str(value)[:TEXT_LIMIT] for key, value in said.get("values", {}).items()}
            self._coming.append(FindingEntry(**texts, values=values))

    def _done(self, status: int, words: str) -> None:
        lines = [line for line in words.splitlines() if line.strip()]
        self.problem = (
            (lines[-1] if lines else f"it ended with status {status}")[:PROBLEM_LIMIT] if status else ""
        )
        if not status:
            self.findings = tuple(self._coming)
        self._coming = []
        self.ended, self._since = self._home.local_now(), self._home.loop.now()
        self._publish("ended")

    def _publish(self, what: str) -> None:
        self._home.publish("health", what=what)

"""Runs `qalqan audit`, a test of all bypass methods, for one child in a child process.

The result is in memory only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.control.contract.filter_tests import BypassCheck, BypassTestState
from gateway.control.schema import SchemaError, decode
from gateway.core.errors import ControlError
from gateway.core.helper_process import HelperProcess
from gateway.core.reason_codes import Code
from gateway.household.context import HomeContext

TIMEOUT = 300.0  # seconds; an audit takes 15 on a PC, and some 60 on a small router
MOST = 200  # checks of one result; an audit has about a hundred
PROBLEM_LIMIT = 300  # characters of the reason why an audit failed
VERSIONS = ("ipv4", "ipv6")


class BypassTest:
    """Runs one bypass test at a time, and stores the result of the last."""

    def __init__(self, home: HomeContext) -> None:
        self._home = home
        self._process = HelperProcess(home.loop, self._checked, self._done, TIMEOUT)
        self.close = self._process.close
        self._coming: list[BypassCheck] = []
        self._trying = ""
        self.profile = ""  # the profile of the stored result
        self.checks: tuple[BypassCheck, ...] = ()
        self.problem = ""  # why the last audit failed
        self.ended: datetime | None = None

    def start(self, profile: str) -> None:
        """Start a bypass test of a profile.

        Raises ControlError if one runs, or if no process can be started.
        """
        if self._process.running:
            msg = "trial: one runs already; wait until it has ended"
            raise ControlError(msg).coded(Code.TRIAL_RUNS)
        self._coming, self._trying = [], profile
        config = str(self._home.rules.path)
        try:
            self._process.start(["gateway", "audit", profile, "--steps", "--config", config])
        except OSError as error:
            msg = f"trial: no program can be started: {error.strerror or error}"
            raise ControlError(msg).coded(Code.BUSY) from None
        self._publish("begun")

    def state(self, profile: str) -> BypassTestState:
        """Return the progress and the last result, if they are about this profile."""
        is_stored = self.profile == profile
        return BypassTestState(
            running=self._process.running and self._trying == profile,
            busy=self._process.running,
            ended=self.ended if is_stored else None,
            problem=self.problem if is_stored else "",
            checks=self.checks if is_stored else (),
        )

    def _checked(self, line: Mapping[str, Any]) -> None:
        check = _read(line)
        if check is not None and len(self._coming) < MOST:
            self._coming.append(check)

    def _done(self, status: int, words: str) -> None:
        lines = [line for line in words.splitlines() if line.strip()]
        self.problem = (
            (lines[-1] if lines else f"it ended with status {status}")[:PROBLEM_LIMIT] if status else ""
        )
        self.checks = () if status else tuple(self._coming)
        self._coming = []
        self.profile, self.ended = self._trying, self._home.local_now()
        self._publish("ended")

    def _publish(self, what: str) -> None:
        self._home.publish("trial", profile=self._trying, what=what)


def _read(line: Mapping[str, Any]) -> BypassCheck | None:
    """Return a check from a line of the test's output; None if the line is no check."""
    results = {version: line[version] for version in VERSIONS if isinstance(line.get(version), dict)}
    if not results:
        return None
    found = {version: results.get(version, {"found": "absent"}).get("found") for version in VERSIONS}
    check = {
        "id": line.get("id"),
        "must_pass": line.get("must_pass") is True,
        "setting": line.get("setting"),
        "fault": any(result.get("fault") is True for result in results.values()),
        **found,
    }
    try:
        return decode(BypassCheck, check)
    except SchemaError:
        return None

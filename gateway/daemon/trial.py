"""`qalqan audit` of one child, run by the daemon in a process of its own; what it found stays in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.codes import Code
from gateway.errand import Errand
from gateway.errors import ControlError

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

TIMEOUT = 300.0  # seconds; a quarter of a minute here, a small router needs some four times that
MOST = 200  # checks that are kept; there are some hundred
TOLD = 300  # characters of why it could not be done
VERSIONS = ("ipv4", "ipv6")

FOUND = frozenset({"open", "closed", "passes", "refused", "cannot be told", "absent"})


class Trial:
    """One at a time, and one that is kept: the last that ended."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._errand = Errand(daemon.loop, self._checked, self._done, TIMEOUT)
        self.close = self._errand.close
        self._coming: list[dict[str, Any]] = []
        self._trying = ""
        self.profile = ""  # whose rules were tried by the one that is kept
        self.checks: list[dict[str, Any]] = []
        self.problem = ""  # why the last one came to no end
        self.ended: datetime | None = None

    def start(self, profile: str) -> None:
        """Raises ControlError where one runs."""
        if self._errand.running:
            msg = "trial: one runs already; wait until it has ended"
            raise ControlError(msg).coded(Code.TRIAL_RUNS)
        self._coming, self._trying = [], profile
        config = str(self._daemon.rules.path)
        try:
            self._errand.start(["gateway", "audit", profile, "--steps", "--config", config])
        except OSError as error:
            msg = f"trial: no program can be started: {error.strerror or error}"
            raise ControlError(msg).coded(Code.BUSY) from None
        self._publish("begun")

    def told(self, profile: str) -> dict[str, object]:
        """As far as it is about this child."""
        kept = self.profile == profile
        return {
            "running": self._errand.running and self._trying == profile,
            "busy": self._errand.running,
            "ended": self.ended if kept else None,
            "problem": self.problem if kept else "",
            "checks": self.checks if kept else [],
        }

    def _checked(self, said: Mapping[str, Any]) -> None:
        found = _read(said)
        if found is not None and len(self._coming) < MOST:
            self._coming.append(found)

    def _done(self, status: int, words: str) -> None:
        lines = [line for line in words.splitlines() if line.strip()]
        self.problem = (lines[-1] if lines else f"it ended with status {status}")[:TOLD] if status else ""
        self.checks = [] if status else self._coming
        self._coming = []
        self.profile, self.ended = self._trying, self._daemon.local_now()
        self._publish("ended")

    def _publish(self, what: str) -> None:
        self._daemon.control.publish("trial", profile=self._trying, what=what)


def _read(said: Mapping[str, Any]) -> dict[str, Any] | None:
    """One line of the audit's: what the pages need of it."""
    versions = [said.get(one) for one in VERSIONS]
    found = [one.get("found") for one in versions if isinstance(one, dict)]
    name = said.get("id")
    if not isinstance(name, str) or not found or not all(one in FOUND for one in found):
        return None
    return {
        "id": name,
        "must_pass": said.get("must_pass") is True,
        "setting": said.get("setting"),
        "fault": any(one.get("fault") is True for one in versions if isinstance(one, dict)),
        **{
            key: one.get("found") if isinstance(one, dict) else "absent"
            for key, one in zip(VERSIONS, versions, strict=True)
        },
    }

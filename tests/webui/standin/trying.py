"""Ways around as the daemon tells them of the stand-in family: the real checks, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.audit.catalogue import CHECKS
from gateway.control.protocol import ControlRequest
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

OPEN = frozenset({"ssh", "ssh-port", "no-name", "bare"})  # by the family's rules
NOT_HERE = frozenset({"offload", "tor"})


class Trying:
    def __init__(self, household: Household) -> None:
        self._household = household
        self.clear()

    def clear(self) -> None:
        self.running, self.profile, self.problem = False, "", ""
        self.checks: list[dict[str, Any]] = []

    def verbs(self) -> dict[str, Handler]:
        return {"trial": self._trial}

    def end(self, profile: str = "daughter", faults: Sequence[str] = (), problem: str = "") -> None:
        self.running, self.profile, self.problem = False, profile, problem
        self.checks = [] if problem else [_checked(one.id, one.passes, one.closes, faults) for one in CHECKS]

    def _trial(self, request: ControlRequest) -> Mapping[str, object]:
        if request.text("action") == "start":
            self._household.guardian_of(request)
            self.running, self.profile = True, request.text("id")
        kept = self.profile == request.text("id") and not self.running
        ended = kept and (self.checks or self.problem)
        return {
            "running": self.running and self.profile == request.text("id"),
            "busy": self.running,
            "ended": NOW - timedelta(minutes=2) if ended else None,
            "problem": self.problem if kept else "",
            "checks": self.checks if kept else [],
        }


def _checked(check: str, passes: bool, closes: str, faults: Sequence[str]) -> dict[str, Any]:
    fault = check in faults
    well, ill = ("passes", "refused") if passes else ("closed", "open")
    found = ill if fault or check in OPEN else well
    if check in NOT_HERE:
        found = "unknown"
    return {
        "id": check, "must_pass": passes, "setting": closes or None, "fault": fault,
        "ipv4": found, "ipv6": well if fault else found,
    }  # fmt: skip

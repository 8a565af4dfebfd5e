"""What the verb `guardian` needs of its surroundings, so that it can be tried without a daemon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.control.protocol import Request
from gateway.policy.accounts.people import DEVICE_LIMIT

CONSOLE = "console"

Record = Callable[[str, str, str, str], None]
"""What, the detail, by whom, from where: a line of the audit."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who stands at an address: both are empty where no device of the home is known there."""

    mac: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    now: Callable[[], float]  # seconds of any clock that never goes back
    wall: Callable[[], datetime]  # aware
    clock_known: Callable[[], bool]
    record: Record
    visitor: Callable[[str], Visitor]  # by address
    label: Callable[[], str]  # the code on the gateway's label, as codes on paper are written
    unclaimed: Callable[[], bool]  # neither a guardian nor a child's file yet

    def device(self, request: Request) -> str:
        """What a session or an announcement is called by."""
        origin = request.text("origin", "")
        seen = self.visitor(origin)
        return (seen.name or seen.mac or origin)[:DEVICE_LIMIT]

"""A proof of the stand-in family: what the daemon would say, by what the device's browser told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.core.reason_codes import Code
from gateway.policy.judge.device_test import CheckTopic, HostCheck, NoTestReason
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW, TABLET

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

TIKTOK, SCHOOL = "www.tiktok.com", "bilimland.kz"
ADULT, WHATSAPP = "www.pornhub.com", "www.whatsapp.com"


def lines() -> tuple[HostCheck, ...]:
    return (
        HostCheck(CheckTopic.REFUSED, TIKTOK, "TikTok"),
        HostCheck(CheckTopic.OPEN, SCHOOL),
        HostCheck(CheckTopic.ADULT, ADULT),
        HostCheck(CheckTopic.MESSENGER, WHATSAPP, "WhatsApp"),
        HostCheck(CheckTopic.PRIVATE_DNS, "dns.google"),
        HostCheck(CheckTopic.BEDTIME, at=NOW.replace(hour=20, minute=45), holds=True),
        HostCheck(CheckTopic.HELP, because=NoTestReason.NO_SITE),
    )


class Proving:
    """``saw``: what the gateway decides of a host once the device tells of it; absent: it sees nothing."""

    def __init__(self, household: Household) -> None:
        self._household = household
        self.saw: dict[str, str] = {
            **dict.fromkeys((TIKTOK, ADULT, "dns.google"), "blocked"),
            **dict.fromkeys((SCHOOL, WHATSAPP), "passed"),
        }
        self.lines: tuple[HostCheck, ...] = ()
        self.running = False

    def verbs(self) -> dict[str, Handler]:
        return {"proof": self._proof}

    def _proof(self, request: ControlRequest) -> Mapping[str, object]:
        action = request.text("action")
        if action in ("start", "end"):
            self._household.guardian_of(request)
        elif request.has("device") and request.text("device") != TABLET:
            request.refuse("device", "is no device of a child here", Code.NO_DEVICE_OF_A_CHILD)
        if action == "start" or (action == "again" and self.lines):
            self.lines, self.running = lines(), True
        elif action == "end":
            self.running = False
        elif action == "tell":
            self._tell(request.mapping("results"))
        return {"proof": self._told() if self.lines else None}

    def _tell(self, results: Mapping[str, Any]) -> None:
        for line in self.lines:
            if line.host in results:
                line.reached = results[line.host] == "opened"
                line.blocked = self.saw.get(line.host) == "blocked"
                line.passed = self.saw.get(line.host) == "passed"

    def _told(self) -> dict[str, object]:
        keys = ("topic", "host", "name", "because", "blocked", "passed", "reached", "at", "state")
        return {
            "id": "daughter", "device": TABLET, "name": "Tablet", "running": self.running, "seconds": 170,
            "took": 4 if all(line.reached is not None for line in self.lines if line.host) else None,
            "lines": [{key: getattr(line, key) for key in keys} for line in self.lines],
        }  # fmt: skip

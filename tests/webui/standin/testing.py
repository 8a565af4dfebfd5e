"""Filter tests of the stand-in family: the real checks, and what the daemon would say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateway.control.protocol import ControlRequest
from gateway.control.schema import values_of
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.filter_tests.filter_test import FilterTest, _of_line
from gateway.filter_test.catalogue import CHECKS
from gateway.policy.judge.device_test import CheckTopic, HostCheck, NoTestReason
from tests.webui.standin.handlers import Handler
from tests.webui.standin.places import NOW, TABLET

if TYPE_CHECKING:
    from tests.webui.standin.household import Household

TIKTOK, SCHOOL = "www.tiktok.com", "bilimland.kz"
ADULT, WHATSAPP = "www.pornhub.com", "www.whatsapp.com"
OPEN = frozenset({"ssh", "ssh-port", "no-name", "bare"})  # by the family's rules
NOT_HERE = frozenset({"offload", "tor"})
LOOK = 10.0  # on the loop's clock
AGO = timedelta(minutes=2)


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


class Testing:
    """``saw``: what the gateway decides of a host once the device reports it; absent: it sees nothing."""

    __test__ = False

    def __init__(self, household: Household) -> None:
        self._household = household
        self.clear()

    def clear(self) -> None:
        self.saw: dict[str, str] = {
            **dict.fromkeys((TIKTOK, ADULT, "dns.google"), "blocked"),
            **dict.fromkeys((SCHOOL, WHATSAPP), "passed"),
        }
        self.device: FilterTest | None = None
        self.bypass: FilterTest | None = None
        self.site: dict[str, Any] | None = None

    @property
    def running(self) -> bool:
        """Whether bypass methods are being tested."""
        return self.bypass is not None and self.bypass.running

    def verbs(self) -> dict[str, Handler]:
        return {"filter_test": self._test, "filter_test_site": self._test_site}

    def start_device(self) -> FilterTest:
        self.device = FilterTest("daughter", "device", 0.0, hosts=lines(), mac=TABLET)
        return self.device

    def end(self, profile: str = "daughter", faults: Sequence[str] = (), problem: str = "") -> None:
        """End a bypass test with the results of a family's usual rules."""
        self.bypass = FilterTest(profile, "bypass", 0.0, running=False, ended=NOW - AGO, problem=problem)
        if not problem:
            found = (_of_line(_line(check.id, check.passes, check.closes, faults)) for check in CHECKS)
            self.bypass.checks = tuple(check for check in found if check is not None)

    def _test_site(self, request: ControlRequest) -> Mapping[str, object]:
        self._household.guardian_of(request)
        values = {**request.values, "profile": request.text("id")}
        asked = ControlRequest("why", request.role, request.uid, values)
        self.site = dict(self._household.editing.verbs()["why"](asked))
        return self.site

    def _test(self, request: ControlRequest) -> Mapping[str, object]:
        action = request.text("action")
        is_bypass = request.has("method") and request.text("method") == "bypass"
        if action in ("start", "end"):
            self._household.guardian_of(request)
        elif request.has("device") and request.text("device") != TABLET:
            raise ControlError.of(Code.NO_DEVICE_OF_A_CHILD)
        if action == "start" and is_bypass:
            self.bypass = FilterTest(request.text("id"), "bypass", 0.0)
        elif action == "start" or (action == "again" and self.device):
            self.start_device()
        elif action == "end" and self.device:
            self.device.running = False
        elif action == "tell" and self.device:
            self._tell(self.device, request.mapping("results"))
        return self._told(request.text("id") if request.has("id") else "daughter")

    def _tell(self, test: FilterTest, results: Mapping[str, Any]) -> None:
        for line in test.hosts:
            if line.host in results:
                line.reached = results[line.host] == "opened"
                line.blocked = self.saw.get(line.host) == "blocked"
                line.passed = self.saw.get(line.host) == "passed"
        if all(line.reached is not None for line in test.hosts if line.host):
            test.opened, test.reported = 0.0, 4.0

    def _told(self, profile: str) -> Mapping[str, object]:
        tests = [test for test in (self.device, self.bypass) if test is not None and test.profile == profile]
        shown = [values_of(test.state(LOOK, lambda _mac: "Tablet")) for test in tests]
        if self.site is not None:
            is_blocked = self.site["verdict"] == "block"
            check = {
                "id": "site", "must_open": not is_blocked, "outcome": "blocked" if is_blocked else "open",
                "fault": False, "host": self.site["host"], "explanation": self.site,
            }  # fmt: skip
            shown.append({"method": "site", "running": False, "ended": NOW, "checks": [check]})
        return {"id": profile, "tests": shown, "busy": self.running}


def _line(check: str, passes: bool, closes: str, faults: Sequence[str]) -> dict[str, Any]:
    """As `qalqan audit --steps` prints it."""
    fault = check in faults
    well, ill = ("passes", "refused") if passes else ("closed", "open")
    found = ill if fault or check in OPEN else well
    if check in NOT_HERE:
        found = "unknown"
    return {
        "id": check, "must_pass": passes, "setting": closes or None,
        "ipv4": {"found": found, "fault": fault}, "ipv6": {"found": well if fault else found},
    }  # fmt: skip

"""The verb `proof`: a guardian starts a filter test, a child's device runs it, and both read the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.control.protocol import Request
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.filter_tests.device_test import DeviceTest, DeviceTests
from gateway.household.context import HomeContext
from gateway.household.members import Member
from gateway.household.presence import SeenDevices
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.device_test import Check

ACTIONS = ("start", "look", "tell", "again", "end")
REACHED = {"opened": True, "failed": False}
MOST_SITES = 16  # of one `tell`; a test has five lines


class DeviceTestVerbs:
    """Starts filter tests, and reports results of the device."""

    def __init__(self, home: HomeContext, tests: DeviceTests, here: SeenDevices, access: Access) -> None:
        self._home = home
        self._tests = tests
        self._here = here
        self._access = access

    def register(self, router: Router) -> None:
        router.add("proof", self.proof)

    def proof(self, request: Request) -> Mapping[str, object]:
        action = request.choice("action", ACTIONS)
        if action in ("start", "end"):
            self._access.guardian(request)
        if action == "start":
            found: DeviceTest | None = self._start(request)
        elif action == "end":
            found = self._tests.of_child(request.text("id"))
            if found is not None:
                self._tests.end(found)
        elif request.has("id") and action == "look":
            found = self._tests.of_child(request.text("id"))
        else:
            found = self._of_the_device(request, action)
        if action != "look" and found is not None:
            self._home.publish("proof", profile=found.profile, device=found.mac)
        return {"proof": None if found is None else self._to_dict(found)}

    def _start(self, request: Request) -> DeviceTest:
        member = self._access.child(request)
        if member.profile.id != request.text("id"):
            request.refuse("device", "is no device of this child", Code.NO_DEVICE_OF_A_CHILD)
        return self._tests.start(member, self._mac(request, member))

    def _of_the_device(self, request: Request, action: str) -> DeviceTest | None:
        """Handle a request of the device itself: read the test, report results, or run it again."""
        member = self._access.child(request)
        found = self._tests.of_device(self._mac(request, member))
        if found is None or found.profile != member.profile.id:
            return None  # no guardian started a test, or the device has another owner since
        if action == "again":
            return self._tests.start(member, found.mac)
        self._tests.begin(found)
        if action == "tell":
            self._tests.report(found, self._reached(request))
        return found

    def _mac(self, request: Request, member: Member) -> str:
        mac = parse_mac(request.text("device"))
        assert mac is not None and mac in member.macs  # noqa: PT018 - `child` has looked
        return mac

    def _reached(self, request: Request) -> dict[str, bool]:
        results = request.mapping("results")
        if len(results) > MOST_SITES or not all(
            isinstance(result, str) and result in REACHED for result in results.values()
        ):
            request.refuse("results", "must say opened or failed of a few hosts")
        return {host: REACHED[result] for host, result in results.items()}

    def _to_dict(self, proof: DeviceTest) -> dict[str, Any]:
        now = self._home.loop.now()
        return {
            "id": proof.profile,
            "device": proof.mac,
            "name": self._here.name_of(proof.mac),
            "running": proof.left(now) > 0,
            "seconds": proof.left(now),
            "took": proof.took,
            "lines": [_line(check) for check in proof.lines],
        }


def _line(check: Check) -> dict[str, object]:
    return {
        "topic": check.topic,
        "state": check.state,
        "host": check.host,
        "name": check.name,
        "because": check.because,
        "blocked": check.blocked,
        "passed": check.passed,
        "reached": check.reached,
        "at": check.at,
    }

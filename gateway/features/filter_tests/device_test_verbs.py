"""The verb `proof`: a guardian starts a filter test, a child's device runs it, and both read the result."""

from __future__ import annotations

from gateway.control.contract.filter_tests import (
    DEVICE_TEST,
    DeviceCheck,
    DeviceTestRequest,
    DeviceTestResponse,
    DeviceTestState,
)
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.filter_tests.device_test import DeviceTest, DeviceTests
from gateway.household.context import HomeContext
from gateway.household.members import Member
from gateway.household.presence import SeenDevices
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.device_test import HostCheck

MOST_SITES = 16  # of one `tell`; a test has five lines


class DeviceTestVerbs:
    """Starts filter tests on a child's device, records what the device reports, and returns the result."""

    def __init__(self, home: HomeContext, tests: DeviceTests, here: SeenDevices, access: Access) -> None:
        self._home = home
        self._tests = tests
        self._here = here
        self._access = access

    def register(self, router: Router) -> None:
        router.serve(DEVICE_TEST, self.test)

    def test(self, call: Call[DeviceTestRequest]) -> DeviceTestResponse:
        action = call.args.action
        if action in ("start", "end"):
            self._access.guardian(call)
        if action == "start":
            found: DeviceTest | None = self._start(call)
        elif action == "end":
            found = self._tests.of_child(call.text("id"))
            if found is not None:
                self._tests.end(found)
        elif call.args.id is not None and action == "look":
            found = self._tests.of_child(call.args.id)
        else:
            found = self._of_the_device(call)
        if action != "look" and found is not None:
            self._home.publish("proof", profile=found.profile, device=found.mac)
        return DeviceTestResponse(proof=None if found is None else self._state(found))

    def _start(self, call: Call[DeviceTestRequest]) -> DeviceTest:
        member = self._access.child(call)
        if member.profile.id != call.text("id"):
            call.refuse("device", "is no device of this child", Code.NO_DEVICE_OF_A_CHILD)
        return self._tests.start(member, self._mac(call, member))

    def _of_the_device(self, call: Call[DeviceTestRequest]) -> DeviceTest | None:
        """Return the test of the requesting device, after recording its results or running it again.

        None if it has none.
        """
        member = self._access.child(call)
        found = self._tests.of_device(self._mac(call, member))
        if found is None or found.profile != member.profile.id:
            return None  # no guardian started a test, or the device has another owner since
        if call.args.action == "again":
            return self._tests.start(member, found.mac)
        self._tests.begin(found)
        if call.args.action == "tell":
            self._tests.report(found, self._reached(call))
        return found

    def _mac(self, call: Call[DeviceTestRequest], member: Member) -> str:
        mac = parse_mac(call.text("device"))
        assert mac is not None and mac in member.macs  # noqa: PT018 - `child` has looked
        return mac

    def _reached(self, call: Call[DeviceTestRequest]) -> dict[str, bool]:
        results = call.args.results or {}
        if not 0 < len(results) <= MOST_SITES:
            call.refuse("results", "must say opened or failed of a few hosts")
        return {host: result == "opened" for host, result in results.items()}

    def _state(self, found: DeviceTest) -> DeviceTestState:
        left = found.left(self._home.loop.now())
        return DeviceTestState(
            id=found.profile,
            device=found.mac,
            name=self._here.name_of(found.mac),
            running=left > 0,
            seconds=left,
            took=found.took,
            lines=tuple(_check(check) for check in found.lines),
        )


def _check(check: HostCheck) -> DeviceCheck:
    return DeviceCheck(
        topic=check.topic,
        state=check.state,
        host=check.host,
        name=check.name,
        because=check.because,
        blocked=check.blocked,
        passed=check.passed,
        reached=check.reached,
        at=check.at,
    )

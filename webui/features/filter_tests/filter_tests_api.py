"""API operations of the filter tests, in records of API v1: `proof` from a device, `trial` of bypass methods.

A guardian starts a test, a child's device runs its own, and both see the results.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from gateway.control.contract.filter_tests import (
    FILTER_TEST,
    FilterCheck,
    FilterTestResponse,
    FilterTestState,
    TestOutcome,
)
from gateway.control.schema import record
from webui.api.operations import ANYONE, Mac, Noun
from webui.api.who import Caller
from webui.daemon import daemon
from webui.features.status.my_api import device_of_a_child

noun = Noun("proof")
trials = Noun("trial")
noun.operations = trials.operations  # of one module, in one list

Found = Literal["open", "closed", "passes", "refused", "unknown", "absent"]
"""The result of a check over one IP version.

``open`` and ``closed``: of a bypass method. ``passes`` and ``refused``: of traffic that must not be blocked.
``unknown``: not tested. ``absent``: the household has no addresses of this version.
"""


@record
class BypassCheck:
    """The results over IPv4 and IPv6 for one bypass method, or for traffic that must not be blocked."""

    id: str
    must_pass: bool
    setting: str | None  # that blocks it, as in the files
    fault: bool  # differs from the rules
    ipv4: Found
    ipv6: Found


@record
class BypassTestState:
    running: bool  # for this child's rules
    busy: bool  # for any child's rules
    ended: datetime | None
    problem: str  # why the last test failed
    checks: tuple[BypassCheck, ...]


@record
class DeviceCheck:
    """One check: whether the gateway blocked its host, and whether the device's browser reached it.

    ``state``: ``waits`` (not tried yet), ``works``, ``fails``, ``unseen`` (the gateway saw no attempt), or
    ``none``: nothing to test, ``because`` says why.
    """

    topic: str
    state: str
    host: str
    name: str  # of its service
    because: str | None
    blocked: bool  # by the gateway, since the test began
    passed: bool
    reached: bool | None  # by the device's browser; None: it has not reported yet
    at: datetime | None  # when bedtime begins


@record
class DeviceTestState:
    id: str  # of the child
    device: str
    name: str  # of the device
    running: bool
    seconds: int  # until it ends
    took: int | None  # seconds, once all checks are reported
    lines: tuple[DeviceCheck, ...]


@record
class DeviceTestResponse:
    proof: DeviceTestState | None  # None: no test runs or has run lately


@record
class TestedDevice:
    device: Mac


@record
class DeviceResults:
    results: Mapping[str, Literal["opened", "failed"]]  # by the tested host


@trials.declare("GET", "/children/{child}/trial", answer=BypassTestState)
def read_(me: Caller, child: str) -> object:
    """Return the results of a child's bypass test: of each bypass method, and of traffic that has to pass."""
    return _bypass(me.ask(FILTER_TEST, action="look", id=child))


@trials.declare("POST", "/children/{child}/trial", answer=BypassTestState, status=202)
def start_(me: Caller, child: str) -> object:
    """Start the test of bypass methods against a child's rules. It takes a minute or two."""
    return _bypass(me.change(FILTER_TEST, action="start", method="bypass", id=child))


@noun.declare("GET", "/children/{child}/proof", answer=DeviceTestResponse)
def read(me: Caller, child: str) -> object:
    """Return the last filter test on a child's device and its results.

    Null if none runs or has run lately.
    """
    return _device(me.ask(FILTER_TEST, action="look", id=child))


@noun.declare("POST", "/children/{child}/proof", body=TestedDevice, answer=DeviceTestResponse, status=201)
def start(me: Caller, child: str, body: TestedDevice) -> object:
    """Start a filter test on a device of this child. The device's browser then runs it."""
    return _device(me.change(FILTER_TEST, action="start", id=child, device=body.device))


@noun.declare("DELETE", "/children/{child}/proof", answer=DeviceTestResponse)
def end(me: Caller, child: str) -> object:
    """End the running filter test of a child."""
    return _device(me.change(FILTER_TEST, action="end", id=child))


@noun.declare("GET", "/my/proof", ANYONE, answer=DeviceTestResponse)
def mine(_me: Caller | None) -> object:
    """Return the filter test that checks the rules from the requesting device, with the hosts to test.

    Null if none began in the last ten minutes. The device is found by its source address. Raises: Problem 403
    if it is not a child's device.
    """
    return _of_this_device("look")


@noun.declare("POST", "/my/proof/results", ANYONE, body=DeviceResults, answer=DeviceTestResponse)
def tell(_me: Caller | None, body: DeviceResults) -> object:
    """Send the results that the requesting device reports to the daemon: ``opened`` or ``failed`` by host.

    Raises: Problem 403 if it is not a child's device.
    """
    return _of_this_device("tell", results=dict(body.results))


@noun.declare("POST", "/my/proof/again", ANYONE, answer=DeviceTestResponse)
def again(_me: Caller | None) -> object:
    """Start the filter test of the requesting device again. A guardian has to start the first one.

    Raises: Problem 403 if it is not a child's device.
    """
    return _of_this_device("again")


def _of_this_device(action: str, **values: object) -> DeviceTestResponse:
    mac = device_of_a_child().mac
    return _device(daemon().client.ask(FILTER_TEST, action=action, device=mac, **values))


def _by(found: FilterTestResponse, method: str) -> FilterTestState | None:
    return next((state for state in found.tests if state.method == method), None)


def _device(found: FilterTestResponse) -> DeviceTestResponse:
    state = _by(found, "device")
    if state is None:
        return DeviceTestResponse(proof=None)
    return DeviceTestResponse(
        proof=DeviceTestState(
            id=found.id,
            device=state.device,
            name=state.name,
            running=state.running,
            seconds=state.seconds,
            took=state.took,
            lines=tuple(map(_device_check, state.checks)),
        )
    )


def _device_check(check: FilterCheck) -> DeviceCheck:
    evidence, state = check.evidence, "works"
    if check.outcome == "waiting":
        state = "waits"
    elif check.fault:
        state = "fails"
    elif check.outcome == "untested":
        state = "unseen" if check.reason == "not_seen" else "none"
    return DeviceCheck(
        topic=check.id,
        state=state,
        host=check.host,
        name=check.name,
        because=check.reason if state == "none" else None,
        blocked=evidence is not None and evidence.blocked,
        passed=evidence is not None and evidence.passed,
        reached=None if evidence is None else evidence.reached,
        at=check.at,
    )


def _bypass(found: FilterTestResponse) -> BypassTestState:
    state = _by(found, "bypass")
    return BypassTestState(
        running=state is not None and state.running,
        busy=found.busy,
        ended=None if state is None else state.ended,
        problem="" if state is None else state.problem,
        checks=() if state is None else tuple(map(_bypass_check, state.checks)),
    )


def _bypass_check(check: FilterCheck) -> BypassCheck:
    def found(outcome: TestOutcome | None) -> Found:
        if outcome is None:
            return "absent"
        if outcome == "open":
            return "passes" if check.must_open else "open"
        if outcome == "blocked":
            return "refused" if check.must_open else "closed"
        return "unknown"

    return BypassCheck(
        id=check.id,
        must_pass=check.must_open,
        setting=check.setting,
        fault=check.fault,
        ipv4=found(check.ipv4),
        ipv6=found(check.ipv6),
    )

"""Filter test: a guardian starts it for a child's device, the device runs it, and both see the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gateway.control.contract.filter_tests import DEVICE_TEST, DeviceTestResponse
from gateway.control.schema import record
from webui.api.my import device_of_a_child
from webui.api.operations import ANYONE, Mac, Noun
from webui.api.who import Caller
from webui.daemon import daemon

noun = Noun("proof")


@record
class TestedDevice:
    device: Mac


@record
class DeviceResults:
    results: Mapping[str, Literal["opened", "failed"]]  # by the tested host


@noun.declare("GET", "/children/{child}/proof", answer=DeviceTestResponse)
def read(me: Caller, child: str) -> object:
    """Return the test; null if none runs or has run lately."""
    return me.ask(DEVICE_TEST, action="look", id=child)


@noun.declare("POST", "/children/{child}/proof", body=TestedDevice, answer=DeviceTestResponse, status=201)
def start(me: Caller, child: str, body: TestedDevice) -> object:
    """Start a test for a device of this child."""
    return me.change(DEVICE_TEST, action="start", id=child, device=body.device)


@noun.declare("DELETE", "/children/{child}/proof", answer=DeviceTestResponse)
def end(me: Caller, child: str) -> object:
    """End the test."""
    return me.change(DEVICE_TEST, action="end", id=child)


@noun.declare("GET", "/my/proof", ANYONE, answer=DeviceTestResponse)
def mine(_me: Caller | None) -> object:
    """Return what this device must test."""
    return _of_this_device("look")


@noun.declare("POST", "/my/proof/results", ANYONE, body=DeviceResults, answer=DeviceTestResponse)
def tell(_me: Caller | None, body: DeviceResults) -> object:
    """Report this device's results."""
    return _of_this_device("tell", results=dict(body.results))


@noun.declare("POST", "/my/proof/again", ANYONE, answer=DeviceTestResponse)
def again(_me: Caller | None) -> object:
    """Run the test again, after a guardian has started one."""
    return _of_this_device("again")


def _of_this_device(action: str, **values: object) -> DeviceTestResponse:
    return daemon().client.ask(DEVICE_TEST, action=action, device=device_of_a_child().mac, **values)

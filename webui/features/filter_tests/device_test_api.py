"""API operations of the filter test. A guardian starts it, a child's device runs it, both see the results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gateway.control.contract.filter_tests import DEVICE_TEST, DeviceTestResponse
from gateway.control.schema import record
from webui.api.operations import ANYONE, Mac, Noun
from webui.api.who import Caller
from webui.daemon import daemon
from webui.features.status.my_api import device_of_a_child

noun = Noun("proof")


@record
class TestedDevice:
    device: Mac


@record
class DeviceResults:
    results: Mapping[str, Literal["opened", "failed"]]  # by the tested host


@noun.declare("GET", "/children/{child}/proof", answer=DeviceTestResponse)
def read(me: Caller, child: str) -> object:
    """Return the filter test of a child and its results; null if none runs or has run lately."""
    return me.ask(DEVICE_TEST, action="look", id=child)


@noun.declare("POST", "/children/{child}/proof", body=TestedDevice, answer=DeviceTestResponse, status=201)
def start(me: Caller, child: str, body: TestedDevice) -> object:
    """Start a filter test for a device of this child."""
    return me.change(DEVICE_TEST, action="start", id=child, device=body.device)


@noun.declare("DELETE", "/children/{child}/proof", answer=DeviceTestResponse)
def end(me: Caller, child: str) -> object:
    """End the running filter test of a child."""
    return me.change(DEVICE_TEST, action="end", id=child)


@noun.declare("GET", "/my/proof", ANYONE, answer=DeviceTestResponse)
def mine(_me: Caller | None) -> object:
    """Return the filter test of the requesting device, with the hosts to test; null if there is none."""
    return _of_this_device("look")


@noun.declare("POST", "/my/proof/results", ANYONE, body=DeviceResults, answer=DeviceTestResponse)
def tell(_me: Caller | None, body: DeviceResults) -> object:
    """Pass the results that the requesting device reports to the daemon: ``opened`` or ``failed`` by host."""
    return _of_this_device("tell", results=dict(body.results))


@noun.declare("POST", "/my/proof/again", ANYONE, answer=DeviceTestResponse)
def again(_me: Caller | None) -> object:
    """Start the filter test of the requesting device again. A guardian has to start the first one."""
    return _of_this_device("again")


def _of_this_device(action: str, **values: object) -> DeviceTestResponse:
    return daemon().client.ask(DEVICE_TEST, action=action, device=device_of_a_child().mac, **values)

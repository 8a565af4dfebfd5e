"""Filter test: a guardian starts it for a child's device, the device runs it, and both see the results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from gateway.control.schema import record
from webui.api.my import device_of_a_child
from webui.api.operations import ANYONE, Mac, Noun
from webui.api.who import Caller
from webui.daemon import daemon

noun = Noun("proof")


@record
class ProofLine:
    topic: str
    state: str
    host: str
    name: str
    because: str | None
    blocked: bool
    passed: bool
    reached: bool | None
    at: datetime | None


@record
class ProofOf:
    id: str
    device: str
    name: str
    running: bool
    seconds: int
    took: int | None
    lines: tuple[ProofLine, ...]


@record
class ProofNow:
    proof: ProofOf | None


@record
class ProofDevice:
    device: Mac


@record
class ProofResults:
    results: Mapping[str, Literal["opened", "failed"]]  # by the tested host


@noun.declare("GET", "/children/{child}/proof", answer=ProofNow)
def read(me: Caller, child: str) -> object:
    """Return the test; null if none runs or has run lately."""
    return me.ask("proof", action="look", id=child)


@noun.declare("POST", "/children/{child}/proof", body=ProofDevice, answer=ProofNow, status=201)
def start(me: Caller, child: str, body: ProofDevice) -> object:
    """Start a test for a device of this child."""
    return me.change("proof", action="start", id=child, device=body.device)


@noun.declare("DELETE", "/children/{child}/proof", answer=ProofNow)
def end(me: Caller, child: str) -> object:
    """End the test."""
    return me.change("proof", action="end", id=child)


@noun.declare("GET", "/my/proof", ANYONE, answer=ProofNow)
def mine(_me: Caller | None) -> object:
    """Return what this device must test."""
    return _of_this_device("look")


@noun.declare("POST", "/my/proof/results", ANYONE, body=ProofResults, answer=ProofNow)
def tell(_me: Caller | None, body: ProofResults) -> object:
    """Report this device's results."""
    return _of_this_device("tell", results=dict(body.results))


@noun.declare("POST", "/my/proof/again", ANYONE, answer=ProofNow)
def again(_me: Caller | None) -> object:
    """Run the test again, after a guardian has started one."""
    return _of_this_device("again")


def _of_this_device(action: str, **values: object) -> dict[str, Any]:
    return daemon().client.call("proof", action=action, device=device_of_a_child().mac, **values)

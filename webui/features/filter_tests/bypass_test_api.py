"""API operations of the bypass test: a guardian tests bypass methods against a child's rules."""

from __future__ import annotations

from gateway.control.contract.filter_tests import BYPASS_TEST, BypassTestState
from webui.api.operations import Noun
from webui.api.who import Caller

noun = Noun("trial")


@noun.declare("GET", "/children/{child}/trial", answer=BypassTestState)
def read(me: Caller, child: str) -> object:
    """Return the results of a child's bypass test: of each method, and of the traffic that must pass."""
    return me.ask(BYPASS_TEST, action="look", id=child)


@noun.declare("POST", "/children/{child}/trial", answer=BypassTestState, status=202)
def start(me: Caller, child: str) -> object:
    """Start the test of bypass methods against a child's rules. It takes at most a minute."""
    return me.change(BYPASS_TEST, action="start", id=child)
